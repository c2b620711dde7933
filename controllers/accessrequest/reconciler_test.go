// SPDX-License-Identifier: Apache-2.0

//go:build unix

package accessrequest_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/controllers/accessrequest"
	"github.com/reelkeeper/reelkeeper/internal/access"
	"github.com/reelkeeper/reelkeeper/internal/audit"
	"github.com/reelkeeper/reelkeeper/internal/deadline"
	"github.com/reelkeeper/reelkeeper/internal/effect"
	"github.com/reelkeeper/reelkeeper/internal/governance"
	"github.com/reelkeeper/reelkeeper/internal/kube"
	"github.com/reelkeeper/reelkeeper/internal/kube/kubetest"
	"github.com/reelkeeper/reelkeeper/internal/requests"
	"github.com/reelkeeper/reelkeeper/internal/requests/desk"
	"github.com/reelkeeper/reelkeeper/internal/testenv"
)

var env *testenv.Env

const gatewayUser = "system:serviceaccount:reelkeeper-system:reelkeeper-gateway"

func TestMain(m *testing.M) {
	options := kubetest.Options()
	options.Manifests = append(options.Manifests, "config/admission/requests.yaml")
	options.Started = waitForAdmission
	testenv.Main(m, options, &env)
}

// waitForAdmission returns when the API server has taken up the policies about requests.
func waitForAdmission(ctx context.Context, env *testenv.Env) error {
	admin, err := client.New(env.Config, client.Options{Scheme: kube.Scheme()})
	if err != nil {
		return err
	}
	return wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		err := admin.Create(ctx, newRequest("default", "forged", "nobody@example.com"), client.DryRunAll)
		return apierrors.IsForbidden(err), nil
	})
}

func newRequest(namespace, name, requester string) *v1alpha1.AccessRequest {
	return &v1alpha1.AccessRequest{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1alpha1.AccessRequestSpec{
			RecordingRef: v1alpha1.RecordingReference{Name: "q3"},
			Requester:    v1alpha1.RequestParty{Name: requester},
			Permissions:  []v1alpha1.Permission{v1alpha1.PermissionView},
			Reason:       "I could not attend",
			Duration:     "3d",
		},
	}
}

// people are who can ask and answer: members of the organisation, of the department finance.
func member(name string) *access.Subject {
	return &access.Subject{Name: name, Verified: true, Issuer: "https://login.example.com", Internal: true, Departments: []string{"finance"}}
}

// fixture is a namespace with a recording: alice made the meeting, bob hosted it.
type fixture struct {
	*kubetest.Cluster
	t          *testing.T
	namespace  string
	recording  *v1alpha1.MeetingRecording
	request    *v1alpha1.AccessRequest
	clock      *clocktesting.FakeClock
	governance governance.Reader
	// gate, where a test sets one, is what the effects of passes go through.
	gate effect.Gate
}

func newFixture(t *testing.T, policies ...client.Object) *fixture {
	t.Helper()
	t.Parallel()
	f := &fixture{Cluster: kubetest.New(t, env), t: t, namespace: env.Namespace(t)}
	f.clock = clocktesting.NewFakeClock(clock.RealClock{}.Now().Truncate(time.Second))
	f.governance = governance.Reader{Client: f.Client}
	f.recording = &v1alpha1.MeetingRecording{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "q3"},
		Spec: v1alpha1.MeetingRecordingSpec{
			Meeting: v1alpha1.MeetingFacts{ID: "1", Title: "a secret title", Creator: "alice@example.com", Hosts: []string{"bob@example.com"}},
			Source:  v1alpha1.MediaSource{Upload: &v1alpha1.UploadSource{}},
		},
	}
	for _, object := range policies {
		object.SetNamespace(f.namespace)
	}
	f.Create(t, append(policies, f.recording)...)
	return f
}

