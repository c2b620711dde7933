// SPDX-License-Identifier: Apache-2.0

//go:build unix

package gateway_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reelkeeper/reelkeeper/internal/gateway"
	"github.com/reelkeeper/reelkeeper/internal/gateway/gatewaytest"
)

func TestR29NobodyFloodsTheLogWithRefusals(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	namespace := env.Namespace(t)
	w.Recording(t, namespace, "present")
	restrict(t, w, namespace)
	records := &counting{Recorder: w.Options.Recorder}
	url := w.Serve(t, func(o *gateway.Options) { o.Recorder, o.RefusalsPerMinute = records, 3 })
	browser := w.SignIn(t, "external").Staying().At(url)
	present, missing := "/r/"+namespace+"/present", "/r/"+namespace+"/missing"
	for range 3 {
		if answer := browser.Get(t, present); answer.Status != http.StatusNotFound {
			t.Fatalf("a refusal answers %d, want 404", answer.Status)
		}
	}
	for name, attempt := range attempts {
		known, unknown := attempt(t, browser, present), attempt(t, browser, missing)
		if known.Status != http.StatusTooManyRequests || known.Header.Get("Retry-After") == "" {
			t.Errorf("R30: one refusal too many of %s answers %d, want 429 and when to come back", name, known.Status)
		}
		known.Header.Del("Retry-After")
		unknown.Header.Del("Retry-After")
		if diff := cmp.Diff(visible(unknown), visible(known)); diff != "" {
			t.Errorf("R12: %s: an absent recording can be told from a forbidden one (-absent +forbidden):\n%s", name, diff)
		}
	}
	if records.count != 3 {
		t.Errorf("%d records, want 3", records.count)
	}
	for _, event := range w.Events(t, namespace) {
		if len(event.Spec.Evidence) == 1 && strings.Contains(event.Spec.Evidence[0], "without being written down") {
			return
		}
	}
	t.Error("no record says that there may be more refusals than are written down")
}

func TestR30WhatIsNotWrittenDownAnyMoreIsNotGivenOut(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	recording, file := w.Recording(t, env.Namespace(t), "review")
	url := w.Serve(t, func(o *gateway.Options) { o.RefusalsPerMinute, o.StartsPerMinute = 1, 2 })

	viewer := w.SignIn(t, "participant").At(url)
	for range 2 {
		viewer.Get(t, pageOf(recording)+"/download")
	}
	beginView(t, viewer, recording) // refusals do not use up what is allowed

	host := w.SignIn(t, "host").At(url)
	view := beginView(t, host, recording)
	host.Get(t, pageOf(recording)+"/download")
	for name, attempt := range map[string]func(*testing.T, *gatewaytest.Browser, string) gatewaytest.Answer{
		"a view": attempts["view"], "a download": attempts["download"],
	} {
		if answer := attempt(t, host, pageOf(recording)); answer.Status != http.StatusTooManyRequests || len(answer.Body) >= len(file) {
			t.Errorf("%s too many answers %d, want 429", name, answer.Status)
		}
	}
	for name, answer := range map[string]gatewaytest.Answer{
		"what is being watched":    host.Get(t, view+"media", "Range", "bytes=0-15"),
		"a part of the download":   host.Get(t, pageOf(recording)+"/download", "Range", "bytes=16-31"),
		"another part of the same": host.Get(t, pageOf(recording)+"/download", "Range", "bytes=32-47"),
	} {
		if answer.Status != http.StatusPartialContent {
			t.Errorf("%s answers %d, want 206: it begins nothing new", name, answer.Status)
		}
	}
}
