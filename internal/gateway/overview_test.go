// SPDX-License-Identifier: Apache-2.0

//go:build unix

package gateway_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

func TestTheOverviewCountsWhatHappens(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	recording, _ := w.Recording(t, env.Namespace(t), "counted")
	olga := w.SignIn(t, "administrator")
	page := func() string {
		answer := olga.Get(t, "/overview")
		if answer.Status != http.StatusOK {
			t.Fatalf("status %d:\n%s", answer.Status, answer.Body)
		}
		return string(answer.Body)
	}
	if body := page(); !strings.Contains(body, "Storage by namespace") || strings.Contains(body, recording.Namespace+"/counted") {
		t.Errorf("the page lacks the storage by namespace, or names what nobody downloaded:\n%s", body)
	}
	host := w.SignIn(t, "host")
	for range 30 { // more often than other tests download what is theirs
		if answer := host.Get(t, pageOf(recording)+"/download", "Range", "bytes=0-9"); answer.Status != http.StatusPartialContent {
			t.Fatalf("downloading answers %d", answer.Status)
		}
	}
	err := wait.PollUntilContextTimeout(t.Context(), 20*time.Millisecond, 10*time.Second, true, func(context.Context) (bool, error) {
		return strings.Contains(page(), "<td>"+recording.Namespace+"/counted</td><td>30</td>"), nil
	})
	if err != nil {
		t.Errorf("a download is not counted:\n%s", page())
	}
	if body := page(); strings.Contains(body, recording.Spec.Meeting.Title) || strings.Contains(body, `href="`+pageOf(recording)) {
		t.Error("R12 the page names a meeting to somebody who may not watch it")
	}
}

func TestOnlyAdministratorsAreOfferedTheOverview(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	for who, want := range map[string]bool{"administrator": true, "host": false, "external": false} {
		if got := strings.Contains(string(w.SignIn(t, who).Get(t, "/").Body), `href="/overview"`); got != want {
			t.Errorf("%s is offered the overview: %v, want %v", who, got, want)
		}
	}
}
