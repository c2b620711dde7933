// SPDX-License-Identifier: Apache-2.0

// Package audit writes down who did, or was refused, what with which recording.
//
// A fact is one immutable AuditEvent in the recording's namespace. Whoever gives access calls Recorder.Record first and goes
// on only when it returned nil: no access without its record.
package audit

import (
	"time"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

// DownloadWindow is how long the parts of one download are one record.
const DownloadWindow = 10 * time.Minute

// Event is a fact to be recorded.
type Event struct {
	// Namespace is the namespace of the recording. Required.
	Namespace string

	// Key names the step of which this is the record, such as "granted/<uid>/<generation>". The same step recorded again,
	// by a process that died between recording and acting, yields the same object and so one record. Empty makes every call a
	// record of its own.
	Key string
	// Since orders an event that has a Key among the others, in place of Time. It has to be the same at every try, so take
	// it from an object: its creation, its deletion, a deadline. Zero falls back on Time, and with that zero too, the event
	// sorts before all others.
	Since time.Time

	// Time is when it happened; zero is now.
	Time time.Time
	// Action is what was done or tried. Required.
	Action v1alpha1.AuditAction
	// Outcome is Allowed or Refused. Required.
	Outcome v1alpha1.AuditOutcome
	// Actor is who did it; see User, Anonymous and Controller. Required.
	Actor v1alpha1.AuditActor
	// Recording is what it was done to; see RecordingOf. Zero where a refused attempt named none that exists.
	Recording v1alpha1.AuditRecording
	// Grant is the name of the AccessGrant that was made, revoked or used.
	Grant string
	// Reason is the stable code of why, in CamelCase. Required.
	Reason string
	// Rule is the rule that decided, with its object and field. What is too long is cut.
	Rule string
	// Client is the device and address; see Client.
	Client v1alpha1.AuditClient
	// Download names the download that this is about: its start, its end, and what is loaded of it later have the same. Empty for all
	// else.
	Download string
	// Resumed says that it is a later part of the file that was asked for.
	Resumed bool
	// Evidence proves the step. At most 16 entries of 1024 characters are kept, the last one then says how many are missing.
	Evidence []string
}

// User is a person whom an identity provider vouches for.
func User(name, issuer string) v1alpha1.AuditActor {
	return v1alpha1.AuditActor{Kind: v1alpha1.ActorUser, Name: name, Issuer: issuer}
}

// Anonymous is somebody who has not signed in.
func Anonymous() v1alpha1.AuditActor {
	return v1alpha1.AuditActor{Kind: v1alpha1.ActorAnonymous}
}

// Controller is a part of Reelkeeper that acts by itself.
func Controller(name string) v1alpha1.AuditActor {
	return v1alpha1.AuditActor{Kind: v1alpha1.ActorController, Name: name}
}

// RecordingOf names a recording so that it is still told apart after it is gone.
func RecordingOf(recording *v1alpha1.MeetingRecording) v1alpha1.AuditRecording {
	return v1alpha1.AuditRecording{Name: recording.Name, UID: string(recording.UID)}
}