// policyOf makes a policy of the namespace.
func policyOf(rules v1alpha1.PolicyRules) *v1alpha1.RecordingPolicy {
	return &v1alpha1.RecordingPolicy{ObjectMeta: metav1.ObjectMeta{Name: "rules"}, Spec: v1alpha1.RecordingPolicySpec{PolicyRules: rules}}
}

// as is a client with the rights of somebody else.
func (f *fixture) as(user string) client.Client {
	f.t.Helper()
	return env.As(f.t, kube.Scheme(), user)
}

// bind gives somebody a ClusterRole in the namespace.
func (f *fixture) bind(user, role string) {
	f.t.Helper()
	binding := &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: role},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}},
	}
	if err := f.Admin.Create(f.t.Context(), binding); err != nil {
		f.t.Fatal(err)
	}
	err := wait.PollUntilContextTimeout(f.t.Context(), 20*time.Millisecond, 30*time.Second, true, func(ctx context.Context) (bool, error) {
		return f.as(user).List(ctx, &v1alpha1.AccessRequestList{}, client.InNamespace(f.namespace)) == nil, nil
	})
	if err != nil {
		f.t.Fatalf("the API server does not know that %s has %s: %v", user, role, err)
	}
}

// desk is the gateway's.
func (f *fixture) desk() *desk.Desk {
	f.t.Helper()
	return &desk.Desk{Reader: f.Admin, Writer: f.as(gatewayUser), Governance: f.governance, Clock: f.clock}
}

// ask lets somebody ask through the gateway.
func (f *fixture) ask(someone *access.Subject) {
	f.t.Helper()
	request, verdict, err := f.desk().Ask(f.t.Context(), f.recording, someone, v1alpha1.AuditClient{Address: "192.0.2.7"}, desk.Wish{
		Permissions: []v1alpha1.Permission{v1alpha1.PermissionView}, Reason: "I could not attend", Duration: "3d",
	})
	if err != nil || !verdict.Allowed() {
		f.t.Fatalf("%s cannot ask: %v %s", someone.Name, err, verdict.Reason)
	}
	f.request = request
	f.Await(f.t, request)
}

// askByKubectl lets dave ask with kubectl.
func (f *fixture) askByKubectl(change ...func(*v1alpha1.AccessRequest)) {
	f.t.Helper()
	f.bind("dave@example.com", "reelkeeper-requester")
	f.request = newRequest(f.namespace, "replay", "dave@example.com")
	for _, c := range change {
		c(f.request)
	}
	if err := f.as("dave@example.com").Create(f.t.Context(), f.request); err != nil {
		f.t.Fatal(err)
	}
	f.Await(f.t, f.request)
}

// answer lets somebody answer through the gateway.
func (f *fixture) answer(someone *access.Subject, kind string) access.Decision {
	f.t.Helper()
	f.Get(f.t, f.request)
	answer := f.desk().Approve
	if kind == v1alpha1.ConditionDenied {
		answer = f.desk().Deny
	}
	decision, err := answer(f.t.Context(), f.request, someone, v1alpha1.AuditClient{}, "as discussed")
	if err != nil {
		f.t.Fatal(err)
	}
	f.Await(f.t, f.request)
	return decision
}

// pass reconciles with a controller that was just started.
func (f *fixture) pass() error {
	r := &accessrequest.Reconciler{
		Client: f.Client, Governance: f.governance, Recorder: audit.NewRecorder(f.Direct, f.clock), Events: f.Events, Clock: f.clock,
		Dates: deadline.New[reconcile.Request](f.clock),
	}
	_, err := r.Reconcile(effect.With(f.t.Context(), f.gate), ctrl.Request{NamespacedName: client.ObjectKeyFromObject(f.request)})
	return err
}

