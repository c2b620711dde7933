// SPDX-License-Identifier: Apache-2.0

//go:build unix

package gateway_test

import (
	"crypto/sha256"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/gateway"
	"github.com/reelkeeper/reelkeeper/internal/gateway/gatewaytest"
	"github.com/reelkeeper/reelkeeper/internal/gateway/identity"
	"github.com/reelkeeper/reelkeeper/internal/gateway/session"
)

// scene is what there is when a try is made.
type scene struct {
	world *gatewaytest.World
	// gateway is its address, host and port.
	gateway string
	// vars are what names in braces stand for in requests. Those that begin with hidden are what the one who tries may not know of.
	vars map[string]string
	// people are whose cookies tries are made with: carol, who may watch and not download, is the viewer.
	people map[string]*gatewaytest.Browser
	plain  plaintext
	// probed are digests of what is known to be no video.
	probed map[[sha256.Size]byte]bool
	// keys are the keys of the scene's recordings, by what they are.
	keys map[string][]byte
}

// situations are what can have happened before a try.
var situations = map[string]func(t *testing.T, w *gatewaytest.World) *scene{
	"watching":               watching,
	"by a link for anyone":   sharedWithAnyone,
	"revoked":                revoked,
	"signed out":             signedOut,
	"the view has ended":     func(t *testing.T, w *gatewaytest.World) *scene { return later(t, w, 2*time.Hour, true) },
	"nobody was there":       func(t *testing.T, w *gatewaytest.World) *scene { return later(t, w, 90*time.Minute, false) },
	"signed out with a copy": signedOutWithACopy,
	"the session has ended": func(t *testing.T, w *gatewaytest.World) *scene {
		return later(t, w, 9*time.Hour, true)
	},
	"in the trash": trashed,
	"direct":       watchingDirectly,
}

// newScene is a scene with a recording that the viewer may watch, and one of which they may not know.
func newScene(t *testing.T, w *gatewaytest.World, at string, record func(testing.TB, string, string) (*v1alpha1.MeetingRecording, []byte)) (*scene, *v1alpha1.MeetingRecording) {
	t.Helper()
	host := strings.TrimPrefix(at, "http://")
	s := &scene{world: w, gateway: host, plain: newPlaintext(), probed: map[[sha256.Size]byte]bool{}, keys: map[string][]byte{}, people: map[string]*gatewaytest.Browser{"nobody": w.Anonymous(t)}}
	review, file := record(t, env.Namespace(t), "review")
	s.know(t, review, file)
	secret, file := w.Recording(t, env.Namespace(t), "secret")
	s.know(t, secret, file)
	closed := &v1alpha1.RecordingPolicy{}
	closed.Namespace, closed.Name = secret.Namespace, "closed"
	closed.Spec.Access.Audience = v1alpha1.AudienceDepartments
	closed.Spec.Access.Departments = []string{"board"}
	closed.Spec.Access.Roles = []v1alpha1.RolePermissions{{Role: v1alpha1.RoleParticipant, Permissions: []v1alpha1.Permission{}}}
	if err := w.Admin.Create(t.Context(), closed); err != nil {
		t.Fatal(err)
	}
	w.Seen(t, closed)
	s.vars = map[string]string{
		"host": host, "store": strings.TrimPrefix(w.S3.Endpoint, "http://"), "page": pageOf(review), "ns": review.Namespace, "name": review.Name,
		"hiddenpage": pageOf(secret), "hiddens": secret.Namespace + "/" + secret.Name,
		"bucketkey": review.Status.Storage.Bucket + "/" + review.Status.Storage.Key, "uid": string(review.UID),
		"manifestkey": review.Status.Storage.Bucket + "/" + review.Status.Storage.ManifestKey, "mediakey": review.Status.Storage.Key,
	}
	return s, review
}

// know makes the suite look for a recording.
func (s *scene) know(t *testing.T, recording *v1alpha1.MeetingRecording, file []byte) {
	t.Helper()
	s.plain.add(file)
	data, media := s.world.Keys(t, recording)
	s.keys["the data key of "+recording.Name], s.keys["the media key of "+recording.Name] = data, media
}

// enter signs somebody in under a name of the scene.
func (s *scene) enter(t *testing.T, name, who string) *gatewaytest.Browser {
	t.Helper()
	s.people[name] = s.world.SignIn(t, who).At("http://" + s.gateway)
	return s.people[name]
}

