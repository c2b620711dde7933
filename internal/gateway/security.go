// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"net/http"
	"strings"
	"time"
)

// contentPolicy lets a page load nothing but our own files: no inline script or style, no other site. blob: is what a browser
// calls media that a script feeds to a player; connect-src is the playlist, the key and the bytes.
var contentPolicy = strings.Join([]string{
	"default-src 'none'",
	"object-src 'none'",
	"script-src 'self'",
	"style-src 'self'",
	"img-src 'self'",
	"media-src 'self' blob:",
	connectSelf,
	"form-action 'self'",
	"base-uri 'none'",
	"frame-ancestors 'none'",
	"require-trusted-types-for 'script'",
}, "; ")

const connectSelf = "connect-src 'self'"

// hstsYear tells browsers to come back by https only, for a year. The gateway has a host name of its own, so nothing else is below it.
const hstsYear = "max-age=31536000; includeSubDomains"

// secured sets what every answer carries. Handlers of files that may be cached overwrite Cache-Control.
func secured(https bool) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			header := w.Header()
			header.Set("Content-Security-Policy", contentPolicy)
			header.Set("Cache-Control", "private, no-store")
			header.Set("X-Content-Type-Options", "nosniff")
			header.Set("Referrer-Policy", "no-referrer")
			header.Set("Cross-Origin-Opener-Policy", "same-origin")
			header.Set("Cross-Origin-Resource-Policy", "same-origin")
			header.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), display-capture=()")
			if https {
				header.Set("Strict-Transport-Security", hstsYear)
			}
			next.ServeHTTP(w, r)
		})
	}
}

const (
	// maxBody bounds what a request may send: forms with a password or a token.
	maxBody = 16 << 10
	// bodyTimeout is how long it may take, whatever the method: net/http reads what a handler leaves before the next request.
	// The server has no such limit for all requests, because the one of net/http also ends answers that take longer.
	bodyTimeout = 15 * time.Second
)

func bounded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body != http.NoBody {
			// Not every writer has deadlines: in tests there is none to hold up.
			_ = http.NewResponseController(w).SetReadDeadline(wall.Now().Add(bodyTimeout))
		}
		if len(r.TransferEncoding) > 0 || !r.ProtoAtLeast(1, 1) {
			// Whoever is in front may have found another end of this body: nothing that follows on the connection is taken for a request.
			// No browser sends chunks, and none speaks HTTP/1.0.
			w.Header().Set("Connection", "close")
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		next.ServeHTTP(w, r)
	})
}
