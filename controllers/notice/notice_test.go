// SPDX-License-Identifier: Apache-2.0

//go:build unix

package notice_test

import (
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/controllers/notice"
	"github.com/reelkeeper/reelkeeper/internal/audit"
	"github.com/reelkeeper/reelkeeper/internal/deadline"
	"github.com/reelkeeper/reelkeeper/internal/effect"
	"github.com/reelkeeper/reelkeeper/internal/effect/effecttest"
	"github.com/reelkeeper/reelkeeper/internal/governance"
	"github.com/reelkeeper/reelkeeper/internal/kube/kubetest"
	"github.com/reelkeeper/reelkeeper/internal/testenv"
)

var env *testenv.Env

func TestMain(m *testing.M) {
	options := kubetest.Options()
	options.Manifests = append(options.Manifests, "config/admission/auditevents.yaml")
	testenv.Main(m, options, &env)
}

const signing = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// hook is a webhook over TLS that checks signatures with the library of the specification.
type hook struct {
	*httptest.Server
	t        *testing.T
	verifier *standardwebhooks.Webhook

	mu     sync.Mutex
	answer int
	taken  []message
}

type message struct {
	ID   string
	Type string `json:"type"`
	Data struct {
		Recipients   []struct{ Kind, Name string }
		Request      string
		Recording    struct{ Namespace, Name, Link string }
		Requester    string
		Reason       string
		Message      string
		DecidedBy    string
		AnswerBy     time.Time
		GrantedUntil time.Time
		By           string
		Day          string
		Downloads    []struct {
			By        string
			Recording struct{ Name string }
		}
		More int
	} `json:"data"`
}

func newHook(t *testing.T) *hook {
	t.Helper()
	verifier, err := standardwebhooks.NewWebhook(signing)
	if err != nil {
		t.Fatal(err)
	}
	h := &hook{t: t, verifier: verifier, answer: http.StatusNoContent}
	h.Server = httptest.NewTLSServer(h)
	t.Cleanup(h.Close)
	return h
}

func (h *hook) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	body, err := io.ReadAll(request.Body)
	if err != nil {
		h.t.Error(err)
	}
	if err := h.verifier.VerifyIgnoringTimestamp(body, request.Header); err != nil {
		h.t.Errorf("what came does not verify: %v", err)
	}
	if strings.Contains(string(body), "a secret title") {
		h.t.Error("the title is in the message")
	}
	w.WriteHeader(h.answer)
	if h.answer > 299 {
		return
	}
	m := message{ID: request.Header.Get("webhook-id")}
	if err := json.Unmarshal(body, &m); err != nil {
		h.t.Error(err)
	}
	h.taken = append(h.taken, m)
}

func (h *hook) says(status int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answer = status
}

// take returns what came since the last call.
func (h *hook) take() []message {
	h.mu.Lock()
	defer h.mu.Unlock()
	taken := h.taken
	h.taken = nil
	return taken
}

// fixture is a namespace with a recording: alice made the meeting, bob hosted it.
type fixture struct {
	*kubetest.Cluster
	t         *testing.T
	hook      *hook
	namespace string
	recording *v1alpha1.MeetingRecording
	secret    *corev1.Secret
	clock     *clocktesting.FakeClock
	days      *deadline.Queue[reconcile.Request]
	gate      effect.Gate
}

func newFixture(t *testing.T, rules v1alpha1.AuditRules) *fixture {
	t.Helper()
	t.Parallel()
	f := &fixture{Cluster: kubetest.New(t, env), t: t, hook: newHook(t), namespace: env.Namespace(t)}
	f.clock = clocktesting.NewFakeClock(clock.RealClock{}.Now().Truncate(time.Second))
	f.days = deadline.New[reconcile.Request](f.clock)
	f.secret = &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: kubetest.OperatorNamespace, Name: f.namespace},
		Data: map[string][]byte{
			"url": []byte(f.hook.URL + "/T0/in-the-path"), "secret": []byte(signing),
			"ca.crt": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.hook.Certificate().Raw}),
		},
	}
	policy := &v1alpha1.RecordingPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "rules"}}
	policy.Spec.Audit = rules
	f.recording = newRecording(f.namespace, "q3")
	f.Create(t, f.secret, policy, f.recording)
	f.UpdateStatus(t, f.recording, func() { f.recording.Status.Link = "https://recordings.example.com/r/" + f.namespace + "/q3" })
	return f
}

