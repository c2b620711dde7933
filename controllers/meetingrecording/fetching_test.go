// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/media/mediatest"
)

// mediaServer is a server of meeting recordings, with TLS, that wants a token and breaks off half-way the first time.
func mediaServer(t *testing.T, path string) *httptest.Server {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var broken atomic.Bool
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/metadata":
			http.Redirect(w, r, "https://169.254.169.254/latest/meta-data", http.StatusFound)
		case r.Header.Get("Authorization") != "Bearer s3cr3t":
			w.WriteHeader(http.StatusForbidden)
		case broken.CompareAndSwap(false, true):
			w.Header().Set("ETag", `"one"`)
			w.Header().Set("Content-Length", strconv.Itoa(len(content)))
			_, _ = w.Write(content[:len(content)/2])
			panic(http.ErrAbortHandler)
		default:
			w.Header().Set("ETag", `"one"`)
			http.ServeFile(w, r, path)
		}
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

// fetchesFrom opens the store to a server on the loopback.
func fetchesFrom(server *httptest.Server) func(*v1alpha1.RecordingStore) {
	return func(store *v1alpha1.RecordingStore) {
		store.Spec.Intake.URLs = v1alpha1.URLIntake{
			Namespaces: &metav1.LabelSelector{}, Hosts: []string{"127.0.0.1"}, PrivateAddresses: v1alpha1.PrivateAddressesAllowed,
			CABundle: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})),
		}
	}
}

func fromURL(url, secret string) func(*v1alpha1.MeetingRecording) {
	return func(r *v1alpha1.MeetingRecording) {
		r.Spec.Source = v1alpha1.MediaSource{URL: &v1alpha1.URLSource{
			URL: url, CredentialsSecretRef: v1alpha1.LocalSecretReference{Name: secret}, MaxSize: quantity("1Gi"),
		}}
	}
}

func TestR5AFetchedRecordingBecomesAvailable(t *testing.T) {
	t.Parallel()
	server := mediaServer(t, mediatest.MP4(t))
	w := newWorld(t, fetchesFrom(server))
	w.record(fromURL(server.URL+"/q3.mp4?token=s3cr3t", "media"))
	waiting := w.drive(is(v1alpha1.ReasonCredentialsNotFound))
	if message := readyMessage(&waiting.Status); !strings.Contains(message, v1alpha1.SecretTypeURLCredentials) {
		t.Errorf("message: %s", message)
	}
	w.create(&corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "media"}, Type: v1alpha1.SecretTypeURLCredentials,
		StringData: map[string]string{keyHost: "127.0.0.1", keyToken: "s3cr3t"},
	})
	recording := w.drive(is(v1alpha1.ReasonAvailable))
	if stored := condition(recording, v1alpha1.ConditionStored); stored.Status != metav1.ConditionTrue || recording.Status.Media.Duration != "6s" {
		t.Errorf("Stored = %+v, media = %+v", stored, recording.Status.Media)
	}
	w.expectNoStrays(recording)
	if diff := cmp.Diff(map[v1alpha1.AuditAction]int{v1alpha1.AuditUploaded: 1, v1alpha1.AuditProcessed: 1}, w.audited(w.namespace)); diff != "" {
		t.Errorf("audit events (-want +got):\n%s", diff)
	}
	w.expectNotTold("s3cr3t", "/q3.mp4")
}

// expectNotTold looks for what is secret in all that people can read of a recording but its spec.
func (w *world) expectNotTold(secrets ...string) {
	w.Helper()
	var list v1alpha1.AuditEventList
	if err := w.admin.List(w.Context(), &list); err != nil {
		w.Fatal(err)
	}
	var events []string
	for len(w.events.Events) > 0 {
		events = append(events, <-w.events.Events)
	}
	told, err := json.Marshal(map[string]any{"status": w.get().Status, "audit": list.Items, "events": events})
	if err != nil {
		w.Fatal(err)
	}
	for _, secret := range secrets {
		if strings.Contains(string(told), secret) {
			w.Errorf("%q is told: %s", secret, told)
		}
	}
}

func TestWhatCannotBeFetchedEndsWithTheReason(t *testing.T) {
	t.Parallel()
	server := mediaServer(t, mediatest.MP4(t))
	closed := func(store *v1alpha1.RecordingStore) {
		fetchesFrom(server)(store)
		store.Spec.Intake.URLs.PrivateAddresses = ""
	}
	cases := map[string]struct {
		store func(*v1alpha1.RecordingStore)
		path  string
		want  string
	}{
		"a redirect to where clouds hand out credentials":         {fetchesFrom(server), "/metadata", v1alpha1.ReasonAddressNotAllowed},
		"what the server forbids":                                 {fetchesFrom(server), "/q3.mp4", v1alpha1.ReasonSourceForbidden},
		"a private address that the store has said nothing about": {closed, "/q3.mp4", v1alpha1.ReasonAddressNotAllowed},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tc.store)
			w.record(fromURL(server.URL+tc.path+"?key=s3cr3t", ""))
			recording := w.drive(is(tc.want))
			if got := condition(recording, v1alpha1.ConditionStalled); got.Status != metav1.ConditionTrue || got.Reason != tc.want {
				t.Errorf("Stalled = %+v", got)
			}
			w.expectNotTold("s3cr3t")
		})
	}
}

