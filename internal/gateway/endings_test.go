// SPDX-License-Identifier: Apache-2.0

//go:build unix

package gateway_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/gateway"
	"github.com/reelkeeper/reelkeeper/internal/gateway/config"
	"github.com/reelkeeper/reelkeeper/internal/gateway/ended"
	"github.com/reelkeeper/reelkeeper/internal/gateway/gatewaytest"
	"github.com/reelkeeper/reelkeeper/internal/gateway/identity"
	"github.com/reelkeeper/reelkeeper/internal/gateway/session"
	"github.com/reelkeeper/reelkeeper/internal/kube"
)

// soon is within how much time a session is over for all replicas.
const soon = 2 * time.Second

// another is a second replica: another gateway with watches of its own.
func another(t *testing.T, w *gatewaytest.World, clock *clocktesting.FakePassiveClock) (address string, options gateway.Options) {
	t.Helper()
	api, _ := w.Env.KubeconfigFor(t, gatewaytest.OperatorNamespace, "reelkeeper-gateway")
	cluster, err := gateway.Connect(t.Context(), api, gatewaytest.OperatorNamespace, nil)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = cluster.Run(t.Context()) }()
	await(t, time.Minute, cluster.Synced)
	address = w.Serve(t, func(o *gateway.Options) {
		*o = cluster.Complete(*o)
		if clock != nil {
			o.Clock = clock
		}
		options = *o
	})
	return address, options
}

// copyOf is a browser with all cookies that another has at this moment.
func copyOf(t *testing.T, w *gatewaytest.World, browser *gatewaytest.Browser) *gatewaytest.Browser {
	t.Helper()
	home, err := url.Parse(w.URL)
	if err != nil {
		t.Fatal(err)
	}
	thief := w.Anonymous(t)
	thief.Jar.SetCookies(home, browser.Cookies(t))
	return thief.Staying()
}

func signedIn(t *testing.T, browser *gatewaytest.Browser) bool {
	t.Helper()
	return browser.Staying().Get(t, "/inbox").Status == http.StatusOK
}

func TestSigningOutEndsCopiesOfTheCookieAtAllReplicas(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	recording, _ := w.Recording(t, env.Namespace(t), "review")
	other, _ := another(t, w, nil)
	browser, elsewhere := w.SignIn(t, "host"), w.SignIn(t, "host")
	view := beginView(t, browser, recording)
	thief := copyOf(t, w, browser)
	for _, at := range []string{w.URL, other} {
		if !signedIn(t, thief.At(at)) || thief.At(at).Get(t, view+"key").Status != http.StatusOK {
			t.Fatalf("the test is blind: at %s the copy is worth nothing before", at)
		}
	}
	if left := browser.Staying().Post(t, "/signout", nil); left.Status != http.StatusOK {
		t.Fatalf("signing out answers %d", left.Status)
	}
	for _, at := range []string{w.URL, other} {
		await(t, soon, func() bool { return !signedIn(t, thief.At(at)) })
		for path, want := range map[string]int{
			view + "key": http.StatusNotFound, view + "playlist.m3u8": http.StatusNotFound, view + "media": http.StatusNotFound,
			pageOf(recording): http.StatusUnauthorized, pageOf(recording) + "/download": http.StatusUnauthorized,
		} {
			if got := thief.At(at).Get(t, path).Status; got != want {
				t.Errorf("at %s, with a copy of the cookie %s answers %d, want %d", at, path, got, want)
			}
		}
		if !signedIn(t, elsewhere.At(at)) {
			t.Error("a session of the same person in another browser is over too")
		}
	}
	if !signedIn(t, w.SignIn(t, "host")) {
		t.Error("who has signed out cannot sign in again")
	}
	started := w.SignIn(t, "participant")
	copied := copyOf(t, w, started)
	started.Staying().Post(t, "/signout", nil)
	late, _ := another(t, w, nil)
	if signedIn(t, copied.At(late)) {
		t.Error("a replica that has just started knows nothing of what ended before")
	}
}

