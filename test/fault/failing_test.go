// SPDX-License-Identifier: Apache-2.0

package fault

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/reelkeeper/reelkeeper/internal/objectstore/s3fault"
)

// mustFail are the steps that an object store has to have failed in every way that can happen to any request, for each transition that a
// recording can go through. The other ways need a body, or a listing, which not every step has.
var mustFail = map[string][]string{
	"ingest":  {created(nil).name, sent().name, sentInParts().name, fetched().name},
	"ready":   {sent().name, imported().name},
	"trash":   {trashed().name},
	"restore": {restored().name},
	"purge":   {purges().name, swept().name},
	"delete":  {deleted().name},
	"adopt":   {adopted().name},
	"rotate":  {rotated().name},
	"hold":    {held().name},
	"erase":   {erased().name},
}

// everyFailure returns a plan for every way in which S3 fails, beginning with every step of every life that uses it. What two lives have in
// common counts once.
func everyFailure() (plans []plan) {
	seen := map[string]bool{}
	for _, life := range lives() {
		if slices.ContainsFunc(life.with, func(part string) bool { return slices.Contains([]string{"request", "grant", "policy", "audit"}, part) }) {
			continue // which write nothing into a bucket
		}
		for i, step := range life.steps {
			if seen[step.name] || step.name == abandoned().name { // what fails there is tried again a day later
				continue
			}
			seen[step.name] = true
			for n, kind := range s3fault.Kinds {
				if kind == s3fault.StaleListing && step.name == relabelled().name { // which hides for a month what was told in vain
					continue
				}
				// Not always the first request that it can happen to, and as often as somebody who tries again bears.
				fault := s3fault.Fault{Kind: kind, Nth: 1 + (len(seen)+n)%3, Times: times(kind)}
				plans = append(plans, plan{name: fmt.Sprintf("%s, S3 fails by %s from %q on", life.name, kind, step.name), life: life, s3: []s3fault.Fault{fault}, s3From: i})
			}
		}
	}
	return plans
}

// failures counts, by step and kind, the requests that were spoiled in the plans of everyFailure.
var failures struct {
	sync.Mutex
	count map[string]map[s3fault.Kind]int
}

func countFailures(p plan, struck map[s3fault.Kind]int) {
	failures.Lock()
	defer failures.Unlock()
	if failures.count == nil {
		failures.count = map[string]map[s3fault.Kind]int{}
	}
	name := p.life.steps[p.s3From].name
	if failures.count[name] == nil {
		failures.count[name] = map[s3fault.Kind]int{}
	}
	for kind, n := range struck {
		failures.count[name][kind] += n
	}
}

// expectFailures fails for every transition that S3 did not fail in, in a way that can happen to any request.
func expectFailures(t *testing.T) {
	t.Helper()
	all, spoiled := 0, 0
	for _, kinds := range failures.count {
		for _, n := range kinds {
			all, spoiled = all+1, spoiled+n
		}
	}
	t.Logf("%d requests to S3 spoiled, in %d ways and steps", spoiled, all)
	for transition, steps := range mustFail {
		for _, step := range steps {
			for _, kind := range s3fault.Kinds {
				if anything(kind) && failures.count[step][kind] == 0 {
					t.Errorf("%s: no plan has S3 fail by %s while %q", transition, kind, step)
				}
			}
		}
	}
}

// anything says that any request can fail so.
func anything(kind s3fault.Kind) bool {
	return slices.Contains([]s3fault.Kind{s3fault.SlowDown, s3fault.AnswerLost, s3fault.Reset, s3fault.ClockSkew}, kind)
}
