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
	"github.com/reelkeeper/reelkeeper/internal/credentials"
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

func TestR19GrantHasALinkThatIsWorthNothingButByItsHash(t *testing.T) {
	f := newFixture(t)
	if after := f.reconcile(); after != time.Hour {
		t.Errorf("the next look is after %s, want exactly at the end of the grant, 1h", after)
	}
	f.expectGranted()
	secret := f.secret()
	token := string(secret.Data[accessgrant.SecretToken])
	if _, err := credentials.ParseToken(token); err != nil {
		t.Errorf("token: %v", err)
	}
	if got, want := string(secret.Data[accessgrant.SecretLink]), gatewayURL+"/g/"+token; got != want {
		t.Errorf("link = %q, want %q", got, want)
	}
	if _, found := secret.Data[accessgrant.SecretPassword]; found {
		t.Error("there is a password that nobody asked for")
	}
	if secret.Immutable == nil || !*secret.Immutable || !metav1.IsControlledBy(secret, f.grant) {
		t.Error("the Secret is not immutable and owned by the grant")
	}
	if f.grant.Status.TokenHash != credentials.HashToken(token) || f.grant.Status.PasswordHash != "" || f.grant.Status.SecretRef.Name != secret.Name {
		t.Errorf("status = %+v, want the token's hash, no password and the Secret's name", f.grant.Status)
	}
	f.expectFacts("Granted Allowed Granted")
	fact := f.AuditEvents(t, f.namespace)[0].Spec
	if diff := cmp.Diff([]string{"permissions: View", "subject: User dave@example.com"}, fact.Evidence); diff != "" {
		t.Errorf("evidence (-want +got):\n%s", diff)
	}
	if fact.Grant != "replay" || fact.Recording != audit.RecordingOf(f.recording) || fact.Actor != audit.Controller("accessgrant") {
		t.Errorf("fact = %+v, want the grant, the recording and the controller", fact)
	}
}

func TestGeneratedPassword(t *testing.T) {
	f := newFixture(t, func(f *fixture) { f.grant.Spec.Password = v1alpha1.PasswordGenerate })
	f.expectGranted()
	if password := string(f.secret().Data[accessgrant.SecretPassword]); !credentials.VerifyPassword(f.grant.Status.PasswordHash, password) {
		t.Error("the hash in the status is not that of the password in the Secret")
	}
}

func TestR19PasswordIsGeneratedWhereThePolicyRequiresOne(t *testing.T) {
	f := newFixture(t)
	f.expectGranted()
	before := f.secret()
	f.policy("strict", v1alpha1.PolicyRules{Sharing: v1alpha1.SharingRules{Links: v1alpha1.LinksPasswordRequired}})
	f.expectGranted()
	after := f.secret()
	if len(after.Data[accessgrant.SecretPassword]) == 0 || after.UID == before.UID {
		t.Error("the link without a password lives on under a policy that requires one")
	}
	if f.grant.Status.TokenHash != credentials.HashToken(string(after.Data[accessgrant.SecretToken])) {
		t.Error("the status still knows the old link")
	}
}

func TestOwnPassword(t *testing.T) {
	f := newFixture(t, func(f *fixture) { f.grant.Spec.PasswordSecretRef.Name = "mine" })
	if message := f.expect(metav1.ConditionFalse, v1alpha1.ReasonPasswordNotFound); !strings.Contains(message, "There is no Secret mine") {
		t.Errorf("message = %q", message)
	}
	mine := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "mine"}, StringData: map[string]string{"passwort": "x"}}
	f.Create(t, mine)
	if message := f.expect(metav1.ConditionFalse, v1alpha1.ReasonPasswordNotFound); !strings.Contains(message, "no key password") {
		t.Errorf("message = %q", message)
	}
	f.Update(t, mine, func() { mine.StringData = map[string]string{"password": "correct horse"} })
	if after := f.reconcile(); after != 5*time.Minute {
		t.Errorf("the password is read again after %s, want 5m", after)
	}
	f.expectGranted()
	if !credentials.VerifyPassword(f.grant.Status.PasswordHash, "correct horse") {
		t.Error("the hash in the status is not that of the chosen password")
	}
	if _, found := f.secret().Data[accessgrant.SecretPassword]; found {
		t.Error("the chosen password was copied into the grant's Secret")
	}
	f.Update(t, mine, func() { mine.StringData = map[string]string{"password": "another one"} })
	f.expectGranted()
	if !credentials.VerifyPassword(f.grant.Status.PasswordHash, "another one") {
		t.Error("the changed password has not arrived")
	}
}

