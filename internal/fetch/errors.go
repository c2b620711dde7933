// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// Reason says in one word why nothing was fetched. It fits a condition.
type Reason string

// Why nothing was fetched.
const (
	// Unreachable: the server could not be reached, broke off, or failed. Trying again makes sense.
	Unreachable Reason = "SourceUnreachable"
	// NotFound: the server has no such file.
	NotFound Reason = "SourceNotFound"
	// Forbidden: the server gives the file to nobody, or not with these credentials.
	Forbidden Reason = "SourceForbidden"
	// AddressNotAllowed: the URL, or a redirect, leads to where nothing is fetched from.
	AddressNotAllowed Reason = "AddressNotAllowed"
	// TooLarge: the file is larger than it may be.
	TooLarge Reason = "TooLarge"
	// NotAVideo: the server answers with a web page.
	NotAVideo Reason = "NotAVideo"
	// ChecksumMismatch: the file is not the one that was meant.
	ChecksumMismatch Reason = "ChecksumMismatch"
	// Internal: the file could not be kept here.
	Internal Reason = "Internal"
)

// Error is what Download fails with. Its message is for people; it names hosts, and never a path, a query or a header.
type Error struct {
	Reason  Reason
	Message string
	// Terminal says that another try can come to nothing else.
	Terminal bool

	// retryAfter is how long the server asks to wait.
	retryAfter time.Duration
	// cause is set only to errors without secrets, such as context.DeadlineExceeded.
	cause error
}

// Error is the message.
func (e *Error) Error() string { return e.Message }

// Unwrap returns what made the fetch end, where it can be shown.
func (e *Error) Unwrap() error { return e.cause }

func final(reason Reason, format string, args ...any) *Error {
	return &Error{Reason: reason, Message: fmt.Sprintf(format, args...), Terminal: true}
}

func passing(format string, args ...any) *Error {
	return &Error{Reason: Unreachable, Message: fmt.Sprintf(format, args...)}
}

// What a connection or a redirect is refused with, to be found again inside what net/http makes of it.
var (
	errAddress   = errors.New("this address is not called")
	errHost      = errors.New("this host is not among those that the store allows")
	errScheme    = errors.New("a redirect leads away from https")
	errUserInfo  = errors.New("a redirect carries a user name")
	errRedirects = errors.New("too many redirects")
	errStalled   = errors.New("nothing came for a while")
)

// explain makes an Error of what net/http returned, whose own text quotes the URL.
func explain(ctx context.Context, host string, err error) *Error {
	switch {
	case errors.Is(err, errAddress):
		return final(AddressNotAllowed, "%s leads to an address that is not called: it is private, reserved, or one where clouds hand out credentials. "+
			"Fetch from a public address, or ask the store's owner to allow this host in spec.intake.urls", host)
	case errors.Is(err, errHost):
		return final(AddressNotAllowed, "%s redirects to a host that the store does not allow: ask its owner to add it to spec.intake.urls.hosts", host)
	case errors.Is(err, errScheme), errors.Is(err, errUserInfo):
		return final(AddressNotAllowed, "%s redirects to what is no plain https address: name the address that it leads to", host)
	case errors.Is(err, errRedirects):
		return final(AddressNotAllowed, "%s redirects more than %d times: name the address that it leads to in the end", host, maxRedirects)
	case errors.Is(context.Cause(ctx), errStalled):
		return passing("%s stopped sending", host)
	case ctx.Err() != nil:
		return &Error{Reason: Unreachable, Message: "fetching from " + host + " took too long or was called off", cause: context.Cause(ctx)}
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return passing("the name %s does not resolve", host)
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return passing("the certificate of %s is not trusted: if it is signed by an authority of your own, add that to spec.intake.urls.caBundle", host)
	}
	return passing("the connection to %s failed or broke off", host)
}

// refusal is what an answer means that is no success.
func refusal(host string, resp *http.Response) *Error {
	status := fmt.Sprintf("%d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	switch code := resp.StatusCode; {
	case code == http.StatusUnauthorized || code == http.StatusForbidden || code == http.StatusProxyAuthRequired:
		return final(Forbidden, "%s answered %s: check the credentials in the Secret of spec.source.url.credentialsSecretRef, "+
			"then put the recording into the trash and take it out again", host, status)
	case code == http.StatusNotFound || code == http.StatusGone:
		return final(NotFound, "%s answered %s: make a new MeetingRecording with the right address", host, status)
	case code == http.StatusRequestTimeout || code == http.StatusTooEarly || code == http.StatusTooManyRequests || code >= http.StatusInternalServerError:
		failure := passing("%s answered %s", host, status)
		failure.retryAfter = retryAfter(resp)
		return failure
	default:
		return final(Unreachable, "%s answered %s, which is no file", host, status)
	}
}
