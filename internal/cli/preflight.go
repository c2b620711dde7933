// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"slices"

	"github.com/spf13/cobra"

	"github.com/reelkeeper/reelkeeper/internal/cli/report"
)

func (c *command) newPreflight() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "preflight --meeting FILE",
		Short: "Say before a meeting whether it is recorded, who may watch and download, how long it is kept",
		Long: `Answers before a meeting what the system is going to apply to its recording: is it recorded and who can start that, are people
told, who may watch and who may download, how may it be shared, how long is it kept.

The file holds a MeetingRecording as it would be made for the meeting. Its namespace, its labels and spec.meeting count, nothing else
has to be there; nothing is created. Departments, groups and labels of named people are known to the identity provider alone: named
people are asked about as having none.`,
		Example: `  kubectl reelkeeper preflight --meeting meeting.yaml

  # meeting.yaml
  kind: MeetingRecording
  metadata: {namespace: finance, labels: {reelkeeper.io/sensitivity: high}}
  spec:
    meeting:
      creator: alice@example.com
      hosts: [bob@example.com]
      participants: [carol@example.com, eve@partner.example]`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.output.check(); err != nil {
				return err
			}
			if file == "" {
				return errors.New("--meeting is missing: name the file with the meeting, or - for standard input")
			}
			answer, err := c.preflight(cmd, file)
			if err != nil {
				return err
			}
			return c.output.write(cmd.OutOrStdout(), answer, func(p *page) { showPreflight(p, answer) })
		},
	}
	cmd.Flags().StringVar(&file, "meeting", "", "the file with the meeting, - for standard input")
	c.people.bind(cmd.Flags())
	return cmd
}

func (c *command) preflight(cmd *cobra.Command, file string) (answer report.Preflight, err error) {
	documents, err := readFiles([]string{file}, cmd.InOrStdin())
	if err != nil {
		return answer, err
	}
	namespace, err := c.cluster.namespace()
	if err != nil {
		return answer, err
	}
	meeting, err := readMeeting(documents, namespace)
	if err != nil {
		return answer, err
	}
	world, err := c.cluster.rules(cmd.Context(), meeting.Namespace)
	if err != nil {
		return answer, err
	}
	member, err := c.people.member(cmd.Context(), &c.cluster)
	if err != nil {
		return answer, err
	}
	return report.NewBook(world).Preflight(meeting, member, c.Clock.Now()), nil
}

func showPreflight(p *page, answer report.Preflight) {
	for _, sentence := range answer.Says {
		p.line("%s", sentence)
	}
	header := []string{"WHO", "VIEW", "DOWNLOAD"}
	if p.wide {
		header = append(header, "ALL THAT THEY MAY")
	}
	p.table(header, rightRows(answer.Classes, p.wide))
	if len(answer.People) > 0 {
		header = append([]string{"IN THE MEETING OR A GRANT", "ROLES"}, header[1:]...)
		var rows [][]string
		for i, row := range rightRows(answer.People, p.wide) {
			rows = append(rows, append([]string{row[0], words(answer.People[i].Roles)}, row[1:]...))
		}
		p.table(header, rows)
	}
	p.table(fieldHeader, fieldRows(slices.Concat([]report.Field{answer.Mode, answer.Notice}, answer.Conditions, answer.Kept)))
	showProblems(p, answer.Problems)
}

func rightRows(rights []report.Right, wide bool) [][]string {
	var rows [][]string
	for _, r := range rights {
		row := []string{r.Who, yes(r.View), yes(r.Download)}
		if wide {
			row = append(row, words(r.May))
		}
		rows = append(rows, row)
	}
	return rows
}
