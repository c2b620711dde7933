// SPDX-License-Identifier: Apache-2.0

package fault

import (
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/reelkeeper/reelkeeper/internal/codetest"
	"github.com/reelkeeper/reelkeeper/internal/effect"
	"github.com/reelkeeper/reelkeeper/internal/effect/effecttest"
)

const (
	// planCount is the least number of plans of a run where FAULT_PLANS gives none: with zero, there is one for every fault at
	// every point, and none at random.
	planCount = 0
	// together is how many plans run at once: most of each is waiting for the disk.
	together = 12
)

// elsewhere are the effects that no plan comes by, and what does.
var elsewhere = map[string]string{
	"trash: clear a late upload":                                      "takes days: controllers/meetingrecording strikes it",
	"store: make the bucket without versioning":                       "takes a server without versioning: internal/stores",
	"recording: abort the upload that another pass has begun as well": "takes two managers at once: controllers/meetingrecording",
	"keys: remove a manifest that was purged meanwhile":               "takes a purge in the middle of a rotation: controllers/keyrotation",
	"store: mark the bucket unconditionally":                          "takes a server without conditional writes: internal/stores",
	"store: set the lifecycle of unfinished uploads":                  "takes a server with lifecycle rules: internal/objectstore",
	"store: discard an unfinished upload":                             "takes eight days: controllers/recordingstore",
	"recording: remove the tombstone of what was adopted":             "no life adopts yet: controllers/meetingrecording strikes it",
	"recording: lock an object":                                       "no life has a bucket with locks yet: controllers/meetingrecording, without faults",
	"recording: unlock the manifests":                                 "no life has a bucket with locks yet: controllers/meetingrecording, without faults",
	"scrub: write the condition Intact":                               "no life damages media yet: controllers/scrub, without faults",
	"accessrequest: write the status of the request":                  "no life asks for access yet: controllers/accessrequest strikes it",
	"accessrequest: create the grant":                                 "no life asks for access yet: controllers/accessrequest strikes it",
	"accessrequest: collect the request":                              "no life asks for access yet: controllers/accessrequest, without faults",
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
		for _, p := range every {
			if p.name == name {
				replay(t, l, p)
			}
		}
		return
	}
	plans := slices.Clone(every)
	for seed := uint64(1); len(plans) < total(t); seed++ {
		plans = append(plans, randomPlan(seed, effects))
	}
	runAll(t, l, plans)
	t.Logf("%d effects, %d points, %d plans", len(effects), len(every)/len(effecttest.Faults), len(plans))
	expectCoverage(t)
}

// total is how many plans there are to be.
func total(t *testing.T) int {
	t.Helper()
	text := os.Getenv("FAULT_PLANS")
	if text == "" {
		return planCount
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
	for _, life := range lives() {
		p := plan{name: life.name, life: life}
		w := attempt(t, l, p)
		within := map[place]int{}
		for _, point := range w.gate.points {
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

// attempt lives one plan and reports what is wrong with its end.
func attempt(t *testing.T, l *lab, p plan) *world {
	t.Helper()
	w, err := p.run(t.Context(), l)
	if err == nil {
		err = p.judge(t.Context(), w)
	}
	if w == nil {
		t.Fatal(err)
	}
	w.close()
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

// runAll lives many plans at once. They share the servers and see nothing of one another.
func runAll(t *testing.T, l *lab, plans []plan) {
	t.Helper()
	queue := make(chan plan)
	var workers sync.WaitGroup
	for range together {
		workers.Go(func() {
			for p := range queue {
				attempt(t, l, p)
			}
		})
	}
	for _, p := range plans {
		queue <- p
	}
	close(queue)
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
