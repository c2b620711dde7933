// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-logr/logr"
)

// connection remembers the deadlines that are set.
type connection struct {
	*httptest.ResponseRecorder
	read, write time.Time
}

func (c *connection) SetReadDeadline(t time.Time) error  { c.read = t; return nil }
func (c *connection) SetWriteDeadline(t time.Time) error { c.write = t; return nil }

func TestNobodyHoldsAConnectionForNothing(t *testing.T) {
	router := chi.NewRouter()
	router.Use(logged(logr.Discard()), bounded)
	router.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	for name, tc := range map[string]struct {
		method, body string
		wantRead     bool
	}{
		"a form":                      {http.MethodPost, "password=x", true},
		"a body that nobody asks for": {http.MethodGet, "x", true},
		"a request without a body":    {http.MethodGet, "", false},
		"the headers alone":           {http.MethodHead, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			request := httptest.NewRequest(tc.method, "/", http.NoBody)
			if tc.body != "" {
				request = httptest.NewRequest(tc.method, "/", strings.NewReader(tc.body))
			}
			conn := &connection{ResponseRecorder: httptest.NewRecorder()}
			router.ServeHTTP(conn, request)
			if got := !conn.read.IsZero(); got != tc.wantRead {
				t.Errorf("its body has a deadline: %v, want %v", got, tc.wantRead)
			}
			if conn.write.Before(wall.Now()) {
				t.Error("its answer, which has no body, has no deadline of its own")
			}
		})
	}
}
