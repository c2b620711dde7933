// SPDX-License-Identifier: Apache-2.0

//go:build unix

package keyrotation

import (
	"context"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/archive"
	"github.com/reelkeeper/reelkeeper/internal/effect/effecttest"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

// R27: what the bucket enforces on a manifest, it enforces on the manifest that takes its place, wherever the process dies on the way.
func TestR27ALockMovesToTheRewrappedManifest(t *testing.T) {
	faults := map[string][]effecttest.Fault{
		"undisturbed":         nil,
		"dying at each write": {effecttest.DieBefore, effecttest.DieAfter},
	}
	for name, faults := range faults {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, 4, conditional, v1alpha1.CapabilityObjectLock)
			old, now := f.keyset().KeyID(), f.clock.Now()
			until := now.Add(90 * 24 * time.Hour).UTC().Truncate(time.Second)
			locks := []objectstore.Protection{
				{},
				{Mode: objectstore.LockGovernance, Until: until},
				{Mode: objectstore.LockGovernance, Until: until, LegalHold: true},
				{Mode: objectstore.LockCompliance, Until: until},
			}
			for i, lock := range locks {
				f.lock(i, lock)
			}
			f.drive(f.rotatedTo(1))
			f.rotate()
			if faults != nil {
				f.strikeEverything(faults)
			}
			f.drive(f.rotatedTo(2), f.expectWatchable)
			f.gate = nil
			if by := f.wrappedBy(); by[old] > 0 {
				t.Errorf("wrapped by %v", by)
			}
			for i, want := range locks {
				got, _, err := f.objects.Protection(t.Context(), f.bucket, f.recordings[i].Owner.ManifestKey(1))
				if err != nil || got != want {
					t.Errorf("the new version has %s, want %s; %v", got, want, err)
				}
			}
			// Compliance cannot be moved away: that version stays, and with it the key that it needs. The others go.
			// A server that only shortens a retention lets go some seconds later.
			err := wait.PollUntilContextTimeout(t.Context(), 4*time.Second, time.Minute, true, func(context.Context) (bool, error) {
				f.clock.Step(lookAgain)
				f.drive(func() bool {
					return f.reconciler.memory[f.store.Name].pass != nil && !f.reconciler.memory[f.store.Name].pass.stale(f.clock.Now())
				})
				return len(f.oldWraps(old)) == 1, nil
			})
			if err != nil {
				t.Fatalf("left with the old wrap: %+v", f.oldWraps(old))
			}
			if left := f.oldWraps(old); left[0].Key != f.recordings[3].Owner.ManifestKey(1) {
				t.Errorf("left with the old wrap: %+v", left)
			}
			if key := statusOf(f.store.Status.Keys.Keys, old); key == nil || key.State != v1alpha1.KeyEnabled {
				t.Errorf("the old key is %+v", key)
			}
		})
	}
}

// lock has the bucket enforce a lock on a manifest, and the recording's state say so.
func (f *fixture) lock(i int, lock objectstore.Protection) {
	f.t.Helper()
	owner := f.recordings[i].Owner
	if got, err := f.objects.Protect(f.t.Context(), f.bucket, owner.ManifestKey(1), lock, f.clock.Now()); err != nil || got != lock {
		f.t.Fatalf("locking: %s, %v", got, err)
	}
	of := &v1alpha1.MeetingRecording{ObjectMeta: metav1.ObjectMeta{Namespace: owner.Namespace(), Name: "q3-review", UID: types.UID(owner.UID())}}
	of.Status.Storage.Lock = v1alpha1.BucketLock{Mode: v1alpha1.LockMode(lock.Mode), Until: metav1.NewTime(lock.Until)}
	if lock.LegalHold {
		of.Status.Storage.Lock.LegalHold = v1alpha1.LegalHoldOn
	}
	state, err := archive.StateOf(of, &of.Status, 1)
	if err != nil {
		f.t.Fatal(err)
	}
	to := archive.Archive{Objects: f.objects, Keys: f.keyset(), Bucket: f.bucket, Names: owner}
	sealed, err := to.Manifest(f.t.Context(), 1)
	if err == nil {
		err = to.WriteState(f.t.Context(), sealed.StateKey, state)
	}
	if err != nil {
		f.t.Fatal(err)
	}
}

// A lock that was lifted from the current version does not come back from the older one.
func TestALockThatWasLiftedSinceStaysLifted(t *testing.T) {
	f := newFixture(t, 1, conditional, v1alpha1.CapabilityObjectLock)
	now, key := f.clock.Now(), f.recordings[0].Owner.ManifestKey(1)
	hold := objectstore.Protection{Mode: objectstore.LockGovernance, Until: now.Add(30 * 24 * time.Hour).UTC().Truncate(time.Second), LegalHold: true}
	f.lock(0, hold)
	f.drive(f.rotatedTo(1))
	f.rotate()
	f.drive(func() bool { return f.wrappedBy()[f.keyset().KeyID()] == 1 && len(f.keyset().Keys()) == 2 })
	f.lock(0, objectstore.Protection{})
	f.drive(f.rotatedTo(2))
	if got, _, err := f.objects.Protection(t.Context(), f.bucket, key); err != nil || got.LegalHold {
		t.Errorf("the hold is back: %s, %v", got, err)
	}
}
