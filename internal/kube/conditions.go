// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"slices"
	"strings"
	"time"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
)

// Transitions returns the wanted conditions, sorted by type, with the time of their last transition: that of the current
// condition of the same type while its status is the same, else now. Conditions that are not wanted are left out.
func Transitions(current, wanted []metav1.Condition, now time.Time) []metav1.Condition {
	result := slices.Clone(wanted)
	for i := range result {
		result[i].LastTransitionTime = metav1.NewTime(now).Rfc3339Copy()
		if old := meta.FindStatusCondition(current, result[i].Type); old != nil && old.Status == result[i].Status {
			result[i].LastTransitionTime = old.LastTransitionTime
		}
	}
	return sorted(result)
}

// EqualConditions reports whether two lists hold the same conditions, in whatever order: server-side apply keeps its own.
func EqualConditions(a, b []metav1.Condition) bool {
	return apiequality.Semantic.DeepEqual(sorted(a), sorted(b))
}

func sorted(conditions []metav1.Condition) []metav1.Condition {
	return slices.SortedFunc(slices.Values(conditions), func(a, b metav1.Condition) int { return strings.Compare(a.Type, b.Type) })
}

// ApplyConditions turns conditions into what server-side apply takes.
func ApplyConditions(conditions []metav1.Condition) []*metav1ac.ConditionApplyConfiguration {
	var result []*metav1ac.ConditionApplyConfiguration
	for _, c := range conditions {
		result = append(result, metav1ac.Condition().
			WithType(c.Type).WithStatus(c.Status).WithReason(c.Reason).WithMessage(c.Message).
			WithObservedGeneration(c.ObservedGeneration).WithLastTransitionTime(c.LastTransitionTime))
	}
	return result
}
