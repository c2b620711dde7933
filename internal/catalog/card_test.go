// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"maps"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

var noon = metav1.NewTime(time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC))

// said is what a card says, in a form that can be compared.
type said struct {
	settled, stored, trashed, bound, damaged, untold, whole bool

	wake time.Time
}

func whatItSays(c *Card) said {
	return said{c.Settled(), c.Stored(), c.Trashed(), c.Bound(), c.Damaged(), c.Untold(), c.Whole() != nil, c.Wake().UTC()}
}

func TestACardSaysWhetherItsRecordingIsSettled(t *testing.T) {
	t.Parallel()
	available := said{settled: true, stored: true, wake: noon.Time}
	never := time.Time{}
	cases := map[string]struct {
		change func(*v1alpha1.MeetingRecording)
		want   said
	}{
		"available":             {func(*v1alpha1.MeetingRecording) {}, available},
		"available for ever":    {func(r *v1alpha1.MeetingRecording) { r.Status.ExpiresAt = metav1.Time{} }, said{settled: true, stored: true, wake: never}},
		"changed and not seen":  {func(r *v1alpha1.MeetingRecording) { r.Generation++ }, said{stored: true, whole: true, wake: noon.Time}},
		"without its finalizer": {func(r *v1alpha1.MeetingRecording) { r.Finalizers = nil }, said{stored: true, whole: true, wake: noon.Time}},
		"being deleted":         {func(r *v1alpha1.MeetingRecording) { r.DeletionTimestamp = &noon }, said{stored: true, whole: true, wake: noon.Time}},
		"new":                   {func(r *v1alpha1.MeetingRecording) { r.Status = v1alpha1.MeetingRecordingStatus{} }, said{whole: true, wake: never}},
		"held and recorded so": {
			func(r *v1alpha1.MeetingRecording) { r.Spec.Holds = []v1alpha1.LegalHold{{Name: "case"}} },
			said{settled: true, stored: true, bound: true, wake: noon.Time},
		},
		"has expired": {
			func(r *v1alpha1.MeetingRecording) {
				r.Status.TrashedAt, r.Status.TrashCause, r.Status.PurgeAt = noon, v1alpha1.TrashCauseExpiry, metav1.NewTime(noon.Add(time.Hour))
				r.Status.Conditions[0].Reason = v1alpha1.ReasonTrashed
			},
			said{settled: true, stored: true, trashed: true, wake: noon.Add(time.Hour)},
		},
		"on the way to the trash": {func(r *v1alpha1.MeetingRecording) { r.Spec.State = v1alpha1.StateTrashed }, said{stored: true, whole: true, wake: noon.Time}},
		"in the trash": {
			func(r *v1alpha1.MeetingRecording) {
				r.Spec.State, r.Status.TrashedAt, r.Status.PurgeAt = v1alpha1.StateTrashed, noon, metav1.NewTime(noon.Add(time.Hour))
				r.Status.Conditions[0].Reason = v1alpha1.ReasonTrashed
			},
			said{settled: true, stored: true, trashed: true, wake: noon.Add(time.Hour)},
		},
		"processing": {
			func(r *v1alpha1.MeetingRecording) {
				r.Status.Conditions[0].Reason, r.Status.Storage.ManifestKey = v1alpha1.ReasonProcessing, ""
			},
			said{whole: true, wake: noon.Time},
		},
		"known to be damaged": {
			func(r *v1alpha1.MeetingRecording) {
				r.Status.Conditions = append(r.Status.Conditions, metav1.Condition{Type: v1alpha1.ConditionIntact, Status: metav1.ConditionFalse})
			},
			said{settled: true, stored: true, damaged: true, wake: noon.Time},
		},
	}
	for reason, is := range map[string]bool{
		v1alpha1.ReasonStateNotWritten: true, v1alpha1.ReasonStoreNotReady: true, v1alpha1.ReasonStoreNotFound: true, v1alpha1.ReasonKeyMissing: true,
		v1alpha1.ReasonMediaMissing: false,
	} {
		want := available
		want.untold = is
		cases["of which the bucket does not know, "+reason] = struct {
			change func(*v1alpha1.MeetingRecording)
			want   said
		}{func(r *v1alpha1.MeetingRecording) {
			meta.SetStatusCondition(&r.Status.Conditions, metav1.Condition{Type: v1alpha1.ConditionRecoverable, Status: metav1.ConditionFalse, Reason: reason})
		}, want}
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			recording := decode(t, atRest(t, 7))
			recording.Status.ExpiresAt = noon
			tc.change(recording)
			card, err := CardOf(recording)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, whatItSays(card), cmp.AllowUnexported(said{})); diff != "" {
				t.Errorf("the card says (-want +got):\n%s", diff)
			}
		})
	}
}

func TestACardIsTheObjectThatItsRecordingIs(t *testing.T) {
	t.Parallel()
	cases := map[string]func(*v1alpha1.MeetingRecording){
		"as most are":                    func(*v1alpha1.MeetingRecording) {},
		"without labels":                 func(r *v1alpha1.MeetingRecording) { r.Labels = nil },
		"with a label without value":     func(r *v1alpha1.MeetingRecording) { r.Labels = map[string]string{"a": "", "b": "c"} },
		"with an unusual UID":            func(r *v1alpha1.MeetingRecording) { r.UID = "uid-1" },
		"with a UID in capitals":         func(r *v1alpha1.MeetingRecording) { r.UID = "0F9C1C1E-7A53-4B0E-9A3F-000000000007" },
		"adopted":                        func(r *v1alpha1.MeetingRecording) { r.Spec.Source.Adopt.UID = "earlier" },
		"in the default store":           func(r *v1alpha1.MeetingRecording) { r.Spec.StoreRef.Name = "" },
		"changed and about to be erased": func(r *v1alpha1.MeetingRecording) { r.Generation, r.DeletionTimestamp = 9, &noon },
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			recording := decode(t, atRest(t, 7))
			change(recording)
			want := recording.DeepCopy()
			card, err := CardOf(recording)
			if err != nil {
				t.Fatal(err)
			}
			got := []any{
				card.GetNamespace(), card.GetName(), card.GetUID(), card.GetResourceVersion(), card.GetGeneration(), card.GetDeletionTimestamp(),
				card.StorageUID(), card.Store(), card.Bytes(), card.Watched(),
			}
			if diff := cmp.Diff([]any{
				want.Namespace, want.Name, want.UID, want.ResourceVersion, want.Generation, want.DeletionTimestamp,
				want.StorageUID(), want.StoreName(), want.Status.Media.Bytes, want.Status.LastWatchedAt.Time,
			}, got); diff != "" {
				t.Errorf("the card differs from its recording (-want +got):\n%s", diff)
			}
			if !maps.Equal(want.Labels, card.GetLabels()) {
				t.Errorf("labels %v, want %v", card.GetLabels(), want.Labels)
			}
		})
	}
}

func TestARecordingWithoutAVersionHasNoCard(t *testing.T) {
	t.Parallel()
	if _, err := CardOf(&v1alpha1.MeetingRecording{}); err == nil {
		t.Error("a card was made")
	}
}
