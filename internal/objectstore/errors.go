// SPDX-License-Identifier: Apache-2.0

package objectstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// ErrorReason says what kind of thing went wrong, in one CamelCase word that fits a condition.
type ErrorReason string

// Why an operation failed.
const (
	// ReasonInvalidConfig: the client cannot be made from its Config.
	ReasonInvalidConfig ErrorReason = "InvalidConfig"
	// ReasonNoSuchHost: the host name of the endpoint does not resolve.
	ReasonNoSuchHost ErrorReason = "NoSuchHost"
	// ReasonConnectionRefused: the host exists and nobody listens on the port.
	ReasonConnectionRefused ErrorReason = "ConnectionRefused"
	// ReasonTLS: no trusted TLS connection came about.
	ReasonTLS ErrorReason = "TLS"
	// ReasonTimeout: no answer came in time.
	ReasonTimeout ErrorReason = "Timeout"
	// ReasonCanceled: the caller gave up.
	ReasonCanceled ErrorReason = "Canceled"
	// ReasonUnavailable: the connection broke or the server failed; the same request may work later.
	ReasonUnavailable ErrorReason = "Unavailable"
	// ReasonSlowDown: the server asks for fewer requests.
	ReasonSlowDown ErrorReason = "SlowDown"
	// ReasonBadCredentials: the server does not know the access key, or the secret does not belong to it.
	ReasonBadCredentials ErrorReason = "BadCredentials"
	// ReasonClockSkew: our clock and the server's differ too much for signatures.
	ReasonClockSkew ErrorReason = "ClockSkew"
	// ReasonForbidden: the credentials are right and may not do this.
	ReasonForbidden ErrorReason = "Forbidden"
	// ReasonWrongRegion: the server expects requests signed for another region.
	ReasonWrongRegion ErrorReason = "WrongRegion"
	// ReasonNoSuchBucket: the bucket does not exist.
	ReasonNoSuchBucket ErrorReason = "NoSuchBucket"
	// ReasonBucketTaken: the bucket exists and belongs to somebody else.
	ReasonBucketTaken ErrorReason = "BucketTaken"
	// ReasonNotFound: the object, the version or the multipart upload does not exist.
	ReasonNotFound ErrorReason = "NotFound"
	// ReasonPreconditionFailed: the object is not in the state that the request demanded.
	ReasonPreconditionFailed ErrorReason = "PreconditionFailed"
	// ReasonInvalidRange: the object is shorter than the offset asked for.
	ReasonInvalidRange ErrorReason = "InvalidRange"
	// ReasonChecksumMismatch: the bytes that arrived are not the bytes that were sent.
	ReasonChecksumMismatch ErrorReason = "ChecksumMismatch"
	// ReasonObjectLockUnsupported: the bucket has no object lock and cannot be given it.
	ReasonObjectLockUnsupported ErrorReason = "ObjectLockUnsupported"
	// ReasonLocked: a retention or a legal hold in the store itself protects the object.
	ReasonLocked ErrorReason = "Locked"
	// ReasonQuotaExceeded: the store is full or a quota is used up.
	ReasonQuotaExceeded ErrorReason = "QuotaExceeded"
	// ReasonNotSupported: the server does not implement the operation.
	ReasonNotSupported ErrorReason = "NotSupported"
	// ReasonUnknown: none of the above; the message carries what the server said.
	ReasonUnknown ErrorReason = "Unknown"
)

