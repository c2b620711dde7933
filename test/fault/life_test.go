// SPDX-License-Identifier: Apache-2.0

package fault

import (
	"context"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

// step is something that a person does or that time does, and where the recording is when it is dealt with.
type step struct {
	name string
	do   func(context.Context, *world) error
	// reached says whether that is so. The recording is nil when it is gone.
	reached func(context.Context, *world, *v1alpha1.MeetingRecording) (bool, error)
	// recorded are the audit events that belong to it.
	recorded []v1alpha1.AuditAction
	// hurried says that the next step may come before this one is dealt with.
	hurried bool
	// patient says that the step goes by what the recording, or its bucket, shows after the one before is dealt with.
	patient bool
}

// life is a sequence of steps, and the controllers that it takes besides that of recordings.
type life struct {
	name  string
	with  []string
	steps []step
	// failures is how many workers die at their work.
	failures int
	// ends is what must be left in the end.
	ends end
}

// end is how a recording may end.
type end string

const (
	kept   end = "kept"   // with its media
	gone   end = "gone"   // without a trace but its audit events
	buried end = "buried" // deleted, with its media and a tombstone
	noise  end = "noise"  // with media, and nowhere a key to it
)

// lives are those that every fault strikes at every point of.
func lives() []life {
	return []life{
		{name: "upload", steps: []step{created(nil), sent(), trashed(), restored(), stripped()}, ends: kept},
		{name: "multipart", steps: []step{created(multipart), sentInParts()}, ends: kept},
		{name: "multipart given up", steps: []step{created(multipart), deleted()}, ends: gone},
		{name: "import", steps: []step{imported()}, ends: kept},
		{name: "workers die", steps: []step{created(nil), sent()}, failures: 2, ends: kept},
		{name: "expiry and purge", steps: []step{imported(), policyShortens(), expires(), purges()}, ends: gone},
		{name: "expiry of what was restored", steps: []step{imported(), policyShortens(), expires(), restored(), expiresActive()}, ends: kept},
		{name: "trashed before it arrives", steps: []step{created(nil), trashedUnseen(), deleted()}, ends: gone},
		{name: "delete", with: []string{"trash"}, steps: []step{imported(), deleted()}, ends: buried},
		{name: "delete and sweep", with: []string{"trash"}, steps: []step{imported(), deleted(), swept()}, ends: gone},
		{name: "delete under a policy that nobody understands", with: []string{"trash"}, steps: []step{imported(), misspelt(), deleted(), understood(), swept()}, ends: gone},
		{name: "fetch", steps: []step{fetched()}, ends: kept},
		{name: "delete and adopt", with: []string{"trash"}, steps: []step{imported(), deleted(), adopted(), unburied()}, ends: kept},
		{name: "recover", steps: []step{imported(), trashed(), restored(), lost(), adopted()}, ends: kept},
		{name: "relabel", with: []string{"aftermath"}, steps: []step{imported(), relabelled()}, ends: kept},
		{name: "hold", with: []string{"locks"}, steps: []step{imported(), held(), renewed(), released()}, ends: kept},
		{name: "erase", with: []string{"locks"}, steps: []step{imported(), allowErasure(), erased()}, ends: gone},
		{name: "erase under a lock", with: []string{"locks"}, steps: []step{imported(), lockAndAllowErasure(), erasedUnderALock()}, ends: noise},
		{name: "damage", with: []string{"scrub"}, steps: []step{imported(), damaged(), mended()}, ends: kept},
		{name: "request", with: []string{"request", "grant"}, steps: []step{imported(), asked(), answered(), ended()}, ends: kept},
		{name: "store", with: []string{"store"}, steps: []step{storeReady(), abandoned()}, ends: gone},
		{name: "policies", with: []string{"policy"}, steps: []step{policiesAccepted()}, ends: gone},
		{name: "rotate", with: []string{"store", "keys"}, steps: []step{storeReady(), imported(), rotated(), retired()}, ends: kept},
		{name: "purges stop", with: []string{"guard"}, steps: []step{imported(), trashed(), stops(), approved()}, ends: gone},
		{name: "grant", with: []string{"grant"}, steps: []step{created(nil), granted(), revoked(), deleted()}, ends: gone},
		{name: "audit window", with: []string{"audit"}, steps: []step{imported(), audited()}, ends: kept},
	}
}

func patch(change string) func(context.Context, *world) error {
	return func(ctx context.Context, w *world) error {
		recording := &v1alpha1.MeetingRecording{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: recordingName}}
		return w.admin.Patch(ctx, recording, client.RawPatch("application/merge-patch+json", []byte(change)))
	}
}

// until steps the clock to a date that the recording shows.
func until(date func(*v1alpha1.MeetingRecording) metav1.Time) func(context.Context, *world) error {
	return func(_ context.Context, w *world) error {
		recording := w.recording()
		if recording == nil {
			return nil
		}
		if at := date(recording); at.After(w.clock.Now()) {
			w.clock.SetTime(at.Time)
		}
		return nil
	}
}

func ready(reason string) func(context.Context, *world, *v1alpha1.MeetingRecording) (bool, error) {
	return func(_ context.Context, _ *world, r *v1alpha1.MeetingRecording) (bool, error) {
		if r == nil {
			return false, nil
		}
		found := meta.FindStatusCondition(r.Status.Conditions, v1alpha1.ConditionReady)
		return found != nil && found.Reason == reason, nil
	}
}

func isGone(_ context.Context, _ *world, r *v1alpha1.MeetingRecording) (bool, error) {
	return r == nil, nil
}
