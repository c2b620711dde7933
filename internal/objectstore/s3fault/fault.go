// SPDX-License-Identifier: Apache-2.0

// Package s3fault stands between a client and a real S3 server and lets exchanges fail in the ways in which S3 fails. It is
// a real HTTP proxy: what passes through it unharmed is the server's own answer.
package s3fault

import (
	"fmt"
	"net/http"
	"strings"
)

// Kind is a way for S3 to fail.
type Kind string

// The kinds of failure. Of each, the table says which requests it can happen to.
const (
	// SlowDown is an answer of 503 to a request that was not carried out.
	SlowDown Kind = "503 SlowDown"
	// AnswerLost is a request that was carried out, whose answer does not come: the connection ends as after a time-out.
	AnswerLost Kind = "answer lost"
	// Reset is a connection that breaks before the request is carried out.
	Reset Kind = "connection reset"
	// HalfRequest is a body of which the server gets the first half.
	HalfRequest Kind = "half-written request"
	// HalfAnswer is a body of which the client gets the first half.
	HalfAnswer Kind = "half-written answer"
	// FlippedBit is an object in which the client gets one bit wrong.
	FlippedBit Kind = "flipped bit"
	// StaleListing is a listing that does not show yet what was written of late.
	StaleListing Kind = "stale listing"
	// ClockSkew is a refusal because the clocks of client and server have drifted apart.
	ClockSkew Kind = "clock skew"
)

// Kinds are all of them.
var Kinds = []Kind{SlowDown, AnswerLost, Reset, HalfRequest, HalfAnswer, FlippedBit, StaleListing, ClockSkew}

// Fault spoils requests: Times of them one after the other, beginning with the Nth that it can happen to, counted from 1
// since the Fault was armed.
type Fault struct {
	Kind  Kind
	Nth   int
	Times int
}

// String is how a test names it.
func (f Fault) String() string {
	return fmt.Sprintf("%s, %d times from the %dth", f.Kind, f.Times, f.Nth)
}

// happensTo says whether a request can fail in this way.
func (k Kind) happensTo(r *http.Request) bool {
	switch k {
	case HalfRequest:
		return r.ContentLength > 1
	case HalfAnswer:
		return r.Method == http.MethodGet
	case FlippedBit:
		return r.Method == http.MethodGet && isObject(r)
	case StaleListing:
		return isListing(r)
	case SlowDown, AnswerLost, Reset, ClockSkew:
		return true
	}
	return true
}

// isObject says that a request is about an object, and not about a bucket or an upload. Paths are /bucket/key.
func isObject(r *http.Request) bool {
	_, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	return key != "" && !r.URL.Query().Has("uploadId")
}

func isListing(r *http.Request) bool {
	query := r.URL.Query()
	return r.Method == http.MethodGet && !isObject(r) && (query.Has("list-type") || query.Has("versions") || query.Has("uploads") || query.Has("prefix"))
}

// IsWrite says whether a request changes anything on the server.
func IsWrite(r *http.Request) bool {
	return r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodOptions
}
