// SPDX-License-Identifier: Apache-2.0

//go:build unix

package notice_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/controllers/notice"
	"github.com/reelkeeper/reelkeeper/internal/audit"
	"github.com/reelkeeper/reelkeeper/internal/effect"
	"github.com/reelkeeper/reelkeeper/internal/governance"
)

// downloaded records that somebody downloads the recording.
func (f *fixture) downloaded(recording *v1alpha1.MeetingRecording, by v1alpha1.AuditActor) *v1alpha1.AuditEvent {
	f.t.Helper()
	return f.record(recording, by, v1alpha1.AuditDownloaded, "PermittedByRole")
}

func (f *fixture) record(recording *v1alpha1.MeetingRecording, by v1alpha1.AuditActor, action v1alpha1.AuditAction, reason string) *v1alpha1.AuditEvent {
	f.t.Helper()
	return f.write(audit.Event{Action: action, Actor: by, Recording: audit.RecordingOf(recording), Reason: reason})
}

// write records something that was allowed.
func (f *fixture) write(event audit.Event) *v1alpha1.AuditEvent {
	f.t.Helper()
	known := f.AuditEvents(f.t, f.namespace)
	event.Namespace, event.Outcome = f.namespace, v1alpha1.OutcomeAllowed
	if err := audit.NewRecorder(f.Direct, f.clock).Record(f.t.Context(), event); err != nil {
		f.t.Fatal(err)
	}
	for _, event := range f.AuditEvents(f.t, f.namespace) {
		if !slices.ContainsFunc(known, func(e v1alpha1.AuditEvent) bool { return e.UID == event.UID }) {
			f.Await(f.t, &event)
			return &event
		}
	}
	f.t.Fatal("nothing was recorded")
	return nil
}

// look reconciles an AuditEvent, or for an empty name the digest.
func (f *fixture) look(name string) error {
	r := &notice.Downloads{
		Client: f.Client, Direct: f.Direct, Governance: governance.Reader{Client: f.Client}, Courier: f.courier(), Events: f.Events, Clock: f.clock, Days: f.days,
	}
	_, err := r.Reconcile(effect.With(f.t.Context(), f.gate), ctrl.Request{NamespacedName: client.ObjectKey{Namespace: f.namespace, Name: name}})
	return err
}

// awaitMark waits until the manager sees that the event is marked.
func (f *fixture) awaitMark(event *v1alpha1.AuditEvent) {
	f.t.Helper()
	f.Get(f.t, event)
	if event.Annotations[v1alpha1.AnnotationNotified] == "" {
		f.t.Fatal("it is not written down that owners were told")
	}
	f.Await(f.t, event)
}

func TestOwnersAreToldOfDownloads(t *testing.T) {
	f := newFixture(t, v1alpha1.AuditRules{DownloadNotice: v1alpha1.NotifyImmediate})
	event := f.downloaded(f.recording, audit.User("erin@example.com", "https://login.example.com"))
	if err := f.look(event.Name); err != nil {
		t.Fatal(err)
	}
	taken := f.hook.take()
	if len(taken) != 1 || taken[0].Type != "recording.downloaded" || taken[0].Data.By != "erin@example.com" ||
		len(taken[0].Data.Recipients) != 1 || taken[0].Data.Recipients[0].Name != "alice@example.com" || taken[0].Data.Recording.Link != f.recording.Status.Link {
		t.Fatalf("messages = %+v, want that alice hears of erin", taken)
	}
	f.awaitMark(event)
	if err := f.look(event.Name); err != nil {
		t.Fatal(err)
	}
	ended := f.record(f.recording, audit.User("erin@example.com", "https://login.example.com"), v1alpha1.AuditDelivered, "Finished")
	if err := f.look(ended.Name); err != nil {
		t.Fatal(err)
	}
	own := f.downloaded(f.recording, audit.User("ALICE@example.com", "https://login.example.com"))
	if err := f.look(own.Name); err != nil {
		t.Fatal(err)
	}
	if taken := f.hook.take(); len(taken) > 0 {
		t.Errorf("messages = %+v, want none: twice the same, its end, or alice of herself", taken)
	}
}

