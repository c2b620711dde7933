// SPDX-License-Identifier: Apache-2.0

//go:build unix

package gateway_test

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/gateway"
	"github.com/reelkeeper/reelkeeper/web"
)

// evil is a host that no answer may name.
const evil = "attacker.example"

// TestASessionThatWasPlantedIsWorthNothing has somebody sign in with a browser in which an attacker left the cookie of a session of theirs.
func TestASessionThatWasPlantedIsWorthNothing(t *testing.T) {
	t.Parallel()
	s := situations["by a link for anyone"](t, theWorld(t))
	attacker := s.people["viewer"]
	address, err := url.Parse(s.world.URL)
	if err != nil {
		t.Fatal(err)
	}
	victim := s.world.Anonymous(t)
	victim.Jar.SetCookies(address, attacker.Cookies(t))
	if answer := victim.SignInAt(t, "host", "/signin"); answer.Status != http.StatusOK {
		t.Fatalf("signing in answers %d", answer.Status)
	}
	for _, cookie := range victim.Cookies(t) {
		if cookie.Name == "reelkeeper" && cookie.Value == s.vars["cookie"] {
			t.Error("the cookie is the one that was planted")
		}
	}
	if answer := attacker.Staying().Get(t, s.vars["page"]+"/download"); answer.Status == http.StatusOK {
		t.Error("who planted the session may do what the victim may")
	}
	if answer := attacker.Staying().Get(t, "/inbox"); answer.Status != http.StatusUnauthorized {
		t.Errorf("who planted the session has signed in with the victim: %d", answer.Status)
	}
	if answer := victim.Staying().Get(t, s.vars["view"]+"key"); answer.Status != http.StatusNotFound {
		t.Errorf("the attacker's view goes on in the victim's session: %d", answer.Status)
	}
}

func TestEveryPageLeadsOut(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	recording, _ := w.Recording(t, env.Namespace(t), "review")
	host := w.SignIn(t, "host")
	for _, path := range []string{"/", "/inbox", "/trash", "/overview", pageOf(recording), pageOf(recording) + "/log", "/r/no/such"} {
		if answer := host.Get(t, path); !bytes.Contains(answer.Body, []byte(`action="/signout"`)) {
			t.Errorf("%s, answered %d, has no way to sign out", path, answer.Status)
		}
	}
}

// TestNoOtherSiteChangesAnything sends what a form of another site would to every route that is not only read.
func TestNoOtherSiteChangesAnything(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	recording, _ := w.Recording(t, env.Namespace(t), "review")
	server, err := gateway.New(w.Options)
	if err != nil {
		t.Fatal(err)
	}
	host := w.SignIn(t, "host").Staying()
	tried := 0
	err = chi.Walk(server.Handler().(chi.Routes), func(method, pattern string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		if method == http.MethodGet || method == http.MethodHead {
			return nil
		}
		name := method + " " + pattern
		for header, value := range map[string]string{"Origin": "https://" + evil, "Sec-Fetch-Site": "cross-site"} {
			tried++
			answer := host.Do(t, method, routes[name].path(reached{recording: recording, view: "/v/x/"}), forms[name], header, value)
			if answer.Status != http.StatusForbidden {
				t.Errorf("%s with %s: %s answers %d, want 403", name, header, value, answer.Status)
			}
		}
		return nil
	})
	if err != nil || tried < 20 {
		t.Fatalf("%d tries: %v", tried, err)
	}
	if err := w.Admin.Get(t.Context(), client.ObjectKeyFromObject(recording), recording); err != nil || recording.Spec.State == v1alpha1.StateTrashed {
		t.Errorf("the recording is in the trash: %v", err)
	}
	if answer := host.Get(t, pageOf(recording)); answer.Status != http.StatusOK {
		t.Errorf("the host was signed out: %d", answer.Status)
	}
}

// spoofs are headers in which proxies say where a request was meant to go. Nobody else is believed.
var spoofs = []string{
	"Host: " + evil, "X-Forwarded-Host: " + evil, "X-Host: " + evil, "X-Forwarded-Server: " + evil, "Forwarded: host=" + evil,
	"X-Original-URL: https://" + evil + "/", "X-Rewrite-URL: //" + evil + "/", "X-Forwarded-Prefix: //" + evil, "X-Forwarded-Proto: " + evil, "Referer: https://" + evil + "/",
}

// findScript learns the address of the script of all pages.
func (s *scene) findScript(t *testing.T) {
	t.Helper()
	assets, err := web.Load()
	if err != nil {
		t.Fatal(err)
	}
	s.vars["script"] = "/assets/" + assets.Script
}

// TestNothingSentChangesWhereAnswersLead also is about what a cache could keep for others: no answer depends on such a header.
func TestNothingSentChangesWhereAnswersLead(t *testing.T) {
	t.Parallel()
	s := situations["watching"](t, theWorld(t))
	s.findScript(t)
	for _, request := range []string{
		"GET /signin?next={page}", "GET {page}", "GET {page}/state", "GET {view}playlist.m3u8", "GET /nowhere", "GET {script}", "GET {script}?x=https://attacker.invalid",
		"POST /preferences\nSec-Fetch-Site: same-origin\n\ntheme=dark&next={page}",
	} {
		head, body, hasBody := strings.Cut(request, "\n\n")
		plain := s.exchange(t, try{}, s.vars, request)
		for _, spoof := range spoofs {
			spoofed := head + "\n" + spoof
			if hasBody {
				spoofed += "\n\n" + body
			}
			answers := s.exchange(t, try{}, s.vars, spoofed)
			if len(answers) != 1 || answers[0].status != plain[0].status || strings.Contains(string(answers[0].raw), evil) {
				t.Errorf("%q with %q: the answer is another, or names the other host: %s", request, spoof, answers[0].raw)
			}
			if got, want := answers[0].comparable(s.vars), plain[0].comparable(s.vars); got != want && !strings.Contains(got, "drawn") {
				t.Errorf("%q with %q answers differently:\n%s\nand\n%s", request, spoof, got, want)
			}
		}
	}
}