func TestSigningOutEndsWhatIsBeingSent(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	recording, file := w.Recording(t, env.Namespace(t), "review")
	clock := clocktesting.NewFakePassiveClock(gatewaytest.Wall.Now())
	options := w.Options
	options.Clock = clock
	server, err := gateway.New(options)
	if err != nil {
		t.Fatal(err)
	}
	browser := w.SignIn(t, "host")
	thief := copyOf(t, w, browser)
	reader := &slowReader{ResponseRecorder: httptest.NewRecorder(), afterFirst: func() {
		browser.Staying().Post(t, "/signout", nil)
		await(t, soon, func() bool { return !signedIn(t, thief) })
		clock.SetTime(clock.Now().Add(time.Second))
	}}
	if cut := serve(server.Handler(), reader, thief.Cookies(t), pageOf(recording)+"/download"); !cut || reader.Body.Len() == len(file) {
		t.Errorf("broken off: %v, after %d of %d bytes", cut, reader.Body.Len(), len(file))
	}
}

func TestSigningOutEverywhereEndsAllSessionsOfAPerson(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	other, _ := another(t, w, nil)
	here, there, colleague := w.SignIn(t, "leaver"), w.SignIn(t, "leaver"), w.SignIn(t, "participant")
	thief := copyOf(t, w, here)
	if answer := here.Get(t, "/"); !strings.Contains(string(answer.Body), `name="everywhere"`) {
		t.Errorf("the page has no way to sign out everywhere:\n%s", answer.Body)
	}
	if left := here.Staying().Post(t, "/signout", url.Values{"everywhere": {"1"}}); left.Status != http.StatusOK {
		t.Fatalf("signing out everywhere answers %d", left.Status)
	}
	for name, browser := range map[string]*gatewaytest.Browser{"this one": thief, "another one": there, "at another replica": there.At(other)} {
		if await(t, soon, func() bool { return !signedIn(t, browser) }); signedIn(t, here) {
			t.Errorf("%s is signed in", name)
		}
	}
	if !signedIn(t, colleague) {
		t.Error("somebody else is signed out too")
	}
	again := w.SignIn(t, "leaver")
	if !signedIn(t, again) || !signedIn(t, again.At(other)) {
		t.Error("who signs in again has no session that counts")
	}
}

