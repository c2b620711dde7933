// SPDX-License-Identifier: Apache-2.0

//go:build unix

package main

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

const path = namespace + "/" + recording

func (s *story) watchOnly(ctx context.Context) error {
	if err := s.apply(ctx, "accessgrants.yaml"); err != nil {
		return err
	}
	if err := s.kubectl(ctx, "wait", "accessgrant", "--all", "-n", namespace, "--for=condition=Ready", "--timeout=60s"); err != nil {
		return err
	}
	if err := s.kubectl(ctx, "get", "agrant", "-n", namespace); err != nil {
		return err
	}
	dave, err := s.follow(ctx, "dave@example.com", "dave-watches")
	if err != nil {
		return err
	}
	session, err := dave.play(ctx)
	if !s.claim("dave follows his link, types its password, and the player starts", err) {
		return err
	}
	got, err := s.fetchSession(ctx, dave, session)
	if err != nil {
		return err
	}
	for _, name := range []string{"playlist.m3u8", "key", "media"} {
		s.claim("the "+name+" alone is not a video to ffprobe", notAVideo(ctx, got[name]))
	}
	s.claim("the player, with key and media together, has the picture", aVideo(ctx, decrypt(got["key"], got["media"])))
	refused, err := dave.get(ctx, "/r/"+path+"/download")
	if err != nil {
		return err
	}
	s.claim("dave asks for the file and is refused", refused.want(http.StatusForbidden))
	s.say("the page says: %s", text(refused, `class="alert">`))
	return nil
}

// follow signs somebody in and opens the link of their grant, with the password from its Secret.
func (s *story) follow(ctx context.Context, email, grant string) (*person, error) {
	var g v1alpha1.AccessGrant
	if err := s.get(ctx, grant, &g); err != nil {
		return nil, err
	}
	var secret corev1.Secret
	if err := s.get(ctx, g.Status.SecretRef.Name, &secret); err != nil {
		return nil, err
	}
	who, err := signIn(ctx, s.stage.URL, email)
	if err != nil {
		return nil, err
	}
	opened, err := who.openLink(ctx, string(secret.Data["link"]), string(secret.Data["password"]))
	if err != nil {
		return nil, err
	}
	return who, opened.want(http.StatusOK)
}

// beginning is as much of the media as a player fetches at once: whoever asks for all of it is told to wait, for copying takes as long as
// watching.
const beginning = 512 << 10

// fetchSession gets what a player gets in a view session when it begins.
func (s *story) fetchSession(ctx context.Context, who *person, session string) (map[string][]byte, error) {
	got := map[string][]byte{}
	for _, name := range []string{"playlist.m3u8", "key"} {
		part, err := who.get(ctx, session+"/"+name)
		if err = errors.Join(err, part.want(http.StatusOK)); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		got[name] = part.body
	}
	media, err := who.get(ctx, session+"/media", "Range", fmt.Sprintf("bytes=0-%d", beginning-1))
	if err = errors.Join(err, media.want(http.StatusPartialContent)); err != nil {
		return nil, fmt.Errorf("media: %w", err)
	}
	got["media"] = media.body
	return got, nil
}

// decrypt does what the player does in the browser's memory.
func decrypt(key, ciphertext []byte) []byte {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil
	}
	plain := make([]byte, len(ciphertext))
	//nolint:gosec // The format counts blocks from zero; the key is another one for every object.
	cipher.NewCTR(block, make([]byte, aes.BlockSize)).XORKeyStream(plain, ciphertext)
	return plain
}

func (s *story) download(ctx context.Context) error {
	erin, err := s.follow(ctx, "erin@example.com", "auditors-download")
	if err != nil {
		return err
	}
	file, err := erin.get(ctx, "/r/"+path+"/download")
	if err != nil {
		return err
	}
	s.claim("erin, of the department internal-audit, follows hers and gets the file",
		errors.Join(file.want(http.StatusOK), aVideo(ctx, file.body)))
	s.say("%s, %d bytes", file.header.Get("Content-Disposition"), len(file.body))
	half := len(file.body) / 2
	rest, err := erin.get(ctx, "/r/"+path+"/download", "Range", fmt.Sprintf("bytes=%d-", half), "If-Range", file.header.Get("ETag"))
	if err != nil {
		return err
	}
	s.claim("a download that broke off goes on where it was", errors.Join(rest.want(http.StatusPartialContent), same(rest.body, file.body[half:])))
	return nil
}

func same(got, want []byte) error {
	if !bytes.Equal(got, want) {
		return fmt.Errorf("%d bytes differ from the %d that were expected", len(got), len(want))
	}
	return nil
}

