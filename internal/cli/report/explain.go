// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/access"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

// Explanation is the effective policy of one recording.
type Explanation struct {
	// Recording is its namespace and name.
	Recording string `json:"recording"`
	// Fields are the rules that hold, Trial those that would be others if policies in DryRun were enforced.
	Fields []Field `json:"fields"`
	Trial  []Field `json:"trial,omitempty"`
	// Retention says when the recording leaves, and which rule decides.
	Retention Retention `json:"retention"`
	// Bounded are the wishes about keeping, of policies and of the recording itself, that do not hold.
	Bounded []Bounded `json:"bounded,omitempty"`
	// Problems are the parts of policies that could not be understood.
	Problems []string `json:"problems,omitempty"`
}

// Bounded is a wish that does not hold, because somebody with more to say allows something else.
type Bounded struct {
	// Field is the path that a policy writes it under.
	Field string `json:"field"`
	// Wished is what was asked for, and By who asked.
	Wished string  `json:"wished"`
	By     *Source `json:"by"`
	// Holds is what holds instead, and Bound where that comes from.
	Holds string  `json:"holds"`
	Bound *Source `json:"bound"`
}

// Retention says when a recording leaves. Times that never come are absent.
type Retention struct {
	// ExpiresAt is when it goes to the trash, PurgeAt when it is deleted for good, LockedUntil when its lock ends.
	ExpiresAt   *time.Time `json:"expiresAt,omitempty"`
	PurgeAt     *time.Time `json:"purgeAt,omitempty"`
	LockedUntil *time.Time `json:"lockedUntil,omitempty"`
	// Decider is the rule that decides, From where it comes from, Holds the legal holds.
	Decider policy.Decider `json:"decider"`
	From    *Source        `json:"from,omitempty"`
	Holds   []string       `json:"holds,omitempty"`
	// Says is all of it in a sentence.
	Says string `json:"says"`
}

// Explain says which rules hold for the recording, and when it leaves.
func (b *Book) Explain(recording *v1alpha1.MeetingRecording) Explanation {
	rules := b.RulesOf(recording)
	e := Explanation{Recording: nameOf(recording), Fields: fieldsOf(rules), Retention: retentionOf(rules, recording)}
	if owner := access.OwnerOf(rules, access.FactsOf(recording)); owner.Left {
		e.Fields = append(e.Fields, Field{"owner", subjects(owner.Owners) + ": " + owner.Creator + " has left", sourceAt(&owner.LeftBy)})
	}
	if rules.Trial != nil {
		e.Trial = differing(e.Fields, fieldsOf(rules.Trial))
	}
	e.Bounded = boundedOf(rules, recording)
	for _, problem := range rules.Problems {
		e.Problems = append(e.Problems, problem.String())
	}
	return e
}

func boundedOf(rules *policy.Rules, recording *v1alpha1.MeetingRecording) []Bounded {
	all := slices.Clone(rules.Bounded)
	if own, bounded := rules.Retention.BoundedWish(policy.LifeOf(recording).Wish); bounded {
		all = append(all, own)
	}
	var found []Bounded
	for _, b := range all {
		found = append(found, Bounded{b.Field, b.Wished, sourceAt(b.By), b.Holds, sourceAt(b.Bound)})
	}
	return found
}

// differing returns those fields of after whose value is not among the fields of before.
func differing(before, after []Field) []Field {
	known := map[[2]string]bool{}
	for _, f := range before {
		known[[2]string{f.Name, f.Value}] = true
	}
	var others []Field
	for _, f := range after {
		if !known[[2]string{f.Name, f.Value}] {
			others = append(others, f)
		}
	}
	return others
}

func retentionOf(rules *policy.Rules, recording *v1alpha1.MeetingRecording) Retention {
	plan := rules.Retention.Schedule(policy.LifeOf(recording))
	r := Retention{
		ExpiresAt: timeOf(plan.ExpiresAt), PurgeAt: timeOf(plan.PurgeAt), LockedUntil: timeOf(plan.LockedUntil),
		Decider: plan.Decider, From: sourceOf(plan.From),
	}
	for _, hold := range recording.Spec.Holds {
		r.Holds = append(r.Holds, hold.Name)
	}
	r.Says = sayPlan(plan, r.Holds, !recording.Status.AvailableAt.IsZero())
	return r
}

func timeOf(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return new(t.UTC())
}

// sayPlan says in a sentence when the recording leaves.
func sayPlan(plan policy.Schedule, holds []string, available bool) string {
	switch {
	case plan.Decider == policy.DecidedByHold:
		return fmt.Sprintf("Kept as long as the legal hold %s lies on it.", strings.Join(holds, ", "))
	case plan.Decider == policy.DecidedByPause:
		return "Kept until the policy can be understood again."
	case !plan.PurgeAt.IsZero():
		return fmt.Sprintf("In the trash, deleted for good at %s.", date(plan.PurgeAt))
	case !plan.ExpiresAt.IsZero():
		return fmt.Sprintf("Goes to the trash at %s.", date(plan.ExpiresAt))
	case !available:
		return "Its time begins when it becomes available."
	default:
		return "Kept: no rule says that it goes."
	}
}
