// SPDX-License-Identifier: Apache-2.0

//go:build unix

package purgeguard_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/controllers/purgeguard"
	"github.com/reelkeeper/reelkeeper/internal/kube/kubetest"
	guard "github.com/reelkeeper/reelkeeper/internal/purgeguard"
	"github.com/reelkeeper/reelkeeper/internal/testenv"
)

var env *testenv.Env

func TestMain(m *testing.M) { testenv.Main(m, kubetest.Options(), &env) }

// fixture is a store whose purges are guarded.
type fixture struct {
	*kubetest.Cluster
	t          *testing.T
	store      *v1alpha1.RecordingStore
	clock      *clocktesting.FakeClock
	guard      *guard.Guard
	reconciler *purgeguard.Reconciler
	stops      []string
	released   int
	asked      int
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	t.Parallel()
	f := &fixture{Cluster: kubetest.New(t, env), t: t, clock: clocktesting.NewFakeClock(time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC))}
	secret := v1alpha1.SecretReference{Namespace: kubetest.OperatorNamespace, Name: "s3"}
	f.store = &v1alpha1.RecordingStore{
		ObjectMeta: metav1.ObjectMeta{Name: "s" + strings.ToLower(rand.Text())},
		Spec: v1alpha1.RecordingStoreSpec{
			S3:                v1alpha1.S3Endpoint{Endpoint: "https://s3.example.com", CredentialsSecretRef: secret},
			Buckets:           v1alpha1.BucketLayoutSpec{Layout: v1alpha1.LayoutShared, Name: "recordings"},
			Encryption:        v1alpha1.EncryptionSpec{KeySecretRef: secret},
			AllowedNamespaces: &metav1.LabelSelector{},
		},
	}
	f.Create(t, f.store)
	t.Cleanup(func() { _ = f.Admin.Delete(context.WithoutCancel(t.Context()), f.store) })
	f.restart()
	return f
}

// restart gives guard and reconciler a new process's memory: none.
func (f *fixture) restart() {
	f.guard = guard.New(f.Client, f.Cards, f.clock)
	f.guard.OnStop(func(store string) { f.stops = append(f.stops, store) })
	f.reconciler = &purgeguard.Reconciler{
		Client: f.Client, Guard: f.guard, Released: func(time.Time) { f.released++ }, Events: f.Events, Clock: f.clock,
	}
}

func (f *fixture) reconcile() {
	f.t.Helper()
	if _, err := f.reconciler.Reconcile(f.t.Context(), ctrl.Request{NamespacedName: client.ObjectKeyFromObject(f.store)}); err != nil {
		f.t.Fatalf("Reconcile: %v", err)
	}
	f.Get(f.t, f.store)
}

// ask asks for new recordings and returns how many were let through.
func (f *fixture) ask(n int) (allowed int) {
	f.t.Helper()
	for range n {
		f.asked++
		answer, err := f.guard.Ask(f.t.Context(), f.store.Name, fmt.Sprint("uid-", f.asked))
		if err != nil {
			f.t.Fatal(err)
		}
		if answer.Allowed {
			allowed++
		}
	}
	return allowed
}

func (f *fixture) expect(want metav1.ConditionStatus, reason string) {
	f.t.Helper()
	got := meta.FindStatusCondition(f.store.Status.Conditions, v1alpha1.ConditionPurgesAllowed)
	if got == nil || got.Status != want || got.Reason != reason {
		f.t.Errorf("PurgesAllowed = %+v, want %s %s", got, want, reason)
	}
	if stopped := !f.store.Status.PurgesStopped.At.IsZero(); stopped != (want == metav1.ConditionFalse) {
		f.t.Errorf("status.purgesStopped = %+v", f.store.Status.PurgesStopped)
	}
	value := map[metav1.ConditionStatus]float64{metav1.ConditionFalse: 1, metav1.ConditionTrue: 0}[want]
	if got := f.metric(); got != value {
		f.t.Errorf("reelkeeper_store_purges_stopped = %v, want %v", got, value)
	}
}

