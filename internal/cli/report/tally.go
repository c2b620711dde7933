// SPDX-License-Identifier: Apache-2.0

package report

import (
	"cmp"
	"slices"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

// maxExamples is how many recordings a change names: enough to look some of them up, and few enough to keep a diff over a hundred
// thousand recordings small.
const maxExamples = 20

// tally counts what a diff finds, identical outcomes together.
type tally struct {
	byPlace    map[place][]FieldChange
	fields     map[FieldChange]int
	dateGroups map[dateKey]*DateChange
	groups     map[accessKey]*accessGroup
	verdicts   map[verdictKey]bool
	outcomes   map[outcomeKey][2]policy.PermissionSet
}

// dateKey tells changes of dates apart.
type dateKey struct{ what, how string }

// accessKey tells changes of access apart.
type accessKey struct {
	change     string
	permission v1alpha1.Permission
	who        string
}

// accessGroup counts one change of access.
type accessGroup struct {
	recordings int
	last       string // the recording that was counted last: people of one recording come one after the other
	examples   []string
	people     map[string]*SubjectChange
}

func newTally() *tally {
	return &tally{
		byPlace:    map[place][]FieldChange{},
		fields:     map[FieldChange]int{},
		dateGroups: map[dateKey]*DateChange{},
		groups:     map[accessKey]*accessGroup{},
		verdicts:   map[verdictKey]bool{},
		outcomes:   map[outcomeKey][2]policy.PermissionSet{},
	}
}

// access counts that somebody gains or loses permissions on the recording.
func (t *tally) access(change string, set policy.PermissionSet, p Persona, recording string) {
	for _, permission := range set.List() {
		key := accessKey{change, permission, groupOf(p)}
		group := t.groups[key]
		if group == nil {
			group = &accessGroup{people: map[string]*SubjectChange{}}
			t.groups[key] = group
		}
		group.count(p, recording)
	}
}

func (g *accessGroup) count(p Persona, recording string) {
	if g.last != recording {
		g.last = recording
		g.recordings++
		g.examples = example(g.examples, recording)
	}
	if p.Kind != kindPerson {
		return
	}
	name := foldCase(p.Name)
	person := g.people[name]
	if person == nil {
		person = &SubjectChange{Name: name}
		g.people[name] = person
	}
	person.Recordings++
	person.Examples = example(person.Examples, recording)
}

func example(examples []string, recording string) []string {
	if len(examples) < maxExamples {
		return append(examples, recording)
	}
	return examples
}

// date counts that something happens earlier or later.
func (t *tally) date(change DateChange, detail DateDetail) {
	key := dateKey{change.What, change.How}
	group := t.dateGroups[key]
	if group == nil {
		group = &change
		t.dateGroups[key] = group
	}
	group.Recordings++
	if len(group.Details) < maxExamples {
		group.Details = append(group.Details, detail)
	}
}

// diff returns what was counted, what is lost first, then what concerns most recordings.
func (t *tally) diff() Diff {
	d := Diff{Policies: []PolicyChange{}, Access: []AccessChange{}, Dates: []DateChange{}, Fields: []FieldChange{}}
	for key, group := range t.groups {
		d.Access = append(d.Access, AccessChange{
			Change: key.change, Permission: key.permission, Who: key.who,
			People: len(group.people), Recordings: group.recordings, Examples: group.examples, Subjects: group.subjects(),
		})
	}
	slices.SortFunc(d.Access, func(a, b AccessChange) int {
		return cmp.Or(-cmp.Compare(a.Change, b.Change), cmp.Compare(b.Recordings, a.Recordings),
			cmp.Compare(slices.Index(everyPermission, a.Permission), slices.Index(everyPermission, b.Permission)), cmp.Compare(a.Who, b.Who))
	})
	for _, group := range t.dateGroups {
		d.Dates = append(d.Dates, *group)
	}
	slices.SortFunc(d.Dates, func(a, b DateChange) int {
		return cmp.Or(cmp.Compare(b.Recordings, a.Recordings), cmp.Compare(a.What, b.What), cmp.Compare(a.How, b.How))
	})
	for field, n := range t.fields {
		field.Recordings = n
		d.Fields = append(d.Fields, field)
	}
	slices.SortFunc(d.Fields, func(a, b FieldChange) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Before, b.Before), cmp.Compare(a.After, b.After))
	})
	return d
}

func (g *accessGroup) subjects() []SubjectChange {
	var list []SubjectChange
	for _, person := range g.people {
		list = append(list, *person)
	}
	slices.SortFunc(list, func(a, b SubjectChange) int {
		return cmp.Or(cmp.Compare(b.Recordings, a.Recordings), cmp.Compare(a.Name, b.Name))
	})
	return list
}
