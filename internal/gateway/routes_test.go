// SPDX-License-Identifier: Apache-2.0

//go:build unix

package gateway_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/access"
	"github.com/reelkeeper/reelkeeper/internal/credentials"
	"github.com/reelkeeper/reelkeeper/internal/gateway"
	"github.com/reelkeeper/reelkeeper/internal/gateway/gatewaytest"
	"github.com/reelkeeper/reelkeeper/internal/governance"
)

// role is somebody, and what was granted to them.
type role struct {
	// who is one of gatewaytest.People; empty for nobody.
	who     string
	subject access.Subject
	grant   func(recording *v1alpha1.MeetingRecording) *v1alpha1.AccessGrant
	// password is the grant's.
	password string
}

func member(email, department string, groups ...string) access.Subject {
	return access.Subject{Name: email, Verified: true, Internal: true, Departments: []string{department}, Groups: groups}
}

func grantToDave(permissions ...v1alpha1.Permission) func(*v1alpha1.MeetingRecording) *v1alpha1.AccessGrant {
	return func(recording *v1alpha1.MeetingRecording) *v1alpha1.AccessGrant {
		return gatewaytest.GrantOf(recording, "dave", v1alpha1.SubjectUser, "dave@example.com", permissions...)
	}
}

// roles are everybody who asks. Their subjects are written out here, not taken from the gateway's own mapping.
var roles = map[string]role{
	"creator":     {who: "creator", subject: member("alice@example.com", "finance")},
	"host":        {who: "host", subject: member("bob@example.com", "finance")},
	"participant": {who: "participant", subject: member("carol@example.com", "finance")},
	"internal":    {who: "internal", subject: member("dave@example.com", "sales", "auditors")},
	"guest who attended": {
		who: "guest", subject: access.Subject{Name: "eve@partner.example", Verified: true},
	},
	"external":   {who: "external", subject: access.Subject{Name: "mallory@elsewhere.example", Verified: true}},
	"unverified": {who: "unverified", subject: access.Subject{Name: "alice@example.com.evil.example"}},
	"nobody":     {subject: access.Subject{Anonymous: true}},
	"viewer by grant": {
		who: "internal", subject: member("dave@example.com", "sales", "auditors"), grant: grantToDave(v1alpha1.PermissionView),
	},
	"downloader by grant": {
		who: "internal", subject: member("dave@example.com", "sales", "auditors"), grant: grantToDave(v1alpha1.PermissionView, v1alpha1.PermissionDownload),
	},
	"group by grant": {
		who: "internal", subject: member("dave@example.com", "sales", "auditors"),
		grant: func(recording *v1alpha1.MeetingRecording) *v1alpha1.AccessGrant {
			return gatewaytest.GrantOf(recording, "auditors", v1alpha1.SubjectGroup, "auditors", v1alpha1.PermissionView)
		},
	},
	"external by grant": {
		who: "external", subject: access.Subject{Name: "mallory@elsewhere.example", Verified: true},
		grant: func(recording *v1alpha1.MeetingRecording) *v1alpha1.AccessGrant {
			return gatewaytest.GrantOf(recording, "mallory", v1alpha1.SubjectUser, "mallory@elsewhere.example", v1alpha1.PermissionView)
		},
	},
	"expired grant": {
		who: "internal", subject: member("dave@example.com", "sales", "auditors"),
		grant: func(recording *v1alpha1.MeetingRecording) *v1alpha1.AccessGrant {
			grant := grantToDave(v1alpha1.PermissionView)(recording)
			grant.Spec.ExpiresAt = metav1.NewTime(gatewaytest.Wall.Now().Add(-time.Hour))
			return grant
		},
	},
	"password not given": {
		who: "internal", subject: member("dave@example.com", "sales", "auditors"), grant: grantToDave(v1alpha1.PermissionView), password: "correct horse",
	},
}

// reached is what somebody reaches a route with.
type reached struct {
	recording *v1alpha1.MeetingRecording
	// view is the path of a view session: their own if they may have one, else one that they stole from the host.
	view        string
	watch, load access.Decision
	signedIn    bool
	ownView     bool
}

// route says how to reach a route, and which status a role must get there.
type route struct {
	path func(r reached) string
	want func(r reached) int
}

func at(path string) func(reached) string { return func(reached) string { return path } }

func unknownLink(reached) string { return "/g/" + credentials.NewToken() }

func always(status int) func(reached) int { return func(reached) int { return status } }

func under(suffix string) func(reached) string {
	return func(r reached) string { return pageOf(r.recording) + suffix }
}

// decided is the status that follows from a decision: allowed as given, refused with the reason, or as if there were nothing.
func decided(decision access.Decision, allowed int) int {
	switch {
	case decision.Allowed():
		return allowed
	case decision.MayKnow:
		return http.StatusForbidden
	}
	return http.StatusNotFound
}

// orSignIn is for pages, which send those whom nobody knows to sign in.
func orSignIn(want func(r reached) int) func(reached) int {
	return func(r reached) int {
		if !r.signedIn {
			return http.StatusSeeOther
		}
		return want(r)
	}
}

