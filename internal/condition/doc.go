// SPDX-License-Identifier: Apache-2.0

// Package condition compiles and evaluates what an entry of access.roles or access.labels says in `when`: an expression in
// CEL, the Common Expression Language, that is true or not.
//
// An expression sees these names and nothing else; there is no clock, no network and no state behind them:
//
//	subject.name                string               the verified e-mail address, empty without one
//	subject.internal            bool                 a member of the organisation
//	subject.departments         list of string       as the identity provider spells them
//	subject.groups              list of string
//	subject.labels              list of string
//	recording.namespace         string
//	recording.labels            map of string        the object's labels
//	recording.department        string               the meeting's department, empty if it has none
//	recording.startedAt         timestamp            an error if it is not known
//	recording.endedAt           timestamp            an error if it is not known
//	recording.trashed           bool
//	recording.held              bool
//	recording.participantCount  int
//	permission                  string               what is asked for, such as "View"
//	now                         timestamp
//
// They are variables whose names have a dot, rather than fields of objects: each has a type that is checked when the
// expression is compiled, and is looked up without reflection.
//
// What an expression may cost is bounded three times: by its length, by an estimate when it is compiled, and by a count
// while it runs. The macros that build lists (map, filter) are not there.
package condition
