// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"context"
	"fmt"
	"strconv"

	batchv1 "k8s.io/api/batch/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/quota"
)

// observeQuota asks whether the recording has room in its namespace's quota, and with reserve takes it.
func (r *Reconciler) observeQuota(ctx context.Context, o *observation, reserve bool) error {
	limit := o.store.open.Object.Spec.Quota.PerNamespace
	if limit == nil {
		return nil
	}
	place := placeOf(o.recording)
	if o.raw.found {
		r.options.Ledger.Arrived(place, o.recording.UID, o.raw.size)
	}
	claims, settled, err := r.claims(ctx, o)
	if err != nil {
		return err
	}
	o.store.room = r.options.Ledger.Admit(place, limit.Value(), settled, claims, o.recording.UID, reserve)
	return nil
}

func placeOf(recording *v1alpha1.MeetingRecording) quota.Place {
	return quota.Place{Store: recording.StoreName(), Namespace: recording.Namespace}
}

// claims sums up what the recordings of a namespace have in the same store, the trash included, and lists those that have nothing
// there yet and want to.
func (r *Reconciler) claims(ctx context.Context, o *observation) (claims []quota.Claim, settled int64, err error) {
	started, err := r.startedIn(ctx, o.recording.Namespace)
	if err != nil {
		return nil, 0, err
	}
	claim := func(recording *v1alpha1.MeetingRecording) {
		if stageOf(recording) == incoming && recording.Spec.Source.Adopt.UID == "" {
			bytes, has := started[string(recording.UID)]
			claims = append(claims, quota.Claim{
				UID: recording.UID, Created: recording.CreationTimestamp.Time, Bytes: max(bytes, declared(recording, o.store.open.MaxSize())), Started: has,
			})
		}
	}
	claim(o.recording) // of which the card may be older
	for _, card := range r.options.Cards.Cards(o.recording.Namespace) {
		if card.Store() != o.recording.StoreName() || card.GetUID() == o.recording.UID {
			continue
		}
		settled += card.Bytes()
		if whole := card.Whole(); whole != nil {
			claim(whole)
		}
	}
	return claims, settled, nil
}

// startedIn are the UIDs of the recordings of a namespace that have a Job, and how many bytes that works on.
func (r *Reconciler) startedIn(ctx context.Context, namespace string) (map[string]int64, error) {
	var jobs batchv1.JobList
	err := r.options.Client.List(ctx, &jobs, client.InNamespace(r.options.OperatorNamespace),
		client.MatchingLabels{v1alpha1.LabelRecordingNamespace: namespace}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return nil, fmt.Errorf("list the Jobs of namespace %s: %w", namespace, err)
	}
	started := map[string]int64{}
	for i := range jobs.Items {
		// Where somebody spoiled the annotation, the recording counts as much as it declares.
		bytes, _ := strconv.ParseInt(jobs.Items[i].Annotations[annotationBytes], 10, 64)
		started[jobs.Items[i].Labels[v1alpha1.LabelRecordingUID]] = bytes
	}
	return started, nil
}

// declared is how many bytes a recording says it has, or has at most; 0 where it does not say.
func declared(recording *v1alpha1.MeetingRecording, limit int64) int64 {
	switch source := recording.Spec.Source; {
	case source.Upload != nil && source.Upload.Size != nil:
		return source.Upload.Size.Value()
	case source.URL != nil && source.URL.MaxSize != nil:
		return min(limit, source.URL.MaxSize.Value())
	case source.URL != nil:
		return limit
	}
	return 0
}

// quotaUsedUp waits for room. What was purged, or raised, is seen at the next look.
func quotaUsedUp(o *observation) problem {
	limit := o.store.open.Object.Spec.Quota.PerNamespace
	if limit == nil || o.store.room.Fits {
		return problem{}
	}
	needs := ""
	if o.store.room.Wants > 0 {
		needs = fmt.Sprintf(", and this one needs %s", inBytes(o.store.room.Wants))
	}
	advice := "purge some, or have spec.quota.perNamespace raised"
	if fetches(o) && o.recording.Spec.Source.URL.MaxSize == nil {
		advice += ". A source.url without maxSize needs as much as the store takes at most: a new MeetingRecording that says less may fit"
	}
	return problem{v1alpha1.ReasonQuotaExceeded, fmt.Sprintf(
		"The recordings of namespace %s take up %s of %s in RecordingStore %s, with what is on its way and what was deleted but not purged%s: %s",
		o.recording.Namespace, inBytes(o.store.room.Taken), limit, o.recording.StoreName(), needs, advice)}
}
