// SPDX-License-Identifier: Apache-2.0

package session_test

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"github.com/reelkeeper/reelkeeper/internal/gateway/session"
)

// replica is one of several gateways, which read their key file at other times.
type replica struct {
	file  string
	store *session.Store
}

func newReplica(t *testing.T, clock *clocktesting.FakePassiveClock, lines ...string) *replica {
	t.Helper()
	r := &replica{file: filepath.Join(t.TempDir(), "keys")}
	r.write(t, lines...)
	ring, err := session.LoadRing(r.file, clock, func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	r.store = session.NewStore(ring, clock, true)
	return r
}

func (r *replica) write(t *testing.T, lines ...string) {
	t.Helper()
	if err := os.WriteFile(r.file, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestChangingKeysSignsNobodyOutOfAnyReplica(t *testing.T) {
	clock := clocktesting.NewFakePassiveClock(time.Unix(1_800_000_000, 0))
	older, newer := session.NewKey(), session.NewKey()
	quick, slow := newReplica(t, clock, older), newReplica(t, clock, older)
	everybodyKnows := func(made *replica, when string, others ...*replica) {
		t.Helper()
		cookie := httptest.NewRecorder()
		if err := made.store.Put(cookie, session.New(nil, clock.Now(), 8*time.Hour)); err != nil {
			t.Fatal(err)
		}
		for _, other := range others {
			if other.store.Get(carried(cookie)) == nil {
				t.Errorf("%s a session of one replica is none to another", when)
			}
		}
	}
	step := func(d time.Duration) { clock.SetTime(clock.Now().Add(d)) }

	early := httptest.NewRecorder()
	if err := quick.store.Put(early, session.New(nil, clock.Now(), 8*time.Hour)); err != nil {
		t.Fatal(err)
	}
	quick.write(t, newer, older)
	step(time.Minute)
	everybodyKnows(quick, "before the other has read the new key,", slow)
	slow.write(t, newer, older)
	step(time.Minute)
	started := newReplica(t, clock, newer, older)
	everybodyKnows(started, "right after a start,", quick, slow)
	step(10 * time.Minute)
	everybodyKnows(quick, "with the new key,", slow, started)
	if slow.store.Get(carried(early)) == nil {
		t.Error("a session of before is over")
	}
	for _, r := range []*replica{quick, slow, started} {
		r.write(t, newer)
	}
	step(time.Minute)
	everybodyKnows(quick, "without the old key,", slow, started)
	if slow.store.Get(carried(early)) != nil {
		t.Error("the old key is gone, but its sessions count")
	}
}

func TestAKeyFileThatBreaksKeepsTheKeys(t *testing.T) {
	clock := clocktesting.NewFakePassiveClock(time.Unix(1_800_000_000, 0))
	r := newReplica(t, clock, session.NewKey())
	var told []error
	ring, err := session.LoadRing(r.file, clock, func(err error) { told = append(told, err) })
	if err != nil {
		t.Fatal(err)
	}
	store, cookie := session.NewStore(ring, clock, true), httptest.NewRecorder()
	if err := store.Put(cookie, session.New(nil, clock.Now(), time.Hour)); err != nil {
		t.Fatal(err)
	}
	r.write(t, "no key")
	clock.SetTime(clock.Now().Add(time.Minute))
	if store.Get(carried(cookie)) == nil || len(told) != 1 || !strings.Contains(told[0].Error(), "line 1") {
		t.Errorf("the sessions are over, or nobody was told: %v", told)
	}
}
