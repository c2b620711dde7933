// SPDX-License-Identifier: Apache-2.0

//go:build unix

package gateway_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/gateway/config"
	"github.com/reelkeeper/reelkeeper/internal/gateway/gatewaytest"
)

// impostor is Alice's address at a provider that is not hers.
var impostor = gatewaytest.Person{Email: gatewaytest.People["creator"].Email, Name: "Not Alice"}

// partnersOf is a gateway with a partner's provider, at which the impostor has an account.
func partnersOf(t *testing.T, w *gatewaytest.World) (address string) {
	t.Helper()
	address, _ = w.WithPartner(t, impostor)
	return address
}

func TestR23SeveralProvidersAreChosenFromAndTheWrongAccountIsTold(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	recording, _ := w.Recording(t, env.Namespace(t), "review")
	browser := w.Anonymous(t).At(partnersOf(t, w))

	choice := browser.Get(t, pageOf(recording))
	for _, want := range []string{"Which account?", "Example Ltd", "Partner Inc", `name="next" value="` + pageOf(recording) + `"`} {
		if !strings.Contains(string(choice.Body), want) {
			t.Errorf("the choice lacks %s:\n%s", want, choice.Body)
		}
	}
	next := url.Values{"next": {pageOf(recording)}}
	refused := browser.ChooseAt(t, "partner", gatewaytest.People["guest"], next)
	if refused.Status != http.StatusForbidden && refused.Status != http.StatusNotFound {
		t.Fatalf("a partner's guest gets %d", refused.Status)
	}
	for _, want := range []string{"You are signed in as Eve, with an account of Partner Inc.", "Use another account", "/signin?next="} {
		if !strings.Contains(string(refused.Body), want) {
			t.Errorf("the refusal lacks %s:\n%s", want, refused.Body)
		}
	}
	another := browser.Get(t, "/signin?switch=1&next="+url.QueryEscape(pageOf(recording)))
	if !strings.Contains(string(another.Body), "(used last)") || !strings.Contains(string(another.Body), `name="switch"`) {
		t.Errorf("another account is not chosen from both:\n%s", another.Body)
	}
	next.Set("switch", "1")
	if allowed := browser.ChooseAt(t, config.OwnProvider, gatewaytest.People["host"], next); allowed.Status != http.StatusOK || allowed.Path != pageOf(recording) {
		t.Errorf("the host's own account leads to %s with status %d", allowed.Path, allowed.Status)
	}
	browser.Post(t, "/signout", nil)
	// The choice is remembered, and having signed out means being asked again.
	if answer := browser.SignInAt(t, "host", "/signin"); answer.Status != http.StatusOK || answer.Path != "/" {
		t.Errorf("signing in once more leads to %s with status %d", answer.Path, answer.Status)
	}
}

func TestR12APartnersProviderNeverSpeaksForMembers(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	recording, _ := w.Recording(t, env.Namespace(t), "review")
	policy := &v1alpha1.RecordingPolicy{}
	policy.Namespace, policy.Name = recording.Namespace, "external"
	policy.Spec.Sharing.External = v1alpha1.Allowed
	if err := w.Admin.Create(t.Context(), policy); err != nil {
		t.Fatal(err)
	}
	w.Seen(t, policy)
	w.Grant(t, gatewaytest.GrantOf(recording, "alice", v1alpha1.SubjectUser, impostor.Email, v1alpha1.PermissionView), "")
	browser := w.Anonymous(t).At(partnersOf(t, w))
	answer := browser.ChooseAt(t, "partner", impostor, url.Values{"next": {pageOf(recording)}})
	if answer.Status == http.StatusOK || strings.Contains(string(answer.Body), recording.Spec.Meeting.Title) {
		t.Errorf("the creator's address at a partner's provider gets %d:\n%s", answer.Status, answer.Body)
	}
}

func TestAnAnswerOfOneProviderIsNoneOfAnother(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	browser := w.Anonymous(t).At(partnersOf(t, w)).Staying()
	begun := browser.Post(t, "/signin", url.Values{"with": {"partner"}})
	sent, err := url.Parse(gatewaytest.Onward(begun.Header))
	if err != nil || sent.Query().Get("state") == "" {
		t.Fatalf("choosing answers %d: %v", begun.Status, err)
	}
	mixed := browser.Get(t, "/signin/callback?code=stolen&state="+url.QueryEscape(sent.Query().Get("state")))
	if mixed.Status != http.StatusBadRequest {
		t.Errorf("the partner's sign-in goes on with the organisation's provider: status %d", mixed.Status)
	}
}
