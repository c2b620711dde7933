// SPDX-License-Identifier: Apache-2.0

package notice

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/access"
	"github.com/reelkeeper/reelkeeper/internal/deadline"
	"github.com/reelkeeper/reelkeeper/internal/effect"
	"github.com/reelkeeper/reelkeeper/internal/governance"
	"github.com/reelkeeper/reelkeeper/internal/webhook"
)

// Downloads tells the owners of recordings who downloads them. Its requests name an AuditEvent, or a namespace alone: that one's
// digest.
type Downloads struct {
	// Client is the manager's, which has the metadata of AuditEvents.
	Client client.Client
	// Direct reads recordings, and AuditEvents whole, and marks those.
	Direct client.Client
	// Governance says whether owners are told, and when.
	Governance governance.Reader
	// Courier takes the messages.
	Courier *Courier
	// Events tells who looks at a recording that a message cannot be delivered.
	Events events.EventRecorder
	// Clock is the time that days end by.
	Clock clock.PassiveClock
	// Days hands namespaces over when a day has ended.
	Days *deadline.Queue[reconcile.Request]
}

// SetupWithManager adds the controller to a manager.
func (r *Downloads) SetupWithManager(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("notice-downloads").
		Watches(&v1alpha1.AuditEvent{}, handler.Funcs{CreateFunc: enqueueDownload}, builder.OnlyMetadata).
		WatchesRawSource(deadline.Source(r.Days)).
		WithOptions(controller.Options{RateLimiter: pauses()}).
		Complete(r)
}

func enqueueDownload(_ context.Context, e event.CreateEvent, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) {
	if untold(e.Object) {
		queue.Add(reconcile.Request{NamespacedName: client.ObjectKeyFromObject(e.Object)})
	}
}

// untold says whether an AuditEvent is a download that nobody has been told of.
func untold(event client.Object) bool {
	labels := event.GetLabels()
	return labels[v1alpha1.LabelAuditAction] == string(v1alpha1.AuditDownloaded) && labels[v1alpha1.LabelAuditOutcome] == string(v1alpha1.OutcomeAllowed) &&
		event.GetAnnotations()[v1alpha1.AnnotationNotified] == ""
}

// Reconcile tells owners of one download, or puts it off until the day has ended, or tells them of a day's.
func (r *Downloads) Reconcile(ctx context.Context, key reconcile.Request) (reconcile.Result, error) {
	if key.Name == "" {
		return reconcile.Result{}, r.digest(ctx, key.Namespace)
	}
	seen := newMetadata()
	if err := r.Client.Get(ctx, key.NamespacedName, seen); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(fmt.Errorf("read AuditEvent %s: %w", key, err))
	}
	recording, how, err := r.asked(ctx, seen)
	if err != nil {
		return reconcile.Result{}, err
	}
	switch how.notice {
	case v1alpha1.NotifyDigest:
		r.putOff(seen)
	case v1alpha1.NotifyImmediate:
		return reconcile.Result{}, r.tell(ctx, seen, recording, how.owners)
	case v1alpha1.NotifyNone, "":
	}
	return reconcile.Result{}, nil
}

// wish is what the policies say of telling owners.
type wish struct {
	notice v1alpha1.DownloadNotice
	owners []v1alpha1.GrantSubject
}

// asked returns the recording that was downloaded and what its policies say of telling its owners. Of what has been told, is too old,
// goes on with what was told before, or was of a recording that is gone, nobody is told.
func (r *Downloads) asked(ctx context.Context, event *metav1.PartialObjectMetadata) (*v1alpha1.MeetingRecording, wish, error) {
	if !untold(event) || !r.Clock.Now().Before(midnightAfter(event).Add(giveUpAfter)) {
		return nil, wish{}, nil
	}
	if again, err := r.goesOn(ctx, event); again || err != nil {
		return nil, wish{}, err
	}
	recording := &v1alpha1.MeetingRecording{}
	name := types.NamespacedName{Namespace: event.Namespace, Name: event.Annotations[v1alpha1.AnnotationRecordingName]}
	if err := r.Direct.Get(ctx, name, recording); err != nil {
		return nil, wish{}, client.IgnoreNotFound(fmt.Errorf("read MeetingRecording %s: %w", name, err))
	}
	if string(recording.UID) != event.Labels[v1alpha1.LabelRecordingUID] {
		return nil, wish{}, nil
	}
	rules, err := r.Governance.Rules(ctx, recording)
	if err != nil {
		return nil, wish{}, err
	}
	return recording, wish{rules.Audit.DownloadNotice.Value, access.OwnerOf(rules, access.FactsOf(recording)).Owners}, nil
}

// tell tells owners of one download.
func (r *Downloads) tell(ctx context.Context, seen *metav1.PartialObjectMetadata, recording *v1alpha1.MeetingRecording, owners []v1alpha1.GrantSubject) error {
	if !r.Clock.Now().Before(seen.CreationTimestamp.Add(giveUpAfter)) {
		return nil
	}
	event, err := r.read(ctx, seen)
	if event == nil {
		return err
	}
	to := recipients(othersThan(event.Spec.Actor, owners))
	if len(to) == 0 {
		return nil
	}
	message := webhook.Message{
		ID: messageID(string(event.UID)), Type: typeDownloaded, Time: event.Spec.Time.Time,
		Data: downloadData{to, downloadOf(event, recording.Status.Link)},
	}
	if err := r.Courier.deliver(ctx, message); err != nil {
		r.Events.Eventf(recording, nil, corev1.EventTypeWarning, v1alpha1.ReasonNoticeFailed, "Notify",
			"Its owners could not be told of a download, which will be tried again: %v", err)
		return err
	}
	return r.mark(ctx, event)
}

// read reads an AuditEvent whole; nil where it has left the window.
func (r *Downloads) read(ctx context.Context, seen *metav1.PartialObjectMetadata) (*v1alpha1.AuditEvent, error) {
	event := &v1alpha1.AuditEvent{}
	if err := r.Direct.Get(ctx, client.ObjectKeyFromObject(seen), event); err != nil {
		return nil, client.IgnoreNotFound(fmt.Errorf("read AuditEvent %s/%s: %w", seen.Namespace, seen.Name, err))
	}
	return event, nil
}

// mark writes down that owners were told.
func (r *Downloads) mark(ctx context.Context, event *v1alpha1.AuditEvent) error {
	before := event.DeepCopy()
	metav1.SetMetaDataAnnotation(&event.ObjectMeta, v1alpha1.AnnotationNotified, r.Clock.Now().UTC().Format(time.RFC3339))
	err := effect.Do(ctx, "notice: mark the AuditEvent", func() error {
		return r.Direct.Patch(ctx, event, client.MergeFrom(before))
	})
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("mark AuditEvent %s/%s as told: %w", event.Namespace, event.Name, err)
	}
	return nil
}

func newMetadata() *metav1.PartialObjectMetadata {
	object := &metav1.PartialObjectMetadata{}
	object.SetGroupVersionKind(v1alpha1.SchemeGroupVersion.WithKind("AuditEvent"))
	return object
}
