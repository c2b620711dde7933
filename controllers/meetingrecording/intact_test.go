// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

// The check of what is stored writes this condition, and alone takes it away again.
func TestIntactStaysThroughEveryStatus(t *testing.T) {
	recording := &v1alpha1.MeetingRecording{ObjectMeta: metav1.ObjectMeta{Namespace: "finance", Name: "q3-review", Generation: 3}}
	o := &observation{recording: recording, stage: kept, now: time.Unix(2000, 0)}
	if c := meta.FindStatusCondition(newStatus(o, ready("")).Conditions, v1alpha1.ConditionIntact); c != nil {
		t.Errorf("a recording that nobody has checked says %+v", c)
	}
	want := metav1.Condition{
		Type: v1alpha1.ConditionIntact, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonDamaged, Message: "segment 3 differs",
		ObservedGeneration: 3, LastTransitionTime: metav1.Unix(1000, 0),
	}
	recording.Status.Conditions = []metav1.Condition{want}
	for name, status := range map[string]*v1alpha1.MeetingRecordingStatus{
		"available": newStatus(o, ready("")), "stalled": newStalledStatus(o, problem{v1alpha1.ReasonMediaMissing, "gone"}),
	} {
		if diff := cmp.Diff(&want, meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionIntact)); diff != "" {
			t.Errorf("%s: Intact (-want +got):\n%s", name, diff)
		}
	}
}
