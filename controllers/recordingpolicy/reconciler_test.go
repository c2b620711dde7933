// SPDX-License-Identifier: Apache-2.0

//go:build unix

package recordingpolicy_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/controllers/recordingpolicy"
	"github.com/reelkeeper/reelkeeper/internal/kube/kubetest"
	"github.com/reelkeeper/reelkeeper/internal/testenv"
)

var env *testenv.Env

func TestMain(m *testing.M) { testenv.Main(m, kubetest.Options(), &env) }

// fixture is a namespace with three recordings, two of them sensitive, and the label team with its own name.
type fixture struct {
	*kubetest.Cluster
	t          *testing.T
	namespace  string
	recordings []*v1alpha1.MeetingRecording
	clock      *clocktesting.FakeClock
	reconciler *recordingpolicy.Reconciler
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{Cluster: kubetest.New(t, env), t: t, clock: clocktesting.NewFakeClock(time.Date(2026, time.July, 1, 0, 0, 0, 0, time.UTC))}
	f.namespace = env.Namespace(t)
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: f.namespace}}
	f.Update(t, namespace, func() { namespace.Labels["team"] = f.namespace })
	for i, sensitivity := range []string{"high", "high", "low"} {
		f.recordings = append(f.recordings, f.record(fmt.Sprint("q", i), sensitivity))
	}
	f.reconciler = f.newReconciler()
	return f
}

// newReconciler is what a manager has after a restart.
func (f *fixture) newReconciler() *recordingpolicy.Reconciler {
	return &recordingpolicy.Reconciler{Client: f.Client, Cards: f.Cards, Policies: f.Policies(f.t), Clock: f.clock}
}

func (f *fixture) record(name, sensitivity string) *v1alpha1.MeetingRecording {
	f.t.Helper()
	recording := &v1alpha1.MeetingRecording{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: name, Labels: map[string]string{"sensitivity": sensitivity}},
		Spec: v1alpha1.MeetingRecordingSpec{
			Meeting: v1alpha1.MeetingFacts{ID: "1", Creator: "alice@example.com"},
			Source:  v1alpha1.MediaSource{Upload: &v1alpha1.UploadSource{}},
		},
	}
	f.Create(f.t, recording)
	return recording
}

// policy makes a policy of the namespace.
func (f *fixture) policy(name string, change func(*v1alpha1.RecordingPolicySpec)) *v1alpha1.RecordingPolicy {
	f.t.Helper()
	p := &v1alpha1.RecordingPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: name}}
	change(&p.Spec)
	f.Create(f.t, p)
	return p
}

// house makes a policy of the organisation for the fixture's namespace alone.
func (f *fixture) house(change func(*v1alpha1.ClusterRecordingPolicySpec)) *v1alpha1.ClusterRecordingPolicy {
	f.t.Helper()
	p := &v1alpha1.ClusterRecordingPolicy{ObjectMeta: metav1.ObjectMeta{Name: "house-" + f.namespace}}
	p.Spec.NamespaceSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"team": f.namespace}}
	change(&p.Spec)
	f.Create(f.t, p)
	f.t.Cleanup(func() {
		err := f.Admin.Delete(context.WithoutCancel(f.t.Context()), p)
		if client.IgnoreNotFound(err) != nil {
			f.t.Error(err)
		}
	})
	return p
}

func (f *fixture) reconcile() time.Duration {
	f.t.Helper()
	result, err := f.reconciler.Reconcile(f.t.Context(), ctrl.Request{})
	if err != nil {
		f.t.Fatalf("Reconcile: %v", err)
	}
	return result.RequeueAfter
}

