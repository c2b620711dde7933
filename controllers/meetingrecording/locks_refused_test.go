// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/catalog"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

// wardenOfLocks stands before a real S3 server, as one whose credentials may not change retentions and legal holds while it is told so.
type wardenOfLocks struct {
	refuses atomic.Bool
	pass    *httputil.ReverseProxy
}

func (p *wardenOfLocks) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	if p.refuses.Load() && r.Method == http.MethodPut && (query.Has("retention") || query.Has("legal-hold")) {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte("<Error><Code>AccessDenied</Code><Message>Access Denied.</Message></Error>"))
		return
	}
	p.pass.ServeHTTP(w, r)
}

// guarding has the store of a world reach its server through the warden.
func (p *wardenOfLocks) guarding(t *testing.T) func(*v1alpha1.RecordingStore) {
	t.Helper()
	return func(store *v1alpha1.RecordingStore) {
		server, err := url.Parse(store.Spec.S3.Endpoint)
		if err != nil {
			t.Fatal(err)
		}
		p.pass = &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(server)
			r.Out.Host = r.In.Host // which requests are signed for
		}}
		front := httptest.NewServer(p)
		t.Cleanup(front.Close)
		store.Spec.S3.Endpoint = front.URL
	}
}

// wantNotApplied checks the condition LockApplied, and that people are told once while the bucket refuses.
func (w *world) wantNotApplied(recording *v1alpha1.MeetingRecording, reason string, says ...string) {
	w.Helper()
	w.wantToldNotApplied(recording, reason, says...)
	if result, err := w.pass(); err != nil || result.RequeueAfter != lockRetry || w.get().ResourceVersion != recording.ResourceVersion {
		w.Errorf("the bucket is asked again after %s, and the status written for nothing: %v", result.RequeueAfter, err)
	}
	if n := len(w.events.Events); n > 0 {
		w.Errorf("people are told again: %d Events", n)
	}
}

// wantToldNotApplied checks the condition LockApplied, that people were told, and that the recording is not at rest.
func (w *world) wantToldNotApplied(recording *v1alpha1.MeetingRecording, reason string, says ...string) {
	w.Helper()
	applied := condition(recording, v1alpha1.ConditionLockApplied)
	if applied.Status != "False" || applied.Reason != reason {
		w.Errorf("LockApplied is %+v, want False because of %s", applied, reason)
	}
	for _, text := range says {
		if !strings.Contains(applied.Message, text) {
			w.Errorf("LockApplied says %q, want %q", applied.Message, text)
		}
	}
	if catalog.IsSettled(recording) {
		w.Error("a process that starts would not ask the bucket again")
	}
	w.wantEvent("Warning " + reason + " ")
}

func (w *world) wantApplied(recording *v1alpha1.MeetingRecording) {
	w.Helper()
	if applied := condition(recording, v1alpha1.ConditionLockApplied); applied.Type != "" || !catalog.IsSettled(recording) {
		w.Errorf("LockApplied is %+v, and the recording at rest: %t", applied, catalog.IsSettled(recording))
	}
	w.wantEvent("Normal LockApplied The bucket enforces what it should again: ")
}

func TestR27WhatTheBucketRefusesToLiftIsToldUntilItIsLifted(t *testing.T) {
	t.Parallel()
	warden := &wardenOfLocks{}
	w := newWorld(t, locking(v1alpha1.ObjectLockGovernance), warden.guarding(t))
	w.available()
	w.patch(`{"spec":{"holds":[{"name":"case-2026-14"}]}}`)
	held := w.settle()

	warden.refuses.Store(true)
	w.patch(`{"spec":{"holds":null}}`)
	kept := protectionOf(held.Status.Storage.Lock)
	kept.Until = kept.Until.UTC()
	recording := w.settle()
	w.wantNotApplied(recording, v1alpha1.ReasonLiftRefused, "The bucket still has "+kept.String(), "refused to lift it",
		"Give the credentials of RecordingStore "+w.store.Name+" the permission to bypass governance", "It is asked again every 10 minutes")
	w.wantProtection(recording, kept, kept)
	if locked := condition(recording, v1alpha1.ConditionLocked); locked.Type != "" {
		t.Errorf("nothing keeps the recording, and Locked is %+v", locked)
	}

	w.restart()
	warden.refuses.Store(false)
	recording = w.settle()
	w.wantApplied(recording)
	w.soonUnprotected(recording)
}

