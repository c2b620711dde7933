// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/kube"
)

func TestR26WhoeverLaysAHoldWhileTheManagerStartsIsHeard(t *testing.T) {
	t.Parallel()
	c, err := client.NewWithWatch(env.Config, client.Options{Scheme: kube.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	namespace := env.Namespace(t)
	held := uploading(namespace, "held")
	if err := c.Create(t.Context(), held); err != nil {
		t.Fatal(err)
	}
	held.Spec.Holds = []v1alpha1.LegalHold{{Name: "case", Reason: "litigation", By: "legal@example.com"}}
	if err := c.Update(t.Context(), held); err != nil {
		t.Fatal(err)
	}
	withMedia := client.MergeFrom(held.DeepCopy())
	held.Status.Storage = v1alpha1.StorageLocation{Bucket: "recordings", Key: "media/1.mp4", ManifestKey: "manifests/1.json"}
	if err := c.Status().Patch(t.Context(), held, withMedia); err != nil {
		t.Fatal(err)
	}
	without := uploading(namespace, "without-media")
	without.Spec.Holds = held.Spec.Holds
	if err := c.Create(t.Context(), without); err != nil {
		t.Fatal(err)
	}
	r := New(Options{Clock: clock.RealClock{}, Direct: c})
	work := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())
	defer work.ShutDown()
	time.AfterFunc(time.Minute, work.ShutDown)
	ended := make(chan error, 1)
	go func() { ended <- r.hearChanges(t.Context(), c, work) }()

	// The hold was laid before anybody listened.
	ours := reconcile.Request{NamespacedName: client.ObjectKeyFromObject(held)}
	for request := (reconcile.Request{}); request != ours; {
		var end bool
		if request, end = work.Get(); end {
			r.start.end()
			t.Fatalf("the hold was not heard of: %v", <-ended)
		}
		work.Done(request)
	}

	// Without media there is nothing to hold: a pass of it would count what the cards do not know yet. It would fail for want of everything.
	if result, err := r.early(t.Context(), reconcile.Request{NamespacedName: client.ObjectKeyFromObject(without)}); err != nil || result != (reconcile.Result{}) {
		t.Errorf("a recording without media: %v, %v", result, err)
	}
	r.start.end()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("at the end: %v", err)
		}
	case <-time.After(time.Minute):
		t.Error("it goes on listening when the cards are there")
	}
}

func TestOnlyWhatNeedsNoCardsIsGivenAHeadStart(t *testing.T) {
	t.Parallel()
	atRest := func(change func(*v1alpha1.MeetingRecording)) *v1alpha1.MeetingRecording {
		r := &v1alpha1.MeetingRecording{}
		r.Spec.Holds = []v1alpha1.LegalHold{{Name: "case"}}
		r.Status.Storage.ManifestKey = "manifests/1.json"
		change(r)
		return r
	}
	for name, tc := range map[string]struct {
		recording *v1alpha1.MeetingRecording
		want      bool
	}{
		"held, with media":       {atRest(func(*v1alpha1.MeetingRecording) {}), true},
		"not held":               {atRest(func(r *v1alpha1.MeetingRecording) { r.Spec.Holds = nil }), false},
		"held, without media":    {atRest(func(r *v1alpha1.MeetingRecording) { r.Status.Storage.ManifestKey = "" }), false},
		"held and being deleted": {atRest(func(r *v1alpha1.MeetingRecording) { r.DeletionTimestamp = new(metav1.Now()) }), false},
	} {
		if got := needsNoCards(tc.recording); got != tc.want {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
	}
}

func uploading(namespace, name string) *v1alpha1.MeetingRecording {
	r := &v1alpha1.MeetingRecording{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	r.Spec.Meeting = v1alpha1.MeetingFacts{ID: "1", Creator: "alice@example.com"}
	r.Spec.Source.Upload = &v1alpha1.UploadSource{}
	return r
}