// cookie is what somebody's browser sends.
func (s *scene) cookie(t *testing.T, by string) string {
	t.Helper()
	if by == "" {
		by = "viewer"
	}
	browser, known := s.people[by]
	if !known {
		t.Fatalf("nobody in this scene is called %q", by)
	}
	var pairs []string
	for _, cookie := range browser.Cookies(t) {
		pairs = append(pairs, cookie.Name+"="+cookie.Value)
	}
	return strings.Join(pairs, "; ")
}

// remember keeps what somebody's cookie of the session and view are.
func (s *scene) remember(t *testing.T, view string) {
	t.Helper()
	s.vars["view"] = view
	s.vars["token"] = strings.TrimSuffix(strings.TrimPrefix(view, "/v/"), "/")
	for _, cookie := range s.people["viewer"].Cookies(t) {
		if cookie.Name == "reelkeeper" {
			s.vars["cookie"] = cookie.Value
		}
	}
}

// absent are the scene's names with a recording that there is not in place of the hidden one.
func (s *scene) absent() map[string]string {
	vars := map[string]string{}
	for name, value := range s.vars {
		if strings.HasPrefix(name, "hidden") {
			value = strings.TrimSuffix(value, "secret") + "absent"
		}
		vars[name] = value
	}
	return vars
}

// watching: the viewer watches, and the host of the same meeting does too. The outsider may watch as well, and may not know of anything else.
func watching(t *testing.T, w *gatewaytest.World) *scene {
	t.Helper()
	s, review := newScene(t, w, w.URL, w.Recording)
	viewer, host := s.enter(t, "viewer", "participant"), s.enter(t, "host", "host")
	s.enter(t, "stranger", "internal")
	s.enter(t, "outsider", "external")
	w.Grant(t, gatewaytest.GrantOf(review, "mallory", v1alpha1.SubjectUser, gatewaytest.People["external"].Email, v1alpha1.PermissionView), "")
	s.remember(t, beginView(t, viewer, review))
	s.vars["hostview"] = beginView(t, host, review)
	s.vars["etag"] = viewer.Get(t, s.vars["view"]+"media", "Range", "bytes=0-15").Header.Get("ETag")
	head := host.Do(t, "HEAD", pageOf(review)+"/download", nil)
	s.vars["fileetag"] = head.Header.Get("ETag")
	s.forge(t, review)
	return s
}

// watches signs somebody in as the viewer, who begins to watch.
func (s *scene) watches(t *testing.T, who string, review *v1alpha1.MeetingRecording) *gatewaytest.Browser {
	t.Helper()
	viewer := s.enter(t, "viewer", who)
	s.remember(t, beginView(t, viewer, review))
	return viewer
}

// forge makes what a gateway with other keys would make for the creator of the meeting.
func (s *scene) forge(t *testing.T, recording *v1alpha1.MeetingRecording) {
	t.Helper()
	keys, err := session.ParseKeys([]byte(session.NewKey()))
	if err != nil {
		t.Fatal(err)
	}
	store := session.NewStore(keys, gatewaytest.Wall, false)
	forged := session.New(&identity.Person{Issuer: s.world.Config.SignIn.Issuer, Subject: "alice", Email: "alice@example.com", Verified: true}, gatewaytest.Wall.Now(), time.Hour)
	recorder := httptest.NewRecorder()
	if err := store.Put(recorder, forged); err != nil {
		t.Fatal(err)
	}
	s.vars["forged"] = recorder.Result().Cookies()[0].Value
	if s.vars["forgedtoken"], err = store.Token(forged.NewView(recording.Namespace, recording.Name, recording.UID, gatewaytest.Wall.Now(), time.Hour)); err != nil {
		t.Fatal(err)
	}
}

