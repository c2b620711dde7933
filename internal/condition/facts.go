// SPDX-License-Identifier: Apache-2.0

package condition

import (
	"time"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

// Facts are all that an expression can look at. They are read, never changed.
type Facts struct {
	// Subject is who asks.
	Subject Subject
	// Recording is what they ask about.
	Recording Recording
	// Now is the time of the question.
	Now time.Time
}

// Subject is who asks. Somebody without a verified name is the zero value.
type Subject struct {
	// Name is the verified e-mail address.
	Name string
	// Internal says that they are a member of the organisation.
	Internal bool
	// Departments, Groups and Labels are as the identity provider spells them.
	Departments, Groups, Labels []string
}

// Recording is what is asked about.
type Recording struct {
	// Namespace and Labels are those of the object, Department is the meeting's.
	Namespace, Department string
	Labels                map[string]string
	// StartedAt and EndedAt are the meeting's; zero for not known.
	StartedAt, EndedAt time.Time
	// Trashed and Held are the recording's state.
	Trashed, Held bool
	// Participants is how many attended, hosts and creator apart.
	Participants int
}

// The names that stand in expressions.
const (
	subjectName        = "subject.name"
	subjectInternal    = "subject.internal"
	subjectDepartments = "subject.departments"
	subjectGroups      = "subject.groups"
	subjectLabels      = "subject.labels"

	recordingNamespace    = "recording.namespace"
	recordingLabels       = "recording.labels"
	recordingDepartment   = "recording.department"
	recordingStartedAt    = "recording.startedAt"
	recordingEndedAt      = "recording.endedAt"
	recordingTrashed      = "recording.trashed"
	recordingHeld         = "recording.held"
	recordingParticipants = "recording.participantCount"

	askedPermission = "permission"
	currentTime     = "now"
)

// variables declare the type of every name.
var variables = []cel.EnvOption{
	cel.Variable(subjectName, cel.StringType),
	cel.Variable(subjectInternal, cel.BoolType),
	cel.Variable(subjectDepartments, cel.ListType(cel.StringType)),
	cel.Variable(subjectGroups, cel.ListType(cel.StringType)),
	cel.Variable(subjectLabels, cel.ListType(cel.StringType)),
	cel.Variable(recordingNamespace, cel.StringType),
	cel.Variable(recordingLabels, cel.MapType(cel.StringType, cel.StringType)),
	cel.Variable(recordingDepartment, cel.StringType),
	cel.Variable(recordingStartedAt, cel.TimestampType),
	cel.Variable(recordingEndedAt, cel.TimestampType),
	cel.Variable(recordingTrashed, cel.BoolType),
	cel.Variable(recordingHeld, cel.BoolType),
	cel.Variable(recordingParticipants, cel.IntType),
	cel.Variable(askedPermission, cel.StringType),
	cel.Variable(currentTime, cel.TimestampType),
}

// question is facts together with the permission that is asked for. It resolves the names of an expression.
type question struct {
	*Facts
	permission v1alpha1.Permission
}

// Parent returns nil: there are no names but these.
func (q question) Parent() cel.Activation { return nil }

// ResolveName returns the value of a name.
func (q question) ResolveName(name string) (any, bool) {
	switch name {
	case askedPermission:
		return string(q.permission), true
	case currentTime:
		return q.Now, true
	}
	if value, there := q.Subject.resolve(name); there {
		return value, true
	}
	return q.Recording.resolve(name)
}

func (s *Subject) resolve(name string) (any, bool) {
	switch name {
	case subjectName:
		return s.Name, true
	case subjectInternal:
		return s.Internal, true
	case subjectDepartments:
		return s.Departments, true
	case subjectGroups:
		return s.Groups, true
	case subjectLabels:
		return s.Labels, true
	}
	return nil, false
}

func (r *Recording) resolve(name string) (any, bool) {
	switch name {
	case recordingNamespace:
		return r.Namespace, true
	case recordingLabels:
		return r.Labels, true
	case recordingDepartment:
		return r.Department, true
	case recordingStartedAt:
		return known(name, r.StartedAt), true
	case recordingEndedAt:
		return known(name, r.EndedAt), true
	case recordingTrashed:
		return r.Trashed, true
	case recordingHeld:
		return r.Held, true
	case recordingParticipants:
		return r.Participants, true
	}
	return nil, false
}

// known returns the time, or the error of one that is not known: whatever an expression would make of the year 1 is not
// what its author meant.
func known(name string, t time.Time) any {
	if t.IsZero() {
		return types.NewErr("%s is not known", name)
	}
	return t
}
