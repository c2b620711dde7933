// SPDX-License-Identifier: Apache-2.0

package objectstore

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"syscall"

	"github.com/minio/minio-go/v7"
)

// reasonsByCode translates the error codes of S3 servers. Codes that mean different things on different servers are left to
// reasonOfResponse.
var reasonsByCode = map[string]ErrorReason{
	"InvalidAccessKeyId":    ReasonBadCredentials,
	"SignatureDoesNotMatch": ReasonBadCredentials,
	"InvalidSecurity":       ReasonBadCredentials,
	"InvalidToken":          ReasonBadCredentials,
	"InvalidTokenId":        ReasonBadCredentials,
	"ExpiredToken":          ReasonBadCredentials,
	"NotSignedUp":           ReasonBadCredentials,
	"XAdminUserNotFound":    ReasonBadCredentials, // versitygw with a single account

	"AccessDenied":      ReasonForbidden,
	"AllAccessDisabled": ReasonForbidden,
	"AccountProblem":    ReasonForbidden,
	"Forbidden":         ReasonForbidden,

	"InvalidRegion":                      ReasonWrongRegion,
	"InvalidLocationConstraint":          ReasonWrongRegion,
	"IllegalLocationConstraintException": ReasonWrongRegion,
	"PermanentRedirect":                  ReasonWrongRegion,
	"TemporaryRedirect":                  ReasonWrongRegion,

	"NoSuchBucket":               ReasonNoSuchBucket,
	"BucketAlreadyExists":        ReasonBucketTaken,
	"NoSuchKey":                  ReasonNotFound,
	"NoSuchVersion":              ReasonNotFound,
	"NoSuchUpload":               ReasonNotFound,
	"PreconditionFailed":         ReasonPreconditionFailed,
	"ConditionalRequestConflict": ReasonPreconditionFailed,
	"InvalidRange":               ReasonInvalidRange,

	"BadDigest":                   ReasonChecksumMismatch,
	"XAmzContentSHA256Mismatch":   ReasonChecksumMismatch,
	"XAmzContentChecksumMismatch": ReasonChecksumMismatch,

	"QuotaExceeded":                  ReasonQuotaExceeded,
	"ServiceQuotaExceeded":           ReasonQuotaExceeded,
	"TooManyBuckets":                 ReasonQuotaExceeded,
	"XMinioStorageFull":              ReasonQuotaExceeded,
	"XMinioAdminBucketQuotaExceeded": ReasonQuotaExceeded,

	"SlowDown":             ReasonSlowDown,
	"SlowDownRead":         ReasonSlowDown,
	"SlowDownWrite":        ReasonSlowDown,
	"Throttling":           ReasonSlowDown,
	"ThrottlingException":  ReasonSlowDown,
	"RequestLimitExceeded": ReasonSlowDown,

	"RequestTimeout":       ReasonTimeout,
	"RequestTimeTooSkewed": ReasonClockSkew,
	"InternalError":        ReasonUnavailable,
	"ServiceUnavailable":   ReasonUnavailable,
	"OperationAborted":     ReasonUnavailable,
	"NotImplemented":       ReasonNotSupported,
	"APINotSupported":      ReasonNotSupported,
	"MethodNotAllowed":     ReasonNotSupported,
}

// reasonsByStatus is for answers without a known code, such as those to HEAD, which have no body.
var reasonsByStatus = map[int]ErrorReason{
	http.StatusMovedPermanently:             ReasonWrongRegion,
	http.StatusTemporaryRedirect:            ReasonWrongRegion,
	http.StatusUnauthorized:                 ReasonBadCredentials,
	http.StatusForbidden:                    ReasonForbidden,
	http.StatusNotFound:                     ReasonNotFound,
	http.StatusMethodNotAllowed:             ReasonNotSupported,
	http.StatusRequestTimeout:               ReasonTimeout,
	http.StatusPreconditionFailed:           ReasonPreconditionFailed,
	http.StatusRequestedRangeNotSatisfiable: ReasonInvalidRange,
	http.StatusTooManyRequests:              ReasonSlowDown,
	http.StatusInternalServerError:          ReasonUnavailable,
	http.StatusNotImplemented:               ReasonNotSupported,
	http.StatusBadGateway:                   ReasonUnavailable,
	http.StatusServiceUnavailable:           ReasonUnavailable,
	http.StatusGatewayTimeout:               ReasonUnavailable,
	http.StatusInsufficientStorage:          ReasonQuotaExceeded,
}

