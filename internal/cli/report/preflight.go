// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/access"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

// Preflight is what is going to become of a meeting's recording, if nothing changes until then.
type Preflight struct {
	// Meeting is its namespace and name.
	Meeting string `json:"meeting"`
	// Mode and Notice say whether it is recorded and announced, and where that comes from.
	Mode   Field `json:"mode"`
	Notice Field `json:"notice"`
	// Says answers in sentences: is it recorded, are people told, how may it be shared, how long is it kept.
	Says []string `json:"says"`
	// CanStart are those of the meeting's people who may start recording.
	CanStart []string `json:"canStart"`
	// Classes say what each role, and each label that policies name, may do with the recording; People are the meeting's own,
	// and those whom a grant for recordings like it names.
	Classes []Right `json:"classes"`
	People  []Right `json:"people"`
	// Conditions are those that rights depend on. Classes and People are as the conditions are now, for the meeting as it is given.
	Conditions []Field `json:"conditions,omitempty"`
	// Kept are the fields that say how long.
	Kept []Field `json:"kept"`
	// Problems are the parts of policies that could not be understood.
	Problems []string `json:"problems,omitempty"`
}

// Right is what somebody may do.
type Right struct {
	// Who is the person, or the class in words.
	Who string `json:"who"`
	// Roles are what they are to the recording.
	Roles []v1alpha1.Role `json:"roles,omitempty"`
	// View and Download are the two questions that people have; May is all that they may.
	View     bool                  `json:"view"`
	Download bool                  `json:"download"`
	May      []v1alpha1.Permission `json:"may"`
}

// Preflight answers before a meeting what the system will apply to it: whether it is recorded, who may watch and who may
// download, how long it is kept. The meeting is a recording that need not exist.
func (b *Book) Preflight(meeting *v1alpha1.MeetingRecording, member Member, now time.Time) Preflight {
	rules := b.RulesOf(meeting)
	grants := b.GrantsOf(meeting)
	p := Preflight{
		Meeting: nameOf(meeting),
		Mode:    plain("recording.mode", rules.Recording.Mode), Notice: plain("recording.notice", rules.Recording.Notice),
		CanStart: []string{}, Kept: keptFields(rules),
	}
	facts := access.FactsOf(meeting)
	request := about(facts, grants, now)
	for _, someone := range personas([]*policy.Rules{rules}, meeting, grants, member) {
		if !isPerson(someone) {
			continue // the table of classes has these
		}
		set := may(rules, request, someone.subject)
		p.People = append(p.People, rightOf(someone.String(), someone.Roles, set))
		if someone.Kind == kindPerson && set.Has(v1alpha1.PermissionStart) {
			p.CanStart = append(p.CanStart, someone.Name)
		}
	}
	p.Classes = classRights(rules, facts, now)
	p.Conditions = conditionFields(rules)
	p.Says = []string{sayRecorded(rules, p.CanStart), sayNotice(rules), saySharing(rules), sayKept(rules)}
	for _, problem := range rules.Problems {
		p.Problems = append(p.Problems, problem.String())
	}
	return p
}

// isPerson says that somebody is in the meeting or named by a grant, and does not merely stand for a class of people.
func isPerson(p Persona) bool {
	return p.Kind == kindPerson || p.Kind == kindAnyone || len(p.subject.Links) > 0
}

func rightOf(who string, roles []v1alpha1.Role, set policy.PermissionSet) Right {
	return Right{who, roles, set.Has(v1alpha1.PermissionView), set.Has(v1alpha1.PermissionDownload), set.List()}
}

// standIn is a meeting with one person of each role, for asking what a role may do.
var standIn = withStandIns(access.Recording{})

// withStandIns returns the recording with one person of each role in the place of its own.
func withStandIns(recording access.Recording) access.Recording {
	recording.Creator, recording.Hosts, recording.Participants = "a-creator", []string{"a-host"}, []string{"a-participant"}
	return recording
}

// standIns are who has which role there.
var standIns = []struct{ who, name string }{
	{"who made the meeting", "a-creator"}, {"hosts", "a-host"}, {"participants", "a-participant"},
	{"other members of the organisation", stranger},
}

