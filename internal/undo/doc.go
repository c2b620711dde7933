// SPDX-License-Identifier: Apache-2.0

// Package undo brings recordings back, and lets go of them before their time, on behalf of a person with kubectl.
//
//	bucket (tombstones, manifests, states)  ┐
//	                                        ├→ what is in the trash → Reviver: MeetingRecordings that adopt → the manager does the rest
//	API server (recordings, namespaces)     ┘                       → Purger:  a tombstone that is due     → the sweeper does the rest
//
// Nothing here decides anything that the manager or the API server would not decide again: what a recording was is read from its
// authentic state, admission says who may, and the manager compares what is made with the bucket. Every step can be repeated.
package undo
