// SPDX-License-Identifier: Apache-2.0

//go:build unix

package notice_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/audit"
	"github.com/reelkeeper/reelkeeper/internal/effect"
	"github.com/reelkeeper/reelkeeper/internal/effect/effecttest"
)

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