// remedies tell an operator what to do about each reason. They finish the sentence "<operation> failed: …".
//
//nolint:gosec // advice about credentials, not credentials
var remedies = map[ErrorReason]string{
	ReasonInvalidConfig:         "the configuration of the store is not usable: correct it",
	ReasonNoSuchHost:            "the host name of the endpoint does not resolve: check the endpoint's spelling and the cluster's DNS",
	ReasonConnectionRefused:     "nothing listens at the endpoint: check its port, and that the server runs",
	ReasonTLS:                   "no trusted TLS connection: check that the endpoint speaks https and that its certificate is signed by a known CA, or add the CA bundle",
	ReasonTimeout:               "no answer in time: check network policies, firewalls and the server's load",
	ReasonCanceled:              "the operation was canceled before it ended",
	ReasonUnavailable:           "the server failed or broke the connection: it is tried again; if it lasts, look at the server's log",
	ReasonSlowDown:              "the server asks to slow down: it is tried again; if it lasts, raise the server's request limits",
	ReasonBadCredentials:        "the server refuses the credentials: check the access key and the secret key in the credentials Secret",
	ReasonClockSkew:             "the clocks here and at the server differ too much: synchronise them with NTP",
	ReasonForbidden:             "the credentials may not do this: grant the account the missing permission on the bucket",
	ReasonWrongRegion:           "the server expects another region: set the store's region to the bucket's",
	ReasonNoSuchBucket:          "the bucket does not exist: create it, or let the store's controller do so",
	ReasonBucketTaken:           "the bucket belongs to somebody else: choose another bucket name",
	ReasonNotFound:              "it does not exist",
	ReasonPreconditionFailed:    "the object has changed or exists already: read it again and decide anew",
	ReasonInvalidRange:          "the object ends before the offset asked for",
	ReasonChecksumMismatch:      "the bytes that arrived differ from those sent: it is worth one more try; if it lasts, suspect a proxy between here and the server",
	ReasonObjectLockUnsupported: "object lock cannot be turned on for the bucket: name a bucket that was created with object lock, or set objectLock to None",
	ReasonLocked:                "a retention or legal hold in the store protects the object: wait for its end, or have it lifted",
	ReasonQuotaExceeded:         "the store is full or over its quota: free space or raise the quota",
	ReasonNotSupported:          "the server does not implement this",
	ReasonUnknown:               "the server answered something unexpected",
}

// Error is what every function of this package returns when it fails. Its message names the operation, the object, what
// to do, and what the server said; it holds no credentials and no query strings of URLs.
type Error struct {
	// Op is the operation, such as "put".
	Op string
	// Bucket and Key name what it was about; either may be empty.
	Bucket, Key string
	// Reason is the kind of failure.
	Reason ErrorReason
	// Code is the server's own word for it, such as "AccessDenied"; empty when no server answered.
	Code string
	// Status is the HTTP status; 0 when no server answered.
	Status int
	// Until is, with ReasonLocked, when the retention ends; zero where it is a legal hold alone.
	Until time.Time

	// detail is what the server or the network said, scrubbed.
	detail string
	// cause is set only to errors without text of their own, such as context.Canceled.
	cause error
}

// Error is the whole message.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Bucket != "" {
		fmt.Fprintf(&b, " %s", strings.TrimSuffix(e.Bucket+"/"+e.Key, "/"))
	}
	fmt.Fprintf(&b, ": %s", remedies[e.Reason])
	if said := strings.TrimPrefix(strings.TrimSuffix(e.Code+": "+e.detail, ": "), ": "); said != "" {
		fmt.Fprintf(&b, " (%s)", said)
	}
	return b.String()
}

// Unwrap returns context.Canceled or context.DeadlineExceeded where one of them is the cause, else nil: the errors of the
// HTTP client quote URLs and stay inside.
func (e *Error) Unwrap() error { return e.cause }

// Reason tells what kind of failure err is: "" for nil, ReasonUnknown for errors that did not come from a store.
func Reason(err error) ErrorReason {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Reason
	}
	switch {
	case errors.Is(err, context.Canceled):
		return ReasonCanceled
	case errors.Is(err, context.DeadlineExceeded):
		return ReasonTimeout
	}
	return ReasonUnknown
}

// IsNotFound reports whether err says that the object, the version or the upload does not exist.
func IsNotFound(err error) bool { return Reason(err) == ReasonNotFound }

// LockedUntil tells when the retention ends that made an operation fail with ReasonLocked; zero where err says nothing of that.
func LockedUntil(err error) time.Time {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Until
	}
	return time.Time{}
}

// IsPreconditionFailed reports whether err says that somebody else was first.
func IsPreconditionFailed(err error) bool { return Reason(err) == ReasonPreconditionFailed }

// IsTransient reports whether the same request may succeed later without anybody changing anything.
func IsTransient(err error) bool {
	switch Reason(err) {
	case ReasonTimeout, ReasonUnavailable, ReasonSlowDown, ReasonConnectionRefused, ReasonChecksumMismatch:
		return true
	default:
		return false
	}
}