// TestOwnersAreToldOnceOfADownloadThatGoesOn has a download break off and go on, and the same begun in its middle elsewhere.
func TestOwnersAreToldOnceOfADownloadThatGoesOn(t *testing.T) {
	for notice, want := range map[v1alpha1.DownloadNotice]string{v1alpha1.NotifyImmediate: "recording.downloaded", v1alpha1.NotifyDigest: "recording.downloads"} {
		t.Run(string(notice), func(t *testing.T) {
			f := newFixture(t, v1alpha1.AuditRules{DownloadNotice: notice})
			start := audit.Event{
				Action: v1alpha1.AuditDownloaded, Actor: audit.User("erin@example.com", ""), Recording: audit.RecordingOf(f.recording),
				Reason: "PermittedByRole", Download: "one",
			}
			broke, part, elsewhere := start, start, start
			broke.Action, broke.Reason = v1alpha1.AuditDelivered, v1alpha1.ReasonBrokenOff
			part.Resumed = true
			elsewhere.Resumed, elsewhere.Download = true, "two"
			var last *v1alpha1.AuditEvent
			for _, event := range []audit.Event{start, broke, part, elsewhere} {
				last = f.write(event)
				if err := f.look(last.Name); err != nil {
					t.Fatal(err)
				}
			}
			f.clock.SetTime(last.CreationTimestamp.UTC().Truncate(24*time.Hour).AddDate(0, 0, 1).Add(time.Hour))
			if err := f.look(""); err != nil {
				t.Fatal(err)
			}
			told := 0
			for _, m := range f.hook.take() {
				if m.Type != want {
					t.Errorf("a message of type %s, want %s", m.Type, want)
				}
				told += max(1, len(m.Data.Downloads))
			}
			if told != 2 {
				t.Errorf("the owner hears of %d downloads, want 2: the one that goes on, and the one of another session", told)
			}
		})
	}
}

func TestOwnersAreNotToldWhereThePolicyDoesNotSaySo(t *testing.T) {
	f := newFixture(t, v1alpha1.AuditRules{DownloadNotice: v1alpha1.NotifyNone})
	event := f.downloaded(f.recording, audit.Anonymous())
	if err := f.look(event.Name); err != nil {
		t.Fatal(err)
	}
	f.clock.Step(48 * time.Hour)
	if err := f.look(""); err != nil {
		t.Fatal(err)
	}
	if taken := f.hook.take(); len(taken) > 0 {
		t.Errorf("messages = %+v, want none", taken)
	}
}

func TestADigestTellsOfADayWhenItHasEnded(t *testing.T) {
	f := newFixture(t, v1alpha1.AuditRules{DownloadNotice: v1alpha1.NotifyDigest})
	other := newRecording(f.namespace, "q4")
	other.Spec.Meeting.Creator = "bob@example.com"
	f.Create(t, other)
	events := []*v1alpha1.AuditEvent{
		f.downloaded(f.recording, audit.User("erin@example.com", "")), f.downloaded(f.recording, audit.Anonymous()), f.downloaded(other, audit.User("erin@example.com", "")),
	}
	f.record(other, audit.User("erin@example.com", ""), v1alpha1.AuditDelivered, "Finished") // the end of one is no further one
	for _, event := range events {
		if err := f.look(event.Name); err != nil {
			t.Fatal(err)
		}
	}
	key := reconcile.Request{NamespacedName: client.ObjectKey{Namespace: f.namespace}}
	midnight := events[0].CreationTimestamp.UTC().Truncate(24*time.Hour).AddDate(0, 0, 1)
	if at := f.days.At(key); !at.Equal(midnight) {
		t.Fatalf("the digest is due at %s, want %s", at, midnight)
	}
	if err := f.look(""); err != nil {
		t.Fatal(err)
	}
	if taken := f.hook.take(); len(taken) > 0 {
		t.Fatalf("messages before the day has ended: %+v", taken)
	}

	f.clock.SetTime(midnight.Add(24 * time.Hour).Add(-time.Second)) // late, as after a restart; also if the events fell on two days
	f.hook.says(http.StatusBadGateway)
	if err := f.look(""); err == nil {
		t.Fatal("the webhook is down, and the digest says that all is well")
	}
	f.hook.says(http.StatusOK)
	if err := f.look(""); err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, m := range f.hook.take() {
		if m.Type != "recording.downloads" || m.Data.Day == "" {
			t.Errorf("message = %+v, want a digest", m)
		}
		got[m.Data.Recipients[0].Name] += len(m.Data.Downloads)
	}
	if diff := cmp.Diff(map[string]int{"alice@example.com": 2, "bob@example.com": 1}, got); diff != "" {
		t.Errorf("downloads that owners heard of (-want +got):\n%s", diff)
	}
	for _, event := range events {
		f.awaitMark(event)
	}
	if err := f.look(""); err != nil {
		t.Fatal(err)
	}
	if taken := f.hook.take(); len(taken) > 0 {
		t.Errorf("the digest went out twice: %+v", taken)
	}
}