func (s *story) refuse(ctx context.Context) error {
	carol, err := signIn(ctx, s.stage.URL, "carol@example.com")
	if err != nil {
		return err
	}
	_, err = carol.play(ctx)
	s.claim("carol was in the meeting and may watch", err)
	page, err := carol.get(ctx, "/r/"+path+"/download")
	if err != nil {
		return err
	}
	s.claim("carol may not download, and is told why and what to do", page.want(http.StatusForbidden))
	s.say("the page says: %s", text(page, `class="alert">`))
	for _, email := range []string{"mallory@elsewhere.example", "eve@partner.example"} {
		who, err := signIn(ctx, s.stage.URL, email)
		if err != nil {
			return err
		}
		there, err := who.get(ctx, "/r/"+path)
		if err != nil {
			return err
		}
		nowhere, err := who.get(ctx, "/r/"+namespace+"/never-recorded")
		if err != nil {
			return err
		}
		s.claim(email+" gets the same answer as for a recording that does not exist",
			errors.Join(there.want(nowhere.status), there.want(http.StatusNotFound), same(withoutPath(there), withoutPath(nowhere))))
		s.say("the page says: %s", text(there, `class="alert">`))
	}
	return nil
}

// withoutPath is a page without the address that was asked for, which it repeats in the link for signing in again.
func withoutPath(a answer) []byte {
	for _, name := range []string{recording, "never-recorded"} {
		a.body = bytes.ReplaceAll(a.body, []byte(name), nil)
	}
	return a.body
}

// text is what an element of a page says.
func text(a answer, opening string) string {
	_, after, _ := strings.Cut(string(a.body), opening)
	inside, _, _ := strings.Cut(after, "<")
	return strings.TrimSpace(inside)
}

// fact is one line of the access log.
type fact struct {
	action  v1alpha1.AuditAction
	outcome v1alpha1.AuditOutcome
	actor   string
}

func (s *story) audit(ctx context.Context) error {
	if err := s.kubectl(ctx, "get", "auditevents", "-n", namespace, "--sort-by=.spec.time"); err != nil {
		return err
	}
	for _, want := range []fact{
		{v1alpha1.AuditProcessed, v1alpha1.OutcomeAllowed, ""},
		{v1alpha1.AuditGranted, v1alpha1.OutcomeAllowed, ""},
		{v1alpha1.AuditViewed, v1alpha1.OutcomeAllowed, "dave@example.com"},
		{v1alpha1.AuditDownloaded, v1alpha1.OutcomeRefused, "dave@example.com"},
		{v1alpha1.AuditDownloaded, v1alpha1.OutcomeAllowed, "erin@example.com"},
		{v1alpha1.AuditDownloaded, v1alpha1.OutcomeRefused, "carol@example.com"},
		{v1alpha1.AuditViewed, v1alpha1.OutcomeRefused, "mallory@elsewhere.example"},
	} {
		s.claim(strings.TrimSpace(fmt.Sprintf("the log has: %s %s %s", want.action, want.outcome, want.actor)), s.logged(ctx, want))
	}
	return nil
}

// logged is nil when the access log of the recording holds the fact.
func (s *story) logged(ctx context.Context, want fact) error {
	var events v1alpha1.AuditEventList
	if err := s.api.List(ctx, &events); err != nil {
		return err
	}
	for _, e := range events.Items {
		if e.Namespace == namespace && e.Spec.Action == want.action && e.Spec.Outcome == want.outcome &&
			(want.actor == "" || e.Spec.Actor.Name == want.actor) {
			return nil
		}
	}
	return errors.New("no such event")
}

func (s *story) revoke(ctx context.Context) error {
	dave, err := s.follow(ctx, "dave@example.com", "dave-watches")
	if err != nil {
		return err
	}
	session, err := dave.play(ctx)
	if err != nil {
		return err
	}
	if err := s.kubectl(ctx, "delete", "agrant", "dave-watches", "-n", namespace); err != nil {
		return err
	}
	deleted := time.Now()
	err = until(ctx, "the running view is refused", 2*time.Second, func() (bool, error) {
		key, err := dave.get(ctx, session+"/key")
		return key.status != http.StatusOK, err
	})
	s.claim("what dave is watching stops within two seconds", err)
	s.say("it took %s", time.Since(deleted).Round(time.Millisecond))
	s.claim("the log has: Revoked", until(ctx, "the audit event", patience, func() (bool, error) {
		return s.logged(ctx, fact{v1alpha1.AuditRevoked, v1alpha1.OutcomeAllowed, ""}) == nil, nil
	}))
	return nil
}