func TestFetchingIsForTheStoreToAllow(t *testing.T) {
	t.Parallel()
	withURL := func(o *observation) { fromURL("https://media.example.com/q3.mp4", "")(o.recording) }
	allowing := func(rules v1alpha1.URLIntake) func(*observation) {
		return func(o *observation) { withURL(o); o.store.open.Object.Spec.Intake.URLs = rules }
	}
	all := &metav1.LabelSelector{}
	cases := map[string]struct {
		seen func(*observation)
		want string // reason, empty where it starts
		says string
	}{
		"nothing is said":       {withURL, v1alpha1.ReasonURLNotAllowed, "takes no media by source.url"},
		"all of it":             {allowing(v1alpha1.URLIntake{Namespaces: all}), "", ""},
		"the host":              {allowing(v1alpha1.URLIntake{Namespaces: all, Hosts: []string{"*.example.com"}}), "", ""},
		"other hosts":           {allowing(v1alpha1.URLIntake{Namespaces: all, Hosts: []string{"example.com"}}), v1alpha1.ReasonURLNotAllowed, "spec.intake.urls.hosts"},
		"other namespaces":      {allowing(v1alpha1.URLIntake{Namespaces: &metav1.LabelSelector{MatchLabels: map[string]string{"a": "b"}}}), v1alpha1.ReasonURLNotAllowed, "spec.intake.urls.namespaces"},
		"what nobody can parse": {allowing(v1alpha1.URLIntake{Namespaces: &metav1.LabelSelector{MatchLabels: map[string]string{"a": "b c"}}}), v1alpha1.ReasonStoreNotReady, "spec.intake.urls.namespaces"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := decide(seen(tc.seen))
			if tc.want == "" {
				if !cmp.Equal(d.steps, []step{startJob, armJob}) {
					t.Errorf("steps = %v", d.steps)
				}
				return
			}
			if got := readyReason(d.status); got != tc.want || !strings.Contains(readyMessage(d.status), tc.says) || len(d.steps) > 0 {
				t.Errorf("%s: %s; steps %v; want %s, which says %q", got, readyMessage(d.status), d.steps, tc.want, tc.says)
			}
		})
	}
}

func TestOnlySecretsMadeForItAreSent(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		kind  corev1.SecretType
		data  map[string]string
		want  string
		wrong string
	}{
		"a token":                     {v1alpha1.SecretTypeURLCredentials, map[string]string{"host": "h", "token": "t"}, "Bearer t", ""},
		"a name and a password":       {v1alpha1.SecretTypeURLCredentials, map[string]string{"host": "h", "username": "bob", "password": "p"}, "Basic Ym9iOnA=", ""},
		"a token from a file":         {v1alpha1.SecretTypeURLCredentials, map[string]string{"host": "h\n", "token": "t\n"}, "Bearer t", ""},
		"a password from a file":      {v1alpha1.SecretTypeURLCredentials, map[string]string{"host": "h\n", "username": "bob\n", "password": "p\n"}, "Basic Ym9iOnA=", ""},
		"a token that was wrapped":    {v1alpha1.SecretTypeURLCredentials, map[string]string{"host": "h", "token": "t\nt"}, "", "has a line break within its key token"},
		"a ServiceAccount's token":    {corev1.SecretTypeServiceAccountToken, map[string]string{"host": "h", "token": "t"}, "", "is not of the type"},
		"any other Secret":            {corev1.SecretTypeOpaque, map[string]string{"host": "h", "token": "t"}, "", "is not of the type"},
		"no host":                     {v1alpha1.SecretTypeURLCredentials, map[string]string{"token": "t"}, "", "has no key host"},
		"a host and nothing for it":   {v1alpha1.SecretTypeURLCredentials, map[string]string{"host": "h"}, "", "has neither"},
		"two ways to say who one is.": {v1alpha1.SecretTypeURLCredentials, map[string]string{"host": "h", "token": "t", "username": "bob"}, "", "has both"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "media"}, Type: tc.kind, Data: map[string][]byte{}}
			for key, value := range tc.data {
				secret.Data[key] = []byte(value)
			}
			got := credentialsOf(secret)
			if string(got.authorization) != tc.want || tc.want != "" && got.host != "h" || got.problem.found() != (tc.wrong != "") || !strings.Contains(got.problem.message, tc.wrong) {
				t.Errorf("%q for %q, %v", string(got.authorization), got.host, got.problem)
			}
		})
	}
}
