// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/archive"
	"github.com/reelkeeper/reelkeeper/internal/audit"
	"github.com/reelkeeper/reelkeeper/internal/governance"
	"github.com/reelkeeper/reelkeeper/internal/kube"
	"github.com/reelkeeper/reelkeeper/internal/kube/kubetest"
	"github.com/reelkeeper/reelkeeper/internal/media/mediatest"
	"github.com/reelkeeper/reelkeeper/internal/quota"
	"github.com/reelkeeper/reelkeeper/internal/stores"
	"github.com/reelkeeper/reelkeeper/internal/testenv/controlplane"
)

// runningManager is a manager as the program makes it, with this one controller. It counts the reviews of the world's namespace.
type runningManager struct {
	reviews atomic.Int64
	stop    func()
}

func (w *world) startManager() *runningManager {
	w.Helper()
	config, _ := env.KubeconfigFor(w, operatorNamespace, "reelkeeper-manager")
	config.QPS = -1
	options := kubetest.ManagerOptions(w.namespace)
	// The program reads its own writes where it works in one namespace or in all.
	cards := kube.WithCards(&options)
	mgr, err := ctrl.NewManager(config, options)
	if err != nil {
		w.Fatal(err)
	}
	ctx, cancel := context.WithCancel(w.Context())
	if err := kube.AddIndexes(ctx, mgr.GetFieldIndexer()); err != nil {
		w.Fatal(err)
	}
	direct, err := kube.Direct(mgr)
	if err != nil {
		w.Fatal(err)
	}
	reconciler := New(Options{
		Client: mgr.GetClient(), Cards: cards, Direct: direct, Stores: stores.NewResolver(mgr.GetClient(), operatorNamespace),
		Governance: governance.Reader{Client: mgr.GetClient()}, Audit: audit.NewRecorder(direct, w.clock), Tombstones: w.sweeper, PurgeGuard: w.guard, Claims: &archive.Claims{},
		Events: mgr.GetEventRecorder(controllerName), Clock: w.clock,
		Ledger: &quota.Ledger{}, OperatorNamespace: operatorNamespace, WorkerImage: "reelkeeper:test", GatewayURL: "https://recordings.example.com",
	})
	result := &runningManager{}
	if err := reconciler.watches(ctrl.NewControllerManagedBy(mgr).Named(controllerName)).Complete(reconciler); err != nil {
		w.Fatal(err)
	}
	reviewed := reconcile.Func(func(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
		if request.Name == w.namespace {
			defer result.reviews.Add(1)
		}
		return reconciler.Review(ctx, request)
	})
	if err := reconciler.watchesOfReviews(ctrl.NewControllerManagedBy(mgr).Named(reviewName)).Complete(reviewed); err != nil {
		w.Fatal(err)
	}
	// The stores' Secrets are watched by their own controller in the program.
	if err := watchSecrets(ctx, mgr); err != nil {
		w.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- mgr.Start(ctx) }()
	result.stop = func() {
		cancel()
		if err := <-done; err != nil {
			w.Errorf("the manager ended: %v", err)
		}
	}
	return result
}

func watchSecrets(ctx context.Context, mgr ctrl.Manager) error {
	_, err := mgr.GetCache().GetInformer(ctx, &corev1.Secret{})
	return err
}

// eventually waits for what the manager brings about.
func (w *world) eventually(what string, reached func() bool) {
	w.Helper()
	err := wait.PollUntilContextTimeout(w.Context(), glance, patience, true, func(context.Context) (bool, error) { return reached(), nil })
	if err != nil {
		w.Fatalf("%s: %v; the recording is %+v", what, err, w.get())
	}
}

// writes are what the manager's ServiceAccount has written in the world's namespace to recordings, oldest first.
func (w *world) writes() []string {
	w.Helper()
	log, err := controlplane.ReadAudit(env.AuditLog)
	if err != nil {
		w.Fatal(err)
	}
	var found []string
	for _, event := range log {
		if isWrite(event) && event.ObjectRef.Namespace == w.namespace {
			found = append(found, strings.TrimSuffix(event.Verb+" "+event.ObjectRef.Resource+"/"+event.ObjectRef.Subresource, "/"))
		}
	}
	return found
}

func isWrite(event auditv1.Event) bool {
	return event.ObjectRef != nil && event.ObjectRef.Resource == "meetingrecordings" && strings.HasSuffix(event.User.Username, ":reelkeeper-manager")
}

func TestTheManagerWritesTwiceOnTheWayToAvailableAndNeverAfter(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	manager := w.startManager()
	w.record()
	w.eventually("Uploading", func() bool { return is(v1alpha1.ReasonUploading)(w.get()) })
	w.upload(mediatest.MP4(t))
	w.eventually("Available", func() bool { return is(v1alpha1.ReasonAvailable)(w.get()) })
	recording := w.get()
	w.expectNoStrays(recording)
	if got := w.writes(); len(got) > 2 {
		t.Errorf("from creation to Available the manager wrote %v, want at most 2 writes", got)
	}

	before := len(w.writes())
	manager.stop()
	manager = w.startManager()
	w.eventually("a review after the restart", func() bool { return manager.reviews.Load() > 0 })
	if got := w.writes()[before:]; len(got) > 0 {
		t.Errorf("after a restart the manager wrote %v", got)
	}

	// A name that is used again is a new recording, for the cache as well.
	if err := w.admin.Delete(t.Context(), recording); err != nil {
		t.Fatal(err)
	}
	w.eventually("gone", func() bool { return gone(w.get()) })
	w.record()
	w.eventually("Uploading again", func() bool { return is(v1alpha1.ReasonUploading)(w.get()) })
	manager.stop()
}

