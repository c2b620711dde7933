// SPDX-License-Identifier: Apache-2.0

//go:build unix

package auditevent_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/controllers/auditevent"
	"github.com/reelkeeper/reelkeeper/internal/audit"
	"github.com/reelkeeper/reelkeeper/internal/kube/kubetest"
	"github.com/reelkeeper/reelkeeper/internal/testenv"
)

var env *testenv.Env

func TestMain(m *testing.M) {
	options := kubetest.Options()
	// Who is not the manager may neither write nor delete audit events: it has to be seen that the manager may.
	options.Manifests = append(options.Manifests, "config/admission/auditevents.yaml")
	testenv.Main(m, options, &env)
}

func TestR29OldEventsLeaveTheWindowAndRecentOnesStay(t *testing.T) {
	cluster, namespace, other := kubetest.New(t, env), env.Namespace(t), env.Namespace(t)
	now := clocktesting.NewFakeClock(clock.RealClock{}.Now())
	recorder := audit.NewRecorder(cluster.Direct, now)
	record := func(namespace string, n int) {
		t.Helper()
		for i := range n {
			err := recorder.Record(t.Context(), audit.Event{
				Namespace: namespace, Key: fmt.Sprint(namespace, i), Since: now.Now().Add(time.Duration(i) * time.Second),
				Action: v1alpha1.AuditViewed, Outcome: v1alpha1.OutcomeAllowed, Actor: audit.Anonymous(), Reason: "Test",
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	record(namespace, 5)
	record(other, 2)
	all := cluster.AuditEvents(t, namespace)
	for i := range all {
		cluster.Await(t, &all[i])
	}

	reconciler := &auditevent.Reconciler{Client: cluster.Client, Window: auditevent.Window{MaxAge: time.Hour, MaxCount: 3}, Clock: now}
	reconcile := func() time.Duration {
		t.Helper()
		result, err := reconciler.Reconcile(t.Context(), ctrl.Request{NamespacedName: types.NamespacedName{Name: namespace}})
		if err != nil {
			t.Fatal(err)
		}
		return result.RequeueAfter
	}
	next := reconcile()
	if next <= 59*time.Minute || next > time.Hour+time.Minute {
		t.Errorf("the next look is after %s, want when the oldest is an hour old", next)
	}
	kept := cluster.AuditEvents(t, namespace)
	if len(kept) != 3 {
		t.Errorf("%d events are kept, want 3", len(kept))
	}
	reconcile()
	if diff := cmp.Diff(kept, cluster.AuditEvents(t, namespace)); diff != "" {
		t.Errorf("a further pass changed something (-want +got):\n%s", diff)
	}

	now.Step(time.Hour + time.Minute)
	if next := reconcile(); next != 0 {
		t.Errorf("an empty namespace is looked at again after %s", next)
	}
	if left := cluster.AuditEvents(t, namespace); len(left) != 0 {
		t.Errorf("%d events are left, want none", len(left))
	}
	if left := cluster.AuditEvents(t, other); len(left) != 2 {
		t.Errorf("%d events of another namespace are left, want 2", len(left))
	}
}

func TestR30RecordOfANamespaceThatIsGone(t *testing.T) {
	cluster, namespace := kubetest.New(t, env), env.Namespace(t)
	if err := cluster.Admin.Delete(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, client.GracePeriodSeconds(0)); err != nil {
		t.Fatal(err)
	}
	err := audit.NewRecorder(cluster.Direct, clocktesting.NewFakeClock(clock.RealClock{}.Now())).Record(t.Context(), audit.Event{
		Namespace: namespace, Action: v1alpha1.AuditViewed, Outcome: v1alpha1.OutcomeAllowed, Actor: audit.Anonymous(), Reason: "Test",
	})
	if !audit.NamespaceGone(err) {
		t.Errorf("Record = %v, want an error that says that the namespace is gone", err)
	}
}

func TestR30FactsAreRecordedOncePerKey(t *testing.T) {
	cluster, namespace := kubetest.New(t, env), env.Namespace(t)
	now := clocktesting.NewFakeClock(clock.RealClock{}.Now())
	recorder := audit.NewRecorder(cluster.Direct, now)
	for range 3 {
		now.Step(time.Minute)
		err := recorder.Record(t.Context(), audit.Event{
			Namespace: namespace, Key: "step", Action: v1alpha1.AuditViewed, Outcome: v1alpha1.OutcomeAllowed, Actor: audit.Anonymous(), Reason: "Test",
			Rule: "RecordingPolicy finance/board", Client: v1alpha1.AuditClient{Address: "192.0.2.0/24", UserAgent: "curl/8"}, Evidence: []string{"one"},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if events := cluster.AuditEvents(t, namespace); len(events) != 1 {
		t.Errorf("%d events, want 1", len(events))
	}
}