// expect reconciles, and checks the state and that another pass writes nothing. It returns the message.
func (f *fixture) expect(status metav1.ConditionStatus, reason string) string {
	f.t.Helper()
	if err := f.pass(); err != nil {
		f.t.Fatalf("Reconcile: %v", err)
	}
	f.Get(f.t, f.request)
	ready := meta.FindStatusCondition(f.request.Status.Conditions, v1alpha1.ConditionReady)
	if ready.Status != status || ready.Reason != reason {
		f.t.Fatalf("Ready = %s/%s (%s), want %s/%s", ready.Status, ready.Reason, ready.Message, status, reason)
	}
	version, facts := f.request.ResourceVersion, len(f.AuditEvents(f.t, f.namespace))
	if err := f.pass(); err != nil {
		f.t.Fatalf("Reconcile again: %v", err)
	}
	f.Get(f.t, f.request)
	if f.request.ResourceVersion != version || len(f.AuditEvents(f.t, f.namespace)) != facts {
		f.t.Error("something was written at rest")
	}
	return ready.Message
}

func (f *fixture) expectWaiting(line v1alpha1.RequestLine, names ...string) {
	f.t.Helper()
	f.expect(metav1.ConditionFalse, v1alpha1.ReasonPending)
	var got []string
	for _, s := range f.request.Status.WaitingFor.Subjects {
		got = append(got, s.Name)
	}
	if diff := cmp.Diff(names, got); diff != "" || f.request.Status.WaitingFor.Line != line {
		f.t.Errorf("waiting for the line %s, want %s (-want +got):\n%s", f.request.Status.WaitingFor.Line, line, diff)
	}
}

// grant is the request's grant, nil if there is none.
func (f *fixture) grant() *v1alpha1.AccessGrant {
	f.t.Helper()
	list := &v1alpha1.AccessGrantList{}
	if err := f.Admin.List(f.t.Context(), list, client.InNamespace(f.namespace)); err != nil {
		f.t.Fatal(err)
	}
	switch len(list.Items) {
	case 0:
		return nil
	case 1:
		return &list.Items[0]
	}
	f.t.Fatalf("there are %d grants", len(list.Items))
	return nil
}

// accept does what the grants' controller does.
func (f *fixture) accept(status metav1.ConditionStatus, reason string) *v1alpha1.AccessGrant {
	f.t.Helper()
	grant := f.grant()
	f.UpdateStatus(f.t, grant, func() {
		meta.SetStatusCondition(&grant.Status.Conditions, metav1.Condition{
			Type: v1alpha1.ConditionReady, Status: status, Reason: reason, Message: "says the grant", ObservedGeneration: grant.Generation,
		})
	})
	return grant
}

// may says whether somebody may watch now.
func (f *fixture) may(someone *access.Subject) bool {
	f.t.Helper()
	d, err := f.governance.Decide(f.t.Context(), f.recording, *someone, v1alpha1.PermissionView, f.clock.Now())
	if err != nil {
		f.t.Fatal(err)
	}
	return d.Allowed()
}

// expectFacts compares the access log, as "<action> <outcome> <actor> <reason>", regardless of order.
func (f *fixture) expectFacts(want ...string) {
	f.t.Helper()
	var got []string
	for _, event := range f.AuditEvents(f.t, f.namespace) {
		got = append(got, fmt.Sprintf("%s %s %s %s", event.Spec.Action, event.Spec.Outcome, event.Spec.Actor.Name, event.Spec.Reason))
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		f.t.Errorf("audit events (-want +got):\n%s", diff)
	}
}

const day = 24 * time.Hour

