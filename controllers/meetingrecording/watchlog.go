// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"context"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

// watchLog remembers when each recording was last watched or downloaded, as the AuditEvents tell that are still there. It lives in
// memory: what matters of it for longer than the window of AuditEvents is in the status, in granules.
type watchLog struct {
	mu sync.Mutex
	at map[types.NamespacedName]sighting
}

type sighting struct {
	uid types.UID
	at  time.Time
}

// saw notes one AuditEvent about the named recording.
func (w *watchLog) saw(name types.NamespacedName, seen sighting) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.at == nil {
		w.at = map[types.NamespacedName]sighting{}
	}
	if known := w.at[name]; known.uid != seen.uid || seen.at.After(known.at) {
		w.at[name] = seen
	}
}

// last returns when the recording was last seen to be watched, zero if it was not.
func (w *watchLog) last(recording *v1alpha1.MeetingRecording) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	if seen := w.at[client.ObjectKeyFromObject(recording)]; seen.uid == recording.UID {
		return seen.at
	}
	return time.Time{}
}

func (w *watchLog) forget(name types.NamespacedName) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.at, name)
}

// sightings hears of AuditEvents. A recording gets a pass only where being watched moves a date: while the policy's
// unwatchedAfter counts, and once in a granule.
func (r *Reconciler) sightings() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(_ context.Context, event client.Object) []reconcile.Request {
		name := types.NamespacedName{Namespace: event.GetNamespace(), Name: event.GetAnnotations()[v1alpha1.AnnotationRecordingName]}
		if name.Name == "" || !watching(event) {
			return nil
		}
		card := r.options.Cards.Card(name)
		// The API server cuts fractions of the second off.
		seen := sighting{types.UID(event.GetLabels()[v1alpha1.LabelRecordingUID]), event.GetCreationTimestamp().Add(time.Second)}
		if card == nil || card.GetUID() != seen.uid {
			return nil
		}
		r.watched.saw(name, seen)
		if remembered := card.Watched(); remembered.IsZero() || !remembered.Before(seen.at) {
			return nil
		}
		return []reconcile.Request{{NamespacedName: name}}
	})
}

// watching says whether an AuditEvent tells that somebody watched or downloaded, rather than tried to.
func watching(event client.Object) bool {
	labels := event.GetLabels()
	switch labels[v1alpha1.LabelAuditAction] {
	case string(v1alpha1.AuditViewed), string(v1alpha1.AuditDownloaded):
		return labels[v1alpha1.LabelAuditOutcome] == string(v1alpha1.OutcomeAllowed)
	}
	return false
}