// classRights says what each role may do without a grant, and what participants with each label may. Where an audience names
// departments, everybody is asked about as belonging to them; those who do not come last.
func classRights(rules *policy.Rules, meeting access.Recording, now time.Time) []Right {
	var list []Right
	// Conditions may ask how many attended: as many as attend now.
	people := withStandIns(meeting)
	for len(people.Participants) < len(meeting.Participants) {
		people.Participants = append(people.Participants, stranger+" who attends")
	}
	request := about(people, nil, now)
	add := func(who string, subject access.Subject) {
		list = append(list, rightOf(who, access.RolesOf(rules, people, subject), may(rules, request, subject)))
	}
	departments, of := inDepartment(rules), ""
	if len(departments) > 0 {
		of = " (" + strings.Join(departments, ", ") + ")"
	}
	for _, s := range standIns {
		add(s.who+of, access.Subject{Name: s.name, Verified: true, Internal: true, Departments: departments})
	}
	for _, label := range rules.Access.Labels {
		add("participants with the label "+label.Name+of, access.Subject{
			Name: "a-participant", Verified: true, Internal: true, Departments: departments, Labels: []string{label.Name},
		})
	}
	if len(departments) > 0 {
		add("participants of other departments", access.Subject{Name: "a-participant", Verified: true, Internal: true})
	}
	add("outsiders, also who attended", access.Subject{Name: "a-participant", Verified: true})
	add("who has not signed in", access.Subject{Anonymous: true})
	return list
}

// conditionFields lists the conditions that rights depend on.
func conditionFields(rules *policy.Rules) []Field {
	var conditions []Field
	for _, f := range fieldsOf(rules) {
		if strings.HasSuffix(f.Name, ".when") {
			conditions = append(conditions, f)
		}
	}
	return conditions
}

func keptFields(rules *policy.Rules) []Field {
	var kept []Field
	for _, f := range fieldsOf(rules) {
		if strings.HasPrefix(f.Name, "retention") {
			kept = append(kept, f)
		}
	}
	return kept
}

func sayRecorded(rules *policy.Rules, canStart []string) string {
	switch rules.Recording.Mode.Value {
	case v1alpha1.ModeAutomatic:
		return "It is recorded from when it starts; nobody has to press anything."
	case v1alpha1.ModeManual:
		if len(canStart) == 0 {
			return "It is recorded only if somebody starts it, and nobody in the meeting may."
		}
		return fmt.Sprintf("It is recorded if one of these starts it: %s.", strings.Join(canStart, ", "))
	default:
		return "It is not recorded."
	}
}

func sayNotice(rules *policy.Rules) string {
	switch {
	case rules.Recording.Mode.Value == v1alpha1.ModeDisabled:
		return "There is nothing to announce."
	case rules.Recording.Notice.Value == v1alpha1.NoticeSilent:
		return "Nobody in the meeting is told that it is recorded."
	default:
		return "Everybody in the meeting is told that it is recorded."
	}
}

func saySharing(rules *policy.Rules) string {
	var password string
	switch rules.Sharing.Links.Value {
	case v1alpha1.LinksPasswordOptional:
		password = "with or without a password"
	case v1alpha1.LinksPasswordRequired:
		password = "only with a password"
	default:
		return "It may not be shared."
	}
	until := "without an end"
	if ttl := rules.Sharing.MaxTTL.Value; ttl != v1alpha1.Forever {
		until = "for at most " + say(ttl)
	}
	outside := "not outside the organisation"
	if rules.Sharing.External.Value == v1alpha1.Allowed {
		outside = "also outside the organisation"
	}
	return fmt.Sprintf("It may be shared %s, %s, %s.", password, until, outside)
}

func sayKept(rules *policy.Rules) string {
	r := &rules.Retention
	var parts []string
	if r.ExpireAfter.Value != v1alpha1.Forever {
		parts = append(parts, "goes to the trash "+say(r.ExpireAfter.Value)+" after it became available")
	}
	if r.UnwatchedAfter.Value != v1alpha1.Forever {
		parts = append(parts, "goes to the trash when nobody has watched it for "+say(r.UnwatchedAfter.Value))
	}
	if len(parts) == 0 || r.Paused != nil {
		parts = []string{"is kept until somebody deletes it"}
	}
	parts = append(parts, "stays in the trash for "+say(r.TrashFor.Value))
	if r.Lock.Value.Mode != "" {
		parts = append(parts, "cannot be deleted for "+say(r.Lock.Value.For))
	}
	return "It " + strings.Join(parts, ", ") + "."
}
