// SPDX-License-Identifier: Apache-2.0

package byterange

import (
	"net/http"
	"strings"
)

// Condition returns the status to answer with where a condition of a GET or HEAD request does not hold for a representation with this strong
// ETag (RFC 9110, section 13), or 0. Conditions on dates mean nothing: no date is told.
func Condition(header http.Header, etag string) int {
	if values := header.Values("If-Match"); len(values) > 0 {
		if !matches(values, etag, false) {
			return http.StatusPreconditionFailed
		}
	}
	if values := header.Values("If-None-Match"); len(values) > 0 && matches(values, etag, true) {
		return http.StatusNotModified
	}
	return 0
}

// matches looks for an ETag in lists of them. A weak one stands for the same only where that is enough.
func matches(values []string, etag string, weakly bool) bool {
	for tag := range strings.SplitSeq(strings.Join(values, ","), ",") {
		tag = strings.Trim(tag, " \t")
		if weakly {
			tag = strings.TrimPrefix(tag, "W/")
		}
		if tag == etag || tag == "*" {
			return true
		}
	}
	return false
}