func TestR14PolicyForbidsAGrantAndSaysWhichOne(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		rules  v1alpha1.PolicyRules
		change func(*v1alpha1.AccessGrant)
	}{
		"links are forbidden": {rules: v1alpha1.PolicyRules{Sharing: v1alpha1.SharingRules{Links: v1alpha1.LinksForbidden}}},
		"a password is required and None is chosen": {
			rules:  v1alpha1.PolicyRules{Sharing: v1alpha1.SharingRules{Links: v1alpha1.LinksPasswordRequired}},
			change: func(g *v1alpha1.AccessGrant) { g.Spec.Password = v1alpha1.PasswordNone },
		},
		"the end is too late": {rules: v1alpha1.PolicyRules{Sharing: v1alpha1.SharingRules{MaxTTL: "10m"}}},
		"an end is required": {
			rules:  v1alpha1.PolicyRules{Sharing: v1alpha1.SharingRules{MaxTTL: "90d"}},
			change: func(g *v1alpha1.AccessGrant) { g.Spec.ExpiresAt = metav1.Time{} },
		},
	}
	for name, tc := range cases {
		t.Run("R14 "+name, func(t *testing.T) {
			f := newFixture(t, func(f *fixture) {
				if tc.change != nil {
					tc.change(f.grant)
				}
			})
			policy := f.policy("strict", tc.rules)
			message := f.expect(metav1.ConditionFalse, v1alpha1.ReasonForbiddenByPolicy)
			if !strings.Contains(message, "RecordingPolicy "+f.namespace+"/strict") || !strings.Contains(message, "spec.sharing.") {
				t.Errorf("message %q does not name the policy and the field", message)
			}
			if !meta.IsStatusConditionFalse(f.grant.Status.Conditions, v1alpha1.ConditionAccepted) {
				t.Error("Accepted is not False")
			}
			if f.secret() != nil || f.grant.Status.TokenHash != "" {
				t.Error("a forbidden grant has a link")
			}
			f.expectFacts("Granted Refused ForbiddenByPolicy")
			if rule := f.AuditEvents(t, f.namespace)[0].Spec.Rule; !strings.Contains(rule, "strict") {
				t.Errorf("rule = %q, want the policy", rule)
			}
			f.Delete(t, policy)
			if tc.change == nil {
				f.expectGranted()
				f.expectFacts("Granted Refused ForbiddenByPolicy", "Granted Allowed Granted")
			}
		})
	}
}

func TestR14PolicyThatComesLaterRevokes(t *testing.T) {
	f := newFixture(t)
	f.expectGranted()
	policy := f.policy("strict", v1alpha1.PolicyRules{Sharing: v1alpha1.SharingRules{Links: v1alpha1.LinksForbidden}})
	f.expect(metav1.ConditionFalse, v1alpha1.ReasonForbiddenByPolicy)
	link := f.secret()
	if link == nil {
		t.Fatal("the link was destroyed: a policy by mistake would destroy every link of an organisation")
	}
	f.Delete(t, policy)
	f.expectGranted()
	if f.secret().UID != link.UID {
		t.Error("the link is another one after the policy has gone")
	}
	counts := map[string]int{}
	for _, fact := range f.facts() {
		counts[fact]++
	}
	if diff := cmp.Diff(map[string]int{"Granted Allowed Granted": 2, "Revoked Allowed ForbiddenByPolicy": 1}, counts); diff != "" {
		t.Errorf("audit events (-want +got):\n%s", diff)
	}
}

