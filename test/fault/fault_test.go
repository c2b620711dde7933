// SPDX-License-Identifier: Apache-2.0

package fault

import (
	"iter"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/reelkeeper/reelkeeper/internal/codetest"
	"github.com/reelkeeper/reelkeeper/internal/effect"
	"github.com/reelkeeper/reelkeeper/internal/effect/effecttest"
)

const (
	// randomPlans is how many plans are made at random, besides those for every fault at every point and for every failure of S3, where
	// FAULT_PLANS does not say how many there are to be in all.
	randomPlans = 300
	// leastPlans is how many plans a run of all has to make, so that nobody takes away what looks like the same twice.
	leastPlans = 1000
	// together is how many plans run at once: half of each is waiting, for lists that may not be old and for clients that try again a little later.
	together = 24
)

// elsewhere are the effects that no plan comes by, and what does.
var elsewhere = map[string]string{
	"trash: clear a late upload":                                      "takes days: controllers/meetingrecording strikes it",
	"store: make the bucket without versioning":                       "takes a server without versioning: internal/stores",
	"recording: abort the upload that another pass has begun as well": "takes two managers at once: controllers/meetingrecording",
	"keys: remove a manifest that was purged meanwhile":               "takes a purge in the middle of a rotation: controllers/keyrotation",
	"keys: lock a rewrapped manifest":                                 "no life rotates in a bucket with locks: controllers/keyrotation strikes it",
	"keys: unlock an older wrap":                                      "no life rotates in a bucket with locks: controllers/keyrotation strikes it",
	"store: mark the bucket unconditionally":                          "takes a server without conditional writes: internal/stores",
	"store: claim the bucket unconditionally":                         "takes a server without conditional writes: internal/stores",
	"store: set the lifecycle of unfinished uploads":                  "takes a server with lifecycle rules: controllers/recordingstore",
	"notice: send a message to the webhook":                           "takes a webhook: controllers/notice strikes it",
	"notice: write the condition Notified":                            "takes a webhook: controllers/notice strikes it",
	"notice: mark the AuditEvent":                                     "takes a webhook: controllers/notice strikes it",
	"grant: add the finalizer":                                        "takes an API server without our admission policies: controllers/accessgrant",
}