func newRecording(namespace, name string) *v1alpha1.MeetingRecording {
	return &v1alpha1.MeetingRecording{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1alpha1.MeetingRecordingSpec{
			Meeting: v1alpha1.MeetingFacts{ID: "1", Title: "a secret title", Creator: "alice@example.com", Hosts: []string{"bob@example.com"}},
			Source:  v1alpha1.MediaSource{Upload: &v1alpha1.UploadSource{}},
		},
	}
}

func (f *fixture) courier() *notice.Courier {
	return &notice.Courier{Secrets: f.Direct, Secret: client.ObjectKeyFromObject(f.secret), Clock: f.clock}
}

// askedBy makes a request whose turn is the given line's.
func (f *fixture) askedBy(name string, line v1alpha1.RequestLine, asked ...string) *v1alpha1.AccessRequest {
	f.t.Helper()
	request := &v1alpha1.AccessRequest{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "replay"},
		Spec: v1alpha1.AccessRequestSpec{
			RecordingRef: v1alpha1.RecordingReference{Name: "q3"}, Requester: v1alpha1.RequestParty{Name: name},
			Permissions: []v1alpha1.Permission{v1alpha1.PermissionView}, Reason: "I could not attend", Duration: "3d",
		},
	}
	f.Create(f.t, request)
	f.turn(request, line, request.CreationTimestamp.Time, asked...)
	return request
}

func (f *fixture) turn(request *v1alpha1.AccessRequest, line v1alpha1.RequestLine, since time.Time, asked ...string) {
	f.t.Helper()
	f.UpdateStatus(f.t, request, func() {
		turn := v1alpha1.RequestTurn{Line: line, Since: metav1.NewTime(since), Until: metav1.NewTime(since.Add(8 * time.Hour))}
		for _, who := range asked {
			turn.Subjects = append(turn.Subjects, v1alpha1.GrantSubject{Kind: v1alpha1.SubjectUser, Name: who})
		}
		request.Status.WaitingFor = turn
		f.ready(request, metav1.ConditionFalse, v1alpha1.ReasonPending)
	})
}

func (f *fixture) ready(request *v1alpha1.AccessRequest, status metav1.ConditionStatus, reason string) {
	meta.SetStatusCondition(&request.Status.Conditions, metav1.Condition{
		Type: v1alpha1.ConditionReady, Status: status, Reason: reason, Message: "x", ObservedGeneration: request.Generation,
	})
}

// answered is what the requests' controller makes of an answer.
func (f *fixture) answered(request *v1alpha1.AccessRequest, answer string, status metav1.ConditionStatus, reason string) {
	f.t.Helper()
	f.UpdateStatus(f.t, request, func() {
		request.Status.WaitingFor = v1alpha1.RequestTurn{}
		request.Status.DecidedBy = v1alpha1.RequestParty{Name: "alice@example.com"}
		request.Status.GrantedUntil = metav1.NewTime(f.clock.Now().Add(72 * time.Hour))
		meta.SetStatusCondition(&request.Status.Conditions, metav1.Condition{
			Type: answer, Status: metav1.ConditionTrue, Reason: answer, Message: "as discussed", LastTransitionTime: metav1.NewTime(f.clock.Now()),
		})
		f.ready(request, status, reason)
	})
}

// pass reconciles with a controller that was just started.
func (f *fixture) pass(request *v1alpha1.AccessRequest) error {
	r := &notice.Requests{Client: f.Client, Direct: f.Direct, Courier: f.courier(), Events: f.Events, Clock: f.clock}
	_, err := r.Reconcile(effect.With(f.t.Context(), f.gate), ctrl.Request{NamespacedName: client.ObjectKeyFromObject(request)})
	return err
}

// expect reconciles, and checks what came, what the condition says, and that another pass sends and writes nothing.
func (f *fixture) expect(request *v1alpha1.AccessRequest, wantType string, wantTo ...string) message {
	f.t.Helper()
	if err := f.pass(request); err != nil {
		f.t.Fatal(err)
	}
	taken := f.hook.take()
	if len(taken) != 1 || taken[0].Type != wantType {
		f.t.Fatalf("messages = %+v, want one %s", taken, wantType)
	}
	var to []string
	for _, one := range taken[0].Data.Recipients {
		to = append(to, one.Name)
	}
	if diff := cmp.Diff(wantTo, to); diff != "" {
		f.t.Errorf("recipients (-want +got):\n%s", diff)
	}
	f.expectNotified(request, metav1.ConditionTrue)
	version := request.ResourceVersion
	if err := f.pass(request); err != nil {
		f.t.Fatal(err)
	}
	if again := f.hook.take(); len(again) > 0 {
		f.t.Errorf("it was told again: %+v", again)
	}
	if f.Get(f.t, request); request.ResourceVersion != version {
		f.t.Error("something was written at rest")
	}
	return taken[0]
}

