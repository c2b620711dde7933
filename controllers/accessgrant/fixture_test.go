// SPDX-License-Identifier: Apache-2.0

//go:build unix

package accessgrant_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/controllers/accessgrant"
	"github.com/reelkeeper/reelkeeper/internal/audit"
	"github.com/reelkeeper/reelkeeper/internal/deadline"
	"github.com/reelkeeper/reelkeeper/internal/governance"
	"github.com/reelkeeper/reelkeeper/internal/kube/kubetest"
	"github.com/reelkeeper/reelkeeper/internal/testenv"
)

var env *testenv.Env

func TestMain(m *testing.M) { testenv.Main(m, kubetest.Options(), &env) }

const gatewayURL = "https://recordings.example.com"

// fixture is a namespace with a recording, and a grant that the built-in rules allow and nobody has looked at yet.
type fixture struct {
	*kubetest.Cluster
	t         *testing.T
	namespace string
	recording *v1alpha1.MeetingRecording
	grant     *v1alpha1.AccessGrant
	clock     *clocktesting.FakeClock
	// crash, where it is set, ends a pass after the record was written.
	crash      error
	reconciler *accessgrant.Reconciler
}

// newClock starts with the API server's clock: what a policy says about a grant's end counts from its creation.
func newClock() *clocktesting.FakeClock {
	return clocktesting.NewFakeClock(clock.RealClock{}.Now().Truncate(time.Second))
}

func newFixture(t *testing.T, changes ...func(*fixture)) *fixture {
	t.Helper()
	t.Parallel()
	f := &fixture{Cluster: kubetest.New(t, env), t: t, namespace: env.Namespace(t), clock: newClock()}
	f.recording = &v1alpha1.MeetingRecording{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "q3", Labels: map[string]string{"topic": "money"}},
		Spec: v1alpha1.MeetingRecordingSpec{
			Meeting: v1alpha1.MeetingFacts{ID: "1", Creator: "alice@example.com"},
			Source:  v1alpha1.MediaSource{Upload: &v1alpha1.UploadSource{}},
		},
	}
	f.grant = &v1alpha1.AccessGrant{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "replay"},
		Spec: v1alpha1.AccessGrantSpec{
			RecordingRef: v1alpha1.RecordingReference{Name: "q3"},
			Subjects:     []v1alpha1.GrantSubject{{Kind: v1alpha1.SubjectUser, Name: "dave@example.com"}},
			Permissions:  []v1alpha1.Permission{v1alpha1.PermissionView},
			ExpiresAt:    metav1.NewTime(f.clock.Now().Add(time.Hour)),
		},
	}
	for _, change := range changes {
		change(f)
	}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: f.namespace}}
	f.Update(t, namespace, func() {})
	f.Create(t, f.recording, f.grant)
	t.Cleanup(f.release)
	f.reconciler = &accessgrant.Reconciler{
		Client:     f.Client,
		Direct:     f.Direct,
		Governance: governance.Reader{Client: f.Client},
		Recorder:   f,
		GatewayURL: gatewayURL,
		Events:     f.Events,
		Deadlines:  deadline.New[reconcile.Request](f.clock),
		Clock:      f.clock,
	}
	return f
}

// release takes the finalizer off, so that the namespace can go after the test.
func (f *fixture) release() {
	_ = retry.RetryOnConflict(retry.DefaultRetry, func() error {
		if err := f.Admin.Get(context.WithoutCancel(f.t.Context()), client.ObjectKeyFromObject(f.grant), f.grant); err != nil {
			return err
		}
		f.grant.Finalizers = nil
		return f.Admin.Update(context.WithoutCancel(f.t.Context()), f.grant)
	})
}

// Record records with the manager's rights, and then dies if the test says so.
func (f *fixture) Record(ctx context.Context, event audit.Event) error {
	return errors.Join(audit.NewRecorder(f.Direct, f.clock).Record(ctx, event), f.crash)
}

