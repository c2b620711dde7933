// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"errors"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-logr/logr"
	"k8s.io/utils/clock"
)

// writeTimeout is how long a client may take for one write of at most a few hundred kilobytes. A long film takes hours, so
// there is no limit on the whole; a client that takes nothing for a minute is gone.
const writeTimeout = time.Minute

// wall is the clock that connections go by, whichever clock decisions go by.
var wall clock.RealClock

// response remembers what was answered, and gives every write its own deadline.
type response struct {
	http.ResponseWriter
	controller *http.ResponseController
	status     int
	bytes      int64
}

// Unwrap lets http.ResponseController find the connection.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (w *response) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	// An answer without a body would be sent under the deadline that the connection's last answer had. Where there are no
	// deadlines, as in tests, there is none to go past.
	_ = w.controller.SetWriteDeadline(wall.Now().Add(writeTimeout))
	w.ResponseWriter.WriteHeader(status)
}

// Write implements io.Writer.
func (w *response) Write(data []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	// Not every writer has deadlines: in tests there is none to hold up.
	if err := w.controller.SetWriteDeadline(wall.Now().Add(writeTimeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, err
	}
	n, err := w.ResponseWriter.Write(data)
	w.bytes += int64(n)
	return n, err
}

// logged logs one line a request, and keeps a panic from being more than a broken connection. It names the route, never the
// path: links and view sessions are secrets.
func logged(log logr.Logger) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			wrapped := &response{ResponseWriter: w, controller: http.NewResponseController(w)}
			begun := wall.Now()
			defer func() {
				panicked := recover()
				problem, isError := panicked.(error)
				broken := isError && errors.Is(problem, http.ErrAbortHandler)
				route, took := chi.RouteContext(r.Context()).RoutePattern(), wall.Since(begun)
				observe(classOf(r.Method, route), wrapped.status, wrapped.bytes, took)
				log.V(verbosity(wrapped.status)).Info("Answered", "method", r.Method, "route", route,
					"status", wrapped.status, "bytes", wrapped.bytes, "duration", took.String(), "brokenOff", broken)
				if panicked != nil && !broken {
					log.Error(nil, "A handler panicked", "panic", panicked, "stack", string(debug.Stack()))
				}
				if panicked != nil {
					panic(http.ErrAbortHandler)
				}
			}()
			next.ServeHTTP(wrapped, r)
		})
	}
}

// verbosity keeps the log of a healthy gateway short: what went well is for debugging.
func verbosity(status int) int {
	if status < http.StatusInternalServerError {
		return 1
	}
	return 0
}
