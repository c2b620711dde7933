// SPDX-License-Identifier: Apache-2.0

//go:build unix

package recordingstore_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/objectstore/s3test"
	"github.com/reelkeeper/reelkeeper/internal/stores"
)

// withLifecycle stands before the real server and adds what that lacks: the rules of one bucket, which it keeps as text.
type withLifecycle struct {
	behind http.Handler

	mu    sync.Mutex
	rules string
}

func (l *withLifecycle) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !r.URL.Query().Has("lifecycle") {
		l.behind.ServeHTTP(w, r)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch body, _ := io.ReadAll(r.Body); {
	case r.Method == http.MethodPut:
		l.rules = string(body)
	case r.Method == http.MethodDelete:
		l.rules = ""
	case l.rules == "":
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `<Error><Code>NoSuchLifecycleConfiguration</Code></Error>`)
	default:
		_, _ = io.WriteString(w, l.rules)
	}
}

// Where the server can, it discards by itself what nobody finishes sending.
func TestUploadsThatNobodyFinishesAreTheServersToDiscard(t *testing.T) {
	var server *withLifecycle
	f := newFixture(t, s3test.Options{}, func(f *fixture) {
		behind, err := url.Parse(f.server.Endpoint)
		if err != nil {
			t.Fatal(err)
		}
		server = &withLifecycle{behind: httputil.NewSingleHostReverseProxy(behind)}
		proxy := httptest.NewServer(server)
		t.Cleanup(proxy.Close)
		f.store.Spec.S3.Endpoint = proxy.URL
	})
	f.expectReady()
	if !stores.Can(f.store, v1alpha1.CapabilityLifecycle) {
		t.Fatalf("the test is blind: the server can %v", f.store.Status.Capabilities)
	}
	server.mu.Lock()
	defer server.mu.Unlock()
	for _, rule := range []string{"<Prefix>" + objectstore.StagingRoot + "</Prefix>", "<Prefix>" + objectstore.MediaRoot + "</Prefix>", "<DaysAfterInitiation>8</DaysAfterInitiation>"} {
		if !strings.Contains(server.rules, rule) {
			t.Errorf("no rule with %s: %s", rule, server.rules)
		}
	}
	if strings.Contains(server.rules, "<Expiration>") {
		t.Errorf("what was sent whole expires, which may wait for room or lie in the trash: %s", server.rules)
	}
}
