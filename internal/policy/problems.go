// SPDX-License-Identifier: Apache-2.0

package policy

import "github.com/reelkeeper/reelkeeper/api/v1alpha1"

// ProblemsOf returns what of a department's policy cannot be understood by itself: selectors, durations, conditions. It is
// what Rules.Problems says of the policy wherever it reaches a recording.
func ProblemsOf(p *v1alpha1.RecordingPolicy) []Problem {
	return compileNamespace(p).rules.Problems
}

// ProblemsOfCluster returns what of one of the organisation's policies cannot be understood by itself.
func ProblemsOfCluster(p *v1alpha1.ClusterRecordingPolicy) []Problem {
	all := &Rules{}
	all.note(compileOverrides(p).rules.Problems)
	all.note(compileDefaults(p).rules.Problems)
	return all.Problems
}
