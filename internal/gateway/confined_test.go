// SPDX-License-Identifier: Apache-2.0

//go:build unix

package gateway_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestR12AConfinedGatewayTellsNoMore(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	namespace, elsewhere := env.Namespace(t), env.Namespace(t)
	recording, _ := w.Recording(t, namespace, "present")
	w.Recording(t, elsewhere, "present")
	url := w.ServeConfined(t, namespace)
	beginView(t, w.SignIn(t, "host").At(url), recording)

	stranger, host := w.SignIn(t, "external").Staying().At(url), w.SignIn(t, "host").Staying().At(url)
	for name, attempt := range attempts {
		present := attempt(t, stranger, pageOf(recording))
		if present.Status != http.StatusNotFound {
			t.Errorf("%s answers a stranger %d, want 404", name, present.Status)
		}
		for what, page := range map[string]string{
			"an absent recording": "/r/" + namespace + "/missing", "an absent namespace": "/r/" + strings.Repeat("x", len(namespace)) + "/missing",
			"a namespace of another gateway": "/r/" + elsewhere + "/present",
		} {
			if diff := cmp.Diff(visible(attempt(t, stranger, page)), visible(present)); diff != "" {
				t.Errorf("%s: %s can be told from a forbidden recording (-absent +forbidden):\n%s", name, what, diff)
			}
		}
		if answer := attempt(t, host, "/r/"+elsewhere+"/present"); answer.Status != http.StatusNotFound {
			t.Errorf("%s of a recording in a namespace of another gateway answers %d, want 404", name, answer.Status)
		}
	}
}
