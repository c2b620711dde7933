// SPDX-License-Identifier: Apache-2.0

package session_test

import (
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"github.com/reelkeeper/reelkeeper/internal/gateway/session"
)

// browser keeps cookies, and asks several replicas.
type browser struct {
	*cookiejar.Jar
	home *url.URL
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{Jar: jar, home: &url.URL{Scheme: "https", Host: "recordings.example.com", Path: "/"}}
}

func (b *browser) request() *http.Request {
	request := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
	for _, cookie := range b.Cookies(b.home) {
		request.AddCookie(cookie)
	}
	return request
}

// take keeps what an answer sets, and returns how many cookies that are.
func (b *browser) take(answer *httptest.ResponseRecorder) int {
	cookies := answer.Result().Cookies()
	b.SetCookies(b.home, cookies)
	return len(cookies)
}

// touch asks a replica for something, and returns how many cookies the answer sets.
func (b *browser) touch(t *testing.T, store *session.Store) int {
	t.Helper()
	answer := httptest.NewRecorder()
	if err := store.Touch(answer, b.request()); err != nil {
		t.Fatal(err)
	}
	return b.take(answer)
}

func (b *browser) put(t *testing.T, store *session.Store, what *session.Session) {
	t.Helper()
	answer := httptest.NewRecorder()
	if err := store.Put(answer, what); err != nil {
		t.Fatal(err)
	}
	b.take(answer)
}

func newIdle(t *testing.T) (*clocktesting.FakePassiveClock, *session.Store) {
	t.Helper()
	clock := clocktesting.NewFakePassiveClock(time.Unix(1_800_000_000, 0))
	store := newStore(t, clock, session.NewKey())
	store.Idle = time.Hour
	return clock, store
}

func TestASessionEndsWhereNobodyUsesIt(t *testing.T) {
	clock, store := newIdle(t)
	used, left := newBrowser(t), newBrowser(t)
	first, second := session.New(nil, clock.Now(), 8*time.Hour), session.New(nil, clock.Now(), 8*time.Hour)
	used.put(t, store, first)
	left.put(t, store, second)
	renewed := 0
	// Somebody watches: a segment every four seconds, for seven hours and 59 minutes.
	for range (8*time.Hour - time.Minute) / (4 * time.Second) {
		clock.SetTime(clock.Now().Add(4 * time.Second))
		renewed += used.touch(t, store)
		if got := store.Get(used.request()); got == nil || got.ID != first.ID {
			t.Fatalf("the session that is used is %+v at %s", got, clock.Now())
		}
		if clock.Since(time.UnixMilli(second.Began)) >= time.Hour && store.Get(left.request()) != nil {
			t.Fatal("the session that nobody used for an hour counts")
		}
	}
	if renewed < 90 || renewed > 100 {
		t.Errorf("%d answers of 7185 set a cookie, want one in five minutes: 95", renewed)
	}
	clock.SetTime(clock.Now().Add(time.Minute))
	if used.touch(t, store); store.Get(used.request()) != nil {
		t.Error("to use it makes the session longer than its lifetime")
	}
}

// TestTabsAndReplicasDoNotHurtEachOther has an answer come late, which was made from the cookies of before.
func TestTabsAndReplicasDoNotHurtEachOther(t *testing.T) {
	clock, store := newIdle(t)
	one := newBrowser(t)
	before := session.New(nil, clock.Now(), 8*time.Hour)
	one.put(t, store, before)
	clock.SetTime(clock.Now().Add(10 * time.Minute))
	late := httptest.NewRecorder()
	if err := store.Touch(late, one.request()); err != nil {
		t.Fatal(err)
	}
	if len(late.Result().Cookies()) != 1 {
		t.Fatal("the test is blind: the session was not kept")
	}

	opened := store.Get(one.request())
	opened.Open(session.Opened{Namespace: "finance", Name: "dave", Proof: "p"})
	one.put(t, store, opened)
	one.take(late)
	if got := store.Get(one.request()); got == nil || len(got.Opened) != 1 {
		t.Errorf("the link that was opened in the other tab is forgotten: %+v", got)
	}

	after := session.New(nil, clock.Now(), 8*time.Hour)
	one.put(t, store, after)
	one.take(late)
	clock.SetTime(clock.Now().Add(59 * time.Minute))
	if got := store.Get(one.request()); got == nil || got.ID != after.ID {
		t.Errorf("the session of who has signed in anew is %+v", got)
	}
	if one.touch(t, store); store.Get(one.request()) == nil {
		t.Error("what was kept of the other session ends this one")
	}
}

func TestTheTimeOfTheLastRequestCannotBeForged(t *testing.T) {
	clock, store := newIdle(t)
	mine, other := newBrowser(t), newBrowser(t)
	mine.put(t, store, session.New(nil, clock.Now(), 8*time.Hour))
	other.put(t, store, session.New(nil, clock.Now(), 8*time.Hour))
	clock.SetTime(clock.Now().Add(50 * time.Minute))
	other.touch(t, store)
	clock.SetTime(clock.Now().Add(20 * time.Minute))
	var session string
	for _, cookie := range mine.Cookies(mine.home) {
		session = cookie.Value
	}
	for _, cookie := range other.Cookies(other.home) {
		if strings.HasSuffix(cookie.Name, "-active") {
			for what, value := range map[string]string{"another session's": cookie.Value, "a session": session, "nothing": "x"} {
				request := mine.request()
				request.AddCookie(&http.Cookie{Name: cookie.Name, Value: value})
				if store.Get(request) != nil {
					t.Errorf("%s in place of the time of the last request keeps a session", what)
				}
			}
			return
		}
	}
	t.Fatal("the test is blind: no cookie says when the other session was used")
}
