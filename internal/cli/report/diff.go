// SPDX-License-Identifier: Apache-2.0

package report

import (
	"cmp"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

// Diff is what a change of policies would do to the recordings that exist.
type Diff struct {
	// Changed says that anything would be different for any recording.
	Changed bool `json:"changed"`
	// Policies are the policies of the change. Recordings is how many recordings they are about, Affected for how many of those
	// anything would be different.
	Policies   []PolicyChange `json:"policies"`
	Recordings int            `json:"recordings"`
	Affected   int            `json:"affected"`
	// Access says who gains and who loses what.
	Access []AccessChange `json:"access"`
	// Dates says what goes earlier and what stays longer.
	Dates []DateChange `json:"dates"`
	// Fields are the values that would be others.
	Fields []FieldChange `json:"fields"`
	// Problems are parts of the policies, as they are going to be, that cannot be understood.
	Problems []string `json:"problems,omitempty"`
}

// FieldChange is a field that would have another value.
type FieldChange struct {
	Name       string `json:"field"`
	Before     string `json:"before"`
	After      string `json:"after"`
	Recordings int    `json:"recordings"`
}

// Compare says what the change would do to the recordings of the world, if it were made now. Only recordings that a changed policy
// is about are looked at, and their rules are resolved once for all that have the same labels.
func Compare(world *World, change Change, member Member, now time.Time) Diff {
	after, policies := change.apply(world, now)
	d := differ{before: NewBook(world), after: NewBook(after), member: member, now: now, tally: newTally()}
	for i := range world.Recordings {
		recording := &world.Recordings[i]
		concerns := func(c PolicyChange) bool { return c.Action != actionNone && c.includes(world, recording) }
		if slices.ContainsFunc(policies, concerns) {
			d.recordings++
			d.compare(recording)
		}
	}
	diff := d.tally.diff()
	diff.Policies, diff.Recordings, diff.Affected = policies, d.recordings, d.affected
	diff.Changed = d.affected > 0
	for _, p := range policies {
		for _, problem := range p.problems {
			diff.Problems = append(diff.Problems, problem.String())
		}
	}
	return diff
}

// differ compares recording by recording.
type differ struct {
	before, after        *Book
	member               Member
	now                  time.Time
	tally                *tally
	recordings, affected int
}

// compare notes what is different for the recording.
func (d *differ) compare(recording *v1alpha1.MeetingRecording) {
	old, next := d.before.RulesOf(recording), d.after.RulesOf(recording)
	fields := d.fields(recording, old, next)
	dates := d.tally.dates(recording, old, next, d.now)
	access := d.access(recording, old, next)
	if fields || dates || access {
		d.affected++
	}
}

// fields notes which values are different.
func (d *differ) fields(recording *v1alpha1.MeetingRecording, old, next *policy.Rules) bool {
	at := placeOf(recording.Namespace, recording.Labels)
	changes, known := d.tally.byPlace[at]
	if !known {
		changes = fieldChanges(withTrial(old), withTrial(next))
		d.tally.byPlace[at] = changes
	}
	for _, change := range changes {
		d.tally.fields[change]++
	}
	return len(changes) > 0
}

// withTrial lists the fields of the rules, and those that policies in DryRun would set.
func withTrial(rules *policy.Rules) []Field {
	list := fieldsOf(rules)
	if rules.Trial != nil {
		for _, f := range differing(list, fieldsOf(rules.Trial)) {
			f.Name = "(DryRun) " + f.Name
			list = append(list, f)
		}
	}
	return list
}

// fieldChanges pairs the fields of two sets of rules by name. A field that stands several times, as access.audience does, is
// compared as a whole.
func fieldChanges(before, after []Field) []FieldChange {
	old, next := joined(before), joined(after)
	var names []string
	for _, f := range slices.Concat(before, after) {
		if !slices.Contains(names, f.Name) {
			names = append(names, f.Name)
		}
	}
	var changes []FieldChange
	for _, name := range names {
		if old[name] != next[name] {
			changes = append(changes, FieldChange{Name: name, Before: cmp.Or(old[name], "–"), After: cmp.Or(next[name], "–")})
		}
	}
	return changes
}

func joined(fields []Field) map[string]string {
	values := map[string]string{}
	for _, f := range fields {
		if known, again := values[f.Name]; again {
			f.Value = known + " and " + f.Value
		}
		values[f.Name] = f.Value
	}
	return values
}

// sameSpec says that two policies of one kind say the same.
func sameSpec(a, b metav1.Object) bool {
	switch a := a.(type) {
	case *v1alpha1.RecordingPolicy:
		return equality.Semantic.DeepEqual(a.Spec, b.(*v1alpha1.RecordingPolicy).Spec)
	case *v1alpha1.ClusterRecordingPolicy:
		return equality.Semantic.DeepEqual(a.Spec, b.(*v1alpha1.ClusterRecordingPolicy).Spec)
	}
	return false
}
