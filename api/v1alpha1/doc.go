// SPDX-License-Identifier: Apache-2.0

// Package v1alpha1 holds the kinds of the reelkeeper.io API group: what an organisation says about its meeting
// recordings, and what Reelkeeper answers in their status.
//
// Three conventions hold throughout. Absent differs from chosen: no field that policies merge has a schema default. There
// is no phase: the reason of the Ready condition is the state that people see. Durations are strings that people can
// say, such as 90d or 12h30m, where a day is always 24 hours.
//
// +kubebuilder:object:generate=true
// +kubebuilder:ac:generate=true
// +groupName=reelkeeper.io
package v1alpha1