func TestRecordingThatDoesNotExist(t *testing.T) {
	f := newFixture(t, func(f *fixture) { f.grant.Spec.RecordingRef.Name = "q4" })
	if message := f.expect(metav1.ConditionFalse, v1alpha1.ReasonRecordingNotFound); !strings.Contains(message, "q4") {
		t.Errorf("message %q does not name the recording", message)
	}
	q4 := f.recording.DeepCopy()
	q4.ObjectMeta = metav1.ObjectMeta{Namespace: f.namespace, Name: "q4"}
	f.Create(t, q4)
	f.expectGranted()
	f.expectFacts("Granted Allowed Granted")
}

// R26: what was shared ends with its recording, and does not come back with another one of that name.
func TestR26GrantsEndWithTheirRecording(t *testing.T) {
	f := newFixture(t)
	f.expectGranted()
	another := f.recording.DeepCopy()
	another.ObjectMeta = metav1.ObjectMeta{Namespace: f.recording.Namespace, Name: f.recording.Name}
	first := f.recording.UID
	f.Delete(t, f.recording)
	if message := f.expect(metav1.ConditionFalse, v1alpha1.ReasonRecordingGone); !strings.Contains(message, "has ended") {
		t.Errorf("message %q", message)
	}
	if f.secret() != nil {
		t.Error("the link outlives the recording")
	}
	f.Create(t, another)
	f.expect(metav1.ConditionFalse, v1alpha1.ReasonRecordingGone)
	f.expectFacts("Granted Allowed Granted", "Revoked Allowed RecordingGone")
	var events v1alpha1.AuditEventList
	if err := f.Admin.List(t.Context(), &events, client.InNamespace(f.namespace)); err != nil {
		t.Fatal(err)
	}
	for _, event := range events.Items {
		if got := event.Spec.Recording; got.Name != f.recording.Name || got.UID != string(first) {
			t.Errorf("%s names the recording %+v, want %s", event.Spec.Action, got, first)
		}
	}
}

func TestGrantBySelector(t *testing.T) {
	f := newFixture(t, func(f *fixture) {
		f.grant.Spec.RecordingRef = v1alpha1.RecordingReference{}
		f.grant.Spec.RecordingSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"topic": "to-come"}}
	})
	f.expectGranted()
	strict := f.policy("strict", v1alpha1.PolicyRules{Sharing: v1alpha1.SharingRules{Links: v1alpha1.LinksForbidden}})
	f.expect(metav1.ConditionFalse, v1alpha1.ReasonForbiddenByPolicy)
	f.Delete(t, strict)
	f.expectGranted()
}

func TestSelectorThatMakesNoSense(t *testing.T) {
	f := newFixture(t, func(f *fixture) {
		f.grant.Spec.RecordingRef = v1alpha1.RecordingReference{}
		f.grant.Spec.RecordingSelector = &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "a", Operator: "Near"}}}
	})
	f.expect(metav1.ConditionFalse, v1alpha1.ReasonSelectorInvalid)
}

func TestGrantBeginsAndEndsExactlyOnTime(t *testing.T) {
	f := newFixture(t, func(f *fixture) { f.grant.Spec.NotBefore = metav1.NewTime(f.clock.Now().Add(10 * time.Minute)) })
	if after := f.reconcile(); after != 10*time.Minute {
		t.Errorf("the next look is after %s, want at the beginning, 10m", after)
	}
	f.expect(metav1.ConditionFalse, v1alpha1.ReasonNotYet)
	if f.secret() == nil {
		t.Error("there is no link that could be sent before the grant begins")
	}
	f.expectFacts()

	f.clock.Step(10*time.Minute - time.Nanosecond)
	f.expect(metav1.ConditionFalse, v1alpha1.ReasonNotYet)
	f.clock.Step(time.Nanosecond)
	f.expectGranted()
	hash := f.grant.Status.TokenHash

	f.clock.Step(50*time.Minute - time.Nanosecond)
	if after := f.reconcile(); after != time.Nanosecond {
		t.Errorf("the next look is after %s, want the remaining 1ns", after)
	}
	f.expectGranted()
	if f.secret() == nil {
		t.Error("the Secret went too early")
	}
	f.clock.Step(time.Nanosecond)
	if message := f.expect(metav1.ConditionFalse, v1alpha1.ReasonExpired); !strings.Contains(message, "make a new one") {
		t.Errorf("message %q does not say what to do", message)
	}
	if f.secret() != nil || f.grant.Status.SecretRef.Name != "" {
		t.Error("the Secret outlived the grant")
	}
	if f.grant.Status.TokenHash != hash {
		t.Error("the link is not known any more: nobody who follows it can be told that it has expired")
	}
	f.expectFacts("Granted Allowed Granted", "Revoked Allowed Expired")
	if after := f.reconcile(); after != 0 {
		t.Errorf("a grant that has ended is looked at again after %s", after)
	}

	f.Delete(t, f.grant)
	f.reconcile()
	if f.Exists(t, f.grant) {
		t.Error("the grant was not let go")
	}
	f.expectFacts("Granted Allowed Granted", "Revoked Allowed Expired")
}

