// SPDX-License-Identifier: Apache-2.0

package undo

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/archive"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

// Kind says in which of two ways a recording is in the trash.
type Kind string

const (
	// Trashed is a recording whose MeetingRecording is there: it has expired, or spec.state is Trashed.
	Trashed Kind = "Trashed"
	// Deleted is a recording whose MeetingRecording is gone, and whose media lies in the bucket with a tombstone.
	Deleted Kind = "Deleted"
)

// Entry is one recording in the trash.
type Entry struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// UID is the one under which the recording's objects lie in the bucket.
	UID  string `json:"uid"`
	Kind Kind   `json:"kind"`
	// Since is when it went to the trash, or was deleted.
	Since time.Time `json:"since"`
	// PurgeAt is when it goes for good; absent where something keeps it.
	PurgeAt time.Time `json:"purgeAt,omitzero"`
	// Why is the rule by which it goes then or, for what is kept, what keeps it.
	Why string `json:"why"`
	// By is who put it there. It is empty where nobody knows: of a deletion, the API server's own audit log alone says who sent it.
	By string `json:"by,omitempty"`
	// NamespaceGone says that there is no namespace of the name.
	NamespaceGone bool `json:"namespaceGone,omitempty"`
	// Problem is what keeps it from being restored.
	Problem string `json:"problem,omitempty"`

	bucket    string
	key       string // of the tombstone
	tombstone archive.Tombstone
	recording *v1alpha1.MeetingRecording
}

// String is NAMESPACE/NAME.
func (e *Entry) String() string { return e.Namespace + "/" + e.Name }

// trashedEntry is nil for a recording that is not in the trash.
func trashedEntry(r *v1alpha1.MeetingRecording) *Entry {
	if r.EffectiveState() != v1alpha1.StateTrashed {
		return nil
	}
	e := &Entry{
		Namespace: r.Namespace, Name: r.Name, UID: r.StorageUID(), Kind: Trashed, Since: r.Status.TrashedAt.UTC(), PurgeAt: r.Status.PurgeAt.UTC(),
		By: r.Annotations[v1alpha1.AnnotationStateBy], recording: r,
	}
	if r.Spec.State == "" {
		e.By = "" // it has expired, and the annotation is about an earlier time
	}
	e.Why = fmt.Sprintf("in the trash (%s)", conditionReason(r, v1alpha1.ConditionRetained, "TrashFor"))
	if len(r.Spec.Holds) > 0 {
		e.PurgeAt, e.Why = time.Time{}, heldBy(r.Spec.Holds)
	}
	if !r.DeletionTimestamp.IsZero() {
		e.Problem = "its MeetingRecording is just being deleted: try again in a moment"
	}
	return e
}

func conditionReason(r *v1alpha1.MeetingRecording, kind, otherwise string) string {
	for _, c := range r.Status.Conditions {
		if c.Type == kind {
			return c.Reason
		}
	}
	return otherwise
}

// heldBy names holds and who laid them.
func heldBy(holds []v1alpha1.LegalHold) string {
	var names []string
	for _, hold := range holds {
		name := hold.Name
		if hold.By != "" {
			name += " by " + hold.By
		}
		names = append(names, name)
	}
	return "legal hold (" + strings.Join(names, ", ") + ")"
}

// deletedEntry is nil where the deletion does not count any more: somebody refers to the media again.
func deletedEntry(t archive.Tombstone, bucket string, key string, cluster *Cluster) *Entry {
	if refers := cluster.Refers(t.Namespace, t.UID); refers != nil && refers.DeletionTimestamp.IsZero() && refers.Status.Storage.ManifestKey != "" {
		return nil
	}
	e := &Entry{
		Namespace: t.Namespace, Name: t.Name, UID: t.UID, Kind: Deleted, Since: t.DeletedAt.UTC(), PurgeAt: t.PurgeAt.UTC(), Why: "deleted",
		NamespaceGone: !cluster.HasNamespace(t.Namespace), bucket: bucket, key: key, tombstone: t,
	}
	if t.RequestedBy != "" {
		e.Why = "purge asked for by " + t.RequestedBy
	}
	if len(t.Holds) > 0 {
		e.PurgeAt, e.Why = time.Time{}, "kept by "+strings.Join(t.Holds, ", ")
	}
	if t.ManifestKey == "" {
		e.Problem = "it was deleted before it was processed: " + bucket + "/" + t.RawKey + " is its raw upload, send that to a new MeetingRecording"
	}
	return e
}

// latest keeps, of several tombstones of one recording, that of its last deletion: the others are void.
func latest(entries []*Entry) []*Entry {
	last := map[objectstore.Recording]*Entry{}
	var kept []*Entry
	for _, e := range entries {
		names, err := objectstore.NewRecording(e.Namespace, e.UID)
		if err != nil {
			continue
		}
		if other := last[names]; other == nil || other.Since.Before(e.Since) {
			last[names] = e
		}
	}
	for _, e := range last {
		kept = append(kept, e)
	}
	return kept
}

// inOrder sorts by what goes first; what is kept is last.
func inOrder(entries []*Entry) {
	slices.SortFunc(entries, func(a, b *Entry) int {
		if a.PurgeAt.IsZero() != b.PurgeAt.IsZero() {
			return map[bool]int{true: 1, false: -1}[a.PurgeAt.IsZero()]
		}
		return cmp.Or(a.PurgeAt.Compare(b.PurgeAt), cmp.Compare(a.String(), b.String()), cmp.Compare(a.UID, b.UID))
	})
}
