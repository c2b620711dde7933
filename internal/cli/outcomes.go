// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"k8s.io/utils/clock"

	"github.com/reelkeeper/reelkeeper/internal/undo"
)

// atOnce is how many recordings are worked on at once, where nobody says otherwise: enough to keep the manager busy.
const atOnce = 32

// outcomeReport is what became of recordings.
type outcomeReport struct {
	Store string `json:"store"`
	// Counts is how many had which result.
	Counts     map[undo.Result]int `json:"counts"`
	Recordings []undo.Outcome      `json:"recordings"`
}

func reportOf(store string, outcomes []undo.Outcome) outcomeReport {
	report := outcomeReport{Store: store, Counts: map[undo.Result]int{}, Recordings: outcomes}
	if outcomes == nil {
		report.Recordings = []undo.Outcome{}
	}
	for _, outcome := range outcomes {
		report.Counts[outcome.Result]++
	}
	return report
}

// results are those that there are, in the order in which they are told.
var results = []undo.Result{undo.Restored, undo.Unchanged, undo.Asked, undo.Purging, undo.Possible, undo.Passed, undo.Failed}

// said is what each result is called in a sentence.
var said = map[undo.Result]string{
	undo.Restored: "restored", undo.Unchanged: "there already", undo.Asked: "asked for, the manager has not done it yet", undo.Purging: "being purged",
	undo.Possible: "would be done (dry run)", undo.Passed: "left alone", undo.Failed: "FAILED",
}

func (r outcomeReport) summary() string {
	var parts []string
	for _, result := range results {
		if n := r.Counts[result]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, said[result]))
		}
	}
	if len(parts) == 0 {
		return "Nothing to do"
	}
	return strings.Join(parts, ", ")
}

// fewRows is how many recordings are listed one by one even if all is well.
const fewRows = 20

// showOutcomes lists what needs somebody's attention; what went well is counted, and listed with -o wide.
func showOutcomes(p *page, report outcomeReport) {
	p.line("%s.", report.summary())
	var rows [][]string
	for _, o := range report.Recordings {
		needed := o.Result == undo.Failed || o.Result == undo.Asked
		if !needed && !p.wide && len(report.Recordings) > fewRows {
			continue
		}
		row := []string{o.Namespace + "/" + dash(o.Name), string(o.Result), dash(o.Message)}
		if p.wide || o.Name == "" {
			row[0] += " (" + o.UID + ")"
		}
		rows = append(rows, row)
	}
	slices.SortFunc(rows, slices.Compare)
	p.table([]string{"RECORDING", "RESULT", "MESSAGE"}, rows)
}

// verdict is the exit code: no where something could not be done.
func (r outcomeReport) verdict() error {
	if r.Counts[undo.Failed]+r.Counts[undo.Asked] > 0 {
		return errNo
	}
	return nil
}

// meter tells how far work on many recordings is.
type meter struct {
	out         io.Writer
	total, done int
	failed      int
	since, last time.Time
}

// meterEvery is how often it tells.
const meterEvery = 5 * time.Second

func newMeter(out io.Writer, total int) *meter {
	now := clock.RealClock{}.Now() // a person waits for it
	return &meter{out: out, total: total, since: now, last: now}
}

// count takes one in. The first failures are told at once, for much takes long.
func (m *meter) count(o undo.Outcome) {
	m.done++
	if o.Result == undo.Failed {
		m.failed++
	}
	if o.Result == undo.Failed && m.failed <= fewRows {
		fmt.Fprintf(m.out, "%s/%s (%s): %s\n", o.Namespace, dash(o.Name), o.UID, o.Message)
	}
	now := clock.RealClock{}.Now()
	if now.Sub(m.last) < meterEvery && (m.done < m.total || m.total <= fewRows) {
		return
	}
	m.last = now
	fmt.Fprintf(m.out, "%d of %d done, %d failed, %.0f a second\n", m.done, m.total, m.failed, float64(m.done)/max(now.Sub(m.since).Seconds(), 0.001))
}