func TestExtendedGrantIsGrantedAgain(t *testing.T) {
	f := newFixture(t)
	f.expectGranted()
	f.clock.Step(time.Hour)
	f.expect(metav1.ConditionFalse, v1alpha1.ReasonExpired)
	f.Update(t, f.grant, func() { f.grant.Spec.ExpiresAt = metav1.NewTime(f.clock.Now().Add(time.Hour)) })
	f.expectGranted()
	f.Update(t, f.grant, func() { f.grant.Spec.Permissions = append(f.grant.Spec.Permissions, v1alpha1.PermissionDownload) })
	f.expectGranted()
	granted := 0
	for _, fact := range f.facts() {
		if fact == "Granted Allowed Granted" {
			granted++
		}
	}
	if granted != 3 {
		t.Errorf("audit events = %q, want one for each of the three times that something was granted", f.facts())
	}
}

func TestDeletedGrantIsRevoked(t *testing.T) {
	f := newFixture(t)
	f.expectGranted()
	f.Delete(t, f.grant)
	f.reconcile()
	if f.Exists(t, f.grant) {
		t.Error("the grant was not let go")
	}
	if f.secret() != nil {
		t.Error("the Secret outlived the grant")
	}
	f.expectFacts("Granted Allowed Granted", "Revoked Allowed Deleted")
	f.reconcile()
}

func TestFinalizerIsAddedWhereAdmissionHasNot(t *testing.T) {
	f := newFixture(t)
	f.reconcile()
	f.Get(t, f.grant)
	if diff := cmp.Diff([]string{v1alpha1.FinalizerGrant}, f.grant.Finalizers); diff != "" {
		t.Errorf("finalizers (-want +got):\n%s", diff)
	}
}

func TestSecretOfSomebodyElseIsLeftAlone(t *testing.T) {
	f := newFixture(t)
	theirs := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "replay-link"}, StringData: map[string]string{accessgrant.SecretToken: credentials.NewToken()}}
	f.Create(t, theirs)
	f.expect(metav1.ConditionFalse, v1alpha1.ReasonSecretTaken)
	if secret := f.secret(); secret == nil || secret.UID != theirs.UID || f.grant.Status.TokenHash != "" {
		t.Error("the Secret of somebody else was replaced or used")
	}
	f.deleteSecret(theirs)
	f.expectGranted()
}

func TestSecretOfAnEarlierGrantIsReplaced(t *testing.T) {
	f := newFixture(t)
	earlier := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "replay-link", OwnerReferences: []metav1.OwnerReference{{
			APIVersion: "reelkeeper.io/v1alpha1", Kind: "AccessGrant", Name: "replay", UID: "gone", Controller: new(true),
		}}},
		StringData: map[string]string{accessgrant.SecretToken: credentials.NewToken()},
	}
	f.Create(t, earlier)
	f.expectGranted()
	if f.secret().UID == earlier.UID {
		t.Error("the link of an earlier grant came back to life")
	}
}

