// SPDX-License-Identifier: Apache-2.0

package report

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

// Severity says how much a finding matters.
type Severity string

const (
	// High lets somebody have what they should not, or loses something.
	High Severity = "High"
	// Medium lets it happen when somebody makes a mistake.
	Medium Severity = "Medium"
	// Low is good to know, or to tidy.
	Low Severity = "Low"
)

// Severities are all of them, the worst first.
var Severities = []Severity{High, Medium, Low}

// Posture says how well an organisation follows good practice.
type Posture struct {
	// Recordings is how many recordings were looked at.
	Recordings int `json:"recordings"`
	// Checks are all checks and how each came out; Findings what was found, the worst first.
	Checks   []CheckResult `json:"checks"`
	Findings []Finding     `json:"findings"`
	// NotAsked are questions of good practice that cannot be answered, and why. A pipeline must not take them for passed.
	NotAsked []string `json:"notAsked"`
}

// CheckResult is how one check came out.
type CheckResult struct {
	// Name is the check's name, which says what it finds wrong. Asks is the question behind it.
	Name string `json:"name"`
	Asks string `json:"asks"`
	// Passed says that nothing was found. Recordings is for how many recordings something was.
	Passed     bool `json:"passed"`
	Recordings int  `json:"recordings"`
}

// Finding is something to improve.
type Finding struct {
	Check    string   `json:"check"`
	Severity Severity `json:"severity"`
	// Object is the object to change, Field the field in it, Want what to set it to.
	Object string `json:"object"`
	Field  string `json:"field"`
	Want   string `json:"want"`
	// Recordings is for how many of the recordings that exist it matters. It may be none: meetings are still to come.
	Recordings int `json:"recordings"`
	// Says is what is so.
	Says string `json:"says"`
}

// AtLeast says whether a finding of at least that severity is among the findings.
func (p *Posture) AtLeast(severity Severity) bool {
	limit := slices.Index(Severities, severity)
	return slices.ContainsFunc(p.Findings, func(f Finding) bool { return slices.Index(Severities, f.Severity) <= limit })
}

// survey is a world, and its recordings in groups that have the same rules.
type survey struct {
	world *World
	book  *Book
	areas []area
	now   time.Time
}

// area is where the same rules hold.
type area struct {
	rules *policy.Rules
	// sensitive says that recordings there are labelled sensitive, or have the profile Restricted.
	sensitive bool
	// recordings is how many there are; none for meetings that are still to come.
	recordings int
}

// Labels that say that a meeting is sensitive.
const (
	labelSensitivity = "reelkeeper.io/sensitivity"
	valueSensitive   = "high"
)

// Posture looks at the whole world. Besides the recordings that exist it asks for every namespace what would hold for an ordinary
// and for a sensitive meeting.
func (b *Book) Posture(now time.Time) Posture {
	s := survey{world: b.world, book: b, areas: b.areas(), now: now}
	p := Posture{Recordings: len(b.world.Recordings), Checks: []CheckResult{}, Findings: []Finding{}, NotAsked: notAsked}
	for _, check := range checks {
		found := check.find(&s)
		result := CheckResult{Name: check.name, Asks: check.asks, Passed: len(found) == 0}
		for _, f := range found {
			f.Check = check.name
			f.Severity = cmp.Or(f.Severity, check.severity)
			result.Recordings += f.Recordings
			p.Findings = append(p.Findings, f)
		}
		p.Checks = append(p.Checks, result)
	}
	slices.SortStableFunc(p.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(slices.Index(Severities, a.Severity), slices.Index(Severities, b.Severity)),
			cmp.Compare(b.Recordings, a.Recordings), cmp.Compare(a.Check, b.Check), cmp.Compare(a.Object, b.Object))
	})
	return p
}

// areas groups the recordings by the rules that hold for them, in a stable order.
func (b *Book) areas() []area {
	counts, labels := map[place]int{}, map[place]map[string]string{}
	add := func(namespace string, recordingLabels map[string]string, n int) {
		at := placeOf(namespace, recordingLabels)
		counts[at] += n
		labels[at] = recordingLabels
	}
	for i := range b.world.Recordings {
		add(b.world.Recordings[i].Namespace, b.world.Recordings[i].Labels, 1)
	}
	for _, namespace := range b.governed() {
		add(namespace, nil, 0)
		add(namespace, map[string]string{labelSensitivity: valueSensitive}, 0)
	}
	byName := func(a, b place) int {
		return cmp.Or(cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.labels, b.labels))
	}
	var areas []area
	for _, at := range slices.SortedFunc(maps.Keys(counts), byName) {
		rules := b.Rules(at.namespace, labels[at])
		sensitive := labels[at][labelSensitivity] == valueSensitive || rules.Profile.Value == v1alpha1.ProfileRestricted
		areas = append(areas, area{rules, sensitive, counts[at]})
	}
	return areas
}

// governed lists the namespaces that have recordings or policies; where there are none, the one that was asked about, or one that
// nobody has said anything about.
func (b *Book) governed() []string {
	found := map[string]bool{}
	for i := range b.world.Recordings {
		found[b.world.Recordings[i].Namespace] = true
	}
	for i := range b.world.Policies {
		found[b.world.Policies[i].Namespace] = true
	}
	if len(found) == 0 {
		found[b.world.Namespace] = true
	}
	return slices.Sorted(maps.Keys(found))
}

// in asks of every area, and returns one finding for each field that has to change.
func (s *survey) in(ask func(*area) (Finding, *policy.Provenance)) []Finding {
	var found []Finding
	for i := range s.areas {
		f, at := ask(&s.areas[i])
		if f.Says == "" {
			continue
		}
		f.Object, f.Field = toChange(at, f.Field)
		f.Recordings = s.areas[i].recordings
		same := slices.IndexFunc(found, func(other Finding) bool {
			return other.Object == f.Object && other.Field == f.Field && other.Says == f.Says && other.Severity == f.Severity
		})
		if same >= 0 {
			found[same].Recordings += f.Recordings
			continue
		}
		found = append(found, f)
	}
	return found
}

// toChange says which object and field have to change so that another value holds. A value that a policy gives stands there; one
// that a profile gives is overruled beside the profile; where no policy says anything, one is missing.
func toChange(at *policy.Provenance, field string) (object, path string) {
	switch {
	case at == nil:
		return policy.KindCluster + " (a new one)", "spec.defaults." + field
	case at.Kind == "":
		return policy.KindCluster + " (a new one)", "spec.defaults." + cmp.Or(at.Preset, field)
	case at.Profile != "":
		return sourceOf(*at).object(), besideProfile(at.Field) + cmp.Or(at.Preset, field)
	default:
		return sourceOf(*at).object(), at.Field
	}
}

// besideProfile returns the path of the rules that the profile stands in: spec. or spec.defaults.
func besideProfile(profile string) string {
	const name = "profile"
	if len(profile) < len(name) {
		return "spec."
	}
	return profile[:len(profile)-len(name)]
}
