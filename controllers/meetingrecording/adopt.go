// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/archive"
	"github.com/reelkeeper/reelkeeper/internal/moment"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

// leavingPoll is how soon an earlier recording that is just being deleted is looked for again.
const leavingPoll = time.Second

// claim is what stands between a recording and the media that it names in spec.source.adopt.
type claim struct {
	// state is what the bucket says of it, and result the media; nil where refused says why that is of no use.
	state   *archive.State
	result  *result
	refused problem
	// taken names the MeetingRecording that has the media or was first to ask for it.
	taken string
	// leaving says that this one is being deleted.
	leaving bool
	// differs names the fields in which the recording is not what the bucket says.
	differs []string
}

// adopts says that the recording has named media to adopt, and has not got it.
func adopts(recording *v1alpha1.MeetingRecording) bool {
	return recording.Spec.Source.Adopt.UID != "" && recording.Status.Storage.ManifestKey == "" && !isErased(&recording.Status)
}

// decideAdopting takes over what an earlier recording left, or says why not. Nothing in the bucket moves: the recording refers
// to the earlier one's objects by that one's UID from now on.
func decideAdopting(o *observation) decision {
	for _, gate := range []func(*observation) problem{storeUnusable, namespaceNotAllowed} {
		if what := gate(o); what.found() {
			return decideGated(o, what)
		}
	}
	if what := unadoptable(o); what.found() {
		return decision{status: newStalledStatus(o, what)}
	}
	if o.claim.leaving {
		return decision{look: leavingPoll, status: newStatus(o, waiting(v1alpha1.ReasonPending, fmt.Sprintf(
			"MeetingRecording %s, which has the media, is being deleted: waiting for that", o.claim.taken)))}
	}
	return decideAdopted(o)
}

// unadoptable says what, as things are, keeps the recording from ever getting what it asks for.
func unadoptable(o *observation) problem {
	claim, adopted := &o.claim, o.recording.Spec.Source.Adopt.UID
	switch {
	case claim.taken != "" && !claim.leaving:
		return problem{v1alpha1.ReasonAdoptTaken, fmt.Sprintf("MeetingRecording %s has the media of %s: delete this one", claim.taken, adopted)}
	case claim.refused.found():
		return claim.refused
	case len(claim.differs) > 0:
		return problem{v1alpha1.ReasonAdoptMismatch, fmt.Sprintf(
			"The store says otherwise in %s, and nobody gains rights by adopting: make this as it was, or let kubectl reelkeeper trash restore do so",
			strings.Join(claim.differs, ", "))}
	}
	return problem{}
}

// decideAdopted makes the recording available, its time to live beginning anew, or puts it back where it was in the trash. A
// lock that was promised stays. The tombstone goes last: until the status says so, the deletion is what counts.
func decideAdopted(o *observation) decision {
	status, plan := adoptedStatus(o)
	takeResult(o, status)
	status.Storage.Lock = o.claim.state.BucketLock
	back := notice{isState: true, reason: "Restored", action: "Adopt", note: "The recording is back, from what the store had of " + o.recording.StorageUID() + ". " + grantsStayAway}
	d := decision{
		attempt: o.result.attempt,
		steps:   []step{recordAdopted},
		status:  status,
		notices: append([]notice{back}, warning(o, status)...),
		wake:    plan.Next(o.now),
	}
	if purgeAt := o.claim.state.PurgeAt; !purgeAt.IsZero() {
		d.purgeAt, d.after = purgeAt, []step{unbury}
	}
	return d
}

func adoptedStatus(o *observation) (*v1alpha1.MeetingRecordingStatus, policy.Schedule) {
	state := o.claim.state
	if !o.trashRequested() {
		status := newStatus(o, ready(availableMessage(o)))
		state.Promise(status)
		return status, startClock(o, status)
	}
	life := o.recording.Status.DeepCopy()
	state.Promise(life)
	life.AvailableAt, life.TrashedAt = stampOf(state.AvailableAt), stampOf(state.TrashedAt)
	if life.TrashedAt.IsZero() {
		life.TrashedAt = metav1.NewTime(moment.CeilSecond(o.now))
	}
	plan := scheduleOf(o, life)
	status := newStatus(o, waiting(v1alpha1.ReasonTrashed, inTrashMessage(o, plan)))
	status.AvailableAt, status.FirstAvailableAt = life.AvailableAt, life.FirstAvailableAt
	status.TrashedAt, status.TrashCause = life.TrashedAt, v1alpha1.TrashCauseRequest
	stamp(o, status, plan)
	return status, plan
}

// grantsStayAway tells people what adopting does not bring back.
const grantsStayAway = "AccessGrants that were deleted do not come back by themselves: make those again that are still needed"
