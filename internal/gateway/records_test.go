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

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/gateway/gatewaytest"
)

func TestR29RecordsOfOneStepStandAmongTheOthersByTime(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	namespace := env.Namespace(t)
	recording, _ := w.Recording(t, namespace, "review")
	browser := w.SignIn(t, "host")
	view := beginView(t, browser, recording)
	browser.Get(t, pageOf(recording)+"/download", "Range", "bytes=1-")
	recording.Spec.State = v1alpha1.StateTrashed
	if err := w.Admin.Update(t.Context(), recording); err != nil {
		t.Fatal(err)
	}
	err := wait.PollUntilContextTimeout(t.Context(), 10*time.Millisecond, 2*time.Second, true, func(context.Context) (bool, error) {
		return browser.Get(t, view+"key").Status == http.StatusNotFound, nil
	})
	if err != nil {
		t.Fatal("the view goes on in the trash")
	}
	events := w.Events(t, namespace)
	if len(events) != 3 {
		t.Fatalf("%d records, want a view, a download and a refused view", len(events))
	}
	today, yesterday := gatewaytest.Wall.Now().UTC(), gatewaytest.Wall.Now().UTC().Add(-time.Hour)
	for _, event := range events {
		if !strings.HasPrefix(event.Name, today.Format("20060102t")) && !strings.HasPrefix(event.Name, yesterday.Format("20060102t")) {
			t.Errorf("%s %s is called %s, which does not begin with its time", event.Spec.Action, event.Spec.Outcome, event.Name)
		}
	}
}
