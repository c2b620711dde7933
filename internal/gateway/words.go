// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"strings"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/access"
	"github.com/reelkeeper/reelkeeper/internal/gateway/pages"
)

// explain says why, and what to do, in the person's language: the answer of package access, which alone knows what may be
// told, translated where the catalogue has a translation.
func explain(lang pages.Language, decision access.Decision) (message, remedy string) {
	answer := decision.Answer()
	if translated := lang.Or("why."+string(answer.Reason), ""); translated != "" {
		message = fill(lang, translated, decision)
	} else {
		message = answer.Message
	}
	if answer.Remedy == "" {
		return message, ""
	}
	if translated := lang.Or("todo."+string(reasonOfRemedy(answer)), ""); translated != "" {
		return message, fill(lang, translated, decision)
	}
	return message, answer.Remedy
}

// reasonOfRemedy is the reason whose remedy is given: for somebody who may not know, it can be another one's.
func reasonOfRemedy(answer access.Answer) access.Reason {
	if answer.Reason == access.NotFound && answer.Remedy == access.Explanations[access.NotInternal].Remedy {
		return access.NotInternal
	}
	return answer.Reason
}

func fill(lang pages.Language, text string, decision access.Decision) string {
	return strings.NewReplacer(
		"{do}", lang.Or("do."+string(decision.Permission), string(decision.Permission)),
		"{when}", decision.When.UTC().Format("2006-01-02 15:04 UTC"),
	).Replace(text)
}

// stateOf names the state of a recording for people.
func stateOf(lang pages.Language, reason string) string {
	return lang.Or("state."+reason, lang.T("state.other"))
}

// titleOf is what a recording is called, to somebody who may see it.
func titleOf(lang pages.Language, recording *v1alpha1.MeetingRecording) string {
	if recording.Spec.Meeting.Title != "" {
		return recording.Spec.Meeting.Title
	}
	return lang.T("untitled")
}