// expect reads a policy again, and compares a condition.
func (f *fixture) expect(p client.Object, kind string, status metav1.ConditionStatus, reason, words string) {
	f.t.Helper()
	got := f.status(p)
	found := meta.FindStatusCondition(got.Conditions, kind)
	if found == nil || found.Status != status || found.Reason != reason || !strings.Contains(found.Message, words) {
		f.t.Errorf("%s: %s is %+v, want %s/%s with %q", p.GetName(), kind, found, status, reason, words)
	}
	if got.ObservedGeneration != p.GetGeneration() || found != nil && found.ObservedGeneration != p.GetGeneration() {
		f.t.Errorf("%s: the status is about generation %d, want %d", p.GetName(), got.ObservedGeneration, p.GetGeneration())
	}
}

func (f *fixture) expectRecordings(p client.Object, want int32) {
	f.t.Helper()
	if got := f.status(p).Recordings; got == nil || *got != want {
		f.t.Errorf("%s is about %v recordings, want %d", p.GetName(), got, want)
	}
}

func (f *fixture) status(p client.Object) v1alpha1.PolicyStatus {
	f.t.Helper()
	f.Get(f.t, p)
	switch p := p.(type) {
	case *v1alpha1.RecordingPolicy:
		return p.Status
	case *v1alpha1.ClusterRecordingPolicy:
		return p.Status
	}
	f.t.Fatalf("%T is no policy", p)
	return v1alpha1.PolicyStatus{}
}

// versions are the resourceVersions of everything that a policy could make somebody write.
func (f *fixture) versions(policies ...client.Object) map[string]string {
	f.t.Helper()
	versions := map[string]string{}
	for _, object := range policies {
		f.Get(f.t, object)
		versions[object.GetName()] = object.GetResourceVersion()
	}
	for _, recording := range f.recordings {
		f.Get(f.t, recording)
		versions[recording.Name] = recording.ResourceVersion
	}
	return versions
}

func sensitive(spec *v1alpha1.RecordingPolicySpec) {
	spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"sensitivity": "high"}}
	spec.Sharing.MaxTTL = "30d"
}

func TestPoliciesSayWhatBecameOfThem(t *testing.T) {
	f := newFixture(t)
	own := f.policy("own", sensitive)
	wrong := f.policy("wrong", func(spec *v1alpha1.RecordingPolicySpec) {
		spec.Selector = &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "a", Operator: "Resembles"}}}
		spec.Watermark = v1alpha1.WatermarkViewer
	})
	trial := f.policy("trial", func(spec *v1alpha1.RecordingPolicySpec) {
		spec.Enforcement, spec.Recording.Mode = v1alpha1.EnforcementDryRun, v1alpha1.ModeAutomatic
	})
	f.reconcile()
	f.expect(own, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonEnforced, "")
	f.expect(own, v1alpha1.ConditionConflicted, metav1.ConditionFalse, v1alpha1.ReasonNoConflict, "")
	f.expectRecordings(own, 2)
	f.expect(wrong, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonInvalid, "spec.selector")
	f.expect(wrong, v1alpha1.ConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonInvalid, "gives nothing")
	f.expect(trial, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonTrial, "only tried out")
	f.expectRecordings(trial, 3)

	house := f.house(func(spec *v1alpha1.ClusterRecordingPolicySpec) { spec.Overrides.Sharing.MaxTTL = "7d" })
	before := f.versions(trial)
	f.clock.Step(recordingpolicy.CountEvery)
	f.reconcile()
	f.expect(own, v1alpha1.ConditionConflicted, metav1.ConditionTrue, v1alpha1.ReasonOverridden, "ClusterRecordingPolicy "+house.Name+" spec.overrides.sharing.maxTTL")
	f.expect(house, v1alpha1.ConditionConflicted, metav1.ConditionFalse, v1alpha1.ReasonNoConflict, "")
	f.expectRecordings(house, 3)
	if diff := cmp.Diff(before, f.versions(trial)); diff != "" {
		t.Errorf("a conflict is shown on the policy that yields alone, and a policy writes no recording (-before +after):\n%s", diff)
	}

	f.Delete(t, house)
	f.reconcile()
	f.expect(own, v1alpha1.ConditionConflicted, metav1.ConditionFalse, v1alpha1.ReasonNoConflict, "")
}

