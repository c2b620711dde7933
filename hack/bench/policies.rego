# SPDX-License-Identifier: Apache-2.0
#
# The rules of questions.go for OPA. Sets of people are objects with the people as keys, so that nothing is searched.
package recordings

default allow := false

allow if {
	given
	not forbidden
}

member if {
	input.subject.verified
	input.subject.internal
}

given if {
	member
	input.permission in {"View", "Download", "Trash"}
	input.recording.creator == input.subject.name
}

given if {
	member
	input.permission in {"View", "Download", "Trash"}
	input.recording.hosts[input.subject.name]
}

given if {
	member
	input.permission == "View"
	input.recording.participants[input.subject.name]
}

given if {
	member
	input.permission == "Download"
	input.subject.labels.manager
	input.recording.participants[input.subject.name]
}

given if {
	input.subject.verified
	grant := input.grants[input.subject.name]
	grant.permissions[input.permission]
	input.now < grant.until
}

forbidden if {
	input.permission == "Download"
	input.subject.labels.intern
}

forbidden if {
	input.permission in {"View", "Download"}
	input.recording.trashed
}
