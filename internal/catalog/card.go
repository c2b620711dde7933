// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unique"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

// Card is what is kept of a recording. It never changes. Every byte of it counts a hundred thousand times, hence its odd fields:
// names that many cards have in common are handles, a UID is its sixteen bytes, a date is seconds since 1970.
type Card struct {
	absent

	namespace, store, labels unique.Handle[string]
	name                     string
	uid                      [16]byte
	version                  int64
	bytes                    int64
	wake, watched            int64
	// more is what few recordings have; nil is nothing.
	more       *more
	generation int32
	facts      fact
}

// more is what few recordings have.
type more struct {
	// uid is one that is not written as UIDs are, storageUID that of an adopted recording.
	uid        types.UID
	storageUID string
	whole      *v1alpha1.MeetingRecording
}

// fact is a set of things that are true of a recording.
type fact uint8

const (
	settled fact = 1 << iota
	stored
	trashed
	bound
	damaged
	playable
	untold
)

// Transform turns what a watch delivers into a card. It is for cache.ByObject.
func Transform(in any) (any, error) {
	recording, is := in.(*v1alpha1.MeetingRecording)
	if !is {
		return in, nil
	}
	return CardOf(recording)
}

// CardOf makes the card of a recording, of which it may keep parts. It fails for a resourceVersion that is no number, which the
// API server does not have.
func CardOf(recording *v1alpha1.MeetingRecording) (*Card, error) {
	version, err := strconv.ParseInt(recording.ResourceVersion, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("read the resourceVersion of MeetingRecording %s/%s: %w", recording.Namespace, recording.Name, err)
	}
	card := &Card{
		namespace: unique.Make(recording.Namespace),
		store:     unique.Make(recording.StoreName()),
		labels:    unique.Make(labels.Set(recording.Labels).String()),
		name:      strings.Clone(recording.Name),
		version:   version,
		bytes:     recording.Status.Media.Bytes,
		wake:      seconds(wakeOf(&recording.Status)),
		watched:   seconds(recording.Status.LastWatchedAt),
		// Whoever changes a recording two thousand million times is seen to change it no more.
		generation: int32(min(recording.Generation, math.MaxInt32)),
		facts:      factsOf(recording),
	}
	card.identify(recording)
	if !card.Settled() {
		Compact(recording)
		card.add().whole = recording
	}
	return card, nil
}

// identify keeps the UIDs, in sixteen bytes where that is all that they are.
func (c *Card) identify(recording *v1alpha1.MeetingRecording) {
	digits, err := hex.DecodeString(strings.ReplaceAll(string(recording.UID), "-", ""))
	if err == nil && len(digits) == len(c.uid) {
		copy(c.uid[:], digits)
	}
	if c.GetUID() != recording.UID {
		c.add().uid = recording.UID
	}
	if recording.StorageUID() != string(recording.UID) {
		c.add().storageUID = recording.StorageUID()
	}
}

func (c *Card) add() *more {
	if c.more == nil {
		c.more = &more{}
	}
	return c.more
}

// WakeOf is the next date that stands in a status, which a card says too; zero where there is none.
func WakeOf(status *v1alpha1.MeetingRecordingStatus) time.Time { return wakeOf(status).Time }

func wakeOf(status *v1alpha1.MeetingRecordingStatus) metav1.Time {
	if !status.TrashedAt.IsZero() {
		return status.PurgeAt
	}
	return status.ExpiresAt
}

func factsOf(recording *v1alpha1.MeetingRecording) fact {
	status := &recording.Status
	return when(IsSettled(recording), settled) |
		when(status.Storage.ManifestKey != "", stored) |
		when(!status.TrashedAt.IsZero(), trashed) |
		when(len(recording.Spec.Holds) > 0 || recording.Spec.Erasure.Reason != "", bound) |
		when(status.Storage.Key != "" && !meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionErased), playable) |
		when(meta.IsStatusConditionFalse(status.Conditions, v1alpha1.ConditionIntact), damaged) |
		when(IsUntold(status), untold)
}

// when is the fact if it is true, and none if it is not.
func when(is bool, one fact) fact {
	if is {
		return one
	}
	return 0
}

// IsSettled says that the recording is Available or Trashed, that nobody has changed it since its status was written, and that its bucket has
// not refused to lock it, or to lift the lock: that is tried again.
func IsSettled(recording *v1alpha1.MeetingRecording) bool {
	status := &recording.Status
	if !recording.DeletionTimestamp.IsZero() || status.ObservedGeneration != recording.Generation ||
		!slices.Contains(recording.Finalizers, v1alpha1.FinalizerMedia) ||
		meta.IsStatusConditionFalse(status.Conditions, v1alpha1.ConditionLockApplied) {
		return false
	}
	ready := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady)
	if ready == nil {
		return false
	}
	inTrash, toTrash := !status.TrashedAt.IsZero(), recording.EffectiveState() == v1alpha1.StateTrashed
	switch ready.Reason {
	case v1alpha1.ReasonAvailable:
		return status.Storage.ManifestKey != "" && !inTrash && !toTrash
	case v1alpha1.ReasonTrashed:
		return inTrash && toTrash
	}
	return false
}

