// SPDX-License-Identifier: Apache-2.0

package session

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/gateway/identity"
)

// maxRemembered bounds how many links, and how many counted downloads, one session remembers; the oldest is forgotten.
const maxRemembered = 8

// Session is one browser that somebody uses: signed in, or having followed a link that needs no signing in.
type Session struct {
	// ID is random and secret. It ties view sessions to this session.
	ID string `json:"id"`
	// Person is who signed in; nil for nobody.
	Person *identity.Person `json:"p,omitempty"`
	// Opened are the grants whose link was followed here and whose password, if they have one, was given.
	Opened []Opened `json:"o,omitempty"`
	// Counted are the grants with a limited number of uses by which watching or a download began here.
	Counted []Counted `json:"c,omitempty"`
	// Began is when it began, in milliseconds since 1970: those who end sessions say of which time.
	Began int64 `json:"b"`
	// Ends is when the session ends, in seconds since 1970.
	Ends int64 `json:"x"`
}

// Opened is a grant whose link was followed.
type Opened struct {
	Namespace string `json:"ns"`
	Name      string `json:"n"`
	// Proof changes when the grant is made anew, or its link or password is; the link then has to be followed again.
	Proof string `json:"h"`
}

// Counted is a use of a grant that was counted for a recording. It is none of another recording that the grant is about.
type Counted struct {
	// Grant is the grant's name, Recording what was watched or downloaded by it.
	Grant     string    `json:"n"`
	Recording types.UID `json:"r"`
	// For is which of the two: having watched is not having downloaded.
	For v1alpha1.Permission `json:"f,omitempty"`
}

// New returns a session for a person, or for nobody, that begins now and lasts no longer than lifetime. Signing in always makes a new one: a
// session that somebody slipped to the browser before is worth nothing after.
func New(person *identity.Person, now time.Time, lifetime time.Duration) *Session {
	id := make([]byte, 16)
	_, _ = rand.Read(id)
	return &Session{ID: base64.RawURLEncoding.EncodeToString(id), Person: person, Began: now.UnixMilli(), Ends: now.Add(lifetime).Unix()}
}

// Ended reports whether the session is over.
func (s *Session) Ended(now time.Time) bool { return now.Unix() >= s.Ends }

// Fingerprint stands for the session where its ID must not: in tokens and records.
func (s *Session) Fingerprint() string {
	sum := sha256.Sum256([]byte("session " + s.ID))
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

// Open remembers that a grant's link was followed.
func (s *Session) Open(opened Opened) {
	s.Opened = slices.DeleteFunc(s.Opened, func(o Opened) bool { return o.Namespace == opened.Namespace && o.Name == opened.Name })
	s.Opened = latest(append(s.Opened, opened))
}

// Count remembers that watching or downloading a recording by a grant began, and was counted as a use of it.
func (s *Session) Count(grant string, recording types.UID, what v1alpha1.Permission) {
	use := Counted{Grant: grant, Recording: recording, For: what}
	s.Counted = slices.DeleteFunc(s.Counted, func(c Counted) bool { return c == use })
	s.Counted = latest(append(s.Counted, use))
}

// CountedFor returns the uses that were counted for the one or the other.
func (s *Session) CountedFor(what v1alpha1.Permission) []Counted {
	return slices.DeleteFunc(slices.Clone(s.Counted), func(c Counted) bool { return c.For != what })
}

func latest[T any](list []T) []T { return list[max(0, len(list)-maxRemembered):] }

// Proof stands for a grant with its link and its password, as they are now. It is made of hashes and tells nothing about them.
func Proof(grant types.UID, tokenHash, passwordHash string) string {
	sum := sha256.Sum256([]byte(string(grant) + " " + tokenHash + " " + passwordHash))
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}
