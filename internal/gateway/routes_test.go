// SPDX-License-Identifier: Apache-2.0

//go:build unix

package gateway_test

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
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
	"creator":       {who: "creator", subject: member("alice@example.com", "finance")},
	"host":          {who: "host", subject: member("bob@example.com", "finance")},
	"participant":   {who: "participant", subject: member("carol@example.com", "finance")},
	"internal":      {who: "internal", subject: member("dave@example.com", "sales", "auditors")},
	"administrator": {who: "administrator", subject: member("olga@example.com", "it", "recording-admins")},
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
	"department by grant": {
		who: "internal", subject: member("dave@example.com", "sales", "auditors"),
		grant: func(recording *v1alpha1.MeetingRecording) *v1alpha1.AccessGrant {
			return gatewaytest.GrantOf(recording, "sales", v1alpha1.SubjectDepartment, "sales", v1alpha1.PermissionView)
		},
	},
	"R21 group by grant, which the profile forbids": {
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
	// may is what package access says of the other permissions, verdict what it says of asking to view.
	may      map[v1alpha1.Permission]access.Decision
	verdict  access.Verdict
	signedIn bool
	verified bool
	ownView  bool
	// administers says that they are among the administrators.
	administers bool
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

// signingOut goes on to the provider for who was signed in there.
func signingOut(r reached) int {
	if r.signedIn {
		return http.StatusOK
	}
	return http.StatusSeeOther
}

// orSignIn is for pages and forms, which offer those whom nobody knows to sign in.
func orSignIn(want func(r reached) int) func(reached) int {
	return func(r reached) int {
		if !r.signedIn {
			return http.StatusUnauthorized
		}
		return want(r)
	}
}

// depends says that what a route answers depends on whether there are media: others are not asked again for recordings without.
func depends(name string) bool {
	return strings.Contains(name, "/r/{") && !strings.HasSuffix(name, "/requests") || strings.Contains(name, "/v/{")
}

// ofMedia is for routes that begin to give out media: where there is none, they say so to whoever may know.
func ofMedia(want func(r reached) int) func(reached) int {
	return func(r reached) int {
		status := want(r)
		if status < http.StatusMultipleChoices && !playable(r.recording) {
			return http.StatusConflict
		}
		return status
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

// toPicture is for pictures in pages, which nobody is told a reason by.
func toPicture(r reached) int {
	if r.watch.Allowed() {
		return http.StatusOK
	}
	return http.StatusNotFound
}

func to(permission v1alpha1.Permission, allowed int) func(reached) int {
	return func(r reached) int { return decided(r.may[permission], allowed) }
}

// toAsk is what asking to view answers: to whoever may not know, always the same.
func toAsk(r reached) int {
	switch {
	case !r.verified:
		return http.StatusNotFound
	case r.watch.MayKnow && !r.verdict.Allowed():
		return http.StatusForbidden
	}
	return http.StatusOK
}

// forms are what is sent to routes that want something.
var forms = map[string]url.Values{
	"POST /r/{namespace}/{name}/requests": {"what": {"view"}, "days": {"7"}, "reason": {"I was ill that day"}},
	"POST /r/{namespace}/{name}/grants":   {"kind": {"person"}, "name": {"frank@example.com"}, "what": {"view"}, "days": {"1"}},
	"POST /inbox/{namespace}/{name}":      {"answer": {"approve"}},
}

// last are the routes after which others answer differently, in this order.
var last = []string{
	"POST /r/{namespace}/{name}/grants", "POST /r/{namespace}/{name}/trash", "POST /r/{namespace}/{name}/restore", "POST /signout",
}

// routes has an entry for every route of the gateway.
var routes = map[string]route{
	"GET /":                           {at("/"), always(http.StatusOK)},
	"GET /healthz":                    {at("/healthz"), always(http.StatusOK)},
	"GET /readyz":                     {at("/readyz"), always(http.StatusOK)},
	"GET /assets/*":                   {at("/assets/absent.js"), always(http.StatusNotFound)},
	"GET /signin":                     {at("/signin"), always(http.StatusOK)},
	"POST /signin":                    {at("/signin"), always(http.StatusOK)},
	"GET /signin/callback/{provider}": {at("/signin/callback/partner?code=forged&state=forged"), always(http.StatusBadRequest)},
	"GET /signin/callback":            {at("/signin/callback?code=forged&state=forged"), always(http.StatusBadRequest)},
	"POST /signout":                   {at("/signout"), signingOut},

	// Only tokens of the provider say anything here, whoever brings them.
	"POST /signout/backchannel":            {at("/signout/backchannel"), always(http.StatusBadRequest)},
	"POST /signout/backchannel/{provider}": {at("/signout/backchannel/partner"), always(http.StatusBadRequest)},

	"POST /preferences": {at("/preferences"), always(http.StatusSeeOther)},
	"GET /g/{token}":    {unknownLink, orSignIn(always(http.StatusNotFound))},
	"HEAD /g/{token}":   {unknownLink, always(http.StatusOK)},
	"POST /g/{token}":   {unknownLink, orSignIn(always(http.StatusNotFound))},

	"GET /r/{namespace}/{name}":           {under(""), orSignIn(toView(http.StatusOK))},
	"GET /r/{namespace}/{name}/state":     {under("/state"), orNothing(toView(http.StatusOK))},
	"GET /r/{namespace}/{name}/poster":    {under("/poster"), orNothing(ofMedia(toPicture))},
	"POST /r/{namespace}/{name}/sessions": {under("/sessions"), orNothing(ofMedia(toView(http.StatusCreated)))},
	"GET /r/{namespace}/{name}/download":  {under("/download"), orSignIn(ofMedia(toDownload))},
	"HEAD /r/{namespace}/{name}/download": {under("/download"), orSignIn(ofMedia(toDownload))},

	"GET /r/{namespace}/{name}/log":                    {under("/log"), orSignIn(to(v1alpha1.PermissionApprove, http.StatusOK))},
	"POST /r/{namespace}/{name}/requests":              {under("/requests"), orSignIn(toAsk)},
	"POST /r/{namespace}/{name}/grants":                {under("/grants"), orSignIn(to(v1alpha1.PermissionShare, http.StatusCreated))},
	"POST /r/{namespace}/{name}/grants/{grant}/revoke": {under("/grants/share-absent/revoke"), orSignIn(always(http.StatusNotFound))},
	"POST /r/{namespace}/{name}/trash":                 {under("/trash"), orSignIn(to(v1alpha1.PermissionTrash, http.StatusSeeOther))},
	"POST /r/{namespace}/{name}/restore":               {under("/restore"), orSignIn(to(v1alpha1.PermissionRestore, http.StatusSeeOther))},

	"GET /inbox":                     {at("/inbox"), orSignIn(always(http.StatusOK))},
	"POST /inbox/{namespace}/{name}": {func(r reached) string { return "/inbox/" + r.recording.Namespace + "/absent" }, orSignIn(always(http.StatusNotFound))},
	"GET /trash":                     {at("/trash"), orSignIn(always(http.StatusOK))},

	"GET /overview": {at("/overview"), orSignIn(func(r reached) int {
		if r.administers {
			return http.StatusOK
		}
		return http.StatusNotFound
	})},

	"GET /v/{session}/playlist.m3u8": viewing("playlist.m3u8"),
	"GET /v/{session}/key":           viewing("key"),
	"GET /v/{session}/previews":      viewing("previews"),
	"GET /v/{session}/media":         viewing("media"),

	"GET /v/{session}/captions/{track}": viewing("captions/1"),
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

// states are what can have become of the recording, by the reason of Ready.
var states = map[string]string{
	"available": v1alpha1.ReasonAvailable, "processing": v1alpha1.ReasonProcessing, "failed": v1alpha1.ReasonFailed, "in the trash": v1alpha1.ReasonTrashed,
}

func TestEveryRouteAnswersEveryRoleAsDecided(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	for name, who := range roles {
		for stateName, state := range states {
			t.Run(name+", "+stateName, func(t *testing.T) {
				t.Parallel()
				recording, _ := w.Recording(t, env.Namespace(t), "review")
				if who.grant != nil {
					w.Grant(t, who.grant(recording), who.password)
				}
				switch state {
				case v1alpha1.ReasonTrashed:
					setState(t, w, recording, v1alpha1.StateTrashed)
				case v1alpha1.ReasonProcessing, v1alpha1.ReasonFailed:
					setReason(t, w, recording, state)
				}
				browser, r := reach(t, w, who, recording)
				for name, route := range routes {
					if !slices.Contains(last, name) && (depends(name) || state == v1alpha1.ReasonAvailable || state == v1alpha1.ReasonTrashed) {
						checkRoute(t, browser, name, route, r)
					}
				}
				for _, name := range last {
					checkRoute(t, browser, name, routes[name], r)
				}
			})
		}
	}
}

// setReason makes a recording one that has no media, yet or for good.
func setReason(t *testing.T, w *gatewaytest.World, recording *v1alpha1.MeetingRecording, reason string) {
	t.Helper()
	recording.Status.Conditions = []metav1.Condition{{
		Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: reason, Message: "Set by a test",
		ObservedGeneration: recording.Generation, LastTransitionTime: metav1.Now(),
	}}
	if err := w.Admin.Status().Update(t.Context(), recording); err != nil {
		t.Fatal(err)
	}
	w.Seen(t, recording)
}

// playable says that the recording has media: one in the trash has them too, but nobody may watch it.
func playable(recording *v1alpha1.MeetingRecording) bool {
	ready := meta.FindStatusCondition(recording.Status.Conditions, v1alpha1.ConditionReady)
	return ready != nil && ready.Reason == v1alpha1.ReasonAvailable
}

func setState(t *testing.T, w *gatewaytest.World, recording *v1alpha1.MeetingRecording, state v1alpha1.RecordingState) {
	t.Helper()
	recording.Spec.State = state
	if err := w.Admin.Update(t.Context(), recording); err != nil {
		t.Fatal(err)
	}
	w.Seen(t, recording)
}

// reach signs somebody in, asks package access what they may do, and gives them a view session, or the host's.
func reach(t *testing.T, w *gatewaytest.World, who role, recording *v1alpha1.MeetingRecording) (*gatewaytest.Browser, reached) {
	t.Helper()
	browser := w.Anonymous(t)
	if who.who != "" {
		browser = w.SignIn(t, who.who)
	}
	r := reached{recording: recording, signedIn: who.who != "", verified: who.subject.Verified, administers: who.who == "administrator", may: map[v1alpha1.Permission]access.Decision{}}
	reader := governance.Reader{Client: w.Admin}
	decide := func(permission v1alpha1.Permission) access.Decision {
		decision, err := reader.Decide(t.Context(), recording, who.subject, permission, gatewaytest.Wall.Now())
		if err != nil {
			t.Fatal(err)
		}
		return decision
	}
	r.watch, r.load = decide(v1alpha1.PermissionView), decide(v1alpha1.PermissionDownload)
	for _, permission := range []v1alpha1.Permission{
		v1alpha1.PermissionShare, v1alpha1.PermissionTrash, v1alpha1.PermissionRestore, v1alpha1.PermissionApprove,
	} {
		r.may[permission] = decide(permission)
	}
	r.verdict = checkRequest(t, reader, recording, who.subject)
	r.ownView = r.watch.Allowed() && playable(recording)
	switch {
	case r.ownView:
		r.view = beginView(t, browser, recording)
	case recording.Spec.State == v1alpha1.StateTrashed || !playable(recording):
		r.view = "/v/forged/"
	default:
		r.view = beginView(t, w.SignIn(t, "host"), recording)
	}
	return browser, r
}

// checkRequest is what package access says of somebody who asks to view.
func checkRequest(t *testing.T, reader governance.Reader, recording *v1alpha1.MeetingRecording, subject access.Subject) access.Verdict {
	t.Helper()
	rules, err := reader.Rules(t.Context(), recording)
	if err != nil {
		t.Fatal(err)
	}
	grants, err := reader.Grants(t.Context(), recording)
	if err != nil {
		t.Fatal(err)
	}
	return access.CheckRequest(rules, access.Ask{
		Requester: subject, Known: true, Permissions: []v1alpha1.Permission{v1alpha1.PermissionView}, Duration: 7 * 24 * time.Hour,
		Recording: access.FactsOf(recording), Grants: grants, Now: gatewaytest.Wall.Now(),
	})
}

func checkRoute(t *testing.T, browser *gatewaytest.Browser, name string, route route, r reached) {
	t.Helper()
	method, _, _ := strings.Cut(name, " ")
	answer := browser.Staying().Do(t, method, route.path(r), forms[name])
	if want := route.want(r); answer.Status != want {
		t.Errorf("%s answers %d, want %d (view: %s, download: %s)", name, answer.Status, want, r.watch.Reason, r.load.Reason)
	}
	if cache := answer.Header.Get("Cache-Control"); cache != "private, no-store" {
		t.Errorf("%s can be cached: %q", name, cache)
	}
}