// NewResponseError makes an Error of an S3 server's refusal: its HTTP status, its code and its message.
func NewResponseError(op string, status int, code, message string) *Error {
	return &Error{Op: op, Reason: reasonOfResponse(status, code, message), Code: code, Status: status, detail: scrub(message)}
}

// NewTransportError makes an Error of a failure to talk to a server at all.
func NewTransportError(op string, err error) *Error {
	reason := reasonOfTransport(err)
	e := &Error{Op: op, Reason: reason, detail: scrub(innermost(err).Error())}
	switch {
	case errors.Is(err, context.Canceled):
		e.cause, e.detail = context.Canceled, ""
	case errors.Is(err, context.DeadlineExceeded):
		e.cause, e.detail = context.DeadlineExceeded, ""
	}
	return e
}

// wrap turns whatever minio-go returned into an Error about bucket and key; nil stays nil.
func (c *Client) wrap(op, bucket, key string, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	var e *Error
	if response, ok := errors.AsType[minio.ErrorResponse](err); ok {
		e = NewResponseError(op, response.StatusCode, response.Code, response.Message)
	} else {
		e = NewTransportError(op, err)
	}
	e.Bucket, e.Key = bucket, key
	for _, secret := range []string{c.cfg.SecretKey, c.cfg.SessionToken} {
		if secret != "" {
			e.detail = strings.ReplaceAll(e.detail, secret, "[redacted]")
		}
	}
	return e
}

func reasonOfResponse(status int, code, message string) ErrorReason {
	switch code {
	case "AuthorizationHeaderMalformed", "AuthorizationQueryParametersError":
		// Both are about the credential scope, which names the region among other things.
		if strings.Contains(strings.ToLower(message), "region") {
			return ReasonWrongRegion
		}
		return ReasonBadCredentials
	}
	if reason, ok := reasonsByCode[code]; ok {
		return reason
	}
	if reason, ok := reasonsByStatus[status]; ok {
		return reason
	}
	return ReasonUnknown
}

func reasonOfTransport(err error) ErrorReason {
	var (
		dns       *net.DNSError
		cert      *tls.CertificateVerificationError
		record    tls.RecordHeaderError
		alert     tls.AlertError
		timeout   net.Error
		plainHTTP = strings.Contains(err.Error(), "server gave HTTP response to HTTPS client")
	)
	switch {
	case errors.Is(err, context.Canceled):
		return ReasonCanceled
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return ReasonTimeout
	case errors.As(err, &dns):
		return ReasonNoSuchHost
	case errors.Is(err, syscall.ECONNREFUSED):
		return ReasonConnectionRefused
	case errors.As(err, &cert), errors.As(err, &record), errors.As(err, &alert), plainHTTP:
		return ReasonTLS
	case isBrokenConnection(err):
		return ReasonUnavailable
	}
	return ReasonUnknown
}

func isBrokenConnection(err error) bool {
	for _, broken := range []error{io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE, syscall.EHOSTUNREACH, syscall.ENETUNREACH, net.ErrClosed} {
		if errors.Is(err, broken) {
			return true
		}
	}
	// minio-go replaces io.EOF by a text, net/http keeps this one to itself.
	text := err.Error()
	return strings.Contains(text, "closed by foreign host") || strings.Contains(text, "server closed idle connection")
}

// innermost strips the wrapper that quotes the URL of the request.
func innermost(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

// maxDetail bounds what is quoted of a server's answer: a proxy's error page can be long.
const maxDetail = 200

var (
	queryString = regexp.MustCompile(`\?[^\s"'<>]*`)
	whitespace  = regexp.MustCompile(`\s+`)
)

// scrub makes foreign text fit for a message: one line, bounded, without query strings, which may be signatures.
func scrub(text string) string {
	text = queryString.ReplaceAllString(whitespace.ReplaceAllString(strings.TrimSpace(text), " "), "?[redacted]")
	if len(text) > maxDetail {
		text = strings.ToValidUTF8(text[:maxDetail], "") + "…"
	}
	return text
}
