// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"github.com/spf13/cobra"

	"github.com/reelkeeper/reelkeeper/internal/cli/report"
)

func (c *command) newWhoCan() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "who-can PERMISSION [NAMESPACE/]RECORDING",
		Short: "List who may do something with a recording",
		Long: `Lists the people in the meeting's facts and in grants who may do it, and the classes of people that policies and grants
tell apart: other members of the organisation, outsiders, labels, departments, groups. Those whom a grant names are asked about as
holding its link and password. -o wide also lists who may not, with the reason.

Departments, groups and labels of named people are known to the identity provider alone: named people are asked about as having none.
Use kubectl reelkeeper can with --department, --group and --label for one of them.`,
		Example: `  kubectl reelkeeper who-can Download finance/q3-review
  kubectl reelkeeper who-can View finance/q3-review -o wide --domain example.com`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: c.completeQuestion(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.output.check(); err != nil {
				return err
			}
			permission, err := parsePermission(args[0])
			if err != nil {
				return err
			}
			book, recording, err := c.cluster.recording(cmd.Context(), args[1])
			if err != nil {
				return err
			}
			member, err := c.people.member(cmd.Context(), &c.cluster)
			if err != nil {
				return err
			}
			candidates := book.WhoCan(recording, permission, member, c.Clock.Now())
			return c.output.write(cmd.OutOrStdout(), candidates, func(p *page) { showCandidates(p, candidates) })
		},
	}
	c.people.bind(cmd.Flags())
	return cmd
}

func showCandidates(p *page, candidates []report.Candidate) {
	header := []string{"WHO", "ROLES", "REASON", "BY"}
	if p.wide {
		header = append([]string{"MAY"}, header...)
	}
	var rows [][]string
	for _, c := range candidates {
		if !c.Allowed && !p.wide {
			continue
		}
		by := c.Rule.String()
		if c.Grant != "" {
			by = "AccessGrant " + c.Grant
		}
		row := []string{c.String(), c.Is(), string(c.Reason), by}
		if p.wide {
			row = append([]string{yes(c.Allowed)}, row...)
		}
		rows = append(rows, row)
	}
	p.table(header, rows)
	if len(rows) == 0 {
		p.line("Nobody.")
	}
}
