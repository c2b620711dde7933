// SPDX-License-Identifier: Apache-2.0

//go:build unix

package gateway_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reelkeeper/reelkeeper/internal/gateway/config"
	"github.com/reelkeeper/reelkeeper/internal/gateway/gatewaytest"
)

func TestSigningInLeadsBackToThePage(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	recording, _ := w.Recording(t, env.Namespace(t), "review")
	answer := w.Anonymous(t).SignInAt(t, "host", pageOf(recording))
	if answer.Status != http.StatusOK || answer.Path != pageOf(recording) {
		t.Errorf("signing in led to %s with status %d", answer.Path, answer.Status)
	}
}

func TestSigningInLeadsNowhereElse(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	for _, next := range []string{"https://evil.example/", "//evil.example", `/\evil.example`, "/signout", "javascript:alert(1)"} {
		if answer := w.Anonymous(t).SignInAt(t, "host", "/signin?next="+url.QueryEscape(next)); answer.Path != "/" {
			t.Errorf("next=%s led to %s", next, answer.Path)
		}
	}
}

func TestSigningOutEndsTheSession(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	recording, _ := w.Recording(t, env.Namespace(t), "review")
	browser := w.SignIn(t, "host")
	view := beginView(t, browser, recording)
	left := browser.Post(t, "/signout", nil)
	if answer := browser.Get(t, view+"key"); answer.Status != http.StatusNotFound {
		t.Errorf("the key answers %d after signing out, want 404", answer.Status)
	}
	onward, err := url.Parse(gatewaytest.Onward(left.Header))
	if err != nil || !strings.HasPrefix(onward.String(), w.Config.SignIn.Issuer+"/") {
		t.Fatalf("signing out goes on to %q (%v), want the provider %s", onward, err, w.Config.SignIn.Issuer)
	}
	want := url.Values{"client_id": {w.Config.SignIn.ClientID}, "post_logout_redirect_uri": {w.URL + "/"}}
	if diff := cmp.Diff(want, onward.Query()); diff != "" {
		t.Errorf("what the provider is told (-want +got):\n%s", diff)
	}
	if again := browser.Post(t, "/signout", nil); again.Header.Get("Refresh") != "" || again.Path != "/" {
		t.Errorf("who is not signed in is sent to %q, %s", again.Header.Get("Refresh"), again.Path)
	}
}

func TestTheLogTellsWhoSignedInAndWhoDidNot(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	const code = "a-code-that-nobody-gave"
	w.SignIn(t, "administrator")
	w.Anonymous(t).Get(t, "/signin/callback?state=x&code="+code)
	said := map[string]bool{}
	for _, line := range w.Log.Lines() {
		for _, what := range []string{"Signed in", "Signing in failed"} {
			said[what] = said[what] || strings.Contains(line, `"msg"="`+what+`"`) && strings.Contains(line, `"address"="127.0.0.0/24" "device"="Go-http-client`) &&
				(what != "Signed in" || strings.Contains(line, `"issuer"="`+w.Config.SignIn.Issuer+`" "subject"="`))
		}
		if strings.Contains(line, code) {
			t.Errorf("the log holds a code: %s", line)
		}
	}
	if !said["Signed in"] || !said["Signing in failed"] {
		t.Errorf("the log says %v of %q", said, w.Log.Lines())
	}
}

func TestAnAnswerOfTheProviderIsGoodOnce(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	victim, attacker := w.Anonymous(t).Staying(), w.Anonymous(t).Staying()
	state := func(browser *gatewaytest.Browser) string {
		begun := browser.Post(t, "/signin", url.Values{"with": {config.OwnProvider}})
		location := gatewaytest.Onward(begun.Header)
		parsed, err := url.Parse(location)
		if err != nil {
			t.Fatal(err)
		}
		query := parsed.Query()
		if query.Get("code_challenge_method") != "S256" || query.Get("nonce") == "" || query.Get("state") == "" {
			t.Errorf("the request to the provider lacks PKCE, nonce or state: %s", location)
		}
		return query.Get("state")
	}
	theirs, own := state(attacker), state(victim)
	cases := map[string]struct{ state, also string }{
		"somebody else's sign-in": {theirs, ""},
		"no state":                {"", ""},
		"a refusal":               {own, "&error=access_denied"},
		"a second time":           {own, ""},
	}
	for _, name := range []string{"somebody else's sign-in", "no state", "a refusal", "a second time"} {
		victim.Get(t, "/") // the flow is taken by the first answer; what follows has none
		answer := victim.Get(t, "/signin/callback?code=forged&state="+url.QueryEscape(cases[name].state)+cases[name].also)
		if answer.Status < 400 {
			t.Errorf("%s answers %d", name, answer.Status)
		}
		for _, cookie := range answer.Header.Values("Set-Cookie") {
			if strings.HasPrefix(cookie, "reelkeeper=") {
				t.Errorf("%s begins a session", name)
			}
		}
	}
}

func TestSigningInMakesANewSession(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	browser := w.SignIn(t, "host")
	before := browser.Cookies(t)
	answer := browser.Return(t, "/signin")
	if answer.Status != http.StatusOK {
		t.Fatalf("signing in again answers %d", answer.Status)
	}
	for _, old := range before {
		for _, cookie := range browser.Cookies(t) {
			if old.Name == cookie.Name && old.Value == cookie.Value {
				t.Errorf("the cookie %s is the same after signing in again", old.Name)
			}
		}
	}
}
