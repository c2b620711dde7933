// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/access"
	"github.com/reelkeeper/reelkeeper/internal/governance"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

// trialTime is how long trying a policy out may take before it looks forgotten.
const trialTime = 30 * 24 * time.Hour

// notUnderstood finds policies that cannot be read, and what is made of them.
func notUnderstood(s *survey) []Finding {
	counts := map[policy.Problem]int{}
	var order []policy.Problem
	for i := range s.areas {
		for _, problem := range s.areas[i].rules.Problems {
			if _, known := counts[problem]; !known {
				order = append(order, problem)
			}
			counts[problem] += s.areas[i].recordings
		}
	}
	var found []Finding
	for _, problem := range order {
		object, field := toChange(&problem.From, "")
		found = append(found, Finding{Object: object, Field: field, Want: "something that can be understood", Recordings: counts[problem], Says: problem.Message})
	}
	return found
}

// eachPolicy calls f for every policy: what it is called, where its rules' enforcement stands, what that says, since when the policy
// is there, and which recordings it is about.
func (s *survey) eachPolicy(f func(object, field string, enforcement v1alpha1.Enforcement, created time.Time, about reach)) {
	for i := range s.world.ClusterPolicies {
		p := &s.world.ClusterPolicies[i]
		f(titleOf(p), "spec.defaults.enforcement", p.Spec.Defaults.Enforcement, p.CreationTimestamp.Time, reachOfPolicy(p))
	}
	for i := range s.world.Policies {
		p := &s.world.Policies[i]
		f(titleOf(p), "spec.enforcement", p.Spec.Enforcement, p.CreationTimestamp.Time, reachOfPolicy(p))
	}
}

// dryRunLingers finds policies that are only tried out; those that are old may have been forgotten.
func dryRunLingers(s *survey) []Finding {
	var found []Finding
	s.eachPolicy(func(object, field string, enforcement v1alpha1.Enforcement, created time.Time, about reach) {
		if enforcement != v1alpha1.EnforcementDryRun {
			return
		}
		f := Finding{
			Severity: Low, Object: object, Field: field, Want: "Enforce", Recordings: about.count(s.world), Says: "The policy is only tried out.",
		}
		if age := s.now.Sub(created); age > trialTime {
			f.Severity = Medium
			f.Says = fmt.Sprintf("The policy is %d days old and only tried out.", age/(24*time.Hour))
		}
		found = append(found, f)
	})
	return found
}

// selectsNothing finds policies that are about no recording, which a misspelt label does as well as a department without meetings.
// Of a policy of the organisation one namespace alone does not tell.
func selectsNothing(s *survey) []Finding {
	var found []Finding
	s.eachPolicy(func(object, _ string, _ v1alpha1.Enforcement, _ time.Time, about reach) {
		told := about.namespace != "" || s.world.Namespace == ""
		if told && len(s.world.Recordings) > 0 && about.count(s.world) == 0 {
			found = append(found, Finding{Object: object, Field: "spec.selector", Want: "labels that recordings have", Says: "The policy is about no recording."})
		}
	})
	return found
}

// stalled finds recordings that wait for a person, those with the same reason together.
func stalled(s *survey) []Finding {
	byReason := map[string]int{}
	var found []Finding
	for i := range s.world.Recordings {
		recording := &s.world.Recordings[i]
		condition := meta.FindStatusCondition(recording.Status.Conditions, v1alpha1.ConditionStalled)
		if condition == nil || condition.Status != "True" {
			continue
		}
		at, known := byReason[condition.Reason]
		if !known {
			at = len(found)
			byReason[condition.Reason] = at
			found = append(found, Finding{
				Object: "MeetingRecording " + nameOf(recording), Field: "status.conditions[Stalled]", Want: "see its message",
				Says: fmt.Sprintf("Nothing more happens until somebody does something: %s.", condition.Reason),
			})
		}
		found[at].Recordings++
	}
	for i := range found {
		if more := found[i].Recordings - 1; more > 0 {
			found[i].Object += fmt.Sprintf(" and %d more", more)
		}
	}
	return found
}

// grantsWithoutEnd finds grants that last as long as their recordings.
func grantsWithoutEnd(s *survey) []Finding {
	var found []Finding
	for i := range s.world.Grants {
		grant := &s.world.Grants[i]
		if !grant.Spec.ExpiresAt.IsZero() || !grant.DeletionTimestamp.IsZero() {
			continue
		}
		concerned := 0
		for j := range s.world.Recordings {
			if governance.Concerns(grant, &s.world.Recordings[j]) {
				concerned++
			}
		}
		found = append(found, Finding{
			Object: "AccessGrant " + grant.Namespace + "/" + grant.Name, Field: "spec.expiresAt", Want: "a date", Recordings: concerned,
			Says: "The grant has no end.",
		})
	}
	return found
}

// withoutOwner finds recordings whose creator has left and that nobody has succeeded to, those of a namespace together.
func withoutOwner(s *survey) []Finding {
	byRule := map[string]int{}
	var found []Finding
	for i := range s.world.Recordings {
		recording := &s.world.Recordings[i]
		rules := s.book.RulesOf(recording)
		owner := access.OwnerOf(rules, access.FactsOf(recording))
		if !owner.Left || len(owner.Owners) > 0 {
			continue
		}
		object, field := toChange(rules.Succession.Successors.From, "succession.successors")
		at, known := byRule[object+field]
		if !known {
			at = len(found)
			byRule[object+field] = at
			found = append(found, Finding{
				Object: object, Field: field, Want: "somebody who is still there, such as a Group at the end of the list",
				Says: fmt.Sprintf("The creator of %s has left, and of the successors there is none.", nameOf(recording)),
			})
		}
		found[at].Recordings++
	}
	return found
}
