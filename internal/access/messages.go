// SPDX-License-Identifier: Apache-2.0

package access

import (
	"strings"
	"time"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

// verbs say what a permission lets people do with a recording.
var verbs = map[v1alpha1.Permission]string{
	v1alpha1.PermissionView:     "watch",
	v1alpha1.PermissionDownload: "download",
	v1alpha1.PermissionShare:    "share",
	v1alpha1.PermissionTrash:    "delete",
	v1alpha1.PermissionRestore:  "restore",
	v1alpha1.PermissionPurge:    "delete for good",
	v1alpha1.PermissionHold:     "lay or lift a hold on",
	v1alpha1.PermissionStart:    "start",
	v1alpha1.PermissionStop:     "stop",
	v1alpha1.PermissionApprove:  "approve requests for",
}

// Message says why, to somebody who may know that the recording exists. It names no policy: Rule does, for administrators.
func (d Decision) Message() string { return d.fill(Explanations[d.Reason].Message) }

// Remedy says what the person can do about a refusal. It is empty for what is allowed.
func (d Decision) Remedy() string { return d.fill(Explanations[d.Reason].Remedy) }

func (d Decision) fill(text string) string { return fillIn(text, d.Permission, d.When) }

// fillIn replaces what stands for the permission and the date.
func fillIn(text string, permission v1alpha1.Permission, when time.Time) string {
	verb := verbs[permission]
	if verb == "" {
		verb = "do that with"
	}
	return strings.NewReplacer("{do}", verb, "{when}", when.UTC().Format("2006-01-02 15:04 MST")).Replace(text)
}

// Answer is what a person may be told.
type Answer struct {
	// Reason is the code that may be shown: the decision's own, or one that says nothing of the recording.
	Reason Reason
	// Message says what is so, Remedy what the person can do.
	Message, Remedy string
}

// Answer returns what the person may be told. For somebody who may not know that the recording exists it depends on
// nothing but who they are, so that it is the same as for a recording that does not exist: see Unknown.
func (d Decision) Answer() Answer {
	if d.MayKnow {
		return Answer{d.Reason, d.Message(), d.Remedy()}
	}
	switch d.asker {
	case askerAnonymous:
		return answer(NotSignedIn)
	case askerUnverified:
		return answer(Unverified)
	case askerOutsider:
		a := answer(NotFound)
		a.Remedy = Explanations[NotInternal].Remedy
		return a
	default:
		return answer(NotFound)
	}
}

func answer(reason Reason) Answer {
	e := Explanations[reason]
	return Answer{reason, e.Message, e.Remedy}
}

// Unknown is the decision about a recording that does not exist. Its Answer is the same as for one that the subject may
// not know of.
func Unknown(subject Subject, permission v1alpha1.Permission) Decision {
	return Decision{Effect: Deny, Reason: NotFound, Permission: permission, asker: askerOf(&subject)}
}