func TestPoliciesSayWhatIsWrongWithTheirConditions(t *testing.T) {
	f := newFixture(t)
	participants := func(when v1alpha1.Condition) func(*v1alpha1.RecordingPolicySpec) {
		return func(spec *v1alpha1.RecordingPolicySpec) {
			spec.Access.Roles = []v1alpha1.RolePermissions{{
				Role: v1alpha1.RoleParticipant, Permissions: []v1alpha1.Permission{v1alpha1.PermissionView}, When: when,
			}}
		}
	}
	misspelt := f.policy("misspelt", participants("subject.deparments.size() > 0"))
	costly := f.policy("costly", participants("subject.groups.all(a, subject.groups.exists(b, a.contains(b)))"))
	sound := f.policy("sound", participants("!recording.held"))
	f.reconcile()
	f.expect(misspelt, v1alpha1.ConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonInvalid,
		"spec.access.roles[Participant].when: line 1, column 1: undeclared reference to 'subject': use subject.name")
	f.expect(misspelt, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonInvalid, "the entry counts as if it listed nothing")
	f.expect(costly, v1alpha1.ConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonInvalid, "it may cost up to")
	f.expect(sound, v1alpha1.ConditionAccepted, metav1.ConditionTrue, v1alpha1.ReasonValid, "")
}

func TestAtRestAndAfterARestartNothingIsWritten(t *testing.T) {
	f := newFixture(t)
	own := f.policy("own", sensitive)
	house := f.house(func(spec *v1alpha1.ClusterRecordingPolicySpec) { spec.Defaults.Retention.ExpireAfter = "90d" })
	f.reconcile()
	before := f.versions(own, house)
	for range 3 {
		f.clock.Step(time.Hour)
		if after := f.reconcile(); after != 0 {
			t.Errorf("at rest it wants to look again after %s", after)
		}
	}
	f.reconciler = f.newReconciler()
	f.reconcile()
	if diff := cmp.Diff(before, f.versions(own, house)); diff != "" {
		t.Errorf("something was written (-before +after):\n%s", diff)
	}
}

func TestRecordingsAreCountedNowAndThen(t *testing.T) {
	f := newFixture(t)
	own := f.policy("own", sensitive)
	f.reconcile()
	f.expectRecordings(own, 2)
	before := f.versions(own)
	f.clock.Step(time.Second)
	for i := range 3 {
		f.reconciler.Heard(f.record(fmt.Sprint("new", i), "high"))
		if after, want := f.reconcile(), recordingpolicy.CountEvery-time.Second; after != want {
			t.Errorf("it counts again after %s, want %s", after, want)
		}
	}
	if diff := cmp.Diff(before, f.versions(own)); diff != "" {
		t.Errorf("counted too early (-before +after):\n%s", diff)
	}
	f.clock.Step(recordingpolicy.CountEvery)
	f.reconcile()
	f.expectRecordings(own, 5)
	f.Update(t, f.recordings[0], func() { f.recordings[0].Labels["sensitivity"] = "low" })
	f.reconciler.Heard(f.recordings[0])
	f.clock.Step(recordingpolicy.CountEvery)
	f.reconcile()
	f.expectRecordings(own, 4)
}

func TestAConfinedManagerSaysNoNumberForTheWholeOrganisation(t *testing.T) {
	f := newFixture(t)
	house := f.house(func(spec *v1alpha1.ClusterRecordingPolicySpec) { spec.Defaults.Retention.ExpireAfter = "90d" })
	f.reconciler.Namespaces = []string{f.namespace}
	f.reconcile()
	f.expect(house, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonEnforced, "")
	if got := f.status(house).Recordings; got != nil {
		t.Errorf("it says %d", *got)
	}
}
