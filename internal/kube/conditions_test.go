// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestTransitions(t *testing.T) {
	before, now := time.Unix(1000, 0), time.Unix(2000, 500)
	at := func(kind string, status metav1.ConditionStatus, reason string, when time.Time) metav1.Condition {
		return metav1.Condition{Type: kind, Status: status, Reason: reason, LastTransitionTime: metav1.NewTime(when)}
	}
	current := []metav1.Condition{at("Same", "True", "Old", before), at("Changed", "False", "Old", before), at("Gone", "True", "Old", before)}
	wanted := []metav1.Condition{
		{Type: "Same", Status: "True", Reason: "New"},
		{Type: "Changed", Status: "True", Reason: "New"},
		{Type: "Added", Status: "True", Reason: "New"},
	}
	got := Transitions(current, wanted, now)
	want := []metav1.Condition{
		at("Added", "True", "New", time.Unix(2000, 0)),
		at("Changed", "True", "New", time.Unix(2000, 0)),
		at("Same", "True", "New", before),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !EqualConditions(got, []metav1.Condition{got[2], got[0], got[1]}) || EqualConditions(got, got[:2]) {
		t.Error("EqualConditions minds the order or does not mind what is missing")
	}
}