// What the manager writes before and after the expiry in the lives below.
var (
	writesToAvailable = []string{"patch meetingrecordings/status", "patch meetingrecordings/status"} // Uploading, Available
	writesToPurge     = []string{"delete meetingrecordings", "patch meetingrecordings"}              // the deletion, the finalizer
)

// Dates wake the controller by themselves: the clock is all that moves here. R28: being watched puts the date off.
func TestR24R28OverAWholeLifeTheManagerWritesFiveTimes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got := w.liveAndPurge()
	if diff := cmp.Diff(slices.Concat(writesToAvailable, []string{"patch meetingrecordings/status"}, writesToPurge), got); diff != "" {
		t.Errorf("over the whole life the manager wrote (-want +got):\n%s", diff)
	}
}

// Where somebody has said Active, the expiry has to leave something that can be said again: see docs/decisions/0074.
func TestR24R28WhereTheStateIsDeclaredAnExpiryIsOneWriteMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got := w.liveAndPurge(func(recording *v1alpha1.MeetingRecording) { recording.Spec.State = v1alpha1.StateActive })
	expiry := []string{"patch meetingrecordings", "patch meetingrecordings/status"}
	if diff := cmp.Diff(slices.Concat(writesToAvailable, expiry, writesToPurge), got); diff != "" {
		t.Errorf("over the whole life the manager wrote (-want +got):\n%s", diff)
	}
}

// liveAndPurge lets a recording be uploaded, expire and be purged, with a restart in between, and returns what the manager wrote.
func (w *world) liveAndPurge(changes ...func(*v1alpha1.MeetingRecording)) []string {
	w.Helper()
	manager := w.startManager()
	w.record(changes...)
	w.eventually("Uploading", func() bool { return is(v1alpha1.ReasonUploading)(w.get()) })
	w.upload(mediatest.MP4(w))
	w.eventually("Available", func() bool { return is(v1alpha1.ReasonAvailable)(w.get()) })
	recording := w.get()
	w.expectNoStrays(recording)

	w.clock.SetTime(recording.Status.ExpiresAt.Add(-time.Second))
	manager.stop()
	manager = w.startManager()
	w.eventually("a review after the restart", func() bool { return manager.reviews.Load() > 0 })
	if got := w.get(); got.EffectiveState() != v1alpha1.StateActive {
		w.Fatalf("the state is %q a second before the expiry", got.EffectiveState())
	}
	w.clock.SetTime(recording.Status.ExpiresAt.Time)
	w.eventually("Trashed", func() bool { return is(v1alpha1.ReasonTrashed)(w.get()) })
	w.clock.SetTime(w.get().Status.PurgeAt.Time)
	w.eventually("gone", func() bool { return gone(w.get()) })
	w.expectPurged(recording)
	manager.stop()
	return w.writes()
}

func TestR28WatchingReachesTheRecordingThroughTheAccessLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.create(&v1alpha1.RecordingPolicy{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "unwatched"},
		Spec: v1alpha1.RecordingPolicySpec{PolicyRules: v1alpha1.PolicyRules{
			Retention: v1alpha1.RetentionRules{ExpireAfter: v1alpha1.Never, UnwatchedAfter: "10s"},
		}},
	})
	w.clock.SetTime(clock.RealClock{}.Now().Add(-time.Hour)) // audit events have the API server's time, an hour later
	manager := w.startManager()
	defer manager.stop()
	w.record()
	w.eventually("Uploading", func() bool { return is(v1alpha1.ReasonUploading)(w.get()) })
	w.upload(mediatest.MP4(t))
	w.eventually("Available", func() bool { return is(v1alpha1.ReasonAvailable)(w.get()) })
	recording := w.get()
	if got := recording.Status; !got.LastWatchedAt.Equal(&got.AvailableAt) || got.ExpiresAt.Sub(got.LastWatchedAt.Time) != 10*time.Second {
		t.Fatalf("available at %s, last watched at %s, expires at %s", got.AvailableAt, got.LastWatchedAt, got.ExpiresAt)
	}

	config, _ := env.KubeconfigFor(t, operatorNamespace, "reelkeeper-manager")
	recorder, err := client.New(config, client.Options{Scheme: kube.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	watch := func(outcome v1alpha1.AuditOutcome) time.Time {
		err := audit.NewRecorder(recorder, clock.RealClock{}).Record(t.Context(), audit.Event{
			Namespace: w.namespace, Action: v1alpha1.AuditViewed, Outcome: outcome, Actor: audit.User("carol@example.com", "https://id.example.com"),
			Recording: audit.RecordingOf(recording), Reason: "RolePermits",
		})
		if err != nil {
			t.Fatal(err)
		}
		return clock.RealClock{}.Now()
	}
	watch(v1alpha1.OutcomeRefused)
	watched := watch(v1alpha1.OutcomeAllowed)
	w.eventually("the date is put off", func() bool { return w.get().Status.LastWatchedAt.After(recording.Status.LastWatchedAt.Time) })
	got := w.get().Status
	if late := got.LastWatchedAt.Sub(watched); late < -time.Second || late > 3*time.Second || got.ExpiresAt.Sub(got.LastWatchedAt.Time) != 10*time.Second {
		t.Errorf("watched at %s, remembered %s, expires at %s", watched, got.LastWatchedAt, got.ExpiresAt)
	}
	w.clock.SetTime(got.ExpiresAt.Time)
	w.eventually("Trashed", func() bool { return is(v1alpha1.ReasonTrashed)(w.get()) })
}