func TestR27AHoldThatTheBucketRefusesIsToldUntilItIsLaid(t *testing.T) {
	t.Parallel()
	warden := &wardenOfLocks{}
	w := newWorld(t, locking(v1alpha1.ObjectLockGovernance), warden.guarding(t))
	w.available()
	warden.refuses.Store(true)
	w.patch(`{"spec":{"holds":[{"name":"case-2026-14"}]}}`)
	recording := w.settle()
	w.wantNotApplied(recording, v1alpha1.ReasonLockRefused, "The bucket refused to lock the recording", "the credentials of RecordingStore "+w.store.Name)
	w.wantLocked(recording, "Kept until the last hold is lifted", "The bucket has no lock, and refused to change that")

	warden.refuses.Store(false)
	recording = w.settle()
	w.wantApplied(recording)
	w.wantLocked(recording, "renewed in time")
}

// A COMPLIANCE retention that somebody has set past the controller is lifted by nobody, as the server says itself.
func TestR27WhatNobodyCanLiftIsToldUntilItEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, locking(v1alpha1.ObjectLockGovernance))
	w.available()
	w.patch(`{"spec":{"holds":[{"name":"case-2026-14"}]}}`)
	held := w.settle()
	foreign := objectstore.Protection{Mode: objectstore.LockCompliance, Until: held.Status.Storage.Lock.Until.UTC(), LegalHold: true}
	if _, err := w.objects.Protect(t.Context(), w.bucket(), held.Status.Storage.Key, foreign, w.clock.Now()); err != nil {
		t.Fatal(err)
	}
	w.patch(`{"spec":{"holds":null}}`)
	recording := w.settle()
	w.wantNotApplied(recording, v1alpha1.ReasonLiftRefused, "The bucket still has COMPLIANCE retention until "+foreign.Until.Format(time.RFC3339), "COMPLIANCE is lifted by nobody")
	w.clock.SetTime(foreign.Until)
	w.wantApplied(w.settle())
}

// Where the store cannot even be opened, the lift is not forgotten either.
func TestR27ALiftWaitsForAStoreThatCannotBeOpened(t *testing.T) {
	t.Parallel()
	w := newWorld(t, locking(v1alpha1.ObjectLockGovernance))
	w.available()
	w.patch(`{"spec":{"holds":[{"name":"case-2026-14"}]}}`)
	held := w.settle()
	name := w.store.Spec.S3.CredentialsSecretRef.Name
	w.changeCredentials(`{"spec":{"s3":{"credentialsSecretRef":{"name":"mislaid"}}}}`)
	w.patch(`{"spec":{"holds":null}}`)
	if _, err := w.pass(); err == nil {
		t.Error("a pass that cannot tell the bucket of the change is not made again")
	}
	recording := w.get()
	w.wantToldNotApplied(recording, v1alpha1.ReasonLiftRefused, "The bucket still has "+protectionOf(held.Status.Storage.Lock).String(), "cannot be asked to lift it: ", "mislaid")
	// Where the store itself says so, it is waited for.
	w.saysReady(metav1.ConditionFalse, v1alpha1.ReasonCredentialsNotFound, "there is no Secret mislaid", v1alpha1.ConditionEndpointReachable)
	w.expectAwaited(v1alpha1.ReasonLiftRefused, v1alpha1.ConditionLockApplied, "cannot be asked to lift it: ", "is not ready: there is no Secret mislaid")
	w.saysReady(metav1.ConditionTrue, v1alpha1.ReasonAvailable, "", v1alpha1.ConditionEndpointReachable)
	w.changeCredentials(`{"spec":{"s3":{"credentialsSecretRef":{"name":"` + name + `"}}}}`)
	recording = w.settle()
	w.wantApplied(recording)
	w.soonUnprotected(recording)
}

func (w *world) changeCredentials(change string) {
	w.Helper()
	env.Kubectl(w, "patch", "recordingstore", w.store.Name, "--type=merge", "--patch="+change)
}
