// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/media"
)

// StateVersion is the version of the format that this code writes.
const StateVersion = 1

// maxState bounds a state as it is stored, in bytes. One with 2,000 participants has 70 KB, and can have 600 KB.
const maxState = 2 << 20

// State is what has become of a recording since it was packaged: what people have made of its MeetingRecording, and its dates.
// Times that have not come are zero; all are in UTC, to the second.
type State struct {
	// Version is StateVersion.
	Version int `json:"version"`
	// Namespace and UID are those that the recording's objects are named by, Name is the MeetingRecording's.
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	UID       string `json:"uid"`
	// Object is the UID of the MeetingRecording that wrote this: another one than UID once the recording was adopted.
	Object string `json:"object"`
	// Attempt is the one whose manifest holds the data key that this is authenticated with.
	Attempt int `json:"attempt"`
	// Labels are the labels of the MeetingRecording.
	Labels map[string]string `json:"labels,omitempty"`
	// Spec is the spec of a MeetingRecording that adopts this one, as JSON.
	Spec json.RawMessage `json:"spec"`
	// AvailableAt, FirstAvailableAt, TrashedAt and the lock are those of the status.
	AvailableAt      time.Time         `json:"availableAt,omitzero"`
	FirstAvailableAt time.Time         `json:"firstAvailableAt,omitzero"`
	TrashedAt        time.Time         `json:"trashedAt,omitzero"`
	LockedUntil      time.Time         `json:"lockedUntil,omitzero"`
	LockMode         v1alpha1.LockMode `json:"lockMode,omitempty"`
	LockedBy         string            `json:"lockedBy,omitempty"`
	// BucketLock is what the bucket itself was made to enforce.
	BucketLock v1alpha1.BucketLock `json:"bucketLock,omitzero"`
	// DeletedAt is when the MeetingRecording was deleted, PurgeAt when the media may then go. Zero while there is one.
	DeletedAt time.Time `json:"deletedAt,omitzero"`
	PurgeAt   time.Time `json:"purgeAt,omitzero"`
}

// StateOf says what a recording with this status is, whose media the attempt has made.
func StateOf(recording *v1alpha1.MeetingRecording, status *v1alpha1.MeetingRecordingStatus, attempt int) (State, error) {
	spec := recording.Spec.DeepCopy()
	// A recording that has expired goes back to the trash when it is made again, where no status says that it has.
	seen := v1alpha1.MeetingRecording{Spec: *spec, Status: *status}
	if seen.EffectiveState() == v1alpha1.StateTrashed {
		spec.State = v1alpha1.StateTrashed
	}
	// Where the media came from is of no use any more: whoever needs the state takes it from here.
	spec.Source = v1alpha1.MediaSource{Adopt: v1alpha1.AdoptSource{UID: recording.StorageUID()}}
	encoded, err := json.Marshal(spec)
	if err != nil {
		return State{}, fmt.Errorf("encode the spec of recording %s/%s: %w", recording.Namespace, recording.Name, err)
	}
	return State{
		Version:          StateVersion,
		Namespace:        recording.Namespace,
		Name:             recording.Name,
		UID:              recording.StorageUID(),
		Object:           string(recording.UID),
		Attempt:          attempt,
		Labels:           recording.Labels,
		Spec:             encoded,
		AvailableAt:      utc(status.AvailableAt),
		FirstAvailableAt: utc(status.FirstAvailableAt),
		TrashedAt:        utc(status.TrashedAt),
		LockedUntil:      utc(status.LockedUntil),
		LockMode:         status.LockMode,
		LockedBy:         status.LockedBy,
		BucketLock:       status.Storage.Lock,
	}, nil
}

func utc(t metav1.Time) time.Time { return t.UTC().Truncate(time.Second) }

// stateOfManifest is the state of a recording of which nothing is known but its manifest.
func stateOfManifest(m *media.Manifest) (State, error) {
	var spec v1alpha1.MeetingRecordingSpec
	if err := json.Unmarshal(m.Recording.Spec, &spec); err != nil {
		return State{}, fmt.Errorf("read the spec in the manifest: %w", err)
	}
	of := v1alpha1.MeetingRecording{Spec: spec}
	of.Namespace, of.Name, of.Labels = m.Recording.Namespace, m.Recording.Name, m.Recording.Labels
	of.Spec.Source = v1alpha1.MediaSource{Adopt: v1alpha1.AdoptSource{UID: m.Recording.UID}}
	state, err := StateOf(&of, &v1alpha1.MeetingRecordingStatus{}, int(m.Recording.Attempt))
	state.Object = m.Recording.UID
	return state, err
}

