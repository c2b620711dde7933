// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

// explain derives the conditions that say how long the recording stays. They name the object and field that decide, and not its
// generation: a policy that changes elsewhere must not cost a write for every recording.
func explain(o *observation, status *v1alpha1.MeetingRecordingStatus, plan policy.Schedule) {
	conditions := conditionSet{o: o}
	for _, c := range status.Conditions {
		switch c.Type {
		case v1alpha1.ConditionRetained, v1alpha1.ConditionExpiring, v1alpha1.ConditionRetentionAccepted:
		default:
			conditions.wanted = append(conditions.wanted, c)
		}
	}
	conditions.addRetained(status, plan)
	conditions.addExpiring(status, plan)
	conditions.addRetentionAccepted()
	status.Conditions = conditions.transitions()
}

// addRetained says which rule decides. It is False for what is on its way out.
func (c *conditionSet) addRetained(status *v1alpha1.MeetingRecordingStatus, plan policy.Schedule) {
	if c.o.stage == shelved {
		return // there is no media to keep
	}
	verdict := metav1.ConditionTrue
	if plan.Decider == policy.DecidedByTrashFor {
		verdict = metav1.ConditionFalse
	}
	c.add(v1alpha1.ConditionRetained, verdict, string(plan.Decider), retainedMessage(c.o, status, plan))
}

func retainedMessage(o *observation, status *v1alpha1.MeetingRecordingStatus, plan policy.Schedule) string {
	until, by, then := spellTime(status.ExpiresAt), place(plan), "then it goes to the trash"
	if !status.TrashedAt.IsZero() {
		until, then = spellTime(status.PurgeAt), "then it is deleted for good"
	}
	switch plan.Decider {
	case policy.DecidedByHold:
		return fmt.Sprintf("Kept as long as the legal hold %s lies on it", strings.Join(holdNames(o.recording), ", "))
	case policy.DecidedByPause:
		return fmt.Sprintf("Kept until %s can be understood: put it right", by)
	case policy.DecidedByUnwatchedAfter:
		return fmt.Sprintf("Kept until %s by %s, longer if somebody watches it; %s%s", until, by, then, bounded(o, plan))
	case policy.DecidedByNothing:
		return "Kept: no rule says that it goes"
	default:
		return fmt.Sprintf("Kept until %s by %s; %s%s", until, by, then, bounded(o, plan))
	}
}

// bounded says, after the rule that decides, what a policy asked for in its place.
func bounded(o *observation, plan policy.Schedule) string {
	what := o.rules.BoundedFor(plan.Decider)
	if what == nil || plan.From != *what.Bound {
		return ""
	}
	return fmt.Sprintf(". %s asks for %s and gets %s", what.By.Place(), what.Wished, what.Holds)
}

// place names the object and field that decide.
func place(plan policy.Schedule) string {
	switch {
	case plan.Decider != policy.DecidedByLock || plan.From != (policy.Provenance{}):
		return plan.From.Place()
	case plan.LockedBy != "":
		return "the lock that was promised by " + plan.LockedBy
	default:
		return "a lock that was promised when other policies held"
	}
}

// addExpiring is there from the warning to the expiry.
func (c *conditionSet) addExpiring(status *v1alpha1.MeetingRecordingStatus, plan policy.Schedule) {
	if !plan.Expiring(c.o.now) {
		return
	}
	c.add(v1alpha1.ConditionExpiring, metav1.ConditionTrue, string(plan.Decider), fmt.Sprintf(
		"Goes to the trash at %s by %s: whoever needs it longer downloads it, or asks for a longer time in spec.retention",
		spellTime(status.ExpiresAt), place(plan)))
}

// warning tells people, once, that the recording is about to go.
func warning(o *observation, status *v1alpha1.MeetingRecordingStatus) []notice {
	expiring := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionExpiring)
	if expiring == nil || meta.FindStatusCondition(o.recording.Status.Conditions, v1alpha1.ConditionExpiring) != nil {
		return nil
	}
	return []notice{{warning: true, reason: v1alpha1.ConditionExpiring, action: "Expire", note: expiring.Message}}
}

// addRetentionAccepted is there while the recording asks for a time of its own.
func (c *conditionSet) addRetentionAccepted() {
	wish := policy.LifeOf(c.o.recording).Wish
	if wish.From == nil {
		return
	}
	bounded, is := c.o.rules.Retention.BoundedWish(wish)
	if !is {
		c.add(v1alpha1.ConditionRetentionAccepted, metav1.ConditionTrue, v1alpha1.ReasonWithinPolicy, "The recording has the time to live that its spec.retention asks for")
		return
	}
	c.add(v1alpha1.ConditionRetentionAccepted, metav1.ConditionFalse, v1alpha1.ReasonBounded, fmt.Sprintf(
		"spec.retention.expireAfter asks for %s and gets %s, the most that %s allows: ask for less, or have extendTo raised there",
		bounded.Wished, bounded.Holds, bounded.Bound.Place()))
}

func spellTime(t metav1.Time) string { return t.UTC().Format(time.RFC3339) }
