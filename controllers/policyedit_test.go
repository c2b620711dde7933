// SPDX-License-Identifier: Apache-2.0

//go:build unix

package controllers_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/access"
	"github.com/reelkeeper/reelkeeper/internal/archive/archivetest"
	"github.com/reelkeeper/reelkeeper/internal/governance"
	"github.com/reelkeeper/reelkeeper/internal/kube"
	"github.com/reelkeeper/reelkeeper/internal/testenv/controlplane"
)

// archive is a namespace full of recordings that are available, of which every hundredth is sensitive, under one policy. The
// whole manager runs, and beside it a reader of policies as the gateway has one.
type archive struct {
	testing.TB
	admin      client.Client
	reader     governance.Reader
	namespace  string
	recordings int
	policy     *v1alpha1.RecordingPolicy
}

const (
	sensitivity    = "reelkeeper.io/sensitivity"
	sensitiveEvery = 100
	// settleTimeout is for a hundred thousand recordings on a machine that is busy.
	settleTimeout = 30 * time.Minute
)

func newArchive(t testing.TB, recordings int) *archive {
	t.Helper()
	a := &archive{TB: t, admin: env.Client(t, kube.Scheme()), namespace: env.Namespace(t), recordings: recordings}
	a.reader = a.newReader()
	a.policy = &v1alpha1.RecordingPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: a.namespace, Name: "department"}}
	a.policy.Spec.Watermark = v1alpha1.WatermarkNone
	create(t, a.admin, a.policy)
	stop := startManager(t, "reelkeeper-manager")
	first := a.first()
	stop()
	a.others(first)
	startManager(t, "reelkeeper-manager")
	a.settle()
	return a
}

func (a *archive) newReader() governance.Reader {
	a.Helper()
	policies, err := cache.New(env.Config, cache.Options{Scheme: kube.Scheme()})
	if err != nil {
		a.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(a.Context()))
	a.Cleanup(stop)
	reader, err := governance.NewReader(ctx, policies)
	if err != nil {
		a.Fatal(err)
	}
	go func() {
		if err := policies.Start(ctx); err != nil {
			a.Errorf("the cache of policies ended: %v", err)
		}
	}()
	return reader
}

// first makes the first recording, which gets its status from the manager.
func (a *archive) first() *v1alpha1.MeetingRecording {
	a.Helper()
	first := a.recording(0)
	create(a, a.admin, first)
	await(a, a.admin, first, func() bool { return ready(first.Status.Conditions) != "" })
	first.Status.AvailableAt = metav1.NewTime(clock.RealClock{}.Now().Truncate(time.Second))
	first.Status.Storage = v1alpha1.StorageLocation{Bucket: "recordings", Key: "media/1.mp4", ManifestKey: "manifests/1.json"}
	if err := archivetest.Remember(first); err != nil {
		a.Fatal(err)
	}
	if err := a.admin.Status().Update(a.Context(), first); err != nil {
		a.Fatal(err)
	}
	await(a, a.admin, first, func() bool {
		return ready(first.Status.Conditions) == v1alpha1.ReasonAvailable && meta.IsStatusConditionTrue(first.Status.Conditions, v1alpha1.ConditionRecoverable)
	})
	return first
}

// others makes the others with all that the first has, so that a manager that starts finds nothing to do.
func (a *archive) others(first *v1alpha1.MeetingRecording) {
	a.Helper()
	err := env.Load(a.Context(), kube.Scheme(), a.recordings-1, func(i int) client.Object {
		other, named := first.DeepCopy(), a.recording(i+1)
		other.Name, other.Labels, other.UID = named.Name, named.Labels, uuid.NewUUID()
		other.Status.Link = strings.Replace(first.Status.Link, first.Name, other.Name, 1)
		if err := archivetest.Remember(other); err != nil {
			a.Error(err)
		}
		return other
	})
	if err != nil {
		a.Fatal(err)
	}
}

func (a *archive) recording(i int) *v1alpha1.MeetingRecording {
	r := &v1alpha1.MeetingRecording{ObjectMeta: metav1.ObjectMeta{Namespace: a.namespace, Name: fmt.Sprintf("meeting-%06d", i)}}
	if i%sensitiveEvery == 0 {
		r.Labels = map[string]string{sensitivity: "high"}
	}
	r.Spec.Meeting = v1alpha1.MeetingFacts{ID: "1", Creator: "alice@example.com", Participants: []string{"carol@example.com"}}
	r.Spec.Source.Upload = &v1alpha1.UploadSource{}
	r.Spec.StoreRef.Name = "archive"
	return r
}

// settle waits until the manager has nothing to do and has written nothing for a while. How long its queues are is no help by itself: managers
// that were stopped leave what they counted.
func (a *archive) settle() {
	a.Helper()
	lastPasses, lastQueued := -1.0, -1.0
	a.until("the manager to settle", time.Second, func() bool {
		passes, queued := measured(a, "controller_runtime_reconcile_total", passesOf, reviewsOf), measured(a, "workqueue_depth", passesOf, reviewsOf)
		working := measured(a, "controller_runtime_active_workers", passesOf, reviewsOf) > 0
		idle := !working && passes == lastPasses && queued == lastQueued
		lastPasses, lastQueued = passes, queued
		return idle
	})
}

