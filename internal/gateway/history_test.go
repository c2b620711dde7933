// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"testing"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/gateway/pages"
)

func TestTheHistoryTellsAChangedHoldFromOneThatWasLaid(t *testing.T) {
	t.Parallel()
	for lang, want := range map[string][2]string{"en": {"laid a hold", "changed a hold"}, "zh": {"依法保留", "更改依法保留"}} {
		language := pages.Choose(lang)
		event := &v1alpha1.AuditEvent{Spec: v1alpha1.AuditEventSpec{Action: v1alpha1.AuditHeld, Reason: "HoldLaid"}}
		laid := historyEntry(language, event).Action
		event.Spec.Reason = "HoldChanged"
		if got := [2]string{laid, historyEntry(language, event).Action}; got != want {
			t.Errorf("in %s: %q, want %q", lang, got, want)
		}
	}
}
