// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"fmt"
	"time"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
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
	case !worthKeeping(o):
		return decision{steps: append(withdrawal(o), discard, recordDeleted, releaseFinalizer)}
	default:
		return decision{steps: append(append(unlocking(o), withdrawal(o)...), bury, recordDeleted, releaseFinalizer), purgeAt: tombstoneDate(o)}
	}
}

// decideStranded waits for a store that cannot be reached, unless nothing can have been put there.
func decideStranded(o *observation) decision {
	status := &o.recording.Status
	if status.Upload.SecretRef.Name == "" && status.Storage.Bucket == "" && readyReason(status) != v1alpha1.ReasonProcessing {
		return decision{steps: []step{releaseFinalizer}}
	}
	what := o.store.problem
	return decision{status: newStatus(o, waiting(what.reason, fmt.Sprintf("The deletion waits, because media may be left in the store: %s", what.message)))}
}

// worthKeeping says that there is media, or a raw upload that can still become media.
func worthKeeping(o *observation) bool {
	return o.leftovers.manifestKey != "" || o.leftovers.rawKey != "" && !isStalled(&o.recording.Status)
}

// tombstoneDate is when the media may be purged: when the trash says so, where the recording was there already, else as if it
// had gone to the trash when it was deleted. It is computed from the deletion, so that a second try finds the same date.
func tombstoneDate(o *observation) time.Time {
	life := o.recording.Status.DeepCopy()
	if life.TrashedAt.IsZero() {
		life.TrashedAt = *o.recording.DeletionTimestamp
	}
	plan := scheduleOf(o, life)
	if plan.PurgeAt.IsZero() {
		// Held, or a policy cannot be understood: the tombstone names what keeps it, and the date is the earliest there can be.
		return ceilSecond(later(life.TrashedAt.Add(o.rules.Retention.TrashFor.Value), plan.LockedUntil))
	}
	return ceilSecond(plan.PurgeAt)
}

// keepers names what keeps the media beyond its purge date.
func keepers(o *observation) []string {
	names := holdNames(o.recording)
	if paused := o.rules.Retention.Paused; paused != nil {
		names = append(names, fmt.Sprintf("%s cannot be understood", paused))
	}
	return names
}
