// SPDX-License-Identifier: Apache-2.0

//go:build unix

package gateway_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/credentials"
	"github.com/reelkeeper/reelkeeper/internal/gateway"
	"github.com/reelkeeper/reelkeeper/internal/gateway/gatewaytest"
)

const password = "correct horse battery"

func typed(password string) url.Values { return url.Values{"password": {password}} }

func TestR19ALinkWithAPasswordOpensOnlyWithIt(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	namespace := env.Namespace(t)
	recording, _ := w.Recording(t, namespace, "review")
	token := w.Grant(t, grantToDave(v1alpha1.PermissionView)(recording), password)
	browser := w.SignIn(t, "internal").Staying()

	if answer := browser.Get(t, "/g/"+token); answer.Status != http.StatusOK || !strings.Contains(string(answer.Body), `type="password"`) {
		t.Fatalf("the link answers %d and does not ask for a password:\n%s", answer.Status, answer.Body)
	}
	if answer := browser.Post(t, "/g/"+token, typed("a guess")); answer.Status != http.StatusForbidden {
		t.Errorf("a wrong password answers %d, want 403", answer.Status)
	}
	if answer := browser.Get(t, pageOf(recording)); answer.Status != http.StatusForbidden {
		t.Errorf("after a wrong password the page answers %d, want 403", answer.Status)
	}
	answer := browser.Post(t, "/g/"+token, typed(password))
	if got := answer.Header.Get("Location"); answer.Status != http.StatusSeeOther || got != pageOf(recording) {
		t.Fatalf("the password answers %d and leads to %q:\n%s", answer.Status, got, answer.Body)
	}
	beginView(t, browser, recording)
	if answer := browser.Get(t, pageOf(recording)+"/download"); answer.Status != http.StatusForbidden {
		t.Errorf("the link is for viewing, the download answers %d, want 403", answer.Status)
	}
	checkWrongPasswordIsWrittenDown(t, w, namespace)
}

func checkWrongPasswordIsWrittenDown(t *testing.T, w *gatewaytest.World, namespace string) {
	t.Helper()
	for _, event := range w.Events(t, namespace) {
		if event.Spec.Reason == "PasswordNeeded" && event.Spec.Outcome == v1alpha1.OutcomeRefused && event.Spec.Grant == "dave" {
			return
		}
	}
	t.Error("the wrong password is not in the audit log")
}

func TestR19TheLinkIsOverWhenItsPasswordChanges(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	recording, _ := w.Recording(t, env.Namespace(t), "review")
	grant := grantToDave(v1alpha1.PermissionView)(recording)
	token := w.Grant(t, grant, password)
	browser := w.SignIn(t, "internal").Staying()
	browser.Post(t, "/g/"+token, typed(password))
	beginView(t, browser, recording)

	hash, err := credentials.HashPassword("another one")
	if err != nil {
		t.Fatal(err)
	}
	grant.Status.PasswordHash = hash
	if err := w.Admin.Status().Update(t.Context(), grant); err != nil {
		t.Fatal(err)
	}
	w.Seen(t, grant)
	if answer := browser.Post(t, pageOf(recording)+"/sessions", nil); answer.Status != http.StatusForbidden {
		t.Errorf("with the old password watching answers %d, want 403", answer.Status)
	}
}

func TestR20ALinkIsWorthNothingToSomebodyElse(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	var token string
	for _, who := range []string{"external", "guest"} {
		recording, _ := w.Recording(t, env.Namespace(t), "review")
		token = w.Grant(t, grantToDave(v1alpha1.PermissionView)(recording), password)
		unknown := credentials.NewToken()
		browser := w.SignIn(t, who).Staying()
		for name, try := range map[string]func(token string) gatewaytest.Answer{
			"following it":             func(token string) gatewaytest.Answer { return browser.Get(t, "/g/"+token) },
			"with the right password":  func(token string) gatewaytest.Answer { return browser.Post(t, "/g/"+token, typed(password)) },
			"with some other password": func(token string) gatewaytest.Answer { return browser.Post(t, "/g/"+token, typed("x")) },
		} {
			known, unheard := try(token), try(unknown)
			if known.Status != http.StatusNotFound || unheard.Status != http.StatusNotFound {
				t.Errorf("%s, %s: status %d, and %d for an unknown link; want 404", who, name, known.Status, unheard.Status)
			}
			if got, want := len(known.Body), len(unheard.Body); got != want {
				t.Errorf("%s, %s: a real link can be told from an unknown one by its %d bytes instead of %d", who, name, got, want)
			}
		}
	}
	if answer := w.Anonymous(t).Staying().Get(t, "/g/"+token); answer.Status != http.StatusUnauthorized || answer.Header.Get("Location") != "" {
		t.Errorf("nobody gets %d and is sent to %q, want a way to sign in", answer.Status, answer.Header.Get("Location"))
	}
}

