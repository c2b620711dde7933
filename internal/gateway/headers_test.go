// SPDX-License-Identifier: Apache-2.0

//go:build unix

package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-logr/logr/funcr"

	"github.com/reelkeeper/reelkeeper/internal/gateway"
	"github.com/reelkeeper/reelkeeper/web"
)

func TestAnswersAreLockedDown(t *testing.T) {
	t.Parallel()
	options := theWorld(t).Options
	options.PublicURL = "https://recordings.example.com"
	server, err := gateway.New(options)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/", "/healthz", "/r/a/b", "/r/a/b/download", "/v/x/key", "/g/x", "/nowhere", "/assets/none"} {
		recorder := httptest.NewRecorder()
		server.Handler().ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "https://recordings.example.com"+path, http.NoBody))
		for name, want := range map[string]string{
			"Content-Security-Policy":   "default-src 'none'",
			"Cache-Control":             "private, no-store",
			"X-Content-Type-Options":    "nosniff",
			"Referrer-Policy":           "no-referrer",
			"Strict-Transport-Security": "max-age=31536000",
		} {
			if got := recorder.Header().Get(name); !strings.HasPrefix(got, want) {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
		if policy := recorder.Header().Get("Content-Security-Policy"); strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") {
			t.Errorf("%s: the content security policy allows too much: %s", path, policy)
		}
		for _, cookie := range recorder.Result().Cookies() {
			if !strings.HasPrefix(cookie.Name, "__Host-") || !cookie.Secure || !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/" {
				t.Errorf("%s: the cookie %s is not locked down", path, cookie.Name)
			}
		}
	}
}

func TestAssetsCanBeCachedForEver(t *testing.T) {
	t.Parallel()
	assets, err := web.Load()
	if err != nil {
		t.Fatal(err)
	}
	answer := theWorld(t).Anonymous(t).Get(t, "/assets/"+assets.Script)
	if answer.Status != http.StatusOK || answer.Header.Get("Cache-Control") != "public, max-age=31536000, immutable" {
		t.Errorf("status %d, Cache-Control %q", answer.Status, answer.Header.Get("Cache-Control"))
	}
	if got := answer.Header.Get("Content-Type"); !strings.HasPrefix(got, "text/javascript") {
		t.Errorf("Content-Type %q", got)
	}
}

func TestTheLogHoldsNoSecrets(t *testing.T) {
	t.Parallel()
	options := theWorld(t).Options
	var log strings.Builder
	options.Log = funcr.New(func(_, args string) { log.WriteString(args + "\n") }, funcr.Options{Verbosity: 9})
	server, err := gateway.New(options)
	if err != nil {
		t.Fatal(err)
	}
	const hidden = "SECRETSECRETSECRETSECRETSECRETSECRETSECRETS"
	for _, path := range []string{"/g/" + hidden, "/v/" + hidden + "/key", "/signin/callback?state=" + hidden + "&code=" + hidden, "/r/a/b?password=" + hidden} {
		request := httptest.NewRequest(http.MethodGet, path, http.NoBody)
		request.AddCookie(&http.Cookie{Name: "reelkeeper", Value: hidden})
		server.Handler().ServeHTTP(httptest.NewRecorder(), request)
	}
	if strings.Contains(log.String(), hidden) {
		t.Errorf("the log holds a secret:\n%s", log.String())
	}
	if !strings.Contains(log.String(), "/g/{token}") {
		t.Errorf("the log does not name the route:\n%s", log.String())
	}
}
