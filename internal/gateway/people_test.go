// SPDX-License-Identifier: Apache-2.0

//go:build unix

package gateway_test

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/gateway/gatewaytest"
	"github.com/reelkeeper/reelkeeper/internal/requests"
)

// asking is a complete request.
var asking = url.Values{"what": {"download"}, "days": {"7"}, "reason": {"I was ill that day"}}

// requestsIn returns the requests of a namespace.
func requestsIn(t *testing.T, w *gatewaytest.World, namespace string) []v1alpha1.AccessRequest {
	t.Helper()
	var list v1alpha1.AccessRequestList
	if err := w.Admin.List(t.Context(), &list, client.InNamespace(namespace)); err != nil {
		t.Fatal(err)
	}
	return list.Items
}

func grantsIn(t *testing.T, w *gatewaytest.World, namespace string) []v1alpha1.AccessGrant {
	t.Helper()
	var list v1alpha1.AccessGrantList
	if err := w.Admin.List(t.Context(), &list, client.InNamespace(namespace)); err != nil {
		t.Fatal(err)
	}
	return list.Items
}

func TestR22SomebodyAsksAndAHostAnswers(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	for answer, want := range map[string]string{"approve": v1alpha1.ConditionApproved, "deny": v1alpha1.ConditionDenied} {
		t.Run(answer, func(t *testing.T) {
			t.Parallel()
			recording, _ := w.Recording(t, env.Namespace(t), "review")
			dave, bob := w.SignIn(t, "internal"), w.SignIn(t, "host")
			if page := dave.Get(t, pageOf(recording)); !strings.Contains(string(page.Body), `action="`+pageOf(recording)+`/requests"`) {
				t.Fatalf("the refusal offers no way to ask:\n%s", page.Body)
			}
			if asked := dave.Post(t, pageOf(recording)+"/requests", asking); asked.Status != http.StatusOK {
				t.Fatalf("asking answers %d:\n%s", asked.Status, asked.Body)
			}
			made := requestsIn(t, w, recording.Namespace)
			if len(made) != 1 || made[0].Spec.Requester.Name != "dave@example.com" || made[0].Spec.Requester.Through != v1alpha1.ThroughGateway || made[0].Spec.Duration != "7d" {
				t.Fatalf("requests: %+v", made)
			}
			w.Seen(t, &made[0])
			path := "/inbox/" + recording.Namespace + "/" + made[0].Name
			if inbox := bob.Get(t, "/inbox"); !strings.Contains(string(inbox.Body), path) {
				t.Errorf("the host's inbox lacks the request:\n%s", inbox.Body)
			}
			form := url.Values{"answer": {answer}, "message": {"as you like"}}
			for who, status := range map[string]int{"participant": http.StatusForbidden, "internal": http.StatusForbidden, "external": http.StatusNotFound} {
				if got := w.SignIn(t, who).Post(t, path, form); got.Status != status {
					t.Errorf("%s answers the request and gets %d, want %d", who, got.Status, status)
				}
			}
			if got := bob.Post(t, path, form); got.Status != http.StatusOK || strings.Contains(string(got.Body), path) {
				t.Errorf("answering leads to %s with status %d:\n%s", got.Path, got.Status, got.Body)
			}
			answered := requestsIn(t, w, recording.Namespace)[0]
			if got := requests.AnswerOf(&answered); got.Type != want || got.Message != "as you like" || answered.Status.DecidedBy.Name != "bob@example.com" {
				t.Errorf("the answer is %+v by %s", got, answered.Status.DecidedBy.Name)
			}
			if got := bob.Post(t, path, form); got.Status != http.StatusConflict {
				t.Errorf("answering once more answers %d, want 409", got.Status)
			}
		})
	}
}

func TestADenialNeedsAReason(t *testing.T) {
	t.Parallel()
	answer := theWorld(t).SignIn(t, "host").Post(t, "/inbox/nowhere/nothing", url.Values{"answer": {"deny"}, "message": {" "}})
	if answer.Status != http.StatusUnprocessableEntity || !strings.Contains(string(answer.Body), "Say why you deny") {
		t.Errorf("status %d:\n%s", answer.Status, answer.Body)
	}
}