func TestR20AnAnonymousLinkOpensOnlyWhereThePolicyAllows(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	namespace := env.Namespace(t)
	recording, _ := w.Recording(t, namespace, "review")
	policy := &v1alpha1.RecordingPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "open"}}
	policy.Spec.Profile = v1alpha1.ProfileOpen
	if err := w.Admin.Create(t.Context(), policy); err != nil {
		t.Fatal(err)
	}
	w.Seen(t, policy)
	token := w.Grant(t, gatewaytest.GrantOf(recording, "everybody", v1alpha1.SubjectAnyone, "*", v1alpha1.PermissionView), "")
	browser := w.Anonymous(t).Staying()
	if answer := browser.Get(t, "/g/"+token); answer.Status != http.StatusOK || len(browser.Cookies(t)) != 0 {
		t.Fatalf("the link answers %d and leaves cookies %v", answer.Status, browser.Cookies(t))
	}
	if answer := browser.Post(t, "/g/"+token, nil); answer.Header.Get("Location") != pageOf(recording) {
		t.Fatalf("opening the link answers %d and leads to %q", answer.Status, answer.Header.Get("Location"))
	}
	view := beginView(t, browser, recording)
	if answer := browser.Get(t, view+"key"); answer.Status != http.StatusOK {
		t.Errorf("the key answers %d, want 200", answer.Status)
	}
	if answer := w.Anonymous(t).Staying().Get(t, view+"key"); answer.Status != http.StatusNotFound {
		t.Errorf("in another browser the key answers %d, want 404", answer.Status)
	}
	if err := w.Admin.Delete(t.Context(), policy); err != nil {
		t.Fatal(err)
	}
	err := wait.PollUntilContextTimeout(t.Context(), 10*time.Millisecond, 2*time.Second, true, func(context.Context) (bool, error) {
		return browser.Get(t, view+"key").Status == http.StatusNotFound, nil
	})
	if err != nil {
		t.Error("the key is still given out 2 s after the policy forbade anonymous links")
	}
}

func TestGuessingPasswordsGetsSlower(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	recording, _ := w.Recording(t, env.Namespace(t), "review")
	token := w.Grant(t, grantToDave(v1alpha1.PermissionView)(recording), password)
	for name, link := range map[string]string{"a real link": token, "an unknown link": credentials.NewToken()} {
		browser := w.SignIn(t, "internal").Staying()
		var statuses []int
		for range 4 {
			statuses = append(statuses, browser.Post(t, "/g/"+link, typed("a guess")).Status)
		}
		answer := browser.Post(t, "/g/"+link, typed(password))
		if statuses[2] == http.StatusTooManyRequests || statuses[3] != http.StatusTooManyRequests || answer.Status != http.StatusTooManyRequests {
			t.Errorf("%s: four guesses answer %v and the right password then %d", name, statuses, answer.Status)
		}
		if answer.Header.Get("Retry-After") == "" {
			t.Errorf("%s: nobody is told how long to wait", name)
		}
	}
}

