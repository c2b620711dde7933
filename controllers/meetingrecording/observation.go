// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/archive"
	"github.com/reelkeeper/reelkeeper/internal/media"
	"github.com/reelkeeper/reelkeeper/internal/policy"
	"github.com/reelkeeper/reelkeeper/internal/purgeguard"
	"github.com/reelkeeper/reelkeeper/internal/quota"
	"github.com/reelkeeper/reelkeeper/internal/stores"
)

// stage is which part of its life a recording is in. It decides what has to be looked at.
type stage string

const (
	// incoming has no packaged media yet.
	incoming stage = "incoming"
	// adopting is about to take over the media of an earlier recording.
	adopting stage = "adopting"
	// stalled can never have any; only the trash and deletion are left.
	stalled stage = "stalled"
	// shelved was put into the trash before there was any.
	shelved stage = "shelved"
	// kept has packaged media, in or out of the trash.
	kept stage = "kept"
	// erased has lost its key; its media waits in the bucket for the end of its lock.
	erased stage = "erased"
	// leaving is being deleted.
	leaving stage = "leaving"
)

// stageOf tells the stage from the recording alone.
func stageOf(recording *v1alpha1.MeetingRecording) stage {
	switch {
	case !recording.DeletionTimestamp.IsZero():
		return leaving
	case isErased(&recording.Status):
		return erased
	case recording.Status.Storage.ManifestKey != "":
		return kept
	case adopts(recording):
		return adopting
	case recording.EffectiveState() == v1alpha1.StateTrashed:
		return shelved
	case isStalled(&recording.Status) && recording.Status.TrashedAt.IsZero():
		return stalled
	default:
		return incoming
	}
}

// observation is all that a decision is made from. What a stage does not look at is left at its zero value.
type observation struct {
	now       time.Time
	recording *v1alpha1.MeetingRecording
	stage     stage
	rules     *policy.Rules
	// watched is when somebody was last seen to watch or download the recording; zero if nobody was.
	watched time.Time
	// link is the recording's page.
	link string
	// stale says that the API server has a newer recording than the one decided upon.
	stale bool
	// doubted says that the bucket may say something else of the recording than its status remembers.
	doubted bool

	namespace namespaceView
	store     storeView
	attempts  []attempt // oldest first
	// highest is the greatest number that any attempt is known to have had, Job or object.
	highest int
	upload  uploadView
	raw     objectView
	fetch   fetchView
	result  *result
	// stateKey is the key to the recording's state in the bucket, where it was read ahead.
	stateKey *archive.StateKey
	// claim is about a recording that adopts.
	claim claim
	// progress is what the worker says of itself, such as 40%; progressWritten is when the status last said so.
	progress        string
	progressWritten time.Time
	// mediaMissing names an object that a recording about to be restored should have and has not.
	mediaMissing string
	// purge is what the purge guard says where the time in the trash is over.
	purge purgeguard.Answer
	// leftovers says that a deleted recording has media or a raw upload in the bucket.
	leftovers leftovers
}

// namespaceView is what a recording has to know of its namespace.
type namespaceView struct {
	// going says that it is being deleted, uid which one it is.
	going bool
	uid   types.UID
}

// storeView is the RecordingStore as far as this recording is concerned.
type storeView struct {
	// open is nil while the store cannot be used; problem then says why.
	open    *stores.Store
	problem problem
	// room says whether there is room in the namespace's quota, where there is one.
	room quota.Answer
	// labels are those of the recording's namespace.
	labels map[string]string
}

// objectView is an object that may be there.
type objectView struct {
	looked, found bool
	size          int64
}

// uploadView is the Secret with the presigned URLs.
type uploadView struct {
	found bool
	// foreign says that a Secret of this name belongs to something else.
	foreign bool
	// validUntil is when the URLs end, deadline when nobody waits for the upload any more.
	validUntil, deadline time.Time
	// signer tells whose signature the URLs carry, outdated that this is not the store's any more.
	signer   string
	outdated bool
}

// result is the outcome of a successful attempt: an authentic manifest, and the media object that it describes.
type result struct {
	attempt               int
	bucket                string
	mediaKey, manifestKey string
	facts                 v1alpha1.MediaFacts
	// sealed is the manifest itself.
	sealed *archive.Sealed
	// source is the raw recording that the worker met.
	source media.SourceFacts
}

// leftovers is what lies in the bucket of a recording that is being deleted.
type leftovers struct {
	// mediaKey and manifestKey are of the newest attempt that succeeded, empty without one.
	mediaKey, manifestKey string
	// rawKey is the raw upload, empty without one.
	rawKey string
	// gone says that the recording is held and that there is no version left of its media and manifest.
	gone bool
}

// newestAttempt returns the last attempt, or nil.
func (o *observation) newestAttempt() *attempt {
	if len(o.attempts) == 0 {
		return nil
	}
	return &o.attempts[len(o.attempts)-1]
}

// running returns the attempt whose Job has not ended, or nil.
func (o *observation) running() *attempt {
	if last := o.newestAttempt(); last != nil && last.outcome == running {
		return last
	}
	return nil
}

// trashRequested says that somebody, or expiry, wants the recording in the trash.
func (o *observation) trashRequested() bool {
	return o.recording.EffectiveState() == v1alpha1.StateTrashed
}

// inTrash says that the status shows the recording in the trash.
func (o *observation) inTrash() bool { return !o.recording.Status.TrashedAt.IsZero() }