func orNothing(want func(r reached) int) func(reached) int {
	return func(r reached) int {
		if !r.signedIn {
			return http.StatusNotFound
		}
		return want(r)
	}
}

func viewing(suffix string) route {
	return route{
		path: func(r reached) string { return r.view + suffix },
		want: func(r reached) int {
			if r.ownView {
				return http.StatusOK
			}
			return http.StatusNotFound
		},
	}
}

var toView = func(allowed int) func(reached) int { return func(r reached) int { return decided(r.watch, allowed) } }
var toDownload = func(r reached) int { return decided(r.load, http.StatusOK) }

// routes has an entry for every route of the gateway.
var routes = map[string]route{
	"GET /":                {at("/"), always(http.StatusOK)},
	"GET /healthz":         {at("/healthz"), always(http.StatusOK)},
	"GET /readyz":          {at("/readyz"), always(http.StatusOK)},
	"GET /assets/*":        {at("/assets/absent.js"), always(http.StatusNotFound)},
	"GET /signin":          {at("/signin"), always(http.StatusSeeOther)},
	"GET /signin/callback": {at("/signin/callback?code=forged&state=forged"), always(http.StatusBadRequest)},
	"POST /signout":        {at("/signout"), always(http.StatusSeeOther)},
	"POST /preferences":    {at("/preferences"), always(http.StatusSeeOther)},
	"GET /g/{token}":       {unknownLink, orSignIn(always(http.StatusNotFound))},
	"POST /g/{token}":      {unknownLink, orSignIn(always(http.StatusNotFound))},

	"GET /r/{namespace}/{name}":           {under(""), orSignIn(toView(http.StatusOK))},
	"GET /r/{namespace}/{name}/state":     {under("/state"), orNothing(toView(http.StatusOK))},
	"POST /r/{namespace}/{name}/sessions": {under("/sessions"), orNothing(toView(http.StatusCreated))},
	"GET /r/{namespace}/{name}/download":  {under("/download"), orSignIn(toDownload)},
	"HEAD /r/{namespace}/{name}/download": {under("/download"), orSignIn(toDownload)},

	"GET /v/{session}/playlist.m3u8": viewing("playlist.m3u8"),
	"GET /v/{session}/key":           viewing("key"),
	"GET /v/{session}/media":         viewing("media"),
}

func TestEveryRouteHasAnEntry(t *testing.T) {
	t.Parallel()
	server, err := gateway.New(theWorld(t).Options)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	err = chi.Walk(server.Handler().(chi.Routes), func(method, pattern string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		got = append(got, method+" "+pattern)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(routes)), got); diff != "" {
		t.Errorf("routes (-tested +served):\n%s", diff)
	}
}

func TestEveryRouteAnswersEveryRoleAsDecided(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	for name, who := range roles {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			recording, _ := w.Recording(t, env.Namespace(t), "review")
			if who.grant != nil {
				w.Grant(t, who.grant(recording), who.password)
			}
			browser, r := reach(t, w, who, recording)
			for name, route := range routes {
				if name == "POST /signout" {
					continue
				}
				checkRoute(t, browser, name, route, r)
			}
			checkRoute(t, browser, "POST /signout", routes["POST /signout"], r)
		})
	}
}

// reach signs somebody in, asks package access what they may do, and gives them a view session, or the host's.
func reach(t *testing.T, w *gatewaytest.World, who role, recording *v1alpha1.MeetingRecording) (*gatewaytest.Browser, reached) {
	t.Helper()
	browser := w.Anonymous(t)
	if who.who != "" {
		browser = w.SignIn(t, who.who)
	}
	r := reached{recording: recording, signedIn: who.who != ""}
	decide := func(permission v1alpha1.Permission) access.Decision {
		decision, err := governance.Reader{Client: w.Admin}.Decide(t.Context(), recording, who.subject, permission, gatewaytest.Wall.Now())
		if err != nil {
			t.Fatal(err)
		}
		return decision
	}
	r.watch, r.load = decide(v1alpha1.PermissionView), decide(v1alpha1.PermissionDownload)
	if r.ownView = r.watch.Allowed(); r.ownView {
		r.view = beginView(t, browser, recording)
	} else {
		r.view = beginView(t, w.SignIn(t, "host"), recording)
	}
	return browser, r
}

func checkRoute(t *testing.T, browser *gatewaytest.Browser, name string, route route, r reached) {
	t.Helper()
	method, _, _ := strings.Cut(name, " ")
	answer := browser.Staying().Do(t, method, route.path(r), nil)
	if want := route.want(r); answer.Status != want {
		t.Errorf("%s answers %d, want %d (view: %s, download: %s)", name, answer.Status, want, r.watch.Reason, r.load.Reason)
	}
	if cache := answer.Header.Get("Cache-Control"); cache != "private, no-store" {
		t.Errorf("%s can be cached: %q", name, cache)
	}
}
