// SPDX-License-Identifier: Apache-2.0

package access_test

import (
	"fmt"
	"testing"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/access"
	"github.com/reelkeeper/reelkeeper/internal/governance/governancetest"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

// speedCases are questions that are allowed, each by another way, in a meeting of fifty with ten grants.
func speedCases(t testing.TB) map[string]func() access.Decision {
	t.Helper()
	rules := policy.Resolve(governancetest.Policies(t, `{kind: ClusterRecordingPolicy, spec: {overrides: {access: {audience: Internal, roles: [{role: Participant, permissions: [View, Download]}]}}}}
---
{kind: RecordingPolicy, spec: {profile: Standard, access: {labels: [{label: manager, permissions: [View, Download]}]}}}`))
	recording := meeting
	for i := range 50 {
		recording.Participants = append(recording.Participants, fmt.Sprintf("person-%02d@example.com", i))
	}
	var grants []access.Grant
	for i := range 10 {
		grants = append(grants, grantTo(fmt.Sprintf("guest-%02d@example.com", i), func(g *access.Grant) { g.Name = fmt.Sprintf("grant-%02d", i) }))
	}
	ask := func(subject access.Subject, permission v1alpha1.Permission) func() access.Decision {
		req := access.Request{Subject: subject, Permission: permission, Recording: recording, Grants: grants, Now: governancetest.Now}
		return func() access.Decision { return access.Decide(rules, &req) }
	}
	prepared := func(name string) func() access.Decision {
		req := access.Request{
			Subject: member(name), Permission: v1alpha1.PermissionView, Recording: recording, Grants: grants, Now: governancetest.Now,
		}.Prepared()
		return func() access.Decision { return access.Decide(rules, &req) }
	}
	return map[string]func() access.Decision{
		"by role, prepared":  prepared("person-49@example.com"),
		"by grant, prepared": prepared("guest-09@example.com"),
		"by role":            ask(member("person-49@example.com"), v1alpha1.PermissionView),
		"by label":           ask(labelled(member("person-49@example.com"), "manager"), v1alpha1.PermissionDownload),
		"by grant":           ask(member("guest-09@example.com"), v1alpha1.PermissionView),
	}
}

func TestWhatIsAllowedIsDecidedWithoutAllocating(t *testing.T) {
	for name, decide := range speedCases(t) {
		if d := decide(); !d.Allowed() {
			t.Fatalf("%s: refused with %s", name, d.Reason)
		}
		if n := testing.AllocsPerRun(100, func() { decide() }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkDecide(b *testing.B) {
	for name, decide := range speedCases(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				decide()
			}
		})
	}
}
