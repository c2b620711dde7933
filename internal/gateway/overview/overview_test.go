// SPDX-License-Identifier: Apache-2.0

package overview_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/gateway/overview"
)

// now is a Wednesday.
var now = time.Date(2026, time.July, 15, 12, 0, 0, 0, time.UTC)

func recording(namespace, name string, held time.Time, bytes int64, expires time.Time) v1alpha1.MeetingRecording {
	r := v1alpha1.MeetingRecording{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, UID: types.UID(name)}}
	r.Spec.Meeting.StartedAt = metav1.NewTime(held)
	r.Status.Media.Bytes, r.Status.ExpiresAt = bytes, metav1.NewTime(expires)
	return r
}

func names(recordings []*v1alpha1.MeetingRecording) []string {
	var names []string
	for _, r := range recordings {
		names = append(names, r.Name)
	}
	return names
}

var recordings = []v1alpha1.MeetingRecording{
	recording("finance", "this-week", now.AddDate(0, 0, -2), 10, now.AddDate(0, 0, 6)), // Monday
	recording("finance", "last-week", now.AddDate(0, 0, -3), 20, now.AddDate(0, 0, 1)), // Sunday
	recording("sales", "long-ago", now.AddDate(-1, 0, 0), 100, time.Time{}),
	recording("sales", "later", now, 1, now.AddDate(0, 0, 8)),
}

func TestOfCounts(t *testing.T) {
	got := overview.Of(recordings, now)
	if got.Recordings != 4 || got.Bytes != 131 || len(got.Weekly) != overview.Weeks {
		t.Errorf("%d recordings of %d bytes in %d weeks", got.Recordings, got.Bytes, len(got.Weekly))
	}
	if diff := cmp.Diff([]overview.Count{{"2026-07-06", 1}, {"2026-07-13", 2}}, got.Weekly[overview.Weeks-2:]); diff != "" {
		t.Errorf("the last two weeks (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]overview.Count{{"sales", 101}, {"finance", 30}}, got.Namespaces); diff != "" {
		t.Errorf("namespaces (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]overview.Count{{v1alpha1.DefaultStore, 131}}, got.Stores); diff != "" {
		t.Errorf("stores (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"last-week", "this-week"}, names(got.Ending)); diff != "" {
		t.Errorf("what ends soon (-want +got):\n%s", diff)
	}
}

func TestDailyCountsDaysWithoutAny(t *testing.T) {
	got := overview.Daily(map[string]int{"2026-07-15": 3, "2026-07-02": 1, "2026-07-01": 9}, now)
	if len(got) != overview.Days || got[0] != (overview.Count{Name: "2026-07-02", N: 1}) || got[1].N != 0 || got[overview.Days-1].N != 3 {
		t.Errorf("days: %v", got)
	}
}

func TestMostLeavesOutWhatNobodyDownloadedAndWhatIsGone(t *testing.T) {
	counts := map[string]int{"later": 5, "long-ago": 2, "this-week": 5, "gone": 50}
	if diff := cmp.Diff([]string{"this-week", "later"}, names(overview.Most(recordings, counts, 2))); diff != "" {
		t.Errorf("most downloaded (-want +got):\n%s", diff)
	}
}
