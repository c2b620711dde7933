// SPDX-License-Identifier: Apache-2.0

package session_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/reelkeeper/reelkeeper/internal/gateway/identity"
	"github.com/reelkeeper/reelkeeper/internal/gateway/session"
)

func newStore(t testing.TB, clock *clocktesting.FakePassiveClock, lines ...string) *session.Store {
	t.Helper()
	keys, err := session.ParseKeys([]byte(strings.Join(lines, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	return session.NewStore(keys, clock, true)
}

// carried is a request that brings back the cookies of an answer.
func carried(recorder *httptest.ResponseRecorder) *http.Request {
	request := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
	for _, cookie := range recorder.Result().Cookies() {
		request.AddCookie(cookie)
	}
	return request
}

func TestASessionComesBackUntilItEnds(t *testing.T) {
	clock := clocktesting.NewFakePassiveClock(time.Unix(1_800_000_000, 0))
	store := newStore(t, clock, session.NewKey())
	want := session.New(&identity.Person{Issuer: "i", Subject: "s", Groups: []string{"a"}}, clock.Now(), time.Hour)
	want.Open(session.Opened{Namespace: "finance", Name: "dave", Proof: "p"})
	recorder := httptest.NewRecorder()
	if err := store.Put(recorder, want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, store.Get(carried(recorder))); diff != "" {
		t.Errorf("session (-put +got):\n%s", diff)
	}
	clock.SetTime(clock.Now().Add(time.Hour))
	if got := store.Get(carried(recorder)); got != nil {
		t.Errorf("an ended session counts: %+v", got)
	}
}

func TestEveryCookieIsLockedDown(t *testing.T) {
	clock := clocktesting.NewFakePassiveClock(time.Unix(1_800_000_000, 0))
	store := newStore(t, clock, session.NewKey())
	recorder := httptest.NewRecorder()
	if err := store.Put(recorder, session.New(nil, clock.Now(), time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := store.PutFlow(recorder, session.Flow{State: "s"}); err != nil {
		t.Fatal(err)
	}
	store.Clear(recorder)
	cookies := recorder.Result().Cookies()
	if len(cookies) != 5 {
		t.Fatalf("%d cookies are set: %v", len(cookies), cookies)
	}
	for _, cookie := range cookies {
		if !strings.HasPrefix(cookie.Name, "__Host-") || !cookie.Secure || !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/" || cookie.Domain != "" {
			t.Errorf("the cookie %s is not locked down: %s", cookie.Name, cookie)
		}
		if len(cookie.Name)+len(cookie.Value) > 4096 {
			t.Errorf("the cookie %s is longer than browsers keep", cookie.Name)
		}
	}
}

func TestKeysCanBeChanged(t *testing.T) {
	clock := clocktesting.NewFakePassiveClock(time.Unix(1_800_000_000, 0))
	older, newer := session.NewKey(), session.NewKey()
	recorder := httptest.NewRecorder()
	if err := newStore(t, clock, older).Put(recorder, session.New(nil, clock.Now(), time.Hour)); err != nil {
		t.Fatal(err)
	}
	if newStore(t, clock, "# changed today", newer, "", older).Get(carried(recorder)) == nil {
		t.Error("the older key is in the file, but its sessions are over")
	}
	if newStore(t, clock, newer).Get(carried(recorder)) != nil {
		t.Error("the older key is gone, but its sessions count")
	}
}

func TestMistakesInAKeyFileAreNamed(t *testing.T) {
	for name, tc := range map[string]struct{ file, want string }{
		"empty":      {"# nothing\n", "there is no key in it"},
		"not base64": {"hello world!", "line 1 is not 64 bytes"},
		"too short":  {session.NewKey() + "\nc2hvcnQ=", "line 2 is not 64 bytes"},
	} {
		if _, err := session.ParseKeys([]byte(tc.file)); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, tc.want)
		}
	}
}

func TestClaimsThatDoNotFitAreAnErrorThatSaysWhatToDo(t *testing.T) {
	clock := clocktesting.NewFakePassiveClock(time.Unix(1_800_000_000, 0))
	person := &identity.Person{Issuer: "i", Subject: "s"}
	for i := range 64 {
		person.Groups = append(person.Groups, fmt.Sprintf("%060d", i))
	}
	err := newStore(t, clock, session.NewKey()).Put(httptest.NewRecorder(), session.New(person, clock.Now(), time.Hour))
	if err == nil || !strings.Contains(err.Error(), "keepGroups") {
		t.Errorf("error %v", err)
	}
}

func TestAViewIsGoodOnlyInItsSessionAndTime(t *testing.T) {
	clock := clocktesting.NewFakePassiveClock(time.Unix(1_800_000_000, 0))
	store := newStore(t, clock, session.NewKey())
	own, other := session.New(nil, clock.Now(), time.Hour), session.New(nil, clock.Now(), time.Hour)
	view := own.NewView("finance", "review", "uid", clock.Now(), 2*time.Hour)
	if view.Ends != own.Ends {
		t.Errorf("the view ends at %d, after its session at %d", view.Ends, own.Ends)
	}
	token, err := store.Token(view)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(view, store.View(own, token)); diff != "" {
		t.Errorf("view (-made +got):\n%s", diff)
	}
	cookie := httptest.NewRecorder()
	if err := store.Put(cookie, own); err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string]*session.View{
		"in another session":          store.View(other, token),
		"without a session":           store.View(nil, token),
		"with another gateway's keys": newStore(t, clock, session.NewKey()).View(own, token),
		"with a cookie as token":      store.View(own, cookie.Result().Cookies()[0].Value),
		"with a changed token":        store.View(own, "A"+token[1:]),
		"with half a token":           store.View(own, token[:len(token)/2]),
	} {
		if got != nil {
			t.Errorf("%s it counts: %+v", name, got)
		}
	}
	clock.SetTime(clock.Now().Add(time.Hour))
	if store.View(own, token) != nil {
		t.Error("it counts after its end")
	}
	if store.EndedView(own, token) == nil {
		t.Error("it cannot be gone on with after its end")
	}
}

func TestAFlowIsGoodOnce(t *testing.T) {
	clock := clocktesting.NewFakePassiveClock(time.Unix(1_800_000_000, 0))
	store := newStore(t, clock, session.NewKey())
	recorder := httptest.NewRecorder()
	if err := store.PutFlow(recorder, session.Flow{State: "s", Next: "/r/a/b"}); err != nil {
		t.Fatal(err)
	}
	taken := httptest.NewRecorder()
	flow, err := store.TakeFlow(taken, carried(recorder))
	if err != nil || flow.Next != "/r/a/b" {
		t.Fatalf("flow %+v, %v", flow, err)
	}
	if cookies := taken.Result().Cookies(); len(cookies) != 1 || cookies[0].MaxAge >= 0 {
		t.Errorf("the browser keeps the flow: %v", cookies)
	}
	clock.SetTime(clock.Now().Add(time.Hour))
	if _, err := store.TakeFlow(taken, carried(recorder)); err == nil {
		t.Error("a flow of an hour ago counts")
	}
}

func FuzzView(f *testing.F) {
	clock := clocktesting.NewFakePassiveClock(time.Unix(1_800_000_000, 0))
	store := newStore(f, clock, session.NewKey())
	own := session.New(nil, clock.Now(), time.Hour)
	token, err := store.Token(own.NewView("finance", "review", "uid", clock.Now(), time.Hour))
	if err != nil {
		f.Fatal(err)
	}
	f.Add("")
	f.Add(token + "=")
	f.Add(strings.Repeat("A", 5000))
	f.Fuzz(func(t *testing.T, forged string) {
		if forged != token && store.View(own, forged) != nil {
			t.Errorf("the forged token %q counts", forged)
		}
	})
}