// TestGuessesAtSeveralReplicasCountTogether guesses at two gateways in turn, and at both at the same moment.
func TestGuessesAtSeveralReplicasCountTogether(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	recording, _ := w.Recording(t, env.Namespace(t), "review")
	grant := grantToDave(v1alpha1.PermissionView)(recording)
	token := w.Grant(t, grant, password)
	clock := clocktesting.NewFakePassiveClock(gatewaytest.Wall.Now())
	replicas := []string{w.Serve(t, func(o *gateway.Options) { o.Clock = clock }), w.Serve(t, func(o *gateway.Options) { o.Clock = clock })}
	dave := w.SignIn(t, "internal").Staying()
	guess := func(replica int, guessed string) int {
		t.Helper()
		return dave.At(replicas[replica]).Post(t, "/g/"+token, typed(guessed)).Status
	}
	wrote := func() (version string, tries int) {
		t.Helper()
		if err := w.Admin.Get(t.Context(), client.ObjectKeyFromObject(grant), grant); err != nil {
			t.Fatal(err)
		}
		return grant.ResourceVersion, len(grant.Status.PasswordTries)
	}
	for i, replica := range []int{0, 1, 0} {
		if status := guess(replica, "a guess"); status != http.StatusForbidden {
			t.Fatalf("guess %d answers %d, want 403", i, status)
		}
	}
	before, tries := wrote()
	if tries != 2 { // by the address, and by the person
		t.Errorf("counted under %d keys: %+v", tries, grant.Status.PasswordTries)
	}
	if status := guess(1, password); status != http.StatusTooManyRequests {
		t.Errorf("the right password at the other replica answers %d, want 429: it is too early", status)
	}
	if after, _ := wrote(); after != before {
		t.Error("a try that was none was written down")
	}
	clock.SetTime(clock.Now().Add(2 * time.Second))

	var all sync.WaitGroup
	var told atomic.Int32
	for i := range 8 {
		all.Go(func() {
			if guess(i%2, fmt.Sprint("guess ", i)) == http.StatusForbidden {
				told.Add(1)
			}
		})
	}
	all.Wait()
	if told.Load() != 1 {
		t.Errorf("%d of eight guesses at the same moment were told that they are wrong, want 1", told.Load())
	}
	clock.SetTime(clock.Now().Add(time.Minute))
	if status := guess(1, password); status != http.StatusSeeOther {
		t.Errorf("the right password in time answers %d, want 303", status)
	}
	version, tries := wrote()
	if tries != 0 {
		t.Errorf("after the right password there is still %+v", grant.Status.PasswordTries)
	}
	w.SignIn(t, "internal").Staying().At(replicas[0]).Post(t, "/g/"+token, typed(password))
	if after, _ := wrote(); after != version {
		t.Error("a right password wrote something where nothing changed")
	}
}

func TestALimitedGrantIsUsedSoOftenAndNoMore(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	recording, file := w.Recording(t, env.Namespace(t), "review")
	grant := grantToDave(v1alpha1.PermissionView, v1alpha1.PermissionDownload)(recording)
	grant.Spec.MaxUses = 2
	w.Grant(t, grant, "")
	browser := w.SignIn(t, "internal")

	view := beginView(t, browser, recording)
	download := browser.Get(t, pageOf(recording)+"/download", "Range", "bytes=0-99")
	if download.Status != http.StatusPartialContent {
		t.Fatalf("the second use answers %d, want 206", download.Status)
	}
	checkUses(t, w, grant, 2)
	for name, answer := range map[string]gatewaytest.Answer{
		"what is being watched": browser.Get(t, view+"media", "Range", "bytes=0-99"),
		"a resumed download":    browser.Get(t, pageOf(recording)+"/download", "Range", "bytes=100-"),
	} {
		if answer.Status != http.StatusPartialContent {
			t.Errorf("%s answers %d, want 206: it has been counted", name, answer.Status)
		}
	}
	token := strings.Split(view, "/")[2]
	if answer := browser.Post(t, pageOf(recording)+"/sessions", url.Values{"renew": {token}}); answer.Status != http.StatusCreated {
		t.Errorf("going on with a view answers %d, want 201", answer.Status)
	}
	checkUses(t, w, grant, 2)
	beginView(t, browser, recording) // the page was loaded again
	if answer := browser.Get(t, pageOf(recording)+"/download"); answer.Status != http.StatusOK {
		t.Errorf("downloading once more in the same session answers %d, want 200", answer.Status)
	}
	checkUses(t, w, grant, 2)
	fresh := w.SignIn(t, "internal")
	for name, answer := range map[string]gatewaytest.Answer{
		"a third view":     fresh.Post(t, pageOf(recording)+"/sessions", nil),
		"a third download": fresh.Get(t, pageOf(recording)+"/download"),
	} {
		if answer.Status != http.StatusForbidden || len(answer.Body) >= len(file) {
			t.Errorf("%s answers %d, want 403", name, answer.Status)
		}
	}
}

// TestAOneTimeLinkIsUsedOnceHoweverManyTryAtOnce begins to watch in many sessions at several replicas at the same moment.
func TestAOneTimeLinkIsUsedOnceHoweverManyTryAtOnce(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	recording, _ := w.Recording(t, env.Namespace(t), "review")
	grant := grantToDave(v1alpha1.PermissionView)(recording)
	grant.Spec.MaxUses = 1
	w.Grant(t, grant, "")
	replicas := []string{w.URL, w.Serve(t, func(*gateway.Options) {}), w.Serve(t, func(*gateway.Options) {})}
	var browsers []*gatewaytest.Browser
	for i := range 9 {
		browsers = append(browsers, w.SignIn(t, "internal").At(replicas[i%len(replicas)]))
	}
	var began atomic.Int32
	var all sync.WaitGroup
	for _, browser := range browsers {
		all.Go(func() {
			switch answer := browser.Post(t, pageOf(recording)+"/sessions", nil); answer.Status {
			case http.StatusCreated:
				began.Add(1)
			case http.StatusForbidden:
			default:
				t.Errorf("status %d: %s", answer.Status, answer.Body)
			}
		})
	}
	all.Wait()
	if began.Load() != 1 {
		t.Errorf("%d sessions watch by a link that is good once", began.Load())
	}
	checkUses(t, w, grant, 1)
}

