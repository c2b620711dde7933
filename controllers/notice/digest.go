// SPDX-License-Identifier: Apache-2.0

package notice

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/webhook"
)

// longestDigest is how many downloads one message names.
const longestDigest = 200

// putOff has the namespace looked at when the day of the download has ended, in UTC.
func (r *Downloads) putOff(event *metav1.PartialObjectMetadata) {
	key := reconcile.Request{NamespacedName: types.NamespacedName{Namespace: event.Namespace}}
	end := midnightAfter(event)
	if known := r.Days.At(key); known.IsZero() || end.Before(known) {
		r.Days.Set(key, end)
	}
}

// midnightAfter is when the day of an event ends.
func midnightAfter(event *metav1.PartialObjectMetadata) time.Time {
	return startOfDay(event.CreationTimestamp.Time).AddDate(0, 0, 1)
}

func startOfDay(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }

// digest tells owners of the downloads of the days that have ended, one message for each owner and day, and marks them then. Where a message
// is not taken, none of that day is marked, and all go out again.
func (r *Downloads) digest(ctx context.Context, namespace string) error {
	var list metav1.PartialObjectMetadataList
	list.SetGroupVersionKind(v1alpha1.SchemeGroupVersion.WithKind("AuditEventList"))
	if err := r.Client.List(ctx, &list, client.InNamespace(namespace)); err != nil {
		return fmt.Errorf("list AuditEvents of namespace %s: %w", namespace, err)
	}
	days := map[time.Time]*day{}
	for i := range list.Items {
		if err := r.gather(ctx, days, &list.Items[i]); err != nil {
			return err
		}
	}
	var failed []error
	for _, date := range slices.SortedFunc(maps.Keys(days), time.Time.Compare) {
		failed = append(failed, r.sendDay(ctx, namespace, date, days[date]))
	}
	return errors.Join(failed...)
}

// day is what was downloaded on one day, and who is to hear what of it.
type day struct {
	events []*v1alpha1.AuditEvent
	// recording is one of those that were downloaded.
	recording *v1alpha1.MeetingRecording
	by        map[v1alpha1.GrantSubject][]download
}

// gather adds one download to its day; one of today is put off.
func (r *Downloads) gather(ctx context.Context, days map[time.Time]*day, seen *metav1.PartialObjectMetadata) error {
	recording, how, err := r.asked(ctx, seen)
	if err != nil || how.notice != v1alpha1.NotifyDigest {
		return err
	}
	if midnightAfter(seen).After(r.Clock.Now()) {
		r.putOff(seen)
		return nil
	}
	event, err := r.read(ctx, seen)
	if event == nil {
		return err
	}
	date := startOfDay(seen.CreationTimestamp.Time)
	if days[date] == nil {
		days[date] = &day{by: map[v1alpha1.GrantSubject][]download{}}
	}
	d := days[date]
	d.events, d.recording = append(d.events, event), recording
	for _, owner := range othersThan(event.Spec.Actor, how.owners) {
		d.by[owner] = append(d.by[owner], downloadOf(event, recording.Status.Link))
	}
	return nil
}

// sendDay sends one message for each owner, and marks the downloads when all were taken.
func (r *Downloads) sendDay(ctx context.Context, namespace string, date time.Time, d *day) error {
	text := date.Format(time.DateOnly)
	owners := slices.SortedFunc(maps.Keys(d.by), func(a, b v1alpha1.GrantSubject) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	var failed []error
	for _, owner := range owners {
		failed = append(failed, r.Courier.deliver(ctx, webhook.Message{
			ID: messageID("digest", namespace, text, string(owner.Kind), owner.Name), Type: typeDigest, Time: date.AddDate(0, 0, 1),
			Data: digestOf(owner, text, d.by[owner]),
		}))
	}
	if err := errors.Join(failed...); err != nil {
		r.Events.Eventf(d.recording, nil, corev1.EventTypeWarning, v1alpha1.ReasonNoticeFailed, "Notify",
			"Owners of recordings could not be told of the downloads of %s, which will be tried again: %v", text, err)
		return err
	}
	for _, event := range d.events {
		if err := r.mark(ctx, event); err != nil {
			return err
		}
	}
	return nil
}

func digestOf(owner v1alpha1.GrantSubject, day string, all []download) digestData {
	slices.SortStableFunc(all, func(a, b download) int { return a.At.Compare(b.At.Time) })
	kept := all[:min(len(all), longestDigest)]
	return digestData{Recipients: []recipient{{owner.Kind, owner.Name}}, Day: day, Downloads: kept, More: len(all) - len(kept)}
}