// sharedWithAnyone: somebody who has not signed in has opened a link that anyone may.
func sharedWithAnyone(t *testing.T, w *gatewaytest.World) *scene {
	t.Helper()
	s, review := newScene(t, w, w.URL, w.Recording)
	open := &v1alpha1.RecordingPolicy{}
	open.Namespace, open.Name, open.Spec.Profile = review.Namespace, "open", v1alpha1.ProfileOpen
	if err := w.Admin.Create(t.Context(), open); err != nil {
		t.Fatal(err)
	}
	w.Seen(t, open)
	s.vars["link"] = w.Grant(t, gatewaytest.GrantOf(review, "everybody", v1alpha1.SubjectAnyone, "*", v1alpha1.PermissionView), "")
	s.people["viewer"] = w.Anonymous(t)
	if answer := s.people["viewer"].Staying().Post(t, "/g/"+s.vars["link"], nil); answer.Header.Get("Location") != pageOf(review) {
		t.Fatalf("opening the link answers %d", answer.Status)
	}
	s.remember(t, beginView(t, s.people["viewer"], review))
	return s
}

// revoked: dave was given the right to watch, watched, and it was taken back.
func revoked(t *testing.T, w *gatewaytest.World) *scene {
	t.Helper()
	s, review := newScene(t, w, w.URL, w.Recording)
	grant := grantToDave(v1alpha1.PermissionView)(review)
	s.vars["link"] = w.Grant(t, grant, "")
	viewer := s.watches(t, "internal", review)
	s.vars["etag"] = viewer.Get(t, s.vars["view"]+"media").Header.Get("ETag")
	viewer.Staying().Get(t, "/g/"+s.vars["link"])
	remove(t, w, grant)
	return s
}

// signedOut: the viewer watched and has signed out. Their browser forgot the cookie; the address of the view is still known.
func signedOut(t *testing.T, w *gatewaytest.World) *scene {
	t.Helper()
	s, review := newScene(t, w, w.URL, w.Recording)
	viewer := s.watches(t, "participant", review)
	viewer.Staying().Post(t, "/signout", nil)
	return s
}

// signedOutWithACopy: the viewer watched and has signed out, and somebody has a copy of all their cookies.
func signedOutWithACopy(t *testing.T, w *gatewaytest.World) *scene {
	t.Helper()
	s, review := newScene(t, w, w.URL, w.Recording)
	viewer := s.watches(t, "participant", review)
	address, err := url.Parse(w.URL)
	if err != nil {
		t.Fatal(err)
	}
	thief := w.Anonymous(t)
	thief.Jar.SetCookies(address, viewer.Cookies(t))
	viewer.Staying().Post(t, "/signout", nil)
	s.people["viewer"] = thief
	await(t, 2*time.Second, func() bool { return thief.Staying().Get(t, "/inbox").Status == http.StatusUnauthorized })
	return s
}

// later: the viewer began to watch, and so much time has passed, in which they were there or not.
func later(t *testing.T, w *gatewaytest.World, passed time.Duration, there bool) *scene {
	t.Helper()
	clock := clocktesting.NewFakePassiveClock(gatewaytest.Wall.Now())
	s, review := newScene(t, w, w.Serve(t, func(o *gateway.Options) { o.Clock = clock }), w.Recording)
	viewer := s.watches(t, "participant", review)
	for range passed / (30 * time.Minute) {
		clock.SetTime(clock.Now().Add(30 * time.Minute))
		if there {
			viewer.Staying().Get(t, "/")
		}
	}
	return s
}

// trashed: the viewer watched, and the recording was moved into the trash.
func trashed(t *testing.T, w *gatewaytest.World) *scene {
	t.Helper()
	s, review := newScene(t, w, w.URL, w.Recording)
	s.watches(t, "participant", review)
	setState(t, w, review, v1alpha1.StateTrashed)
	return s
}

// watchingDirectly: the viewer watches, and their player fetches from the object store. The presigned address is passed on.
func watchingDirectly(t *testing.T, w *gatewaytest.World) *scene {
	t.Helper()
	s, review := newScene(t, w, w.URL, w.DirectRecording)
	viewer := s.watches(t, "participant", review)
	playlist := viewer.Get(t, s.vars["view"]+"playlist.m3u8")
	address, err := url.Parse(presigned.FindString(string(playlist.Body)))
	if err != nil || address.Host == "" {
		t.Fatalf("the playlist names no address in the object store: %s", playlist.Body)
	}
	s.vars["store"], s.vars["objectpath"], s.vars["signed"] = address.Host, address.Path, address.RawQuery
	s.vars["unsigned"] = strings.Split(address.RawQuery, "X-Amz-Signature=")[0]
	return s
}
