// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"github.com/spf13/cobra"

	"github.com/reelkeeper/reelkeeper/internal/cli/report"
)

func (c *command) newExplain() *cobra.Command {
	return &cobra.Command{
		Use:   "explain [NAMESPACE/]RECORDING",
		Short: "Show which rules hold for a recording, and where each comes from",
		Long: `Shows the effective policy of a recording: every field with its value, and the object, field and generation that it comes
from. Below stands when the recording leaves, and which rule decides that: a legal hold, the retention lock, or how long it is kept.

What somebody asked for about keeping the recording, and does not get, stands in a table of its own, with what holds instead and who
bounds it.

Rows called "most for ROLE" are what the organisation's overrides let a role be given by any means.`,
		Example: `  kubectl reelkeeper explain finance/q3-review
  kubectl reelkeeper explain q3-review -n finance -o yaml`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: c.completeRecordings(0),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.output.check(); err != nil {
				return err
			}
			book, recording, err := c.cluster.recording(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			e := book.Explain(recording)
			return c.output.write(cmd.OutOrStdout(), e, func(p *page) { showExplanation(p, e) })
		},
	}
}

func showExplanation(p *page, e report.Explanation) {
	p.table(fieldHeader, fieldRows(e.Fields))
	if len(e.Trial) > 0 {
		p.line("\nIf the policies in DryRun were enforced:")
		p.table(fieldHeader, fieldRows(e.Trial))
	}
	showBounded(p, e.Bounded)
	p.line("\n%s", e.Retention.Says)
	p.line("Decided by %s%s", e.Retention.Decider, from(e.Retention.From))
	showProblems(p, e.Problems)
}

// showBounded says what was asked for about keeping the recording and does not hold.
func showBounded(p *page, bounded []report.Bounded) {
	if len(bounded) == 0 {
		return
	}
	p.line("\nAsked for and bounded:")
	var rows [][]string
	for _, b := range bounded {
		rows = append(rows, []string{b.Field, b.Wished, b.By.Short(), b.Holds, b.Bound.Short()})
	}
	p.table([]string{"FIELD", "ASKED FOR", "BY", "HOLDS", "BECAUSE OF"}, rows)
}

var fieldHeader = []string{"FIELD", "VALUE", "FROM"}

func fieldRows(fields []report.Field) [][]string {
	var rows [][]string
	for _, f := range fields {
		rows = append(rows, []string{f.Name, f.Value, f.From.Short()})
	}
	return rows
}

// from is where something comes from, as the end of a sentence.
func from(source *report.Source) string {
	if source == nil {
		return "."
	}
	return ": " + source.String() + "."
}

func showProblems(p *page, problems []string) {
	if len(problems) == 0 {
		return
	}
	p.line("\nNot understood:")
	for _, problem := range problems {
		p.line("  %s", problem)
	}
}