func TestR22AnApprovalIsAGrantWithAnEnd(t *testing.T) {
	f := newFixture(t)
	dave := member("dave@example.com")
	f.ask(dave)
	f.expectWaiting(v1alpha1.LineCreator, "alice@example.com")
	if d := f.answer(member("alice@example.com"), v1alpha1.ConditionApproved); !d.Allowed() {
		t.Fatalf("the creator may not approve: %s", d.Reason)
	}
	f.expect(metav1.ConditionFalse, v1alpha1.ReasonApproved)
	if f.may(dave) {
		t.Error("an approval gives something before its grant counts")
	}
	grant := f.accept(metav1.ConditionTrue, v1alpha1.ReasonGranted)
	if want := f.clock.Now().Add(3 * day); !grant.Spec.ExpiresAt.Time.Equal(want) {
		t.Errorf("the grant ends %s, want %s", grant.Spec.ExpiresAt, want)
	}
	if !metav1.IsControlledBy(grant, f.request) || !strings.Contains(grant.Spec.Reason, f.request.Name) {
		t.Errorf("the grant does not say where it comes from: %v, %q", grant.OwnerReferences, grant.Spec.Reason)
	}
	f.expect(metav1.ConditionTrue, v1alpha1.ReasonGranted)
	if !f.may(dave) || !f.request.Status.GrantedUntil.Equal(&grant.Spec.ExpiresAt) {
		t.Errorf("dave may not watch, or not until %s", f.request.Status.GrantedUntil)
	}
	f.clock.Step(3 * day)
	if f.may(dave) {
		t.Error("dave may watch past the end")
	}
	f.accept(metav1.ConditionFalse, v1alpha1.ReasonExpired)
	f.expect(metav1.ConditionFalse, v1alpha1.ReasonEnded)
	f.expectFacts("Requested Allowed dave@example.com Pending", "Approved Allowed alice@example.com Approved")

	f.clock.Step(7*day - time.Second)
	f.expect(metav1.ConditionFalse, v1alpha1.ReasonEnded)
	f.clock.Step(time.Second)
	if err := f.pass(); err != nil || f.Exists(t, f.request) {
		t.Errorf("a request that was over a week ago is still there: %v", err)
	}
}

func TestR22AnApprovalEndsInsideThePolicy(t *testing.T) {
	f := newFixture(t, policyOf(v1alpha1.PolicyRules{Sharing: v1alpha1.SharingRules{MaxTTL: "1d"}}))
	f.ask(member("dave@example.com"))
	f.expect(metav1.ConditionFalse, v1alpha1.ReasonPending)
	f.answer(member("bob@example.com"), v1alpha1.ConditionApproved)
	f.expect(metav1.ConditionFalse, v1alpha1.ReasonApproved)
	if want := f.clock.Now().Add(day - time.Minute); !f.grant().Spec.ExpiresAt.Time.Equal(want) {
		t.Errorf("the grant ends %s, want %s", f.grant().Spec.ExpiresAt, want)
	}
	verdict, err := f.governance.CheckGrant(t.Context(), f.grant(), []v1alpha1.MeetingRecording{*f.recording}, false, nil)
	if err != nil || !verdict.Allowed() {
		t.Errorf("the policies do not let the grant count: %s %v", verdict.Reason, err)
	}
}

func TestR22APolicyThatIsTightenedEndsWhatWasApproved(t *testing.T) {
	f := newFixture(t)
	dave, rules := member("dave@example.com"), policyOf(v1alpha1.PolicyRules{Access: v1alpha1.AccessRules{
		Audience: v1alpha1.AudienceDepartments, Departments: []string{"legal"},
	}})
	f.ask(dave)
	f.expect(metav1.ConditionFalse, v1alpha1.ReasonPending)
	f.answer(member("alice@example.com"), v1alpha1.ConditionApproved)
	f.expect(metav1.ConditionFalse, v1alpha1.ReasonApproved)
	f.accept(metav1.ConditionTrue, v1alpha1.ReasonGranted)
	if !f.may(dave) {
		t.Fatal("dave may not watch")
	}
	version := f.grant().ResourceVersion
	rules.Namespace = f.namespace
	f.Create(t, rules)
	if f.may(dave) || f.grant().ResourceVersion != version {
		t.Error("dave may watch what the policy does not let him any more, or the grant had to be written for it")
	}
}