func TestR12AskingForWhatOneMayNotKnowTellsNothing(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	namespace := env.Namespace(t)
	present, _ := w.Recording(t, namespace, "present")
	restrict(t, w, namespace)
	eve := w.SignIn(t, "external")
	known := eve.Post(t, pageOf(present)+"/requests", asking)
	unknown := eve.Post(t, "/r/"+namespace+"/missing/requests", asking)
	if string(known.Body) != string(unknown.Body) || known.Status != unknown.Status || known.Status != http.StatusOK {
		t.Errorf("statuses %d and %d:\n%s\n%s", known.Status, unknown.Status, known.Body, unknown.Body)
	}
}

func TestR19SharingInThePageMakesAGrantInThePersonsName(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	recording, _ := w.Recording(t, env.Namespace(t), "review")
	bob := w.SignIn(t, "host")
	form := url.Values{"kind": {"person"}, "name": {"dave@example.com"}, "what": {"view"}, "days": {"7"}, "password": {"1"}, "once": {"a"}}
	shared := bob.Post(t, pageOf(recording)+"/grants", form)
	shown := regexp.MustCompile(`id="link" value="[^"]+(/g/[^"]+)"(?s:.*)id="shown-password" value="([^"]+)"`).FindSubmatch(shared.Body)
	if shared.Status != http.StatusCreated || shown == nil {
		t.Fatalf("sharing answers %d without link and password:\n%s", shared.Status, shared.Body)
	}
	if again := bob.Post(t, pageOf(recording)+"/grants", form); again.Status != http.StatusOK || again.Path != pageOf(recording) || strings.Contains(string(again.Body), string(shown[2])) {
		t.Errorf("the form sent once more leads to %s with status %d", again.Path, again.Status)
	}
	grants := grantsIn(t, w, recording.Namespace)
	if len(grants) != 1 || grants[0].Annotations[v1alpha1.AnnotationGrantedBy] != "bob@example.com" || grants[0].Spec.ExpiresAt.IsZero() ||
		!slices.Equal(grants[0].Spec.Permissions, []v1alpha1.Permission{v1alpha1.PermissionView}) {
		t.Fatalf("grants: %+v", grants)
	}
	written := 0
	for _, e := range w.Events(t, recording.Namespace) {
		if e.Spec.Action == v1alpha1.AuditGranted && e.Spec.Actor.Name == "bob@example.com" && e.Spec.Grant == grants[0].Name {
			written++
		}
	}
	if written != 1 {
		t.Errorf("R29: who shared is written down %d times", written)
	}
	stored := env.Kubectl(t, "get", "accessgrants,secrets,auditevents", "--namespace", recording.Namespace, "--output", "yaml")
	if strings.Contains(stored, string(shown[2])) || strings.Contains(stored, strings.TrimPrefix(string(shown[1]), "/g/")) {
		t.Error("the link or its password can be read in the cluster")
	}
	revoke := regexp.MustCompile(`action="([^"]+/revoke)"`).FindSubmatch(bob.Get(t, pageOf(recording)).Body)
	if revoke == nil {
		t.Fatal("the page offers no way to revoke")
	}
	for _, who := range []string{"participant", "internal", "external"} {
		w.SignIn(t, who).Post(t, string(revoke[1]), nil)
	}
	if len(grantsIn(t, w, recording.Namespace)) != 1 {
		t.Fatal("somebody without the right to share has revoked the grant")
	}
	if got := bob.Post(t, string(revoke[1]), nil); got.Status != http.StatusOK || len(grantsIn(t, w, recording.Namespace)) != 0 {
		t.Errorf("revoking answers %d and leaves %d grants", got.Status, len(grantsIn(t, w, recording.Namespace)))
	}
}