func TestSecretThatSomebodyDeletedIsMadeAnew(t *testing.T) {
	f := newFixture(t)
	f.expectGranted()
	hash := f.grant.Status.TokenHash
	f.deleteSecret(f.secret())
	f.expectGranted()
	if f.grant.Status.TokenHash == hash || f.grant.Status.TokenHash != credentials.HashToken(string(f.secret().Data[accessgrant.SecretToken])) {
		t.Error("the status does not know the new link")
	}
}

func TestCrashAfterTheRecordLeavesOneSecretAndOneRecord(t *testing.T) {
	f := newFixture(t, func(f *fixture) { f.grant.Spec.Password = v1alpha1.PasswordGenerate })
	f.crash = errors.New("killed")
	for range 3 {
		if _, err := f.try(); !errors.Is(err, f.crash) {
			t.Fatalf("Reconcile = %v, want the crash", err)
		}
		f.clock.Step(time.Second)
	}
	f.Get(t, f.grant)
	if f.grant.Status.TokenHash != "" {
		t.Error("R30: the grant counts although its record may not have been written")
	}
	minted := f.secret()
	f.crash = nil
	f.expectGranted()
	if f.secret().UID != minted.UID {
		t.Error("another link was made")
	}
	if !credentials.VerifyPassword(f.grant.Status.PasswordHash, string(minted.Data[accessgrant.SecretPassword])) {
		t.Error("the hash was not made from the Secret")
	}
	f.expectFacts("Granted Allowed Granted")

	f.crash = errors.New("killed")
	f.clock.Step(time.Hour)
	for range 2 {
		if _, err := f.try(); !errors.Is(err, f.crash) {
			t.Fatalf("Reconcile = %v, want the crash", err)
		}
	}
	f.crash = nil
	f.expect(metav1.ConditionFalse, v1alpha1.ReasonExpired)
	f.expectFacts("Granted Allowed Granted", "Revoked Allowed Expired")
}

func TestR30GrantDoesNotCountWithoutItsRecord(t *testing.T) {
	f := newFixture(t)
	refused := errors.New("the API server takes no records")
	f.reconciler.Recorder = recorderFunc(func(context.Context, audit.Event) error { return refused })
	if _, err := f.try(); !errors.Is(err, refused) {
		t.Fatalf("Reconcile = %v, want the recorder's error", err)
	}
	f.Get(t, f.grant)
	if meta.IsStatusConditionTrue(f.grant.Status.Conditions, v1alpha1.ConditionReady) || f.grant.Status.TokenHash != "" {
		t.Error("the grant counts without its record")
	}
}

type recorderFunc func(context.Context, audit.Event) error

func (r recorderFunc) Record(ctx context.Context, event audit.Event) error { return r(ctx, event) }

func TestTerminatingNamespaceIsNotHeldUp(t *testing.T) {
	f := newFixture(t)
	f.expectGranted()
	f.Delete(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: f.namespace}})
	f.Delete(t, f.grant)
	f.reconcile()
	if f.Exists(t, f.grant) {
		t.Error("the grant holds up the deletion of its namespace")
	}
}

func TestNewGrantInATerminatingNamespaceIsLetBe(t *testing.T) {
	f := newFixture(t)
	f.Delete(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: f.namespace}})
	if _, err := f.try(); err != nil {
		t.Errorf("Reconcile = %v, want it to wait for the deletion", err)
	}
	f.Delete(t, f.grant)
	f.reconcile()
	if f.Exists(t, f.grant) {
		t.Error("the grant holds up the deletion of its namespace")
	}
}

func TestUsesThatTheGatewayCountsAreKept(t *testing.T) {
	f := newFixture(t, func(f *fixture) { f.grant.Spec.MaxUses = 3 })
	f.expectGranted()
	f.UpdateStatus(t, f.grant, func() { f.grant.Status.Uses = new(int32(2)) })
	f.Update(t, f.grant, func() { f.grant.Spec.Reason = "replay for the audit team" })
	f.expectGranted()
	if f.grant.Status.Uses == nil || *f.grant.Status.Uses != 2 {
		t.Errorf("uses = %v, want the 2 that somebody else wrote", f.grant.Status.Uses)
	}
}