func TestR22ARequestGoesDownTheLineAndEnds(t *testing.T) {
	f := newFixture(t, policyOf(v1alpha1.PolicyRules{Sharing: v1alpha1.SharingRules{Approval: v1alpha1.ApprovalRules{
		AnswerWithin: "1d", ExpireAfter: "5d", Approvers: []v1alpha1.GrantSubject{{Kind: v1alpha1.SubjectDepartment, Name: "legal"}},
	}}}))
	f.askByKubectl()
	f.expectWaiting(v1alpha1.LineCreator, "alice@example.com")
	f.clock.SetTime(f.request.CreationTimestamp.Add(day - time.Second))
	f.expectWaiting(v1alpha1.LineCreator, "alice@example.com")
	f.clock.Step(time.Second)
	f.expectWaiting(v1alpha1.LineHosts, "alice@example.com", "bob@example.com")
	f.clock.Step(day)
	f.expectWaiting(v1alpha1.LineApprovers, "alice@example.com", "bob@example.com", "legal")
	f.clock.SetTime(f.request.CreationTimestamp.Add(5 * day))
	f.expect(metav1.ConditionFalse, v1alpha1.ReasonExpired)
	f.expectFacts("Requested Allowed dave@example.com Pending", "Escalated Allowed accessrequest Pending",
		"Escalated Allowed accessrequest Pending", "Denied Allowed accessrequest Expired")
	want := []string{"Pending", "AccessRequestPending", "Pending", "AccessRequestPending", "Pending", "AccessRequestPending", "Expired", "AccessRequestExpired"}
	var got []string
	for _, event := range f.Events.Take() {
		_, reason, _ := strings.Cut(strings.Split(event, ":")[0], " ")
		got = append(got, reason)
		if strings.Contains(event, f.recording.Spec.Meeting.Title) {
			t.Errorf("an event tells the title: %s", event)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	f.bind("erin@example.com", "reelkeeper-approver")
	late := f.request.DeepCopy()
	late.Status.DecidedBy.Name = "erin@example.com"
	meta.SetStatusCondition(&late.Status.Conditions, metav1.Condition{Type: v1alpha1.ConditionApproved, Status: metav1.ConditionTrue, Reason: "Approved"})
	if err := f.as("erin@example.com").Status().Update(t.Context(), late); err == nil || !strings.Contains(err.Error(), "is over and cannot be answered") {
		t.Errorf("answering a request that is over: %v, want that it is refused", err)
	}
}

func TestR22KubectlAnswersByTheVerbApprove(t *testing.T) {
	f := newFixture(t)
	f.askByKubectl()
	f.expect(metav1.ConditionFalse, v1alpha1.ReasonPending)
	f.bind("erin@example.com", "reelkeeper-approver")
	write := func(user, by, kind string) error {
		f.Get(t, f.request)
		return desk.Write(t.Context(), f.as(user), f.request.DeepCopy(), v1alpha1.RequestParty{Name: by}, kind, "fine", f.clock.Now())
	}
	for name, tc := range map[string]struct{ user, by, want string }{
		"without any right":              {"mallory@example.com", "mallory@example.com", "cannot patch resource"},
		"under another name":             {"erin@example.com", "alice@example.com", "people answer for themselves"},
		"the requester, with kubectl":    {"dave@example.com", "dave@example.com", "cannot patch resource"},
		"the requester, by another name": {"erin@example.com", "dave@example.com", "people answer for themselves"},
	} {
		if err := write(tc.user, tc.by, v1alpha1.ConditionApproved); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want a refusal that says %q", name, err, tc.want)
		}
	}
	if err := write("erin@example.com", "erin@example.com", v1alpha1.ConditionApproved); err != nil {
		t.Fatal(err)
	}
	if err := write("erin@example.com", "erin@example.com", v1alpha1.ConditionDenied); err == nil {
		t.Error("an approved request could be denied")
	}
	f.Get(t, f.request)
	f.Await(t, f.request)
	f.expect(metav1.ConditionFalse, v1alpha1.ReasonApproved)
	f.expectFacts("Requested Allowed dave@example.com Pending", "Approved Allowed erin@example.com Approved")
}

func TestR22WhoAnswersThroughTheGatewayHasToBeEntitled(t *testing.T) {
	f := newFixture(t)
	dave := member("dave@example.com")
	f.ask(dave)
	f.expect(metav1.ConditionFalse, v1alpha1.ReasonPending)
	for name, tc := range map[string]struct {
		who  *access.Subject
		want access.Reason
	}{
		"somebody else":   {member("erin@example.com"), access.NotPermitted},
		"the requester":   {dave, access.OwnRequest},
		"an outside host": {&access.Subject{Name: "bob@example.com", Verified: true}, access.NotInternal},
	} {
		if d := f.answer(tc.who, v1alpha1.ConditionApproved); d.Reason != tc.want || d.Allowed() {
			t.Errorf("%s: %s %s, want %s", name, d.Effect, d.Reason, tc.want)
		}
	}
	// A gateway that does not ask: the controller does.
	erin := member("erin@example.com")
	if err := desk.Write(t.Context(), f.as(gatewayUser), f.request, requests.PartyOf(erin, v1alpha1.AuditClient{}), v1alpha1.ConditionApproved, "", f.clock.Now()); err != nil {
		t.Fatal(err)
	}
	f.Await(t, f.request)
	f.expect(metav1.ConditionFalse, v1alpha1.ReasonApproverNotEntitled)
	if f.grant() != nil || f.may(dave) {
		t.Error("an approval by somebody who may not approve gave something")
	}
	f.expectFacts("Requested Allowed dave@example.com Pending", "Approved Refused erin@example.com NotPermitted")
}

func TestR22ADenialIsTheEnd(t *testing.T) {
	f := newFixture(t)
	f.ask(member("dave@example.com"))
	f.expect(metav1.ConditionFalse, v1alpha1.ReasonPending)
	f.answer(member("bob@example.com"), v1alpha1.ConditionDenied)
	if message := f.expect(metav1.ConditionFalse, v1alpha1.ReasonDenied); message != "Denied by bob@example.com: as discussed" {
		t.Errorf("message %q", message)
	}
	if f.grant() != nil || f.request.Status.WaitingFor.Line != "" {
		t.Error("a denied request goes on")
	}
	f.expectFacts("Requested Allowed dave@example.com Pending", "Denied Allowed bob@example.com Denied")
}

func TestR22WhatThePolicyNeverGrantsWaitsForNobody(t *testing.T) {
	f := newFixture(t, policyOf(v1alpha1.PolicyRules{Sharing: v1alpha1.SharingRules{Requests: v1alpha1.Forbidden}}))
	_, verdict, err := f.desk().Ask(t.Context(), f.recording, member("dave@example.com"), v1alpha1.AuditClient{}, desk.Wish{
		Permissions: []v1alpha1.Permission{v1alpha1.PermissionView}, Reason: "please", Duration: "1d",
	})
	if err != nil || verdict.Reason != access.RequestsForbidden {
		t.Errorf("the gateway says %s, %v", verdict.Reason, err)
	}
	f.askByKubectl()
	message := f.expect(metav1.ConditionFalse, v1alpha1.ReasonNotAllowed)
	if !strings.Contains(message, "RequestsForbidden") || !strings.Contains(message, "RecordingPolicy "+f.namespace+"/rules spec.sharing.requests") {
		t.Errorf("message %q does not name the code and the rule", message)
	}
	f.expectFacts("Requested Refused dave@example.com RequestsForbidden")
}

func TestR22DeletingTheGrantRevokes(t *testing.T) {
	f := newFixture(t)
	f.ask(member("dave@example.com"))
	f.expect(metav1.ConditionFalse, v1alpha1.ReasonPending)
	f.answer(member("alice@example.com"), v1alpha1.ConditionApproved)
	f.expect(metav1.ConditionFalse, v1alpha1.ReasonApproved)
	f.Delete(t, f.grant())
	f.expect(metav1.ConditionFalse, v1alpha1.ReasonRevoked)
	if f.grant() != nil {
		t.Error("what somebody revoked was granted again")
	}
}

func TestR22AGrantThatDoesNotCountIsReportedBack(t *testing.T) {
	f := newFixture(t)
	f.ask(member("dave@example.com"))
	f.expect(metav1.ConditionFalse, v1alpha1.ReasonPending)
	f.answer(member("alice@example.com"), v1alpha1.ConditionApproved)
	f.expect(metav1.ConditionFalse, v1alpha1.ReasonApproved)
	f.accept(metav1.ConditionFalse, v1alpha1.ReasonForbiddenByPolicy)
	if message := f.expect(metav1.ConditionFalse, v1alpha1.ReasonForbiddenByPolicy); !strings.Contains(message, "says the grant") {
		t.Errorf("message %q", message)
	}
	f.accept(metav1.ConditionTrue, v1alpha1.ReasonGranted)
	f.expect(metav1.ConditionTrue, v1alpha1.ReasonGranted)
}

func TestR22ARecordingThatComesLaterIsWaitedFor(t *testing.T) {
	f := newFixture(t)
	f.askByKubectl(func(r *v1alpha1.AccessRequest) { r.Spec.RecordingRef.Name = "q4" })
	f.expect(metav1.ConditionFalse, v1alpha1.ReasonRecordingNotFound)
	later := &v1alpha1.MeetingRecording{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "q4"}, Spec: f.recording.Spec}
	f.Create(t, later)
	f.expectWaiting(v1alpha1.LineCreator, "alice@example.com")
}

