// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/archive"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

// decideLeaving lets a deleted MeetingRecording go. What has arrived in the bucket stays there until its purge date, known
// by a tombstone: deletion can be a mistake. The object itself does not wait for that, so that its namespace can go.
func decideLeaving(o *observation) decision {
	switch {
	case !hasFinalizer(o.recording):
		return decision{}
	case len(o.attempts) > 0:
		// A worker that still runs could write after the clean-up. The end of the Jobs is watched.
		return decision{steps: []step{removeJobs}}
	case o.store.problem.found():
		return decideStranded(o)
	case adopts(o.recording) && o.leftovers.manifestKey == "":
		// What it wanted to adopt is not its own.
		return decision{steps: []step{recordDeleted, releaseFinalizer}}
	case isErased(&o.recording.Status):
		// What is left is noise, which no guard has to keep.
		return decision{steps: append(unlocking(o), purgeMedia, releaseFinalizer)}
	case purgeDue(o) && o.purge.Allowed:
		// What the purge guard keeps gets a tombstone with a date that has passed: the sweeper asks the guard again.
		return decision{steps: append(unlocking(o), purgeMedia, releaseFinalizer)}
	case o.leftovers.gone:
		// A hold that was laid when the purge had removed everything keeps nothing: the purge is finished and recorded.
		return decision{steps: append(unlocking(o), purgeMedia, releaseFinalizer)}
	case !worthKeeping(o):
		return decision{steps: append(withdrawal(o), discard, recordDeleted, releaseFinalizer)}
	default:
		return decision{steps: append(append(unlocking(o), withdrawal(o)...), bury, recordDeleted, releaseFinalizer), purgeAt: tombstoneDate(o)}
	}
}

// decideStranded waits for a store that cannot be reached, unless nothing can have been put there.
func decideStranded(o *observation) decision {
	what := o.store.problem
	if !mayHaveLeft(o) {
		return decision{steps: []step{releaseFinalizer}}
	}
	return decision{status: newStatus(o, waiting(what.reason, fmt.Sprintf("The deletion waits, because media may be left in the store: %s", what.message)))}
}

// mayHaveLeft says that something of the recording can be in the bucket. Ready says the last thing only, which may be that the store cannot
// be used: that somebody was told where to send the media, and that there was an attempt, is told by the conditions that stay.
func mayHaveLeft(o *observation) bool {
	status := &o.recording.Status
	offered := o.recording.Spec.Source.Upload != nil && meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionStored) != nil
	tried := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionProcessed) != nil || readyReason(status) == v1alpha1.ReasonProcessing
	met := o.store.problem.reason == v1alpha1.ReasonKeyMissing // a manifest was
	return offered || tried || met || status.Upload.SecretRef.Name != "" || status.Storage.Bucket != ""
}

// worthKeeping says that there is media, or a raw upload that can still become media: one that is of no use is not, but one that every
// attempt has failed at, for want of room or of a server, may be all that there is of a meeting.
func worthKeeping(o *observation) bool {
	stalled := meta.FindStatusCondition(o.recording.Status.Conditions, v1alpha1.ConditionStalled)
	ofNoUse := isStalled(&o.recording.Status) && stalled.Reason != v1alpha1.ReasonFailed
	return o.leftovers.manifestKey != "" || o.leftovers.rawKey != "" && !ofNoUse
}

// tombstoneDate is when the media may be purged, see policy.Retention.Burial. It is computed from the deletion, so that a second try finds
// the same date.
func tombstoneDate(o *observation) time.Time {
	plan, purgeAt := o.rules.Retention.Burial(policy.LifeOf(o.recording), o.recording.DeletionTimestamp.Time)
	if plan.Keeps() {
		return purgeAt
	}
	return notSooner(o, purgeAt)
}

// keepers names what keeps the media beyond its purge date.
func keepers(o *observation) []string {
	names := holdNames(o.recording)
	if paused := o.rules.Retention.Paused; paused != nil {
		names = append(names, archive.Misunderstood(paused))
	}
	return names
}

// pause is what the tombstone needs so that the policies can be asked again; nil where they are understood.
func (r *Reconciler) pause(ctx context.Context, o *observation) (*archive.Pause, error) {
	paused := o.rules.Retention.Paused
	if paused == nil {
		return nil, nil
	}
	namespace, err := r.namespace(ctx, o.recording.Namespace)
	if err != nil {
		return nil, err
	}
	return &archive.Pause{By: archive.Misunderstood(paused), Labels: o.recording.Labels, NamespaceLabels: namespace.Labels}, nil
}