// IsUntold says that the bucket could not be told what the recording has become, so that it would be recovered as it was before.
func IsUntold(status *v1alpha1.MeetingRecordingStatus) bool {
	recoverable := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionRecoverable)
	if recoverable == nil || recoverable.Status != metav1.ConditionFalse {
		return false
	}
	switch recoverable.Reason {
	case v1alpha1.ReasonStateNotWritten, v1alpha1.ReasonStoreNotReady, v1alpha1.ReasonStoreNotFound, v1alpha1.ReasonKeyMissing:
		return true
	}
	return false
}

// seconds is a date in seconds since 1970, 0 where there is none. Dates in a status are whole seconds.
func seconds(t metav1.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

func date(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0)
}

// Key is the recording's namespace and name.
func (c *Card) Key() client.ObjectKey {
	return client.ObjectKey{Namespace: c.namespace.Value(), Name: c.name}
}

// Settled says what IsSettled says of the recording. What
// policies and the clock make of it can still differ.
func (c *Card) Settled() bool { return c.facts&settled != 0 }

// Stored says that the recording has packaged media.
func (c *Card) Stored() bool { return c.facts&stored != 0 }

// Trashed says that the status shows the recording in the trash.
func (c *Card) Trashed() bool { return c.facts&trashed != 0 }

// Bound says that the recording is held, or that its erasure was asked for.
func (c *Card) Bound() bool { return c.facts&bound != 0 }

// Damaged says that the recording is known not to be intact.
func (c *Card) Damaged() bool { return c.facts&damaged != 0 }

// Untold says what IsUntold says of the recording.
func (c *Card) Untold() bool { return c.facts&untold != 0 }

// Playable says that there should be media, and the key that it is encrypted with.
func (c *Card) Playable() bool { return c.facts&playable != 0 }

// Store is the name of the recording's store.
func (c *Card) Store() string { return c.store.Value() }

// Bytes is the size of the packaged media, 0 where there is none.
func (c *Card) Bytes() int64 { return c.bytes }

// Wake is the next date in the recording's status, zero where there is none.
func (c *Card) Wake() time.Time { return date(c.wake) }

// Watched is when the status says that the recording was last watched, zero where it does not.
func (c *Card) Watched() time.Time { return date(c.watched) }

// LabelSet is the recording's labels in one line, the same for the same labels.
func (c *Card) LabelSet() string { return c.labels.Value() }

// StorageUID is the UID under which the recording's objects lie in the bucket.
func (c *Card) StorageUID() string {
	if c.more != nil && c.more.storageUID != "" {
		return c.more.storageUID
	}
	return string(c.GetUID())
}

// Whole is the recording itself, which must not be changed; nil where it is settled.
func (c *Card) Whole() *v1alpha1.MeetingRecording {
	if c.more == nil {
		return nil
	}
	return c.more.whole
}

// A card stands for its recording in events, and therefore is an object as far as those who hear of it look.

// GetNamespace returns the recording's namespace.
func (c *Card) GetNamespace() string { return c.namespace.Value() }

// GetName returns the recording's name.
func (c *Card) GetName() string { return c.name }

// GetUID returns the recording's UID.
func (c *Card) GetUID() types.UID {
	if c.more != nil && c.more.uid != "" {
		return c.more.uid
	}
	u := c.uid
	return types.UID(fmt.Sprintf("%x-%x-%x-%x-%x", u[0:4], u[4:6], u[6:8], u[8:10], u[10:16]))
}

// GetResourceVersion returns the version of the recording that the card is of.
func (c *Card) GetResourceVersion() string { return strconv.FormatInt(c.version, 10) }

// GetGeneration returns the recording's generation.
func (c *Card) GetGeneration() int64 { return int64(c.generation) }

// GetLabels returns the recording's labels, in a new map.
func (c *Card) GetLabels() map[string]string {
	if c.labels.Value() == "" {
		return nil
	}
	found := map[string]string{}
	for pair := range strings.SplitSeq(c.labels.Value(), ",") {
		key, value, _ := strings.Cut(pair, "=")
		found[key] = value
	}
	return found
}

// GetDeletionTimestamp returns when the recording was deleted, nil if it was not.
func (c *Card) GetDeletionTimestamp() *metav1.Time {
	if whole := c.Whole(); whole != nil {
		return whole.DeletionTimestamp
	}
	return nil
}

// GetObjectKind returns nothing that could be set.
func (c *Card) GetObjectKind() schema.ObjectKind { return schema.EmptyObjectKind }

// DeepCopyObject returns the card itself, which never changes.
func (c *Card) DeepCopyObject() runtime.Object { return c }

var _ client.Object = (*Card)(nil)
