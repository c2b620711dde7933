// SPDX-License-Identifier: Apache-2.0

// Command bench asks the same questions under the same policies of Reelkeeper, of Cedar and of OPA, side by side in one run,
// and prints how long each takes. It fails when the answers differ, when a decision of Reelkeeper that allows takes a
// microsecond or allocates, or when it is not twenty times faster than both others.
//
// Policies are compiled before the clock runs. What a question is about (who asks, who was in the meeting, which grants there
// are) comes as Go values, as it does in the gateway, and another one with each request: converting it into Cedar's entities and
// OPA's input is part of the answer, and of the goal. The column "prepared" leaves it out: it is the others' time with all
// of that converted beforehand, into hashed sets where they have them.
package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"testing"
	"text/tabwriter"
	"time"
)

// Goals, as the issue that asked for this program states them.
const (
	maxDecision = time.Microsecond
	minRatio    = 20
	rounds      = 40
)

// engine answers questions.
type engine struct {
	name string
	// prepare returns how to answer one question.
	prepare func(question) (func() bool, error)
}

func main() {
	testing.Init()
	// Many short rounds find a quiet moment sooner than a long one.
	err := flag.Set("test.benchtime", "5ms")
	if err == nil {
		err = run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	engines, err := engines()
	if err != nil {
		return err
	}
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(out, "question\tanswer\tengine\tns\tallocs\ttimes\tprepared\ttimes\t")
	var missed []string
	for _, q := range questions() {
		var own, ownPrepared result
		for _, e := range engines {
			got, prepared, err := measureBoth(e, q)
			if err != nil {
				return err
			}
			if e.name == reelkeeper {
				own, ownPrepared = got, prepared
				missed = append(missed, got.misses(q)...)
			} else if ratio := got.over(own); q.want && ratio < minRatio {
				missed = append(missed, fmt.Sprintf("%s: %s takes %.0f times as long, the goal is %d", q.name, e.name, ratio, minRatio))
			}
			fmt.Fprintf(out, "%s\t%v\t%s\t%d\t%d\t%.0f\t%d\t%.0f\t\n", q.name, q.want, e.name,
				got.took.Nanoseconds(), got.allocs, got.over(own), prepared.took.Nanoseconds(), prepared.over(ownPrepared))
		}
	}
	if err := out.Flush(); err != nil {
		return err
	}
	for _, miss := range missed {
		fmt.Println("missed:", miss)
	}
	if len(missed) > 0 {
		return fmt.Errorf("%d goals missed", len(missed))
	}
	fmt.Printf("every decision that allows takes less than %s, allocates nothing, and is at least %d times as fast as both others with the question as it comes\n", maxDecision, minRatio)
	return nil
}

// result is what an answer costs.
type result struct {
	took   time.Duration
	allocs int64
}

func (r result) over(own result) float64 { return float64(r.took) / float64(max(own.took, 1)) }

// misses says which goals an answer of our own misses. They are for what is allowed; a refusal is put into words.
func (r result) misses(q question) []string {
	var missed []string
	if q.want && r.took >= maxDecision {
		missed = append(missed, fmt.Sprintf("%s: takes %s, the goal is below %s", q.name, r.took, maxDecision))
	}
	if q.want && r.allocs > 0 {
		missed = append(missed, fmt.Sprintf("%s: makes %d allocations, the goal is none", q.name, r.allocs))
	}
	return missed
}

// measureBoth measures an engine with the question as it comes, and with the question prepared.
func measureBoth(e engine, q question) (asItComes, prepared result, err error) {
	ask, err := e.prepare(q)
	if err != nil {
		return result{}, result{}, fmt.Errorf("%s, %s: %w", e.name, q.name, err)
	}
	if got := ask(); got != q.want {
		return result{}, result{}, fmt.Errorf("%s, %s: the answer is %v, want %v", e.name, q.name, got, q.want)
	}
	prepared = measure(ask)
	if e.name == reelkeeper {
		// There is nothing to prepare.
		return prepared, prepared, nil
	}
	return measure(func() bool {
		ask, err := e.prepare(q)
		return err == nil && ask()
	}), prepared, nil
}

// measure returns the fastest of several rounds: others on the machine only make it slower.
func measure(ask func() bool) result {
	var results []result
	for range rounds {
		b := testing.Benchmark(func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				ask()
			}
		})
		results = append(results, result{time.Duration(b.NsPerOp()), b.AllocsPerOp()})
	}
	return slices.MinFunc(results, func(a, b result) int { return int(a.took - b.took) })
}