// TestFaults lets a fault strike at every point of every life, then several at random, until there are FAULT_PLANS plans. A seed
// or a name replays one:
//
//	make fault-test FAULT_SEED=17
//	make fault-test FAULT_PLAN='delete, die after "trash: write the tombstone", the 1th time'
func TestFaults(t *testing.T) {
	l := newLab(t)
	every, effects := everyPoint(t, l)
	if seed := os.Getenv("FAULT_SEED"); seed != "" {
		n, err := strconv.ParseUint(seed, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		replay(t, l, randomPlan(n, effects))
		return
	}
	if name := os.Getenv("FAULT_PLAN"); name != "" {
		for _, p := range slices.Concat(every, everyFailure()) {
			if p.name == name {
				replay(t, l, p)
			}
		}
		return
	}
	failing := everyFailure()
	plans := slices.Concat(every, failing)
	for seed, all := uint64(1), total(t, len(plans)); len(plans) < all; seed++ {
		plans = append(plans, randomPlan(seed, effects))
	}
	if len(plans) < leastPlans && os.Getenv("FAULT_PLANS") == "" {
		t.Errorf("%d plans are too few, want at least %d: let every effect be struck in every step again, or make more at random", len(plans), leastPlans)
	}
	began := time.Now()
	runAll(t, l, plans)
	t.Logf("%d effects, %d points, %d plans in %s; at most %d of %d passes from the last fault to rest",
		len(effects), len(every)/len(effecttest.Faults), len(plans), time.Since(began).Round(time.Second), slowest.Load(), restBound)
	expectCoverage(t)
	expectFailures(t)
}

// total is how many plans there are to be, besides so many that there are in any case.
func total(t *testing.T, besides int) int {
	t.Helper()
	text := os.Getenv("FAULT_PLANS")
	if text == "" {
		return besides + randomPlans
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// everyPoint lives every life without a fault, to learn at which points it writes, and returns a plan for every fault at
// every point. What two lives have in common counts once; of the same effect many times in one step, the first two times count.
func everyPoint(t *testing.T, l *lab) (plans []plan, effects []effect.Name) {
	t.Helper()
	type place struct {
		step   string
		effect effect.Name
		nth    int
	}
	seen, names := map[place]bool{}, map[effect.Name]bool{}
	for life, points := range pointsOf(t, l) {
		within := map[place]int{}
		for _, point := range points {
			in := place{step: point.step, effect: point.Effect}
			within[in]++
			in.nth = within[in]
			names[point.Effect] = true
			if seen[in] || in.nth > 2 {
				continue
			}
			seen[in] = true
			for _, fault := range effecttest.Faults {
				strikes := strike{fault, point.Point}
				plans = append(plans, plan{name: life.name + ", " + strikes.String(), life: life, strikes: []strike{strikes}})
			}
		}
	}
	return plans, slices.Sorted(maps.Keys(names))
}

// pointsOf lives every life without a fault and yields them, in their order, with the points that they passed.
func pointsOf(t *testing.T, l *lab) iter.Seq2[life, []pointOf] {
	t.Helper()
	all := lives()
	points := make([][]pointOf, len(all))
	atOnce(len(all), func(i int) {
		points[i] = attempt(t, l, plan{name: all[i].name, life: all[i]}).gate.points
	})
	return func(yield func(life, []pointOf) bool) {
		for i := range all {
			if !yield(all[i], points[i]) {
				return
			}
		}
	}
}

// attempt lives one plan and reports what is wrong with its end.
func attempt(t *testing.T, l *lab, p plan) *world {
	t.Helper()
	w, err := p.run(t.Context(), l)
	if err == nil {
		err = p.judge(t.Context(), w)
	}
	if w == nil {
		t.Errorf("%s\n%v", p, err)
		return &world{gate: newGate()}
	}
	defer w.close()
	if len(p.strikes) == 0 && len(p.s3) > 0 {
		countFailures(p, w.proxy.Struck())
	}
	if err != nil {
		left, listErr := w.versions(t.Context())
		t.Errorf("%s\n%v\nWhat happened:\n  %s\nIn the bucket: %v %v", p, err, strings.Join(w.story, "\n  "), left, listErr)
	}
	return w
}

func replay(t *testing.T, l *lab, p plan) {
	t.Helper()
	w := attempt(t, l, p)
	t.Logf("%s\n%s", p, strings.Join(w.story, "\n"))
}

// runAll lives many plans. They share the servers and see nothing of one another.
func runAll(t *testing.T, l *lab, plans []plan) {
	t.Helper()
	atOnce(len(plans), func(i int) { attempt(t, l, plans[i]) })
}

// atOnce does something with every index below n, with several of them at a time.
func atOnce(n int, do func(i int)) {
	indexes := make(chan int)
	var workers sync.WaitGroup
	for range together {
		workers.Go(func() {
			for i := range indexes {
				do(i)
			}
		})
	}
	for i := range n {
		indexes <- i
	}
	close(indexes)
	workers.Wait()
}

// expectCoverage fails for every effect in the code that was not struck by every fault.
func expectCoverage(t *testing.T) {
	t.Helper()
	for name := range effectsOfTheCode(t) {
		missed := coverage.missed(name)
		switch why := elsewhere[name]; {
		case why != "" && len(missed) == 0:
			t.Errorf("%q is struck here: take it off the list of what is tested elsewhere", name)
		case why == "" && len(missed) > 0:
			t.Errorf("no plan came by to %v %q: add a step to the lives that does it", missed, name)
		}
	}
}

func effectsOfTheCode(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for _, p := range codetest.Load(t, "./controllers/...").Packages {
		_, effects := effecttest.Writes(p)
		for name := range effects {
			names[name] = true
		}
	}
	return names
}