func (f *fixture) expectNotified(request *v1alpha1.AccessRequest, want metav1.ConditionStatus) *metav1.Condition {
	f.t.Helper()
	f.Get(f.t, request)
	f.Await(f.t, request)
	told := meta.FindStatusCondition(request.Status.Conditions, v1alpha1.ConditionNotified)
	if told == nil || told.Status != want {
		f.t.Fatalf("Notified = %+v, want %s", told, want)
	}
	return told
}

func TestR22PeopleAreToldOfARequest(t *testing.T) {
	f := newFixture(t, v1alpha1.AuditRules{DownloadNotice: v1alpha1.NotifyNone})
	request := f.askedBy("dave@example.com", v1alpha1.LineCreator, "alice@example.com")
	m := f.expect(request, "access.requested", "alice@example.com")
	if m.Data.Requester != "dave@example.com" || m.Data.Reason != "I could not attend" || m.Data.Recording.Link != f.recording.Status.Link || m.Data.AnswerBy.IsZero() {
		t.Errorf("the message says %+v", m.Data)
	}
	f.clock.Step(8 * time.Hour)
	f.turn(request, v1alpha1.LineHosts, f.clock.Now(), "alice@example.com", "bob@example.com")
	f.expect(request, "access.escalated", "alice@example.com", "bob@example.com")

	f.answered(request, v1alpha1.ConditionApproved, metav1.ConditionFalse, v1alpha1.ReasonApproved)
	if err := f.pass(request); err != nil {
		t.Fatal(err)
	}
	if taken := f.hook.take(); len(taken) > 0 {
		t.Errorf("the requester was told before the grant counts: %+v", taken)
	}
	f.answered(request, v1alpha1.ConditionApproved, metav1.ConditionTrue, v1alpha1.ReasonGranted)
	m = f.expect(request, "access.granted", "dave@example.com")
	if m.Data.DecidedBy != "alice@example.com" || m.Data.Message != "as discussed" || m.Data.GrantedUntil.IsZero() {
		t.Errorf("the message says %+v", m.Data)
	}
}

func TestR22ARequesterHearsOfADenial(t *testing.T) {
	f := newFixture(t, v1alpha1.AuditRules{DownloadNotice: v1alpha1.NotifyNone})
	request := f.askedBy("dave@example.com", v1alpha1.LineCreator, "alice@example.com")
	f.answered(request, v1alpha1.ConditionDenied, metav1.ConditionFalse, v1alpha1.ReasonDenied)
	f.expect(request, "access.denied", "dave@example.com")
}

func TestR22ARequesterHearsThatNobodyAnswered(t *testing.T) {
	f := newFixture(t, v1alpha1.AuditRules{DownloadNotice: v1alpha1.NotifyNone})
	request := f.askedBy("dave@example.com", v1alpha1.LineNobody)
	f.expect(request, "access.requested")
	f.UpdateStatus(t, request, func() {
		request.Status.WaitingFor, request.Status.EndedAt = v1alpha1.RequestTurn{}, metav1.NewTime(f.clock.Now())
		f.ready(request, metav1.ConditionFalse, v1alpha1.ReasonExpired)
	})
	f.expect(request, "access.expired", "dave@example.com")
}

