// SPDX-License-Identifier: Apache-2.0

//go:build unix

package notice_test

import (
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
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
	"github.com/reelkeeper/reelkeeper/internal/deadline"
	"github.com/reelkeeper/reelkeeper/internal/effect"
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
