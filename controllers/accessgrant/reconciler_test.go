// SPDX-License-Identifier: Apache-2.0

//go:build unix

package accessgrant_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/controllers/accessgrant"
	"github.com/reelkeeper/reelkeeper/internal/audit"
	"github.com/reelkeeper/reelkeeper/internal/credentials"
)

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
	f.Update(t, mine, func() { mine.StringData = map[string]string{"password": "another one\n"} }) // as kubectl --from-file leaves it
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
