// SPDX-License-Identifier: Apache-2.0

// Package gateway is what a person's browser talks to: signing in, the pages, playing and downloading.
//
// Every request for a recording takes the same steps, in gate.go: find the recording in the cache, decide (the pure function
// of package access), write the audit record, and only then act. Nothing is remembered between two requests but what the
// browser brings back sealed, so a changed policy or a deleted grant counts at the next request, also in the middle of a film.
//
// Whoever only may view gets three things, none of which is a video by itself: a playlist, a key, and ciphertext. The
// decrypted file has one route, which asks for the permission Download.
//
// Where somebody may not know whether a recording exists, the answer for one that does is the answer for one that does
// not: the same bytes after the same work, an audit record included.
package gateway
