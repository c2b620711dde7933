// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"errors"
	"testing"
	"time"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/effect"
)

// TestR27WhatTheBucketWasToldInVainIsTakenBack lets a pass end between what it tells the bucket and the status, after which the recording
// lives on after all. Were the bucket to go on saying that it is in the trash, it would be purged when the cluster is lost and recovered.
func TestR27WhatTheBucketWasToldInVainIsTakenBack(t *testing.T) {
	t.Parallel()
	away := errors.New("the API server is away")
	for name, tc := range map[string]struct{ goes, stays func(w *world) }{
		"an expiry, and a policy that keeps it longer": {
			goes:  func(w *world) { w.clock.SetTime(w.get().Status.ExpiresAt.Time) },
			stays: func(w *world) { w.rules(v1alpha1.RetentionRules{ExpireAfter: "3650d"}) },
		},
		"a wrong policy that is taken back": {
			goes:  func(w *world) { w.rules(v1alpha1.RetentionRules{ExpireAfter: "1s"}); w.clock.Step(time.Minute) },
			stays: func(w *world) { w.rules(v1alpha1.RetentionRules{TrashFor: "30d"}) },
		},
		"somebody's wish, and another one": {
			goes:  func(w *world) { w.setState(v1alpha1.StateTrashed) },
			stays: func(w *world) { w.patch(`{"spec":{"state":null}}`) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.available()
			w.settle()
			tc.goes(w)
			w.gate = func(name effect.Name, write func() error) error {
				if name == "recording: write the status" {
					return away
				}
				return write()
			}
			if _, err := w.pass(); !errors.Is(err, away) {
				t.Fatalf("the pass ends with %v", err)
			}
			if state := w.state(w.get()); state.TrashedAt.IsZero() {
				t.Fatal("the pass ended before the bucket was told")
			}
			w.gate = nil
			tc.stays(w)
			if recording := w.settle(); !is(v1alpha1.ReasonAvailable)(recording) {
				t.Fatalf("it does not live on: %+v", recording.Status)
			}
			if state := w.state(w.get()); !state.TrashedAt.IsZero() {
				t.Errorf("the bucket says still that it is in the trash: %+v", state)
			}
			w.gate = func(name effect.Name, write func() error) error {
				t.Errorf("a recording at rest has the effect %q", name)
				return write()
			}
			if _, err := w.pass(); err != nil {
				t.Error(err)
			}
		})
	}
}