// try makes a pass and returns how soon the next one comes by itself, be it for a date or to ask for a password again.
func (f *fixture) try() (time.Duration, error) {
	request := ctrl.Request{NamespacedName: client.ObjectKeyFromObject(f.grant)}
	result, err := f.reconciler.Reconcile(f.t.Context(), request)
	next := result.RequeueAfter
	if at := f.reconciler.Deadlines.At(request); !at.IsZero() && (next == 0 || at.Sub(f.clock.Now()) < next) {
		next = at.Sub(f.clock.Now())
	}
	return next, err
}

func (f *fixture) reconcile() time.Duration {
	f.t.Helper()
	after, err := f.try()
	if err != nil {
		f.t.Fatalf("Reconcile: %v", err)
	}
	return after
}

// expect reconciles, and checks the Ready condition and that a further pass writes nothing.
func (f *fixture) expect(status metav1.ConditionStatus, reason string) string {
	f.t.Helper()
	f.reconcile()
	f.Get(f.t, f.grant)
	ready := meta.FindStatusCondition(f.grant.Status.Conditions, v1alpha1.ConditionReady)
	if ready.Status != status || ready.Reason != reason || ready.ObservedGeneration != f.grant.Generation {
		f.t.Fatalf("Ready = %s/%s for generation %d (%s), want %s/%s for %d", ready.Status, ready.Reason, ready.ObservedGeneration, ready.Message, status, reason, f.grant.Generation)
	}
	f.checkSecrecy()
	version, facts := f.grant.ResourceVersion, len(f.AuditEvents(f.t, f.namespace))
	f.reconcile()
	f.Get(f.t, f.grant)
	if f.grant.ResourceVersion != version || len(f.AuditEvents(f.t, f.namespace)) != facts {
		f.t.Error("something was written at rest")
	}
	return ready.Message
}

func (f *fixture) expectGranted() {
	f.t.Helper()
	f.expect(metav1.ConditionTrue, v1alpha1.ReasonGranted)
}

// checkSecrecy holds at all times: token and password stand in the Secret and nowhere else.
func (f *fixture) checkSecrecy() {
	f.t.Helper()
	secret := f.secret()
	if secret == nil {
		return
	}
	everything := env.Kubectl(f.t, "get", "accessgrants,auditevents,meetingrecordings", "--namespace", f.namespace, "--output", "yaml")
	everything += strings.Join(f.Events.Take(), "\n")
	for _, key := range []string{accessgrant.SecretToken, accessgrant.SecretPassword} {
		if value := string(secret.Data[key]); value != "" && strings.Contains(everything, value) {
			f.t.Errorf("the %s can be read outside its Secret", key)
		}
	}
}

// secret is the grant's Secret, or nil.
func (f *fixture) secret() *corev1.Secret {
	f.t.Helper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "replay-link"}}
	if !f.Exists(f.t, secret) {
		return nil
	}
	return secret
}

// deleteSecret deletes a Secret, which the manager's cache does not hold.
func (f *fixture) deleteSecret(secret *corev1.Secret) {
	f.t.Helper()
	if err := f.Admin.Delete(f.t.Context(), secret); err != nil {
		f.t.Fatal(err)
	}
}

// facts are the audit events, as "<action> <outcome> <reason>".
func (f *fixture) facts() []string {
	f.t.Helper()
	var facts []string
	for _, event := range f.AuditEvents(f.t, f.namespace) {
		facts = append(facts, strings.Join([]string{string(event.Spec.Action), string(event.Spec.Outcome), event.Spec.Reason}, " "))
	}
	return facts
}

// expectFacts compares regardless of order: what happens within a second of the API server's clock has none.
func (f *fixture) expectFacts(want ...string) {
	f.t.Helper()
	slices.Sort(want)
	if diff := cmp.Diff(want, slices.Sorted(slices.Values(f.facts()))); diff != "" {
		f.t.Errorf("audit events (-want +got):\n%s", diff)
	}
}

func (f *fixture) policy(name string, rules v1alpha1.PolicyRules) *v1alpha1.RecordingPolicy {
	f.t.Helper()
	policy := &v1alpha1.RecordingPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: name}, Spec: v1alpha1.RecordingPolicySpec{PolicyRules: rules}}
	f.Create(f.t, policy)
	return policy
}