func (a *archive) until(what string, every time.Duration, reached func() bool) {
	a.Helper()
	err := wait.PollUntilContextTimeout(a.Context(), every, settleTimeout, true, func(context.Context) (bool, error) { return reached(), nil })
	if err != nil {
		a.Fatalf("waiting for %s: %v", what, err)
	}
}

// passesOf and reviewsOf are the controllers of recordings by name.
const (
	passesOf  = "meetingrecording"
	reviewsOf = "meetingrecording-review"
)

// measured sums up a metric of controllers.
func measured(t testing.TB, name string, controllers ...string) float64 {
	t.Helper()
	families, err := metrics.Registry.(prometheus.Gatherer).Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, metric := range family.GetMetric() {
			for _, label := range metric.GetLabel() {
				if slices.Contains(controllers, label.GetValue()) {
					sum += metric.GetCounter().GetValue() + metric.GetGauge().GetValue()
				}
			}
		}
	}
	return sum
}

// edit changes what the department's policy says about participants, and returns how long it took from sending that until
// decisions went by it.
func (a *archive) edit(permissions ...v1alpha1.Permission) time.Duration {
	a.Helper()
	edited := a.policy.DeepCopy()
	edited.Spec.Access.Roles = []v1alpha1.RolePermissions{{Role: v1alpha1.RoleParticipant, Permissions: append([]v1alpha1.Permission{}, permissions...)}}
	want, began := len(permissions) > 0, clock.RealClock{}.Now()
	if err := a.admin.Patch(a.Context(), edited, client.MergeFrom(a.policy)); err != nil {
		a.Fatal(err)
	}
	a.policy = edited
	carol := access.Subject{Name: "carol@example.com", Verified: true, Internal: true}
	recording := a.recording(a.recordings - 1)
	a.until("the next decision", time.Millisecond, func() bool {
		d, err := a.reader.Decide(a.Context(), recording, carol, v1alpha1.PermissionView, began)
		return err == nil && d.Allowed() == want
	})
	return clock.RealClock{}.Since(began)
}

// written says how often the manager has written one of the recordings since it started.
func (a *archive) written() int {
	a.Helper()
	log, err := controlplane.ReadAudit(env.AuditLog)
	if err != nil {
		a.Fatal(err)
	}
	n := 0
	for _, event := range log {
		ref := event.ObjectRef
		if ref != nil && ref.Resource == "meetingrecordings" && ref.Namespace == a.namespace && strings.HasSuffix(event.User.Username, ":reelkeeper-manager") {
			n++
		}
	}
	return n
}

// looked waits until the manager has reviewed the recordings since it had made so many reviews, and has settled.
func (a *archive) looked(since float64) {
	a.Helper()
	a.until("the manager to review the recordings", 100*time.Millisecond, func() bool { return reviews(a) > since })
	a.settle()
}

// reviews is how many there were.
func reviews(t testing.TB) float64 {
	t.Helper()
	return measured(t, "controller_runtime_reconcile_total", reviewsOf)
}

func TestR14APolicyEditWritesNoRecordingUnlessADateMoves(t *testing.T) {
	a := newArchive(t, 1000)
	before, since := a.written(), reviews(t)
	a.edit()
	a.looked(since)
	if n := a.written() - before; n > 0 {
		t.Errorf("an edit that moves no date caused %d writes to recordings", n)
	}

	since = reviews(t)
	shorter := &v1alpha1.RecordingPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: a.namespace, Name: "sensitive"}}
	shorter.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{sensitivity: "high"}}
	shorter.Spec.Retention.ExpireAfter = "10d"
	create(t, a.admin, shorter)
	a.looked(since)
	if n, want := a.written()-before, a.recordings/sensitiveEvery; n != want {
		t.Errorf("an edit that moves the date of %d recordings caused %d writes", want, n)
	}
	moved := a.recording(0)
	if err := a.admin.Get(t.Context(), client.ObjectKeyFromObject(moved), moved); err != nil {
		t.Fatal(err)
	}
	if want := moved.Status.AvailableAt.AddDate(0, 0, 10); !moved.Status.ExpiresAt.Time.Equal(want) {
		t.Errorf("it expires at %s, want %s", moved.Status.ExpiresAt, want)
	}
	checkNoPanics(t)
}

// BenchmarkAPolicyEditOverManyRecordings makes a hundred thousand recordings, which takes minutes, and edits the policy that is
// about all of them. Time is that from sending the edit to the first decision that goes by it.
func BenchmarkAPolicyEditOverManyRecordings(b *testing.B) {
	a := newArchive(b, 100_000)
	before, edits, effective := a.written(), 0, time.Duration(0)
	for b.Loop() {
		since := reviews(b)
		if edits++; edits%2 == 0 {
			effective += a.edit(v1alpha1.PermissionView)
		} else {
			effective += a.edit()
		}
		a.looked(since)
	}
	b.ReportMetric(float64(effective.Milliseconds())/float64(edits), "ms-to-next-decision")
	b.ReportMetric(float64(a.written()-before)/float64(edits), "writes/edit")
	b.ReportMetric(float64(a.recordings), "recordings")
}