func TestR14ThePageOffersNothingThatWouldBeRefused(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	cases := map[string]struct {
		rules       v1alpha1.PolicyRules
		want, lacks []string
	}{
		"the standard profile": {
			v1alpha1.PolicyRules{}, []string{`value="30"`, `value="person"`, `name="what"`}, []string{`value="90"`},
		},
		"at most three days": {
			v1alpha1.PolicyRules{Sharing: v1alpha1.SharingRules{MaxTTL: "3d"}}, []string{`value="3"`}, []string{`value="7"`, `value="30"`},
		},
		"no links at all": {
			v1alpha1.PolicyRules{Sharing: v1alpha1.SharingRules{Links: v1alpha1.LinksForbidden}},
			[]string{"The rules do not let this recording be shared."}, []string{`name="kind"`},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			recording, _ := w.Recording(t, env.Namespace(t), "review")
			policy := &v1alpha1.RecordingPolicy{}
			policy.Namespace, policy.Name, policy.Spec.PolicyRules = recording.Namespace, "sharing", tc.rules
			if name != "the standard profile" {
				if err := w.Admin.Create(t.Context(), policy); err != nil {
					t.Fatal(err)
				}
				w.Seen(t, policy)
			}
			_, sharing, _ := strings.Cut(string(w.SignIn(t, "host").Get(t, pageOf(recording)).Body), `id="sharing"`)
			for _, want := range tc.want {
				if !strings.Contains(sharing, want) {
					t.Errorf("the page lacks %s:\n%s", want, sharing)
				}
			}
			for _, lacks := range tc.lacks {
				if strings.Contains(sharing, lacks) {
					t.Errorf("the page offers %s", lacks)
				}
			}
		})
	}
}

func TestR14WhatThePageDoesNotOfferIsRefusedAllTheSame(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	recording, _ := w.Recording(t, env.Namespace(t), "review")
	restrict(t, w, recording.Namespace)
	bob := w.SignIn(t, "host")
	cases := map[string]struct {
		form url.Values
		want int
	}{
		"an outsider":               {url.Values{"kind": {"person"}, "name": {"mallory@elsewhere.example"}, "what": {"view"}, "days": {"1"}}, http.StatusForbidden},
		"a time that is not chosen": {url.Values{"kind": {"person"}, "name": {"dave@example.com"}, "what": {"view"}, "days": {"999"}}, http.StatusUnprocessableEntity},
		"everybody":                 {url.Values{"kind": {"Anyone"}, "name": {"*"}, "what": {"view"}, "days": {"1"}}, http.StatusUnprocessableEntity},
		"the right to share":        {url.Values{"kind": {"person"}, "name": {"dave@example.com"}, "what": {"share"}, "days": {"1"}}, http.StatusUnprocessableEntity},
		"nobody":                    {url.Values{"kind": {"person"}, "name": {""}, "what": {"view"}, "days": {"1"}}, http.StatusUnprocessableEntity},
		"what is no address":        {url.Values{"kind": {"person"}, "name": {"dave"}, "what": {"view"}, "days": {"1"}}, http.StatusUnprocessableEntity},
	}
	for name, tc := range cases {
		if answer := bob.Post(t, pageOf(recording)+"/grants", tc.form); answer.Status != tc.want {
			t.Errorf("sharing with %s answers %d, want %d", name, answer.Status, tc.want)
		}
	}
	if grants := grantsIn(t, w, recording.Namespace); len(grants) != 0 {
		t.Errorf("%d grants were made", len(grants))
	}
}

func TestR25ADeleteIsUndoneInThePage(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	recording, _ := w.Recording(t, env.Namespace(t), "review")
	bob := w.SignIn(t, "host")
	trash := bob.Post(t, pageOf(recording)+"/trash", nil)
	if trash.Path != "/trash" || !strings.Contains(string(trash.Body), pageOf(recording)+"/restore") {
		t.Fatalf("deleting leads to %s with status %d:\n%s", trash.Path, trash.Status, trash.Body)
	}
	if page := bob.Get(t, pageOf(recording)); page.Status != http.StatusForbidden || !strings.Contains(string(page.Body), "/restore") {
		t.Errorf("the page of a recording in the trash answers %d and does not offer to restore it:\n%s", page.Status, page.Body)
	}
	if page := w.SignIn(t, "participant").Get(t, "/trash"); strings.Contains(string(page.Body), recording.Namespace) {
		t.Error("a participant sees what lies in the trash")
	}
	if page := bob.Post(t, pageOf(recording)+"/restore", nil); page.Status != http.StatusOK || page.Path != pageOf(recording) {
		t.Errorf("restoring leads to %s with status %d", page.Path, page.Status)
	}
}

