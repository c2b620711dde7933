// SPDX-License-Identifier: Apache-2.0

package accessgrant

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/access"
)

// observation is all that the state of a grant follows from.
type observation struct {
	now   time.Time
	grant *v1alpha1.AccessGrant
	// recording is the UID of the recording that the grant names, where there is one.
	recording types.UID
	// problem says why the recordings could not be found; its zero value that they were.
	problem problem
	// verdict is what the policies say.
	verdict access.Verdict
	// password says where the link's password comes from; ownPassword is the one that somebody chose.
	password         passwordSource
	ownPassword      string
	passwordNotFound string
	// secretTaken says that the Secret's name belongs to somebody else.
	secretTaken string
}

// problem is something for a person to mend.
type problem struct {
	reason, message string
}

// passwordSource says where a link's password comes from.
type passwordSource int

const (
	noPassword passwordSource = iota
	generatedPassword
	chosenPassword
	// shownPassword was shown to who made the grant in the gateway's pages, and is known by its hash.
	shownPassword
)

// state is what a grant is: the Ready condition, and what follows from it.
type state struct {
	status          metav1.ConditionStatus
	reason, message string
	// linked says that the grant has a Secret with its link.
	linked bool
	// rule is the rule that forbids the grant, where one does.
	rule string
}

// over says that the grant has ended for good, and its link with it.
func (s state) over() bool {
	return s.reason == v1alpha1.ReasonExpired || s.reason == v1alpha1.ReasonRecordingGone
}

// counts says that the grant gives what it says.
func (s state) counts() bool { return s.status == metav1.ConditionTrue }

// ended, missing, forbidden, … are what can be wrong with a grant, each named by what it finds. The first that finds
// something decides. What has ended has ended, whatever the policies say today.
var obstacles = []func(*observation) *state{ended, recordingMissing, forbidden, passwordMissing, secretTaken, notBegun}

// stateOf says what a grant is.
func stateOf(o *observation) state {
	for _, obstacle := range obstacles {
		if found := obstacle(o); found != nil {
			found.status = metav1.ConditionFalse
			return *found
		}
	}
	return state{status: metav1.ConditionTrue, reason: v1alpha1.ReasonGranted, message: "The grant counts" + until(o.grant), linked: true}
}

func until(grant *v1alpha1.AccessGrant) string {
	if grant.Spec.ExpiresAt.IsZero() {
		return ""
	}
	return " until " + date(grant.Spec.ExpiresAt)
}

func date(t metav1.Time) string { return t.UTC().Format(time.RFC3339) }

func ended(o *observation) *state {
	end := o.grant.Spec.ExpiresAt
	if end.IsZero() || o.now.Before(end.Time) {
		return nil
	}
	return &state{reason: v1alpha1.ReasonExpired, message: fmt.Sprintf("The grant ended on %s: make a new one", date(end))}
}

func recordingMissing(o *observation) *state {
	if o.problem.reason == "" {
		return nil
	}
	return &state{reason: o.problem.reason, message: o.problem.message}
}

func forbidden(o *observation) *state {
	if o.verdict.Allowed() {
		return nil
	}
	return &state{reason: v1alpha1.ReasonForbiddenByPolicy, message: o.verdict.Message(), rule: o.verdict.Rule.String()}
}

func passwordMissing(o *observation) *state {
	if o.passwordNotFound == "" {
		return nil
	}
	return &state{reason: v1alpha1.ReasonPasswordNotFound, message: o.passwordNotFound}
}

func secretTaken(o *observation) *state {
	if o.secretTaken == "" {
		return nil
	}
	return &state{reason: v1alpha1.ReasonSecretTaken, message: o.secretTaken}
}

// notBegun has a link already, so that it can be sent before it counts.
func notBegun(o *observation) *state {
	begin := o.grant.Spec.NotBefore
	if begin.IsZero() || !o.now.Before(begin.Time) {
		return nil
	}
	return &state{reason: v1alpha1.ReasonNotYet, message: "The grant begins to count on " + date(begin), linked: true}
}

// passwordRecheck is how often a password that somebody chose is read again: the manager may not watch tenants' Secrets.
const passwordRecheck = 5 * time.Minute

// nextDate returns when the state changes by itself; zero for never.
func nextDate(o *observation) time.Time {
	var next time.Time
	for _, at := range []metav1.Time{o.grant.Spec.NotBefore, o.grant.Spec.ExpiresAt} {
		if at.After(o.now) && (next.IsZero() || at.Time.Before(next)) {
			next = at.Time
		}
	}
	return next
}

// nextPoll returns how soon to ask for the password that a Secret holds, which is not watched; zero for not at all.
func nextPoll(o *observation) time.Duration {
	isOver := !o.grant.Spec.ExpiresAt.IsZero() && !o.now.Before(o.grant.Spec.ExpiresAt.Time)
	if o.password == chosenPassword && !isOver {
		return passwordRecheck
	}
	return 0
}