// expectTold checks what people were told since the last time: one Event that begins so.
func (f *fixture) expectTold(want string) {
	f.t.Helper()
	if told := f.Events.Take(); len(told) != 1 || !strings.HasPrefix(told[0], want) {
		f.t.Errorf("people were told %q, want one Event that begins with %q", told, want)
	}
}

func (f *fixture) metric() float64 {
	f.t.Helper()
	families, err := metrics.Registry.(prometheus.Gatherer).Gather()
	if err != nil {
		f.t.Fatal(err)
	}
	for _, family := range families {
		for _, metric := range family.Metric {
			if family.GetName() == "reelkeeper_store_purges_stopped" && metric.Label[0].GetValue() == f.store.Name {
				return metric.GetGauge().GetValue()
			}
		}
	}
	f.t.Error("there is no metric reelkeeper_store_purges_stopped of the store")
	return -1
}

func TestR26TheGuardStopsSaysSoAndWaitsForAPerson(t *testing.T) {
	f := newFixture(t)
	f.reconcile()
	if condition := meta.FindStatusCondition(f.store.Status.Conditions, v1alpha1.ConditionPurgesAllowed); condition != nil {
		t.Errorf("a store that never stopped says %+v", condition)
	}
	if got := f.ask(12); got != 10 || len(f.stops) != 1 {
		t.Fatalf("%d of 12 were let through, %d stops", got, len(f.stops))
	}
	f.reconcile()
	f.expect(metav1.ConditionFalse, v1alpha1.ReasonPurgeGuard)
	f.expectTold("Warning " + v1alpha1.ReasonPurgeGuard + ": Nothing is deleted for good since")
	stopped := f.store.Status.PurgesStopped
	if *stopped.Purged != 10 || *stopped.Allowed != 10 || *stopped.Recordings != 10 {
		t.Errorf("purged %d of %d, allowed %d", *stopped.Purged, *stopped.Recordings, *stopped.Allowed)
	}
	written := f.store.ResourceVersion
	f.clock.Step(48 * time.Hour)
	f.restart()
	f.reconcile()
	if f.store.ResourceVersion != written || f.ask(1) != 0 || len(f.Events.Take()) > 0 {
		t.Error("a restart writes, tells people again, or lets purges go on")
	}

	f.Update(t, f.store, func() { f.store.Spec.PurgeGuard.ApprovedUntil = metav1.NewTime(f.clock.Now().Add(time.Hour)) })
	if got := f.ask(100); got != 100 {
		t.Errorf("with an approval %d of 100 were let through", got)
	}
	f.reconcile()
	f.expect(metav1.ConditionTrue, v1alpha1.ReasonWithinBounds)
	f.expectTold("Normal " + v1alpha1.ReasonWithinBounds + ": ")
	if f.released != 1 {
		t.Errorf("who waits was woken %d times", f.released)
	}
	f.clock.Step(2 * time.Hour)
	f.reconcile()
	f.expect(metav1.ConditionTrue, v1alpha1.ReasonWithinBounds)
	if got := f.ask(20); got != 10 {
		t.Errorf("when the approval is over %d of 20 were let through", got)
	}
	f.reconcile()
	f.expect(metav1.ConditionFalse, v1alpha1.ReasonPurgeGuard)

	f.Update(t, f.store, func() { f.store.Spec.PurgeGuard.AlwaysAllowed = new(int32(15)) })
	f.reconcile()
	f.expect(metav1.ConditionTrue, v1alpha1.ReasonWithinBounds)
	if got := f.ask(20); got != 5 {
		t.Errorf("with 15 an hour %d more of 20 were let through", got)
	}
}

func TestAStoreThatIsGoneLetsNothingThrough(t *testing.T) {
	f := newFixture(t)
	f.Delete(t, f.store)
	if got := f.ask(1); got != 0 {
		t.Error("a recording of a store that is gone may be purged")
	}
}