func TestAMessageThatIsNotTakenIsTriedForADay(t *testing.T) {
	f := newFixture(t, v1alpha1.AuditRules{DownloadNotice: v1alpha1.NotifyNone})
	request := f.askedBy("dave@example.com", v1alpha1.LineCreator, "alice@example.com")
	f.hook.says(http.StatusServiceUnavailable)
	for range 3 {
		err := f.pass(request)
		if err == nil || !strings.Contains(err.Error(), "503") || strings.Contains(err.Error(), "in-the-path") {
			t.Fatalf("Reconcile = %v, want an error that says 503 and keeps the address to itself", err)
		}
	}
	told := f.expectNotified(request, metav1.ConditionFalse)
	version := request.ResourceVersion
	if told.Reason != "Creator" || len(f.Events.Take()) != 3 {
		t.Errorf("Notified = %+v, and not an event for each try", told)
	}
	if err := f.pass(request); err == nil {
		t.Error("the webhook is down, and Reconcile says that all is well")
	}
	if f.Get(t, request); request.ResourceVersion != version {
		t.Error("every try writes the status")
	}

	f.hook.says(http.StatusOK)
	f.expect(request, "access.requested", "alice@example.com")

	f.hook.says(http.StatusServiceUnavailable)
	f.turn(request, v1alpha1.LineHosts, f.clock.Now(), "bob@example.com")
	_ = f.pass(request)
	f.expectNotified(request, metav1.ConditionFalse)
	f.clock.Step(25 * time.Hour)
	for range 2 {
		if err := f.pass(request); err != nil {
			t.Fatalf("after a day: %v", err)
		}
	}
	if told := f.expectNotified(request, metav1.ConditionFalse); !strings.Contains(told.Message, "within a day") {
		t.Errorf("after a day the condition says %q", told.Message)
	}
}

func TestOldRequestsAreNotToldToANewWebhook(t *testing.T) {
	f := newFixture(t, v1alpha1.AuditRules{DownloadNotice: v1alpha1.NotifyNone})
	request := f.askedBy("dave@example.com", v1alpha1.LineCreator, "alice@example.com")
	f.clock.Step(25 * time.Hour)
	if err := f.pass(request); err != nil {
		t.Fatal(err)
	}
	f.Get(t, request)
	if taken := f.hook.take(); len(taken) > 0 || meta.FindStatusCondition(request.Status.Conditions, v1alpha1.ConditionNotified) != nil {
		t.Errorf("messages = %+v, want none and no condition", taken)
	}
}

func TestAWebhookThatCannotBeReadSaysWhy(t *testing.T) {
	f := newFixture(t, v1alpha1.AuditRules{DownloadNotice: v1alpha1.NotifyNone})
	request := f.askedBy("dave@example.com", v1alpha1.LineCreator, "alice@example.com")
	f.Update(t, f.secret, func() { delete(f.secret.Data, "secret") })
	if err := f.pass(request); err == nil || !strings.Contains(err.Error(), "lacks the key secret") {
		t.Errorf("Reconcile = %v, want what the Secret lacks", err)
	}
	f.Delete(t, f.secret)
	if err := f.pass(request); err == nil || !strings.Contains(err.Error(), f.secret.Name) {
		t.Errorf("Reconcile = %v, want the Secret's name", err)
	}
}

// TestNoCrashForgetsAMessage has every effect fail once in every way.
func TestNoCrashForgetsAMessage(t *testing.T) {
	t.Parallel()
	for _, fault := range effecttest.Faults {
		t.Run(string(fault), func(t *testing.T) {
			f := newFixture(t, v1alpha1.AuditRules{DownloadNotice: v1alpha1.NotifyImmediate})
			struck := map[effect.Name]bool{}
			f.gate = func(name effect.Name, write func() error) error {
				if struck[name] {
					return write()
				}
				struck[name] = true
				return fault.Strike(write)
			}
			request := f.askedBy("dave@example.com", v1alpha1.LineCreator, "alice@example.com")
			event := f.downloaded(f.recording, audit.User("erin@example.com", ""))
			settle(t, func() error { return f.pass(request) })
			settle(t, func() error { return f.look(event.Name) })
			taken := f.hook.take()
			ids := map[string]bool{}
			for _, m := range taken {
				ids[m.ID] = true
			}
			if len(ids) != 2 {
				t.Errorf("messages = %+v, want those of the request and of the download, each under one id", taken)
			}
			if len(struck) != 3 {
				t.Errorf("struck were %v, want three effects", struck)
			}
			f.expectNotified(request, metav1.ConditionTrue)
		})
	}
}

func settle(t *testing.T, pass func() error) {
	t.Helper()
	for range 10 {
		if pass() == nil {
			return
		}
	}
	t.Fatal("it does not settle")
}

