// SPDX-License-Identifier: Apache-2.0

// Package report answers an administrator's questions about recordings: who may do what and why, what a policy would change,
// how well an organisation follows good practice.
//
// It is pure. A World holds what was read from the cluster; every answer is a value that follows from it, made by the same
// functions that the gateway and the controllers ask (policy.Set.Resolve, policy.Retention.Schedule, access.Decide). Nothing in
// here decides anything itself, and nothing in here prints.
package report
