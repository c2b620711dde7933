// SPDX-License-Identifier: Apache-2.0

package audit_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	clocktesting "k8s.io/utils/clock/testing"
	"pgregory.net/rapid"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/audit"
)

var now = time.Date(2026, 3, 4, 5, 6, 7, 89_012_345, time.UTC)

// creatorStub stands in for the API server where only the object that is sent matters.
type creatorStub struct {
	created []*v1alpha1.AuditEvent
	err     error
}

func (c *creatorStub) Create(_ context.Context, obj client.Object, _ ...client.CreateOption) error {
	c.created = append(c.created, obj.(*v1alpha1.AuditEvent))
	return c.err
}

func record(t *testing.T, event audit.Event) *v1alpha1.AuditEvent {
	t.Helper()
	stub := &creatorStub{}
	if err := audit.NewRecorder(stub, clocktesting.NewFakePassiveClock(now)).Record(t.Context(), event); err != nil {
		t.Fatal(err)
	}
	return stub.created[0]
}

func TestR29RecordTellsWhoDidWhatWhenFromWhereUnderWhichRule(t *testing.T) {
	got := record(t, audit.Event{
		Namespace: "finance",
		Action:    v1alpha1.AuditViewed, Outcome: v1alpha1.OutcomeRefused,
		Actor:     audit.User("dave@example.com", "https://id.example.com"),
		Recording: audit.RecordingOf(&v1alpha1.MeetingRecording{ObjectMeta: metav1.ObjectMeta{Name: "q3", UID: "u1"}}),
		Grant:     "replay", Reason: "NotInAudience", Rule: "RecordingPolicy finance/board, access.audience: Invited",
		Client:   v1alpha1.AuditClient{Address: "192.0.2.0/24", UserAgent: "curl/8"},
		Evidence: []string{"one", "two"},
	})
	want := v1alpha1.AuditEventSpec{
		Time:   metav1.NewMicroTime(now),
		Action: "Viewed", Outcome: "Refused",
		Actor:     v1alpha1.AuditActor{Kind: "User", Name: "dave@example.com", Issuer: "https://id.example.com"},
		Recording: v1alpha1.AuditRecording{Name: "q3", UID: "u1"},
		Grant:     "replay", Reason: "NotInAudience", Rule: "RecordingPolicy finance/board, access.audience: Invited",
		Client:   v1alpha1.AuditClient{Address: "192.0.2.0/24", UserAgent: "curl/8"},
		Evidence: []string{"one", "two"},
	}
	if diff := cmp.Diff(want, got.Spec); diff != "" {
		t.Errorf("spec (-want +got):\n%s", diff)
	}
	if got.Namespace != "finance" {
		t.Errorf("namespace = %q, want the recording's", got.Namespace)
	}
}

func TestR30RecordFailsUnlessTheFactIsStored(t *testing.T) {
	refused := errors.New("etcd is full")
	recorder := audit.NewRecorder(&creatorStub{err: refused}, clocktesting.NewFakePassiveClock(now))
	if err := recorder.Record(t.Context(), audit.Event{Namespace: "finance", Key: "k"}); !errors.Is(err, refused) {
		t.Errorf("Record = %v, want an error that wraps %v", err, refused)
	}
}

func TestNamesSortByTime(t *testing.T) {
	ctx := t.Context()
	rapid.Check(t, func(t *rapid.T) {
		micros := rapid.SliceOfN(rapid.Int64Range(0, 4e15), 2, 20).Draw(t, "microseconds")
		slices.Sort(micros)
		var last string
		for _, at := range slices.Compact(micros) {
			stub := &creatorStub{}
			recorder := audit.NewRecorder(stub, clocktesting.NewFakePassiveClock(time.UnixMicro(at)))
			event := audit.Event{Namespace: "ns"}
			if rapid.Bool().Draw(t, "keyed") {
				event.Key, event.Since = rapid.String().Draw(t, "key"), time.UnixMicro(at)
			}
			if err := recorder.Record(ctx, event); err != nil {
				t.Fatal(err)
			}
			name := stub.created[0].Name
			if name <= last {
				t.Fatalf("%q does not sort after %q", name, last)
			}
			if problems := validation.IsDNS1123Subdomain(name); len(problems) > 0 {
				t.Fatalf("%q is not a name: %v", name, problems)
			}
			last = name
		}
	})
}

func TestNamesDependOnTheKeyAlone(t *testing.T) {
	name := func(event audit.Event) string { return record(t, event).Name }
	step := audit.Event{Key: "granted/u1/1", Since: now.Add(-time.Hour)}
	later := step
	later.Time, later.Reason = now.Add(time.Minute), "AnotherReason"
	if a, b := name(step), name(later); a != b {
		t.Errorf("the same step has the names %q and %q", a, b)
	}
	other := step
	other.Key = "granted/u1/2"
	if a, b := name(step), name(other); a == b {
		t.Errorf("two steps share the name %q", a)
	}
	if a, b := name(audit.Event{}), name(audit.Event{}); a == b {
		t.Errorf("two events without a key share the name %q", a)
	}
	if got := name(audit.Event{Key: "k", Time: now}); !strings.HasPrefix(got, "20260304t050607.089012-") {
		t.Errorf("name = %q, want it to start with the event's time", got)
	}
	if a, b := name(audit.Event{Key: "k"}), "0-"; !strings.HasPrefix(a, b) {
		t.Errorf("name of an event without any stable time = %q, want it to start with %q", a, b)
	}
}

func TestTooMuchEvidenceIsCutAndSaysSo(t *testing.T) {
	got := record(t, audit.Event{Rule: strings.Repeat("r", 600), Evidence: slices.Repeat([]string{strings.Repeat("e", 2000)}, 20)}).Spec
	if len(got.Evidence) != 16 || got.Evidence[15] != "… and 5 more" {
		t.Errorf("%d entries, the last %q; want 16 and how many are missing", len(got.Evidence), got.Evidence[len(got.Evidence)-1])
	}
	if n := len([]rune(got.Evidence[0])); n != 1024 {
		t.Errorf("an entry has %d characters, want 1024", n)
	}
	if n := len([]rune(got.Rule)); n != 512 {
		t.Errorf("the rule has %d characters, want 512", n)
	}
}