func TestR20ChatProgramsLearnNothingOfALink(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	recording, _ := w.Recording(t, env.Namespace(t), "review")
	policy := &v1alpha1.RecordingPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: recording.Namespace, Name: "open"}}
	policy.Spec.Profile = v1alpha1.ProfileOpen
	if err := w.Admin.Create(t.Context(), policy); err != nil {
		t.Fatal(err)
	}
	w.Seen(t, policy)
	anyone := gatewaytest.GrantOf(recording, "everybody", v1alpha1.SubjectAnyone, "*", v1alpha1.PermissionView)
	anyone.Spec.MaxUses = 1
	links := []string{w.Grant(t, anyone, ""), w.Grant(t, grantToDave(v1alpha1.PermissionView)(recording), "")}
	for _, agent := range []string{
		"Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", "facebookexternalhit/1.1", "Twitterbot/1.0", "TelegramBot (like TwitterBot)",
		"WhatsApp/2.24", "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5", "Mozilla/5.0 (compatible; Discordbot/2.0)", "Mozilla/5.0",
	} {
		for _, link := range links {
			for _, method := range []string{http.MethodHead, http.MethodGet} {
				answer := w.Anonymous(t).Do(t, method, "/g/"+link, nil, "User-Agent", agent)
				if strings.Contains(string(answer.Body), recording.Spec.Meeting.Title) || strings.Contains(string(answer.Body), recording.Name) {
					t.Errorf("%s as %s shows what the link is about:\n%s", method, agent, answer.Body)
				}
			}
		}
	}
	if err := w.Admin.Get(t.Context(), client.ObjectKeyFromObject(anyone), anyone); err != nil || anyone.Status.Uses != nil {
		t.Errorf("looking at the link was a use of it: %v, %v", anyone.Status.Uses, err)
	}
	known := w.Anonymous(t).Do(t, http.MethodHead, "/g/"+links[0], nil)
	unknown := w.Anonymous(t).Do(t, http.MethodHead, "/g/"+credentials.NewToken(), nil)
	if known.Status != unknown.Status || known.Header.Get("Content-Length") != unknown.Header.Get("Content-Length") {
		t.Errorf("HEAD tells a link from none: %d and %d", known.Status, unknown.Status)
	}
}

func TestAUseOfAGrantIsForOneRecording(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	namespace := env.Namespace(t)
	first, _ := w.Recording(t, namespace, "first")
	second, file := w.Recording(t, namespace, "second")
	grant := grantToDave(v1alpha1.PermissionView, v1alpha1.PermissionDownload)(first)
	grant.Spec.RecordingRef, grant.Spec.RecordingSelector = v1alpha1.RecordingReference{}, &metav1.LabelSelector{}
	grant.Spec.MaxUses = 2
	w.Grant(t, grant, "")
	browser := w.SignIn(t, "internal")

	view := beginView(t, browser, first)
	if answer := browser.Get(t, pageOf(first)+"/download", "Range", "bytes=0-99"); answer.Status != http.StatusPartialContent {
		t.Fatalf("the second use answers %d, want 206", answer.Status)
	}
	checkUses(t, w, grant, 2)
	renewal := url.Values{"renew": {strings.Split(view, "/")[2]}}
	for name, answer := range map[string]gatewaytest.Answer{
		"downloading another recording":          browser.Get(t, pageOf(second)+"/download"),
		"going on with a view of the other":      browser.Post(t, pageOf(second)+"/sessions", renewal),
		"resuming a download that did not begin": browser.Get(t, pageOf(second)+"/download", "Range", "bytes=1-"),
	} {
		if answer.Status != http.StatusForbidden || len(answer.Body) >= len(file)-1 {
			t.Errorf("%s answers %d, want 403: the uses were for the first recording", name, answer.Status)
		}
	}
}

func checkUses(t *testing.T, w *gatewaytest.World, grant *v1alpha1.AccessGrant, want int32) {
	t.Helper()
	if err := w.Admin.Get(t.Context(), client.ObjectKeyFromObject(grant), grant); err != nil {
		t.Fatal(err)
	}
	if grant.Status.Uses == nil || *grant.Status.Uses != want {
		t.Fatalf("uses: %v, want %d", grant.Status.Uses, want)
	}
	w.Seen(t, grant)
}