// powerless is a ledger whose gateway may write nothing.
func powerless(t *testing.T, w *gatewaytest.World) *ended.Ledger {
	t.Helper()
	api, _ := w.Env.KubeconfigFor(t, gatewaytest.OperatorNamespace, "without-rights")
	writer, err := client.New(api, client.Options{Scheme: kube.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	return &ended.Ledger{Namespace: gatewaytest.OperatorNamespace, Reader: w.Options.Ended.Reader, Writer: writer}
}

func TestWhoCannotBeSignedOutForGoodIsToldSo(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	address := w.Serve(t, func(o *gateway.Options) { o.Ended = powerless(t, w) })
	browser := w.SignIn(t, "host").At(address)
	everywhere := browser.Staying().Post(t, "/signout", url.Values{"everywhere": {"1"}})
	if everywhere.Status != http.StatusServiceUnavailable || !strings.Contains(string(everywhere.Body), "you are still signed in") || !signedIn(t, browser) {
		t.Errorf("signing out everywhere answers %d, and who asked is signed in: %v\n%s", everywhere.Status, signedIn(t, browser), everywhere.Body)
	}
	left := browser.Staying().Post(t, "/signout", nil)
	if left.Status != http.StatusServiceUnavailable || !strings.Contains(string(left.Body), "Should somebody have a copy of its cookie") || left.Header.Get("Refresh") != "" {
		t.Errorf("signing out answers %d:\n%s", left.Status, left.Body)
	}
	if signedIn(t, browser) {
		t.Error("the cookie is still in the browser")
	}
	chinese := w.SignIn(t, "host").At(address).Staying().Post(t, "/signout", nil, "Accept-Language", "zh-CN")
	if !strings.Contains(string(chinese.Body), "已在此浏览器退出") {
		t.Errorf("in Chinese it says:\n%s", chinese.Body)
	}
}

// madeUp is a browser with a session of somebody, made with the gateway's own key.
func madeUp(t *testing.T, w *gatewaytest.World, person *identity.Person) (*gatewaytest.Browser, *session.Session) {
	t.Helper()
	lines, err := os.ReadFile(w.Config.Session.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := session.ParseKeys(lines)
	if err != nil {
		t.Fatal(err)
	}
	answer, made := httptest.NewRecorder(), session.New(person, gatewaytest.Wall.Now(), time.Hour)
	if err := session.NewStore(keys, gatewaytest.Wall, false).Put(answer, made); err != nil {
		t.Fatal(err)
	}
	home, err := url.Parse(w.URL)
	if err != nil {
		t.Fatal(err)
	}
	browser := w.Anonymous(t)
	browser.Jar.SetCookies(home, answer.Result().Cookies())
	return browser.Staying(), made
}

func TestNobodyFloodsWhatIsKeptOfEndedSessions(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	stored, kept := ended.Ledger{Namespace: gatewaytest.OperatorNamespace, Reader: w.Admin}, 0
	address := w.Serve(t, func(o *gateway.Options) { o.EndingsPerHour = 0 })
	leave := func(person *identity.Person) (status int) {
		browser, made := madeUp(t, w, person)
		status = browser.At(address).Post(t, "/signout", nil).Status
		if _, found, err := stored.Find(t.Context(), ended.Session(made.ID)); err != nil {
			t.Fatal(err)
		} else if found {
			kept++
		}
		return status
	}
	flooder := &identity.Person{Issuer: w.Config.SignIn.Issuer, Subject: "flooder", Email: "flooder@example.com", Verified: true}
	statuses := map[int]int{}
	for range 70 {
		statuses[leave(flooder)]++
	}
	if statuses[http.StatusOK] != 60 || statuses[http.StatusTooManyRequests] != 10 || kept != 60 {
		t.Errorf("70 sign-outs of one person within an hour are answered %v, and %d are kept; want 60 that count and 10 that are too many", statuses, kept)
	}
	if status := leave(&identity.Person{Issuer: flooder.Issuer, Subject: "other", Email: "other@example.com", Verified: true}); status != http.StatusOK || kept != 61 {
		t.Errorf("somebody else is held up: %d", status)
	}
	for range 20 {
		if status := leave(nil); status != http.StatusSeeOther {
			t.Fatalf("who has followed a link for anyone signs out with %d", status)
		}
	}
	if kept != 61 {
		t.Errorf("%d sessions of nobody are kept: anybody can make as many as they like", kept-61)
	}
	if browser, _ := madeUp(t, w, flooder); !signedIn(t, browser) {
		t.Error("the sessions of who signed out too often do not count")
	}
}

func TestASessionEndsForWhoDoesNothingAndNotForWhoWatches(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	recording, _ := w.Recording(t, env.Namespace(t), "review")
	clock := clocktesting.NewFakePassiveClock(gatewaytest.Wall.Now())
	address, _ := another(t, w, clock)
	viewer, waiting, gone := w.SignIn(t, "participant").At(address), w.SignIn(t, "host").At(address), w.SignIn(t, "participant").At(address)
	view, set := beginView(t, viewer, recording), 0
	for minute := range 7 * 60 {
		clock.SetTime(clock.Now().Add(time.Minute))
		if minute%50 == 49 {
			view = beginView(t, viewer, recording) // as the player does when a view ends
		}
		answer := viewer.Get(t, view+"key")
		if answer.Status != http.StatusOK {
			t.Fatalf("who watches is refused after %d minutes: %d", minute, answer.Status)
		}
		set += len(answer.Header.Values("Set-Cookie"))
		waiting.Get(t, pageOf(recording)+"/state") // as a page does that nobody may look at
	}
	if set < 60 || set > 90 {
		t.Errorf("%d answers of 420 set a cookie, want about one in five", set)
	}
	for name, browser := range map[string]*gatewaytest.Browser{"has done nothing": gone, "has a page that asks by itself": waiting} {
		if signedIn(t, browser) {
			t.Errorf("who %s is signed in", name)
		}
	}
	if !signedIn(t, viewer) {
		t.Error("who watched has been signed out")
	}
	clock.SetTime(clock.Now().Add(time.Hour))
	if signedIn(t, viewer) {
		t.Error("the session lasts longer than its lifetime")
	}
}

func TestAnAdministratorEndsAllSessionsOfSomebody(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	recording, _ := w.Recording(t, env.Namespace(t), "review")
	w.Grant(t, gatewaytest.GrantOf(recording, "rita", v1alpha1.SubjectUser, "rita@example.com", v1alpha1.PermissionView), "")
	browser := w.SignIn(t, "dismissed")
	view := beginView(t, browser, recording)
	ledger, now := ended.Ledger{Namespace: gatewaytest.OperatorNamespace, Writer: w.Admin}, gatewaytest.Wall.Now()
	end := func(issuer string) {
		t.Helper()
		entry := ended.Entry{Before: now, Until: now.Add(config.MaxLifetime)}
		if err := ledger.End(t.Context(), now, ended.Address("rita@example.com", issuer), entry); err != nil {
			t.Fatal(err)
		}
	}
	end("https://other.example")
	if !signedIn(t, browser) {
		t.Error("a session is over that came through another identity provider")
	}
	end(w.Config.SignIn.Issuer)
	await(t, soon, func() bool { return !signedIn(t, browser) })
	if answer := browser.Staying().Get(t, view+"key"); answer.Status != http.StatusNotFound {
		t.Errorf("the key answers %d", answer.Status)
	}
	if !signedIn(t, w.SignIn(t, "dismissed")) {
		t.Error("a new session does not count")
	}
}

// leaveProvider signs a browser out at the identity provider, without the gateway.
func leaveProvider(t *testing.T, w *gatewaytest.World, browser *gatewaytest.Browser) {
	t.Helper()
	at := browser.At(w.Config.SignIn.Issuer)
	page := at.Get(t, "/session/end?client_id="+url.QueryEscape(w.Config.SignIn.ClientID))
	secret := regexp.MustCompile(`name="xsrf" value="([^"]+)"`).FindSubmatch(page.Body)
	if secret == nil {
		t.Fatalf("the provider does not ask whether to sign out: %d\n%s", page.Status, page.Body)
	}
	if done := at.Post(t, "/session/end/confirm", url.Values{"xsrf": {string(secret[1])}, "logout": {"yes"}}); done.Status != http.StatusOK {
		t.Fatalf("signing out at the provider answers %d: %s", done.Status, done.Body)
	}
}

func TestSigningOutAtTheProviderEndsTheSessionHere(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	recording, _ := w.Recording(t, env.Namespace(t), "review")
	other, _ := another(t, w, nil)
	w.Grant(t, gatewaytest.GrantOf(recording, "sven", v1alpha1.SubjectUser, "sven@example.com", v1alpha1.PermissionView), "")
	browser, elsewhere := w.SignIn(t, "logged out"), w.SignIn(t, "logged out")
	view := beginView(t, browser, recording)
	leaveProvider(t, w, browser)
	await(t, soon, func() bool { return !signedIn(t, browser) && !signedIn(t, browser.At(other)) })
	if answer := browser.Staying().Get(t, view+"key"); answer.Status != http.StatusNotFound {
		t.Errorf("the key answers %d", answer.Status)
	}
	if !signedIn(t, elsewhere) {
		t.Error("another sign-in of the same account is over too")
	}
	if !signedIn(t, w.SignIn(t, "logged out")) {
		t.Error("who signs in again has no session that counts")
	}
	said := false
	for _, line := range w.Log.Lines() {
		said = said || strings.Contains(line, `"msg"="Signed out by the identity provider"`)
	}
	if !said {
		t.Error("the log does not say so")
	}
}

// recorder is a provider's client that keeps what the provider sends.
type recorder struct {
	tokens chan string
	status int
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	r.tokens <- request.PostFormValue("logout_token")
	w.WriteHeader(r.status)
}

func TestALogoutTokenIsGoodOnceAtAllReplicas(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	// The provider of this gateway sends its tokens to somebody who keeps them.
	kept := &recorder{tokens: make(chan string, 1), status: http.StatusOK}
	keeper := httptest.NewServer(kept)
	defer keeper.Close()
	provider, err := gatewaytest.StartProvider(t.Context(), t.TempDir(), keeper.URL+"/signin/callback", gatewaytest.People["logged out"])
	if err != nil {
		t.Fatal(err)
	}
	defer provider.Stop()
	changed := *w.Config
	changed.SignIn.Issuer, changed.SignIn.ClientID = provider.Issuer, provider.ClientID
	changed.Organisation.Issuers = []string{provider.Issuer}
	change := func(o *gateway.Options) { o.Config = &changed }
	first, second := w.Serve(t, change), w.Serve(t, change)
	token := tokenOf(t, provider.Issuer, provider.ClientID, keeper.URL+"/signin/callback", kept)

	send := func(at string) gatewaytest.Answer {
		return w.Anonymous(t).At(at).Post(t, "/signout/backchannel", url.Values{"logout_token": {token}})
	}
	answer := send(first)
	if answer.Status != http.StatusOK || !strings.Contains(answer.Header.Get("Cache-Control"), "no-store") {
		t.Fatalf("a token is answered %d, Cache-Control %q: %s", answer.Status, answer.Header.Get("Cache-Control"), answer.Body)
	}
	await(t, soon, func() bool { return send(second).Status == http.StatusBadRequest })
	again := send(first)
	if again.Status != http.StatusBadRequest || !strings.Contains(string(again.Body), `"error":"invalid_request"`) {
		t.Errorf("the same token again is answered %d: %s", again.Status, again.Body)
	}
	if foreign := w.Anonymous(t).Post(t, "/signout/backchannel", url.Values{"logout_token": {token}}); foreign.Status != http.StatusBadRequest {
		t.Errorf("the token of another provider is answered %d", foreign.Status)
	}
}

// tokenOf has somebody sign in at a provider and out again, and returns what the provider tells its client.
func tokenOf(t *testing.T, issuer, client, callback string, kept *recorder) string {
	t.Helper()
	w := theWorld(t)
	person := gatewaytest.People["logged out"]
	browser := w.Anonymous(t).At(issuer)
	challenge := "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM" // of RFC 7636: nobody exchanges the code
	query := url.Values{
		"client_id": {client}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {"openid"}, "state": {"s"}, "nonce": {"n"},
		"code_challenge": {challenge}, "code_challenge_method": {"S256"},
	}
	form := browser.Get(t, "/auth?"+query.Encode())
	if form.Status != http.StatusOK {
		t.Fatalf("the provider answers %d: %s", form.Status, form.Body)
	}
	go func() { <-kept.tokens }() // the answer to signing in goes to the same place
	browser.Post(t, form.Path, url.Values{"email": {person.Email}, "password": {"secret of " + person.Email}})
	page := browser.Get(t, "/session/end?client_id="+url.QueryEscape(client))
	secret := regexp.MustCompile(`name="xsrf" value="([^"]+)"`).FindSubmatch(page.Body)
	if secret == nil {
		t.Fatalf("the provider does not ask whether to sign out: %d\n%s", page.Status, page.Body)
	}
	browser.Staying().Post(t, "/session/end/confirm", url.Values{"xsrf": {string(secret[1])}, "logout": {"yes"}})
	token := ""
	err := wait.PollUntilContextTimeout(t.Context(), 10*time.Millisecond, 10*time.Second, true, func(context.Context) (bool, error) {
		select {
		case token = <-kept.tokens:
		default:
		}
		return token != "", nil
	})
	if err != nil {
		t.Fatal(fmt.Errorf("the provider sent no token: %w", err))
	}
	return token
}

func TestNobodyIsSignedInWithoutPressingAButton(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	recording, _ := w.Recording(t, env.Namespace(t), "review")
	token := w.Grant(t, gatewaytest.GrantOf(recording, "dave", v1alpha1.SubjectUser, "dave@example.com", v1alpha1.PermissionView), "")
	browser := w.SignIn(t, "internal")
	// The provider knows them, and the gateway has forgotten: the worst that a link could meet.
	home, err := url.Parse(w.URL)
	if err != nil {
		t.Fatal(err)
	}
	for _, cookie := range browser.Cookies(t) {
		browser.Jar.SetCookies(home, []*http.Cookie{{Name: cookie.Name, Path: "/", MaxAge: -1}})
	}
	for path, want := range map[string]int{
		"/g/" + token: http.StatusUnauthorized, pageOf(recording): http.StatusUnauthorized, pageOf(recording) + "/download": http.StatusUnauthorized,
		"/inbox": http.StatusUnauthorized, "/signin?next=" + pageOf(recording): http.StatusOK, "/signin?switch=1": http.StatusOK,
	} {
		answer := browser.Get(t, path)
		if answer.Status != want || answer.Header.Get("Refresh") != "" || answer.Path != strings.Split(path, "?")[0] {
			t.Errorf("%s answers %d and leads to %s, %q", path, answer.Status, answer.Path, answer.Header.Get("Refresh"))
		}
		if len(browser.Cookies(t)) != 0 {
			t.Errorf("%s sets cookies: %v", path, browser.Cookies(t))
		}
		if strings.Contains(string(answer.Body), recording.Spec.Meeting.Title) {
			t.Errorf("%s tells the title", path)
		}
	}
	if answer := browser.Return(t, "/g/"+token); answer.Status != http.StatusOK || answer.Path != pageOf(recording) {
		t.Errorf("with a press of the button the link leads to %s, %d", answer.Path, answer.Status)
	}
}
