// SPDX-License-Identifier: Apache-2.0

package webhook_test

import (
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"k8s.io/utils/clock"

	"github.com/reelkeeper/reelkeeper/internal/webhook"
)

const (
	secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	newer  = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
)

// receiver is a webhook that checks what comes with the library of the specification.
type receiver struct {
	*httptest.Server
	t       *testing.T
	secrets []string
	answer  int
	bodies  []string
	ids     []string
}

func newReceiver(t *testing.T, secrets ...string) *receiver {
	t.Helper()
	r := &receiver{t: t, secrets: secrets, answer: http.StatusNoContent}
	r.Server = httptest.NewTLSServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		r.t.Error(err)
	}
	for _, s := range r.secrets {
		wh, err := standardwebhooks.NewWebhook(s)
		if err != nil {
			r.t.Error(err)
			return
		}
		if err := wh.Verify(body, request.Header); err != nil {
			r.t.Errorf("what came does not verify: %v", err)
		}
	}
	r.bodies, r.ids = append(r.bodies, string(body)), append(r.ids, request.Header.Get("webhook-id"))
	if r.answer == http.StatusFound {
		http.Redirect(w, request, "/elsewhere", r.answer)
		return
	}
	w.WriteHeader(r.answer)
}

func (r *receiver) endpoint(signedWith string) *webhook.Endpoint {
	r.t.Helper()
	e, err := webhook.ParseEndpoint(map[string][]byte{
		webhook.URLKey:    []byte(r.URL + "/T0/a-secret-in-the-path\n"),
		webhook.SecretKey: []byte(signedWith),
		webhook.CAKey:     pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.Certificate().Raw}),
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return e
}

var message = webhook.Message{
	ID: "msg_1", Type: "access.requested", Time: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC),
	Data: map[string]string{"reason": "I could not attend"},
}

func TestWhatIsSentVerifies(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		signedWith string
		secrets    []string
	}{
		"signed with one secret": {secret, []string{secret}},
		"while secrets change, for who has the old and who has the new": {secret + " " + newer, []string{secret, newer}},
		"without the prefix": {strings.TrimPrefix(secret, "whsec_"), []string{secret}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newReceiver(t, tc.secrets...)
			if err := r.endpoint(tc.signedWith).Send(t.Context(), message, clock.RealClock{}.Now()); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{"msg_1"}, r.ids); diff != "" {
				t.Errorf("messages (-want +got):\n%s", diff)
			}
			var got, want any
			if err := json.Unmarshal([]byte(r.bodies[0]), &got); err != nil {
				t.Fatal(err)
			}
			_ = json.Unmarshal([]byte(`{"type": "access.requested", "timestamp": "2026-11-22T10:00:00Z", "data": {"reason": "I could not attend"}}`), &want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("payload (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOnlyASuccessIsOne(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusFound, http.StatusBadRequest, http.StatusGone, http.StatusTooManyRequests, http.StatusServiceUnavailable} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			t.Parallel()
			r := newReceiver(t, secret)
			r.answer = status
			err := r.endpoint(secret).Send(t.Context(), message, clock.RealClock{}.Now())
			if err == nil || !strings.Contains(err.Error(), http.StatusText(status)) {
				t.Errorf("Send = %v, want an error that says %d", err, status)
			}
			if len(r.bodies) != 1 {
				t.Errorf("%d requests came, want 1: redirects lead to where nobody has said that messages may go", len(r.bodies))
			}
		})
	}
}

func TestErrorsKeepTheAddressSecret(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, secret)
	e := r.endpoint(secret)
	r.Close()
	err := e.Send(t.Context(), message, clock.RealClock{}.Now())
	if err == nil || strings.Contains(err.Error(), "a-secret-in-the-path") || !strings.Contains(err.Error(), e.Host()) {
		t.Errorf("Send = %v, want an error with the host alone", err)
	}
}

func TestEndpointsThatCannotBe(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		url, secret, ca string
		want            string
	}{
		"nothing":                      {want: "url"},
		"no address":                   {url: "hooks.example.com", secret: secret, want: "https://"},
		"http to the world":            {url: "http://hooks.example.com/", secret: secret, want: "has to begin with https"},
		"a name that looks like ours":  {url: "http://svc.example.com/", secret: secret, want: "has to begin with https"},
		"another scheme":               {url: "ftp://hooks.svc/", secret: secret, want: "has to begin with https"},
		"no secret":                    {url: "https://hooks.example.com/", want: "lacks the key secret"},
		"a secret that is no base64":   {url: "https://hooks.example.com/", secret: "whsec_hunter2!", want: "base64"},
		"a secret that can be guessed": {url: "https://hooks.example.com/", secret: "whsec_aHVudGVyMg==", want: "24 to 64"},
		"one good and one bad secret":  {url: "https://hooks.example.com/", secret: secret + " x", want: "base64"},
		"a bundle of nothing":          {url: "https://hooks.example.com/", secret: secret, ca: "x", want: "ca.crt"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := webhook.ParseEndpoint(map[string][]byte{"url": []byte(tc.url), "secret": []byte(tc.secret), "ca.crt": []byte(tc.ca)})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("ParseEndpoint = %v, want an error about %s", err, tc.want)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error says the secret: %v", err)
			}
		})
	}
}

func TestServicesOfTheClusterMayBeReachedWithoutTLS(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"http://notices.chat.svc:8080/x", "http://notices.chat.svc.cluster.local/x", "http://127.0.0.1:9/x"} {
		if _, err := webhook.ParseEndpoint(map[string][]byte{"url": []byte(address), "secret": []byte(secret)}); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
}