// Recording is a MeetingRecording that adopts this one and is what it was. It may lie in the trash.
func (s *State) Recording() (*v1alpha1.MeetingRecording, error) {
	recording := &v1alpha1.MeetingRecording{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.SchemeGroupVersion.String(), Kind: "MeetingRecording"},
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: s.Name, Labels: s.Labels},
	}
	if err := json.Unmarshal(s.Spec, &recording.Spec); err != nil {
		return nil, fmt.Errorf("read the spec in the state of recording %s/%s: %w", s.Namespace, s.Name, err)
	}
	return recording, nil
}

// Promise writes into a status what holds whoever brings the recording back: a lock is never shortened, and counts from the same day.
func (s *State) Promise(status *v1alpha1.MeetingRecordingStatus) {
	status.FirstAvailableAt = metav1.Time{}
	if first := cmp.Or(s.FirstAvailableAt, s.AvailableAt); !first.IsZero() {
		status.FirstAvailableAt = metav1.NewTime(first)
	}
	status.LockedUntil, status.LockMode, status.LockedBy = metav1.Time{}, s.LockMode, s.LockedBy
	if !s.LockedUntil.IsZero() {
		status.LockedUntil = metav1.NewTime(s.LockedUntil)
	}
}

// Holds names the legal holds that lie on the recording.
func (s *State) Holds() ([]string, error) {
	recording, err := s.Recording()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, hold := range recording.Spec.Holds {
		names = append(names, hold.Name)
	}
	return names, nil
}

// Hash tells states apart, in 16 hexadecimal digits.
func (s *State) Hash() (string, error) {
	payload, err := s.payload()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(payload)
	return hex.EncodeToString(sum[:8]), nil
}

func (s *State) payload() ([]byte, error) {
	payload, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode the state of recording %s/%s: %w", s.Namespace, s.Name, err)
	}
	return append(payload, '\n'), nil
}

// A stored state is two lines of JSON, as a manifest is: one with the MAC over every byte of the other.
const (
	stateLineStart = `{"reelkeeperState":1,"hmacSHA256":"`
	stateLineEnd   = "\"}\n"
	stateLineBytes = len(stateLineStart) + 2*sha256.Size + len(stateLineEnd)
)

// ErrStateForged says that a state was not written by who held the recording's data key, or was changed since.
var ErrStateForged = errors.New("the state is not authentic: bring back an earlier version of it, or remove it to go by the manifest alone")

// encodeState returns the state as it is stored.
func encodeState(s *State, key media.Key) ([]byte, error) {
	payload, err := s.payload()
	if err != nil {
		return nil, err
	}
	mac := stateMAC(payload, key)
	stored := bytes.Join([][]byte{[]byte(stateLineStart), []byte(hex.EncodeToString(mac)), []byte(stateLineEnd), payload}, nil)
	if len(stored) > maxState {
		return nil, fmt.Errorf("the state of recording %s/%s has %d bytes, more than %d", s.Namespace, s.Name, len(stored), maxState)
	}
	return stored, nil
}

// splitState reads a stored state that nobody has authenticated yet. Only the attempt, which leads to the key, may be used.
func splitState(stored []byte) (state *State, mac, payload []byte, err error) {
	if len(stored) < stateLineBytes || len(stored) > maxState || !bytes.HasPrefix(stored, []byte(stateLineStart)) ||
		!bytes.HasSuffix(stored[:stateLineBytes], []byte(stateLineEnd)) {
		return nil, nil, nil, ErrStateForged
	}
	mac, err = hex.DecodeString(string(stored[len(stateLineStart) : stateLineBytes-len(stateLineEnd)]))
	if err != nil {
		return nil, nil, nil, ErrStateForged
	}
	payload = stored[stateLineBytes:]
	state = &State{}
	if err := json.Unmarshal(payload, state); err != nil {
		return nil, nil, nil, ErrStateForged
	}
	if state.Version != StateVersion {
		return nil, nil, nil, fmt.Errorf("the state has version %d and this release reads %d: use the release that wrote it", state.Version, StateVersion)
	}
	return state, mac, payload, nil
}

func stateMAC(payload []byte, key media.Key) []byte {
	mac := hmac.New(sha256.New, key[:])
	mac.Write(payload)
	return mac.Sum(nil)
}
