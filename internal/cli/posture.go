// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/reelkeeper/reelkeeper/internal/cli/report"
)

func (c *command) newPosture() *cobra.Command {
	var failOn string
	cmd := &cobra.Command{
		Use:   "posture",
		Short: "Report how well the organisation follows good practice",
		Long: `Looks at the policies, recordings and grants of all namespaces (or of the one that -n names) and lists what to improve: the
object and field to change, what to set it to, and for how many recordings it matters. Besides the recordings that exist it asks what
would hold for an ordinary and for a sensitive meeting of every namespace with recordings or policies, so that a number of recordings
may be 0. A sensitive meeting is one with the label reelkeeper.io/sensitivity=high, or with the profile Restricted.

-o wide also lists the checks that found nothing. With --fail-on the exit code is 1 if there is a finding of that severity or a worse
one; without it, it is 0.`,
		Example: `  kubectl reelkeeper posture
  kubectl reelkeeper posture -n finance -o wide

  # for a pipeline
  kubectl reelkeeper posture -o json --fail-on High`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.output.check(); err != nil {
				return err
			}
			severity := report.Severity(failOn)
			if failOn != "" && !slices.Contains(report.Severities, severity) {
				return fmt.Errorf("there is no severity %q: use one of %v", failOn, report.Severities)
			}
			// The namespace of the context does not count: posture is about the whole organisation unless somebody says otherwise.
			world, err := c.cluster.world(cmd.Context(), c.cluster.overrides.Context.Namespace)
			if err != nil {
				return err
			}
			posture := report.NewBook(world).Posture(c.Clock.Now())
			if err := c.output.write(cmd.OutOrStdout(), posture, func(p *page) { showPosture(p, posture) }); err != nil {
				return err
			}
			if failOn != "" && posture.AtLeast(severity) {
				return errNo
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&failOn, "fail-on", "", fmt.Sprintf("exit with 1 if there is a finding of this severity or a worse one: %v", report.Severities))
	// The flag exists, and that is the only error.
	_ = cmd.RegisterFlagCompletionFunc("fail-on", cobra.FixedCompletions(severityNames(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func severityNames() []string {
	var names []string
	for _, severity := range report.Severities {
		names = append(names, string(severity))
	}
	return names
}

func showPosture(p *page, posture report.Posture) {
	passed := 0
	for _, check := range posture.Checks {
		if check.Passed {
			passed++
		}
	}
	p.line("%d of %d checks found nothing. Recordings: %d.", passed, len(posture.Checks), posture.Recordings)
	var rows [][]string
	for _, f := range posture.Findings {
		rows = append(rows, []string{string(f.Severity), f.Check, f.Object, f.Field, f.Want, strconv.Itoa(f.Recordings), f.Says})
	}
	p.table([]string{"SEVERITY", "CHECK", "OBJECT", "FIELD", "WANT", "RECORDINGS", "FINDING"}, rows)
	for _, question := range posture.NotAsked {
		p.line("Not asked: %s", question)
	}
	if !p.wide {
		return
	}
	rows = nil
	for _, check := range posture.Checks {
		rows = append(rows, []string{yes(check.Passed), check.Name, check.Asks})
	}
	p.table([]string{"PASSED", "CHECK", "ASKS"}, rows)
}
