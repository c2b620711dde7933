// SPDX-License-Identifier: Apache-2.0

// Package policy works out which rules hold for a recording.
//
// It reads policies as data and returns rules as data: no client, no clock, no log. Resolving goes field by field, and
// the first source that says anything decides:
//
//	namespace policies   the most specific first: more selector requirements; then older; then by name
//	cluster defaults     in the same order
//	built-in             the profile Standard
//
// A policy that chooses a profile says all that the profile sets, except where it says something itself.
//
// Cluster overrides then bound the result, whatever it is: permission sets are intersected, durations capped, audiences
// must all admit, and of two choices the stricter holds. Every field remembers the object, field and generation that it
// comes from.
//
// What a policy says badly (a selector that cannot be read, say) never opens anything: see Rules.Problems.
package policy
