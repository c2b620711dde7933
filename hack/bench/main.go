// SPDX-License-Identifier: Apache-2.0

// Command bench asks the same questions under the same policies of Reelkeeper, of Cedar and of OPA, side by side in one run,
// and prints how long each takes. It fails when the answers differ, when a decision of Reelkeeper that allows takes a
// microsecond or allocates, or when it is not twenty times faster than both others.
//
// Policies are compiled before the clock runs. What a question is about (who asks, who was in the meeting, which grants there
// are) comes as Go values. Each engine is measured twice, and the goal is for both:
//
//   - as it comes: with every request another meeting, as in the gateway. Converting it into Cedar's entities and OPA's input
//     is part of the answer.
//   - prepared: many questions about one meeting, as in a report. All is converted before the clock runs, the meeting's people
//     into hashed sets: Cedar's, OPA's, and our own.
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

// engine answers questions. Both functions return how to answer one: as it comes, and with everything prepared.
type engine struct {
	name             string
	asItComes, ready func(question) (func() bool, error)
}

// converting returns an engine whose questions have to be converted: prepare does that, and returns how to answer.
func converting(name string, prepare func(question) (func() bool, error)) engine {
	return engine{name, func(q question) (func() bool, error) {
		return func() bool {
			ask, err := prepare(q)
			return err == nil && ask()
		}, nil
	}, prepare}
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
	fmt.Fprintln(out, "question\tanswer\tengine\tns\tallocs\ttimes\tprepared\tallocs\ttimes\t")
	var missed []string
	for _, q := range questions() {
		var own [2]result
		for _, e := range engines {
			got, err := measureBoth(e, q)
			if err != nil {
				return err
			}
			if e.name == reelkeeper {
				own = got
			}
			for i := range got {
				missed = append(missed, got[i].misses(q, e.name, own[i])...)
			}
			fmt.Fprintf(out, "%s\t%v\t%s\t%d\t%d\t%.0f\t%d\t%d\t%.0f\t\n", q.name, q.want, e.name,
				got[0].took.Nanoseconds(), got[0].allocs, got[0].over(own[0]), got[1].took.Nanoseconds(), got[1].allocs, got[1].over(own[1]))
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
	fmt.Printf("every decision that allows takes less than %s, allocates nothing, and is at least %d times as fast as both others, as it comes and prepared\n",
		maxDecision, minRatio)
	return nil
}

// result is what an answer costs.
type result struct {
	took   time.Duration
	allocs int64
}

func (r result) over(own result) float64 { return float64(r.took) / float64(max(own.took, 1)) }

// misses says which goals are missed. They are for what is allowed; a refusal is put into words.
func (r result) misses(q question, name string, own result) []string {
	var missed []string
	miss := func(message string, args ...any) { missed = append(missed, q.name+": "+fmt.Sprintf(message, args...)) }
	switch {
	case !q.want:
	case name != reelkeeper:
		if ratio := r.over(own); ratio < minRatio {
			miss("%s takes %.1f times as long, the goal is %d", name, ratio, minRatio)
		}
	default:
		if r.took >= maxDecision {
			miss("takes %s, the goal is below %s", r.took, maxDecision)
		}
		if r.allocs > 0 {
			miss("makes %d allocations, the goal is none", r.allocs)
		}
	}
	return missed
}

// measureBoth measures an engine with the question as it comes, and with the question prepared.
func measureBoth(e engine, q question) (results [2]result, err error) {
	for i, prepare := range []func(question) (func() bool, error){e.asItComes, e.ready} {
		ask, err := prepare(q)
		if err != nil {
			return results, fmt.Errorf("%s, %s: %w", e.name, q.name, err)
		}
		if got := ask(); got != q.want {
			return results, fmt.Errorf("%s, %s: the answer is %v, want %v", e.name, q.name, got, q.want)
		}
		results[i] = measure(ask)
	}
	return results, nil
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
