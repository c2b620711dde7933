// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	clocktesting "k8s.io/utils/clock/testing"
	"pgregory.net/rapid"

	"github.com/reelkeeper/reelkeeper/internal/gateway/pacing"
	"github.com/reelkeeper/reelkeeper/internal/gateway/session"
)

// whole is longer than any answer takes, so that a slow machine makes no test fail that is not about that.
const whole = time.Minute

const segment = 4 * time.Second

// replica is a gateway as far as it counts.
type replica struct {
	*Ledger
	address string
	stop    func()

	mutex   sync.Mutex
	counted map[string]int
}

func (r *replica) count(where string) int {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.counted[where]
}

// network are replicas that answer each other by real connections, and a time that tests move.
type network struct {
	testing.TB
	clock    *clocktesting.FakePassiveClock
	keys     Secrets
	patience time.Duration
	replicas []*replica
}

func newNetwork(t testing.TB, size int) *network {
	t.Helper()
	n := &network{TB: t, clock: clocktesting.NewFakePassiveClock(time.Unix(1_800_000_000, 0)), keys: keysOf(t, session.NewKey()), patience: whole}
	for range size {
		n.add("127.0.0.1:0")
	}
	n.meet()
	return n
}

func keysOf(t testing.TB, lines ...string) *session.Keys {
	t.Helper()
	keys, err := session.ParseKeys([]byte(strings.Join(lines, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// add starts one more replica at an address.
func (n *network) add(at string) *replica {
	n.Helper()
	listener, err := net.Listen("tcp", at)
	if err != nil {
		n.Fatal(err)
	}
	r := n.silent(listener.Addr().String())
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- r.Serve(ctx, listener) }()
	r.stop = sync.OnceFunc(func() {
		stop()
		if err := <-served; err != nil {
			n.Error(err)
		}
	})
	n.Cleanup(r.stop)
	n.replicas = append(n.replicas, r)
	return r
}

// silent is a replica that asks others, and answers nobody.
func (n *network) silent(address string) *replica {
	r := &replica{address: address, counted: map[string]int{}}
	r.Ledger = New(Options{
		Ring: NewRing(address, n.patience), Secrets: n.keys, Local: pacing.New(n.clock), Clock: n.clock, Log: logr.Discard(),
		Counted: func(where string) {
			r.mutex.Lock()
			defer r.mutex.Unlock()
			r.counted[where]++
		},
	})
	return r
}

// meet tells each replica of all.
func (n *network) meet() {
	var all []string
	for _, r := range n.replicas {
		all = append(all, r.address)
	}
	for _, r := range n.replicas {
		r.Ring.Set(all)
	}
}

func (n *network) pass(d time.Duration) { n.clock.SetTime(n.clock.Now().Add(d)) }

// atHome is a viewer whose home is the replica with this number.
func (n *network) atHome(number int) string {
	n.Helper()
	for i := range 10000 {
		viewer := fmt.Sprint("viewer ", i)
		if isHome := n.replicas[number].Ring.home(anonymous(viewer)) == nil; isHome {
			return viewer
		}
	}
	n.Fatal("nobody's home is there")
	return ""
}

var standard = pacing.Terms{MaxAhead: 3 * time.Minute, Speed: 1.5, Length: time.Hour}

func segments(first, last int) []pacing.Unit {
	var units []pacing.Unit
	for i := first; i <= last; i++ {
		units = append(units, pacing.Unit{Index: i, Plays: segment})
	}
	return units
}

// However somebody asks, drops what they asked for, and whichever replica they ask: they have the last part of a recording no sooner than they
// could have watched it.
func TestR8NobodyHasTheWholeSoonerByAskingSeveralReplicas(t *testing.T) {
	n := newNetwork(t, 3)
	films := 0
	rapid.Check(t, func(r *rapid.T) {
		films++
		count := rapid.IntRange(9, 300).Draw(r, "segments")
		terms := pacing.Terms{
			MaxAhead: time.Duration(rapid.IntRange(0, 600).Draw(r, "ahead")) * time.Second,
			Speed:    rapid.SampledFrom([]float64{1, 1.5, 2}).Draw(r, "speed"), Length: time.Duration(count) * segment,
		}
		begun, missing := n.clock.Now(), segments(0, count-1)
		for len(missing) > 0 {
			from := rapid.IntRange(0, len(missing)-1).Draw(r, "from")
			some := upTo(missing[from:], rapid.IntRange(1, 40).Draw(r, "at once"))
			asked := n.replicas[rapid.IntRange(0, 2).Draw(r, "replica")]
			bought, wait := asked.Take("carol", fmt.Sprint("film ", films), terms, some)
			n.pass(wait)
			if bought == nil {
				continue
			}
			sent := rapid.IntRange(1, len(some)).Draw(r, "sent")
			bought.Settle(some[0].Index + sent)
			missing = append(missing[:from:from], missing[from+sent:]...)
		}
		least := time.Duration(float64(terms.Length) / terms.Speed)
		if took := n.clock.Now().Sub(begun); took < least-time.Millisecond {
			r.Fatalf("%s took %s, want at least %s", terms.Length, took, least)
		}
	})
	for i, r := range n.replicas {
		if r.count(Alone) > 0 || r.count(Home)+r.count(Here) == 0 {
			t.Errorf("replica %d counted %v: the test is blind, or slow", i, r.counted)
		}
	}
}

// upTo are the first of units, at most so many, that follow one another.
func upTo(units []pacing.Unit, most int) []pacing.Unit {
	end := 1
	for end < min(len(units), most) && units[end].Index == units[end-1].Index+1 {
		end++
	}
	return units[:end]
}

func TestPlayersAndRequestsCountOverAllReplicas(t *testing.T) {
	n := newNetwork(t, 3)
	visit := pacing.Visit{Player: "first", MaxRequests: 9, MaxPlayers: 1}
	for i := range 9 {
		if got := n.replicas[i%3].Admit("carol", visit); got != (pacing.Admission{}) {
			t.Fatalf("request %d is answered %+v", i, got)
		}
	}
	for i, r := range n.replicas {
		if got := r.Admit("carol", visit); got.Wait != time.Minute {
			t.Errorf("a tenth request at replica %d waits %s, want a minute", i, got.Wait)
		}
	}
	n.pass(time.Minute)
	for i, r := range n.replicas {
		if got := r.Admit("carol", pacing.Visit{Player: fmt.Sprint("player ", i), Began: int64(i), MaxRequests: 9, MaxPlayers: 1}); got.Crowded {
			t.Errorf("the player that began last is stopped by replica %d", i)
		}
	}
	if got := n.replicas[0].Admit("carol", pacing.Visit{Player: "player 0", MaxRequests: 9, MaxPlayers: 1}); !got.Crowded {
		t.Error("the player that began first goes on beside two others, which other replicas serve")
	}
}

func TestWhatWasNotSentIsGivenBackToWhoSoldIt(t *testing.T) {
	n := newNetwork(t, 2)
	viewer := n.atHome(0)
	bought, _ := n.replicas[1].Take(viewer, "review", standard, segments(0, 40))
	n.replicas[1].Ring.Set(nil) // it sees nobody any more, but what it has bought stands elsewhere
	bought.Settle(5)
	if _, wait := n.replicas[0].Take(viewer, "review", standard, segments(100, 130)); wait != 0 {
		t.Errorf("what was given back has to wait %s", wait)
	}
	if _, wait := n.replicas[0].Take(viewer, "review", standard, segments(4, 4)); wait != 0 {
		t.Error("a segment that was sent is paid for twice")
	}
}

func TestWhoIsAskedAnswersWhoeverItTakesForTheHome(t *testing.T) {
	n := newNetwork(t, 3)
	viewer := n.atHome(0)
	asker, asked := n.replicas[0], n.replicas[1]
	asker.Ring.Set([]string{asked.address}) // for a moment it knows of nobody else, nor of itself
	for range 2 {
		if _, wait := asker.Take(viewer, "review", standard, segments(0, 40)); wait != 0 {
			t.Fatalf("it waits %s", wait)
		}
	}
	if asker.count(Home) != 2 || asked.count(Home)+asked.count(Here)+n.replicas[2].count(Here) != 0 {
		t.Errorf("asker %v, asked %v, third %v: want the asked one to count without asking anybody", asker.counted, asked.counted, n.replicas[2].counted)
	}
	if _, wait := asked.Local.Take(anonymous(viewer), "review", standard, segments(0, 40)); wait != 0 || len(segments(0, 40)) == 0 {
		t.Error("the asked one did not count")
	}
}

func TestAReplicaByItselfAsksNobody(t *testing.T) {
	n := newNetwork(t, 1)
	for name, members := range map[string][]string{"nobody": nil, "itself": {n.replicas[0].address}} {
		n.replicas[0].Ring.Set(members)
		if bought, wait := n.replicas[0].Take("carol", "review", standard, segments(0, 0)); bought == nil || wait != 0 {
			t.Errorf("one that knows of %s lets wait %s", name, wait)
		}
	}
	if got := n.replicas[0].counted; got[Here] != 2 || len(got) != 1 {
		t.Errorf("counted %v", got)
	}
}