// downloaded records that somebody downloads the recording.
func (f *fixture) downloaded(recording *v1alpha1.MeetingRecording, by v1alpha1.AuditActor) *v1alpha1.AuditEvent {
	f.t.Helper()
	return f.record(recording, by, v1alpha1.AuditDownloaded, "PermittedByRole")
}

func (f *fixture) record(recording *v1alpha1.MeetingRecording, by v1alpha1.AuditActor, action v1alpha1.AuditAction, reason string) *v1alpha1.AuditEvent {
	f.t.Helper()
	return f.write(audit.Event{Action: action, Actor: by, Recording: audit.RecordingOf(recording), Reason: reason})
}

// write records something that was allowed.
func (f *fixture) write(event audit.Event) *v1alpha1.AuditEvent {
	f.t.Helper()
	known := f.AuditEvents(f.t, f.namespace)
	event.Namespace, event.Outcome = f.namespace, v1alpha1.OutcomeAllowed
	if err := audit.NewRecorder(f.Direct, f.clock).Record(f.t.Context(), event); err != nil {
		f.t.Fatal(err)
	}
	for _, event := range f.AuditEvents(f.t, f.namespace) {
		if !slices.ContainsFunc(known, func(e v1alpha1.AuditEvent) bool { return e.UID == event.UID }) {
			f.Await(f.t, &event)
			return &event
		}
	}
	f.t.Fatal("nothing was recorded")
	return nil
}

// look reconciles an AuditEvent, or for an empty name the digest.
func (f *fixture) look(name string) error {
	r := &notice.Downloads{
		Client: f.Client, Direct: f.Direct, Governance: governance.Reader{Client: f.Client}, Courier: f.courier(), Events: f.Events, Clock: f.clock, Days: f.days,
	}
	_, err := r.Reconcile(effect.With(f.t.Context(), f.gate), ctrl.Request{NamespacedName: client.ObjectKey{Namespace: f.namespace, Name: name}})
	return err
}

// awaitMark waits until the manager sees that the event is marked.
func (f *fixture) awaitMark(event *v1alpha1.AuditEvent) {
	f.t.Helper()
	f.Get(f.t, event)
	if event.Annotations[v1alpha1.AnnotationNotified] == "" {
		f.t.Fatal("it is not written down that owners were told")
	}
	f.Await(f.t, event)
}

func TestOwnersAreToldOfDownloads(t *testing.T) {
	f := newFixture(t, v1alpha1.AuditRules{DownloadNotice: v1alpha1.NotifyImmediate})
	event := f.downloaded(f.recording, audit.User("erin@example.com", "https://login.example.com"))
	if err := f.look(event.Name); err != nil {
		t.Fatal(err)
	}
	taken := f.hook.take()
	if len(taken) != 1 || taken[0].Type != "recording.downloaded" || taken[0].Data.By != "erin@example.com" ||
		len(taken[0].Data.Recipients) != 1 || taken[0].Data.Recipients[0].Name != "alice@example.com" || taken[0].Data.Recording.Link != f.recording.Status.Link {
		t.Fatalf("messages = %+v, want that alice hears of erin", taken)
	}
	f.awaitMark(event)
	if err := f.look(event.Name); err != nil {
		t.Fatal(err)
	}
	ended := f.record(f.recording, audit.User("erin@example.com", "https://login.example.com"), v1alpha1.AuditDelivered, "Finished")
	if err := f.look(ended.Name); err != nil {
		t.Fatal(err)
	}
	own := f.downloaded(f.recording, audit.User("ALICE@example.com", "https://login.example.com"))
	if err := f.look(own.Name); err != nil {
		t.Fatal(err)
	}
	if taken := f.hook.take(); len(taken) > 0 {
		t.Errorf("messages = %+v, want none: twice the same, its end, or alice of herself", taken)
	}
}

