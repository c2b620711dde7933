// SPDX-License-Identifier: Apache-2.0

package access_test

import (
	"slices"
	"strings"
	"time"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

// isTrue says what the oracle makes of a condition. It knows those that the generator draws, and takes any other for one that
// cannot be understood, which is never true.
func (o oracle) isTrue(when v1alpha1.Condition, p v1alpha1.Permission) bool {
	s, r, now := o.req.Subject, o.req.Recording, o.req.Now
	if !o.isKnown() {
		s.Name, s.Departments, s.Groups, s.Labels = "", nil, nil, nil
	}
	switch strings.TrimSpace(string(when)) {
	case "":
		return true
	case `recording.department in subject.departments`:
		return slices.Contains(s.Departments, r.Department)
	case `permission != "Download" || "manager" in subject.labels`:
		return p != v1alpha1.PermissionDownload || slices.Contains(s.Labels, "manager")
	case `now < recording.endedAt + duration("24h")`:
		return !r.EndedAt.IsZero() && now.Before(r.EndedAt.Add(24*time.Hour))
	case `recording.labels["sensitivity"] == "low"`:
		return r.Labels["sensitivity"] == "low"
	case `subject.internal && recording.participantCount <= 2`:
		return o.isMember() && len(r.Participants) <= 2
	case `recording.held || recording.trashed || "board" in subject.groups`:
		return r.Held || r.Trashed || slices.Contains(s.Groups, "board")
	case `"audit" in subject.groups || recording.startedAt < now`:
		return slices.Contains(s.Groups, "audit") || !r.StartedAt.IsZero() && r.StartedAt.Before(now)
	case `subject.name != "carol@example.com" && recording.namespace == "finance"`:
		return s.Name != "carol@example.com" && r.Namespace == "finance"
	}
	return false
}