func TestR22WhoAsksTwiceHasOneRequest(t *testing.T) {
	f := newFixture(t)
	dave := member("dave@example.com")
	f.ask(dave)
	first := f.request.Name
	f.ask(dave)
	if f.request.Name != first {
		t.Errorf("asking twice made %s and %s", first, f.request.Name)
	}
	inbox, err := f.desk().Inbox(t.Context(), f.namespace, member("BOB@example.com"))
	if err != nil || len(inbox) != 1 || inbox[0].Request.Name != first {
		t.Errorf("the host's inbox has %v, %v", inbox, err)
	}
	if inbox, _ := f.desk().Inbox(t.Context(), f.namespace, dave); len(inbox) != 0 {
		t.Errorf("the requester's inbox has %v", inbox)
	}
	f.expect(metav1.ConditionFalse, v1alpha1.ReasonPending)
	f.answer(member("bob@example.com"), v1alpha1.ConditionDenied)
	f.expect(metav1.ConditionFalse, v1alpha1.ReasonDenied)
	if f.ask(dave); f.request.Name == first {
		t.Error("who was denied cannot ask again")
	}
}

func TestR36TheSuccessorAnswersForACreatorWhoHasLeft(t *testing.T) {
	f := newFixture(t)
	left := &v1alpha1.ClusterRecordingPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: "left-" + f.namespace},
		Spec: v1alpha1.ClusterRecordingPolicySpec{
			NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": f.namespace}},
			Departed:          []string{"Alice@example.com"},
		},
	}
	f.Create(t, left)
	t.Cleanup(func() { _ = f.Admin.Delete(context.WithoutCancel(t.Context()), left) })
	dave := member("dave@example.com")
	f.ask(dave)
	f.expectWaiting(v1alpha1.LineSuccessors, "bob@example.com")
	if d := f.answer(member("alice@example.com"), v1alpha1.ConditionApproved); d.Allowed() {
		t.Error("who has left may approve")
	}
	if d := f.answer(member("bob@example.com"), v1alpha1.ConditionApproved); !d.Allowed() {
		t.Errorf("the successor may not approve: %s", d.Reason)
	}
	f.expect(metav1.ConditionFalse, v1alpha1.ReasonApproved)
}