// TestOwnersAreToldOnceOfADownloadThatGoesOn has a download break off and go on, and the same begun in its middle elsewhere.
func TestOwnersAreToldOnceOfADownloadThatGoesOn(t *testing.T) {
	for notice, want := range map[v1alpha1.DownloadNotice]string{v1alpha1.NotifyImmediate: "recording.downloaded", v1alpha1.NotifyDigest: "recording.downloads"} {
		t.Run(string(notice), func(t *testing.T) {
			f := newFixture(t, v1alpha1.AuditRules{DownloadNotice: notice})
			start := audit.Event{
				Action: v1alpha1.AuditDownloaded, Actor: audit.User("erin@example.com", ""), Recording: audit.RecordingOf(f.recording),
				Reason: "PermittedByRole", Download: "one",
			}
			broke, part, elsewhere := start, start, start
			broke.Action, broke.Reason = v1alpha1.AuditDelivered, v1alpha1.ReasonBrokenOff
			part.Resumed = true
			elsewhere.Resumed, elsewhere.Download = true, "two"
			var last *v1alpha1.AuditEvent
			for _, event := range []audit.Event{start, broke, part, elsewhere} {
				last = f.write(event)
				if err := f.look(last.Name); err != nil {
					t.Fatal(err)
				}
			}
			f.clock.SetTime(last.CreationTimestamp.UTC().Truncate(24*time.Hour).AddDate(0, 0, 1).Add(time.Hour))
			if err := f.look(""); err != nil {
				t.Fatal(err)
			}
			told := 0
			for _, m := range f.hook.take() {
				if m.Type != want {
					t.Errorf("a message of type %s, want %s", m.Type, want)
				}
				told += max(1, len(m.Data.Downloads))
			}
			if told != 2 {
				t.Errorf("the owner hears of %d downloads, want 2: the one that goes on, and the one of another session", told)
			}
		})
	}
}

func TestOwnersAreNotToldWhereThePolicyDoesNotSaySo(t *testing.T) {
	f := newFixture(t, v1alpha1.AuditRules{DownloadNotice: v1alpha1.NotifyNone})
	event := f.downloaded(f.recording, audit.Anonymous())
	if err := f.look(event.Name); err != nil {
		t.Fatal(err)
	}
	f.clock.Step(48 * time.Hour)
	if err := f.look(""); err != nil {
		t.Fatal(err)
	}
	if taken := f.hook.take(); len(taken) > 0 {
		t.Errorf("messages = %+v, want none", taken)
	}
}

func TestADigestTellsOfADayWhenItHasEnded(t *testing.T) {
	f := newFixture(t, v1alpha1.AuditRules{DownloadNotice: v1alpha1.NotifyDigest})
	other := newRecording(f.namespace, "q4")
	other.Spec.Meeting.Creator = "bob@example.com"
	f.Create(t, other)
	events := []*v1alpha1.AuditEvent{
		f.downloaded(f.recording, audit.User("erin@example.com", "")), f.downloaded(f.recording, audit.Anonymous()), f.downloaded(other, audit.User("erin@example.com", "")),
	}
	f.record(other, audit.User("erin@example.com", ""), v1alpha1.AuditDelivered, "Finished") // the end of one is no further one
	for _, event := range events {
		if err := f.look(event.Name); err != nil {
			t.Fatal(err)
		}
	}
	key := reconcile.Request{NamespacedName: client.ObjectKey{Namespace: f.namespace}}
	midnight := events[0].CreationTimestamp.UTC().Truncate(24*time.Hour).AddDate(0, 0, 1)
	if at := f.days.At(key); !at.Equal(midnight) {
		t.Fatalf("the digest is due at %s, want %s", at, midnight)
	}
	if err := f.look(""); err != nil {
		t.Fatal(err)
	}
	if taken := f.hook.take(); len(taken) > 0 {
		t.Fatalf("messages before the day has ended: %+v", taken)
	}

	f.clock.SetTime(midnight.Add(24 * time.Hour).Add(-time.Second)) // late, as after a restart; also if the events fell on two days
	f.hook.says(http.StatusBadGateway)
	if err := f.look(""); err == nil {
		t.Fatal("the webhook is down, and the digest says that all is well")
	}
	f.hook.says(http.StatusOK)
	if err := f.look(""); err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, m := range f.hook.take() {
		if m.Type != "recording.downloads" || m.Data.Day == "" {
			t.Errorf("message = %+v, want a digest", m)
		}
		got[m.Data.Recipients[0].Name] += len(m.Data.Downloads)
	}
	if diff := cmp.Diff(map[string]int{"alice@example.com": 2, "bob@example.com": 1}, got); diff != "" {
		t.Errorf("downloads that owners heard of (-want +got):\n%s", diff)
	}
	for _, event := range events {
		f.awaitMark(event)
	}
	if err := f.look(""); err != nil {
		t.Fatal(err)
	}
	if taken := f.hook.take(); len(taken) > 0 {
		t.Errorf("the digest went out twice: %+v", taken)
	}
}
