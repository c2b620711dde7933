// SPDX-License-Identifier: Apache-2.0

package recordingpolicy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/kube"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

// maxTold is how many findings a condition tells; a status has to stay small.
const maxTold = 3

// deriveStatus says what a review means for a policy's status.
func deriveStatus(review policy.Review, generation int64, before []metav1.Condition, recordings *int32, now time.Time) v1alpha1.PolicyStatus {
	wanted := []metav1.Condition{readyCondition(review), acceptedCondition(review), conflictedCondition(review)}
	for i := range wanted {
		wanted[i].ObservedGeneration = generation
	}
	return v1alpha1.PolicyStatus{
		Conditions:         kube.Transitions(before, wanted, now),
		ObservedGeneration: generation,
		Recordings:         recordings,
	}
}

// readyCondition says whether the policy holds. A policy with conflicts does, as far as it can: what others decide is no
// fault of those who wrote it.
func readyCondition(review policy.Review) metav1.Condition {
	switch {
	case len(invalid(review)) > 0:
		return condition(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonInvalid, told(invalid(review)))
	case review.Trial:
		return condition(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonTrial,
			"The policy is only tried out: what it would refuse is recorded, nothing is refused by it")
	}
	return condition(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonEnforced, "The policy holds")
}

// acceptedCondition says whether everything in the policy can be understood.
func acceptedCondition(review policy.Review) metav1.Condition {
	if problems := invalid(review); len(problems) > 0 {
		return condition(v1alpha1.ConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonInvalid, told(problems))
	}
	return condition(v1alpha1.ConditionAccepted, metav1.ConditionTrue, v1alpha1.ReasonValid, "Everything in the policy can be understood")
}

// conflictedCondition says what in the policy can have no effect.
func conflictedCondition(review policy.Review) metav1.Condition {
	conflicts := slices.DeleteFunc(slices.Clone(review.Findings), isInvalid)
	if len(conflicts) == 0 {
		return condition(v1alpha1.ConditionConflicted, metav1.ConditionFalse, v1alpha1.ReasonNoConflict, "Everything in the policy can have an effect")
	}
	reasons := map[policy.Fault]string{
		policy.FaultOverridden: v1alpha1.ReasonOverridden,
		policy.FaultShadowed:   v1alpha1.ReasonShadowed,
		policy.FaultNoEffect:   v1alpha1.ReasonNoEffect,
	}
	message := told(conflicts)
	if review.Idle {
		message = "Nothing in the policy can have an effect: " + message
	}
	return condition(v1alpha1.ConditionConflicted, metav1.ConditionTrue, reasons[conflicts[0].Fault], message)
}

func condition(kind string, status metav1.ConditionStatus, reason, message string) metav1.Condition {
	return metav1.Condition{Type: kind, Status: status, Reason: reason, Message: message}
}

func isInvalid(f policy.Finding) bool { return f.Fault == policy.FaultInvalid }

func invalid(review policy.Review) []policy.Finding {
	return slices.DeleteFunc(slices.Clone(review.Findings), func(f policy.Finding) bool { return !isInvalid(f) })
}

// told puts the first few findings into words.
func told(findings []policy.Finding) string {
	var words []string
	for _, finding := range findings[:min(len(findings), maxTold)] {
		if !strings.Contains(finding.Message, finding.Field) {
			finding.Message = finding.Field + ": " + finding.Message
		}
		words = append(words, finding.Message)
	}
	text := strings.Join(words, ". ")
	if more := len(findings) - maxTold; more > 0 {
		text += fmt.Sprintf(". And %d more", more)
	}
	return text
}

func sameStatus(a, b v1alpha1.PolicyStatus) bool {
	return a.ObservedGeneration == b.ObservedGeneration && kube.EqualConditions(a.Conditions, b.Conditions) &&
		(a.Recordings == nil) == (b.Recordings == nil) && (a.Recordings == nil || *a.Recordings == *b.Recordings)
}
