// SPDX-License-Identifier: Apache-2.0

package accessgrant

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/access"
)

var epoch = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func TestTheFirstObstacleDecides(t *testing.T) {
	everything := func() *observation {
		return &observation{
			now: epoch,
			grant: &v1alpha1.AccessGrant{Spec: v1alpha1.AccessGrantSpec{
				NotBefore: metav1.NewTime(epoch.Add(time.Minute)), ExpiresAt: metav1.NewTime(epoch),
			}},
			problem:          problem{v1alpha1.ReasonRecordingNotFound, "no recording"},
			verdict:          access.Verdict{Reason: access.LinksForbidden},
			passwordNotFound: "no password",
			secretTaken:      "taken",
		}
	}
	// Each step mends what the one before has shown.
	steps := []struct {
		want string
		mend func(*observation)
	}{
		{v1alpha1.ReasonExpired, func(o *observation) { o.grant.Spec.ExpiresAt = metav1.NewTime(epoch.Add(time.Hour)) }},
		{v1alpha1.ReasonRecordingNotFound, func(o *observation) { o.problem = problem{} }},
		{v1alpha1.ReasonForbiddenByPolicy, func(o *observation) { o.verdict = access.Verdict{} }},
		{v1alpha1.ReasonPasswordNotFound, func(o *observation) { o.passwordNotFound = "" }},
		{v1alpha1.ReasonSecretTaken, func(o *observation) { o.secretTaken = "" }},
		{v1alpha1.ReasonNotYet, func(o *observation) { o.grant.Spec.NotBefore = metav1.Time{} }},
		{v1alpha1.ReasonGranted, func(*observation) {}},
	}
	o := everything()
	for _, step := range steps {
		got := stateOf(o)
		if got.reason != step.want || got.message == "" || got.counts() != (step.want == v1alpha1.ReasonGranted) {
			t.Errorf("state = %+v, want the reason %s", got, step.want)
		}
		step.mend(o)
	}
}

func TestTheNextDateIsNeverEarlyAndNeverTooLate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		offset := rapid.Int64Range(-int64(time.Hour), int64(time.Hour))
		date := func(label string) metav1.Time {
			if rapid.Bool().Draw(t, label+" is set") {
				return metav1.NewTime(epoch.Add(time.Duration(offset.Draw(t, label))))
			}
			return metav1.Time{}
		}
		o := &observation{now: epoch, grant: &v1alpha1.AccessGrant{Spec: v1alpha1.AccessGrantSpec{NotBefore: date("begin"), ExpiresAt: date("end")}}}
		reasonAt := func(at time.Time) string {
			then := *o
			then.now = at
			return stateOf(&then).reason
		}
		next := nextDate(o)
		if next.IsZero() {
			if at := epoch.Add(2 * time.Hour); reasonAt(at) != reasonAt(epoch) {
				t.Fatalf("the state becomes %s and nobody looks", reasonAt(at))
			}
			return
		}
		if before := next.Add(-1); reasonAt(before) != reasonAt(epoch) {
			t.Fatalf("the state becomes %s before the next look", reasonAt(before))
		}
	})
}

func TestSecretNamesAreNamesAndDiffer(t *testing.T) {
	if got, want := secretName("replay"), "replay-link"; got != want {
		t.Errorf("secretName = %q, want %q", got, want)
	}
	long := strings.Repeat("a", 252)
	a, b := secretName(long+"a"), secretName(long+"b")
	if a == b || len(a) > 253 || !strings.HasSuffix(a, "-link") {
		t.Errorf("names of long grants: %q and %q, want two different ones of at most 253 characters", a, b)
	}
}
