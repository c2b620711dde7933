// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"bytes"
	"crypto/hmac"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/media"
)

// review is a recording that people have done something with.
func review() *v1alpha1.MeetingRecording {
	return &v1alpha1.MeetingRecording{
		ObjectMeta: metav1.ObjectMeta{Namespace: "finance", Name: "q3-review", UID: "uid-1", Labels: map[string]string{"team": "blue"}},
		Spec: v1alpha1.MeetingRecordingSpec{
			Meeting: v1alpha1.MeetingFacts{ID: "872-114", Creator: "alice@example.com", Hosts: []string{"bob@example.com"}},
			Source:  v1alpha1.MediaSource{Upload: &v1alpha1.UploadSource{}},
			State:   v1alpha1.StateTrashed,
			Holds:   []v1alpha1.LegalHold{{Name: "case-1", Reason: "litigation"}},
		},
		Status: v1alpha1.MeetingRecordingStatus{
			AvailableAt: metav1.NewTime(noon.Add(-time.Hour)), TrashedAt: metav1.NewTime(noon), LockedUntil: metav1.NewTime(noon.Add(time.Hour)),
		},
	}
}

func stateOf(t *testing.T, recording *v1alpha1.MeetingRecording) State {
	t.Helper()
	state, err := StateOf(recording, &recording.Status, 1)
	if err != nil {
		t.Fatal(err)
	}
	return state
}

func TestAStateIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	want, key := stateOf(t, review()), media.Key{1}
	stored, err := encodeState(&want, key)
	if err != nil {
		t.Fatal(err)
	}
	got, mac, payload, err := splitState(stored)
	if err != nil || !hmac.Equal(mac, stateMAC(payload, key)) || hmac.Equal(mac, stateMAC(payload, media.Key{2})) {
		t.Fatalf("authentic by another key, or not by its own: %v", err)
	}
	if diff := cmp.Diff(want, *got); diff != "" {
		t.Errorf("state (-want +got):\n%s", diff)
	}
	recording, err := got.Recording()
	if err != nil {
		t.Fatal(err)
	}
	if recording.StorageUID() != "uid-1" || recording.Spec.Source.Upload != nil || recording.Spec.State != v1alpha1.StateTrashed || len(recording.Spec.Holds) != 1 {
		t.Errorf("it comes back as %+v", recording)
	}
	again := stateOf(t, recording)
	again.Object, again.AvailableAt, again.TrashedAt, again.LockedUntil = want.Object, want.AvailableAt, want.TrashedAt, want.LockedUntil
	if diff := cmp.Diff(want, again); diff != "" {
		t.Errorf("the state of what comes back (-want +got):\n%s", diff)
	}
}

// What has expired says so in its status alone, which a recording that is made again does not have.
func TestR25WhatHasExpiredComesBackToTheTrash(t *testing.T) {
	t.Parallel()
	expired := review()
	expired.Spec.State, expired.Status.TrashCause = "", v1alpha1.TrashCauseExpiry
	if diff := cmp.Diff(stateOf(t, review()), stateOf(t, expired)); diff != "" {
		t.Errorf("a recording that has expired differs from one that somebody has trashed:\n%s", diff)
	}
	if expired.Spec.State != "" {
		t.Errorf("the recording itself now says %s", expired.Spec.State)
	}
}

func TestWhatIsNoStateIsNotBelieved(t *testing.T) {
	t.Parallel()
	state := stateOf(t, review())
	good, err := encodeState(&state, media.Key{1})
	if err != nil {
		t.Fatal(err)
	}
	state.Version = 2
	later, err := encodeState(&state, media.Key{1})
	if err != nil {
		t.Fatal(err)
	}
	for name, stored := range map[string][]byte{
		"nothing":            nil,
		"its beginning":      good[:40],
		"no payload":         good[:stateLineBytes],
		"another first line": bytes.Replace(good, []byte("reelkeeperState"), []byte("reelkeeperOther"), 1),
		"no hexadecimal":     bytes.Replace(good, good[len(stateLineStart):len(stateLineStart)+2], []byte("zz"), 1),
	} {
		if _, _, _, err := splitState(stored); !errors.Is(err, ErrStateForged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, _, err := splitState(later); err == nil || errors.Is(err, ErrStateForged) {
		t.Errorf("a state of a later release: %v", err)
	}
}

func FuzzSplitState(f *testing.F) {
	recording := review()
	state, err := StateOf(recording, &recording.Status, 1)
	if err != nil {
		f.Fatal(err)
	}
	stored, err := encodeState(&state, media.Key{1})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(stored)
	f.Fuzz(func(t *testing.T, stored []byte) {
		state, mac, payload, err := splitState(stored)
		if err == nil && (state == nil || len(mac) != 32 || !bytes.HasSuffix(stored, payload)) {
			t.Errorf("splitState = %v, %x, %q", state, mac, payload)
		}
	})
}

func TestDifferences(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		change func(*v1alpha1.MeetingRecording)
		want   []string
	}{
		"as it was":                  {func(*v1alpha1.MeetingRecording) {}, nil},
		"out of the trash":           {func(r *v1alpha1.MeetingRecording) { r.Spec.State = v1alpha1.StateActive }, nil},
		"in a store of another name": {func(r *v1alpha1.MeetingRecording) { r.Spec.StoreRef.Name = "other" }, nil},
		"under another name":         {func(r *v1alpha1.MeetingRecording) { r.Name = "again" }, nil},
		"R27 a hold more": {func(r *v1alpha1.MeetingRecording) {
			r.Spec.Holds = append(r.Spec.Holds, v1alpha1.LegalHold{Name: "case-2"})
		}, nil},
		"R27 without its hold":            {func(r *v1alpha1.MeetingRecording) { r.Spec.Holds = nil }, []string{"spec.holds[case-1]"}},
		"R27 another reason for the hold": {func(r *v1alpha1.MeetingRecording) { r.Spec.Holds[0].Reason = "none" }, []string{"spec.holds[case-1]"}},
		"another creator and no hosts": {func(r *v1alpha1.MeetingRecording) {
			r.Spec.Meeting.Creator, r.Spec.Meeting.Hosts = "mallory@example.com", nil
		}, []string{"spec.meeting.creator", "spec.meeting.hosts"}},
		"a label more":       {func(r *v1alpha1.MeetingRecording) { r.Labels["lax"] = "yes" }, []string{"metadata.labels[lax]"}},
		"another label":      {func(r *v1alpha1.MeetingRecording) { r.Labels["team"] = "red" }, []string{"metadata.labels[team]"}},
		"no labels":          {func(r *v1alpha1.MeetingRecording) { r.Labels = nil }, []string{"metadata.labels[team]"}},
		"a department added": {func(r *v1alpha1.MeetingRecording) { r.Spec.Meeting.Department = "sales" }, []string{"spec.meeting.department"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			state, adopter := stateOf(t, review()), review()
			tc.change(adopter)
			got, err := Differences(adopter, &state)
			if diff := cmp.Diff(tc.want, got); diff != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}
