// SPDX-License-Identifier: Apache-2.0

package undo

import (
	"context"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

// wall is the time that a person at a terminal waits by, which no test steps through.
var wall clock.RealClock

// How soon, and then how often, one recording is looked at that is waited for: the first time when those before it were about ready, for
// where thousands are waited for every look that comes too early keeps the API server from what they wait for.
const (
	lookFirst = 50 * time.Millisecond
	lookMost  = 2 * time.Second
)

// await waits until the manager has brought the recording back, or says why it cannot. Where the manager does nothing at all for
// as long as the patience goes, that is no failure: it will, once it runs.
func (r *Reviver) await(ctx context.Context, recording *v1alpha1.MeetingRecording) Outcome {
	begun := wall.Now()
	for every := r.stirred.begin(); ; every = min(every*2, lookMost) {
		if verdict := judge(recording); verdict.Result != Asked {
			r.stirred.now(wall.Since(begun))
			return verdict
		}
		if r.Options.Patience == 0 || r.stirred.ago() > r.Options.Patience {
			return judge(recording)
		}
		select {
		case <-ctx.Done():
			return judge(recording)
		case <-wall.After(wait.Jitter(every, 0.2)):
		}
		err := r.Client.Get(ctx, client.ObjectKeyFromObject(recording), recording)
		if apierrors.IsNotFound(err) {
			return outcome(recording, Failed, "somebody has deleted it again")
		}
	}
}

// judge says what a recording that is to come back has come to: Asked while that is not known.
func judge(r *v1alpha1.MeetingRecording) Outcome {
	ready := meta.FindStatusCondition(r.Status.Conditions, v1alpha1.ConditionReady)
	if ready == nil || r.Status.ObservedGeneration < r.Generation {
		return outcome(r, Asked, "the manager has not got to it yet")
	}
	has := r.Spec.Source.Adopt.UID == "" || r.Status.Storage.ManifestKey != ""
	switch {
	case meta.IsStatusConditionTrue(r.Status.Conditions, v1alpha1.ConditionStalled), ready.Reason == v1alpha1.ReasonMediaMissing:
		return outcome(r, Failed, ready.Message)
	case has && r.EffectiveState() == v1alpha1.StateTrashed && !r.Status.TrashedAt.IsZero():
		return outcome(r, Restored, "in the trash, as it was")
	case has && r.EffectiveState() == v1alpha1.StateActive && r.Status.TrashedAt.IsZero():
		return outcome(r, Restored, "")
	}
	return outcome(r, Asked, ready.Message)
}

// stirring remembers when the manager was last seen to do something, for all that wait together. So those who wait for a manager
// that does not run give up together, and not one after the other.
type stirring struct {
	mu   sync.Mutex
	last time.Time
	// usual is how long those took that were ready of late, about.
	usual time.Duration
}

// begin returns how soon to look for the first time.
func (s *stirring) begin() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last.IsZero() {
		s.last = wall.Now()
	}
	return min(max(s.usual, lookFirst), lookMost)
}

// now says that one is ready, so long after it was begun to wait for it. It may have been ready long before, if that was the first
// look, so the next ones are looked at a little sooner.
func (s *stirring) now(took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = wall.Now()
	s.usual = (7*s.usual + took) / 8 * 19 / 20
}

func (s *stirring) ago() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return wall.Since(s.last)
}