// TestOnlyWhatIsTheSameForEverybodyMayBeKept asks for scripts as somebody signed in and as nobody, and for what does not exist beside them.
func TestOnlyWhatIsTheSameForEverybodyMayBeKept(t *testing.T) {
	t.Parallel()
	s := situations["watching"](t, theWorld(t))
	s.findScript(t)
	mine, theirs := s.exchange(t, try{}, s.vars, "GET {script}"), s.exchange(t, try{by: "nobody"}, s.vars, "GET {script}")
	if !bytes.Equal(mine[0].body, theirs[0].body) || mine[0].header.Get("Set-Cookie") != "" {
		t.Error("a script depends on who asks, or sets a cookie")
	}
	if got := mine[0].header.Get("Cache-Control"); got != "public, max-age=31536000, immutable" {
		t.Fatalf("the test is blind: the script has Cache-Control %q", got)
	}
	for _, request := range []string{"GET /assets/none.js", "GET {script}/x.css", "GET {page}?x=.js", "GET {page}/state;x.css", "GET {page}%3f.js"} {
		for _, answer := range s.exchange(t, try{}, s.vars, request) {
			if got := answer.header.Get("Cache-Control"); got != "private, no-store" {
				t.Errorf("%s is answered %d with Cache-Control %q", request, answer.status, got)
			}
		}
	}
}

// TestNothingSentBecomesAHeader puts line ends wherever something that was sent comes back.
func TestNothingSentBecomesAHeader(t *testing.T) {
	t.Parallel()
	s := situations["watching"](t, theWorld(t))
	const broken = "%0d%0aX-Injected:%20yes%0d%0a%0d%0a<script>"
	for _, request := range []string{
		"GET /signin?next=/r/a" + broken, "GET /signin?next=/r/a/b%250d%250aX-Injected:%20yes&switch=1", "GET {page}?lang=" + broken, "GET /r/{ns}/" + broken,
		"GET /r/{ns}/" + broken + "/download", "GET /g/" + broken, "GET /assets/" + broken, "GET /?q=" + broken, "GET /signin/callback/" + broken + "?state=" + broken,
		"POST /preferences\n\ntheme=dark" + broken + "&language=en" + broken + "&next=/r/a" + broken, "POST /signin\n\nwith=" + broken + "&next=" + broken,
		"GET {page}\nAccept-Language: en\x0bX-Injected: yes", "GET {page}\nCookie: reelkeeper-language=" + broken,
	} {
		for _, answer := range s.exchange(t, try{}, s.vars, request) {
			head, _, _ := bytes.Cut(answer.raw, []byte("\r\n\r\n"))
			if bytes.Contains(head, []byte("\nX-Injected")) || bytes.Contains(answer.raw, []byte("<script>")) {
				t.Errorf("%q comes back as it is: %s", request, answer.raw)
			}
		}
	}
}

// TestNoRequestHidesInAnother writes what a proxy in front of several replicas could take for one request, and the gateway for two: on a
// connection that people share, the second would be answered to somebody else.
func TestNoRequestHidesInAnother(t *testing.T) {
	t.Parallel()
	s := situations["watching"](t, theWorld(t))
	const second = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
	keep := "\nConnection: keep-alive"
	for name, request := range map[string]string{
		"a length and chunks":            "POST /preferences\nContent-Length: 50\nTransfer-Encoding: chunked" + keep + "\n\n0\r\n\r\n" + second,
		"chunks and a length":            "POST /preferences\nTransfer-Encoding: chunked\nContent-Length: 5" + keep + "\n\n0\r\n\r\n" + second,
		"two lengths":                    "POST /preferences\nContent-Length: 0\nContent-Length: 50" + keep + "\n\n" + second,
		"two lengths in one":             "POST /preferences\nContent-Length: 0, 50" + keep + "\n\n" + second,
		"chunks that not everybody sees": "POST /preferences\nTransfer-Encoding : chunked\nContent-Length: 50" + keep + "\n\n0\r\n\r\n" + second,
		"chunks behind another coding":   "POST /preferences\nTransfer-Encoding: identity, chunked\nContent-Length: 50" + keep + "\n\n0\r\n\r\n" + second,
		"chunks in an old protocol":      "POST /preferences HTTP/1.0\nTransfer-Encoding: chunked\nContent-Length: 5" + keep + "\n\n0\r\n\r\n" + second,
		"a length with a plus":           "POST /preferences\nContent-Length: +0" + keep + "\n\n" + second,
		"a size of a chunk with more":    "POST /preferences\nTransfer-Encoding: chunked" + keep + "\n\n0;x=\n\r\n\r\n" + second,
	} {
		t.Run(name, func(t *testing.T) {
			for _, answer := range s.exchange(t, try{}, s.vars, request)[1:] {
				t.Errorf("a second answer comes, %d: %s", answer.status, answer.raw)
			}
		})
	}
	plain := s.exchange(t, try{}, s.vars, "POST /preferences\nContent-Length: 0"+keep+"\n\nGET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	if len(plain) != 2 {
		t.Fatalf("the test is blind: two plain requests are answered %d times", len(plain))
	}
}
