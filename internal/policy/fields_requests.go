// SPDX-License-Identifier: Apache-2.0

package policy

import "github.com/reelkeeper/reelkeeper/api/v1alpha1"

// approvers is sharing.approval.approvers. They are appointed, which bounds nobody: overrides do not name any. What bounds them
// is what the overrides leave to their roles.
type approvers struct{}

func (approvers) read(r *reader, in *v1alpha1.PolicyRules) {
	if list := in.Sharing.Approval.Approvers; len(list) > 0 {
		r.rules.Sharing.Approvers = Field[[]v1alpha1.GrantSubject]{list, r.from("sharing.approval.approvers")}
	}
}

func (approvers) fill(into, from *Rules) { fill(&into.Sharing.Approvers, &from.Sharing.Approvers) }

func (approvers) bound(_, _ *Rules) {}

// successor is succession.successors. Like approvers, a successor is appointed.
type successor struct{}

func (successor) read(r *reader, in *v1alpha1.PolicyRules) {
	if list := in.Succession.Successors; len(list) > 0 {
		r.rules.Succession.Successors = Field[[]v1alpha1.Successor]{list, r.from("succession.successors")}
	}
}

func (successor) fill(into, from *Rules) {
	fill(&into.Succession.Successors, &from.Succession.Successors)
}

func (successor) bound(_, _ *Rules) {}