func TestR29TheAccessLogIsForThoseWhoAnswerForTheRecording(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	recording, _ := w.Recording(t, env.Namespace(t), "review")
	beginView(t, w.SignIn(t, "participant"), recording)
	page := w.SignIn(t, "host").Get(t, pageOf(recording)+"/log")
	if page.Status != http.StatusOK || !strings.Contains(string(page.Body), "carol@example.com") {
		t.Errorf("the host's access log answers %d and lacks who watched:\n%s", page.Status, page.Body)
	}
	if page := w.SignIn(t, "participant").Get(t, pageOf(recording)+"/log"); page.Status != http.StatusForbidden {
		t.Errorf("a participant's access log answers %d, want 403", page.Status)
	}
}

// TestTheGatewayWritesNothingElse goes around the pages: the API server itself keeps the gateway to what they offer.
func TestTheGatewayWritesNothingElse(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	recording, _ := w.Recording(t, env.Namespace(t), "review")
	foreign := gatewaytest.GrantOf(recording, "foreign", v1alpha1.SubjectUser, "dave@example.com", v1alpha1.PermissionView)
	if err := w.Admin.Create(t.Context(), foreign); err != nil {
		t.Fatal(err)
	}
	anyone := gatewaytest.GrantOf(recording, "share-anyone", v1alpha1.SubjectAnyone, "*", v1alpha1.PermissionView)
	anyone.Annotations = map[string]string{v1alpha1.AnnotationGrantedBy: "bob@example.com"}
	nameless := gatewaytest.GrantOf(recording, "share-nameless", v1alpha1.SubjectUser, "dave@example.com", v1alpha1.PermissionView)
	patch := func(body string) error {
		return w.Options.Writer.Patch(t.Context(), recording.DeepCopy(), client.RawPatch("application/merge-patch+json", []byte(body)))
	}
	hash := func(body string) error {
		return w.Options.Writer.Status().Patch(t.Context(), foreign.DeepCopy(), client.RawPatch("application/merge-patch+json", []byte(body)))
	}
	for name, err := range map[string]error{
		"a grant for anyone":             w.Options.Writer.Create(t.Context(), anyone),
		"a grant in nobody's name":       w.Options.Writer.Create(t.Context(), nameless),
		"the end of a grant from others": w.Options.Writer.Delete(t.Context(), foreign.DeepCopy()),
		"the meeting's hosts":            patch(`{"spec":{"meeting":{"hosts":["mallory@elsewhere.example"]}}}`),
		"the hash of a link":             hash(`{"status":{"tokenHash":"` + strings.Repeat("a", 64) + `"}}`),
		"the hash of a password":         hash(`{"status":{"passwordHash":"x"}}`),
		"a label":                        patch(`{"metadata":{"labels":{"reelkeeper.io/sensitivity":"low"}}}`),
	} {
		if err == nil || !strings.Contains(err.Error(), "the gateway") {
			t.Errorf("the gateway may write %s: %v", name, err)
		}
	}
	impostor := gatewaytest.GrantOf(recording, "impostor", v1alpha1.SubjectUser, "dave@example.com", v1alpha1.PermissionView)
	impostor.Annotations = map[string]string{v1alpha1.AnnotationGrantedBy: "bob@example.com"}
	if err := w.Admin.Create(t.Context(), impostor); err == nil || !strings.Contains(err.Error(), "granted-by") {
		t.Errorf("somebody grants in somebody else's name: %v", err)
	}
}
