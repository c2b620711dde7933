// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/reelkeeper/reelkeeper/internal/cli/report"
)

func (c *command) newDiff() *cobra.Command {
	var files []string
	var remove bool
	cmd := &cobra.Command{
		Use:   "diff -f FILE",
		Short: "Show what a policy change would do to the recordings that exist",
		Long: `Shows, before a policy lands, who would gain and who would lose which permission on how many recordings, what would go to the
trash or be deleted earlier or later, and which fields would have other values.

The files hold RecordingPolicy and ClusterRecordingPolicy documents; others are left out, so that a whole directory can be given. Each
policy is taken as the whole of what it is going to be. With --delete the policies are removed instead. Nothing is written.

Departments, groups and labels of named people are known to the identity provider alone. Named people are therefore compared as having
none; one of each class that policies and grants tell apart is compared besides them. -o wide names the people and recordings.

Exit code 0 says that nothing would change, 1 that something would, 2 that there is no answer.`,
		Example: `  kubectl reelkeeper diff -f policy.yaml
  kubectl reelkeeper diff -f policies/ -o wide
  kubectl reelkeeper diff -f policy.yaml --delete

  # in a pipeline: show what changes, fail only where there is no answer
  kubectl reelkeeper diff -f policies/ -o json > diff.json || [ $? -eq 1 ]`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.output.check(); err != nil {
				return err
			}
			if len(files) == 0 {
				return errors.New("-f is missing: name files or directories with policies, or - for standard input")
			}
			diff, err := c.diff(cmd, files, remove)
			if err != nil {
				return err
			}
			if err := c.output.write(cmd.OutOrStdout(), diff, func(p *page) { showDiff(p, diff) }); err != nil {
				return err
			}
			if diff.Changed {
				return errNo
			}
			return nil
		},
	}
	cmd.Flags().StringSliceVarP(&files, "filename", "f", nil, "a file or directory with policies, - for standard input; may be repeated")
	cmd.Flags().BoolVar(&remove, "delete", false, "the policies are to be removed")
	c.people.bind(cmd.Flags())
	return cmd
}

func (c *command) diff(cmd *cobra.Command, files []string, remove bool) (diff report.Diff, err error) {
	change, err := manifestsIn(c, cmd, files, readChange)
	if err != nil {
		return diff, err
	}
	change.Delete = remove
	reach := reachOf(change)
	world, err := c.cluster.world(cmd.Context(), reach)
	if errors.Is(err, errNoNamespace) {
		// It may come together with its policies. There are no recordings in it.
		world, err = &report.World{Namespace: reach}, nil
	}
	if err != nil {
		return diff, err
	}
	member, err := c.people.member(cmd.Context(), &c.cluster)
	if err != nil {
		return diff, err
	}
	return report.Compare(world, change, member, c.Clock.Now()), nil
}

// reachOf returns the one namespace that a change can reach, empty if it may be several.
func reachOf(change report.Change) string {
	if len(change.ClusterPolicies) > 0 {
		return ""
	}
	var namespaces []string
	for i := range change.Policies {
		namespaces = append(namespaces, change.Policies[i].Namespace)
	}
	slices.Sort(namespaces)
	if namespaces = slices.Compact(namespaces); len(namespaces) > 1 {
		return ""
	}
	return namespaces[0]
}

func showDiff(p *page, d report.Diff) {
	for _, policy := range d.Policies {
		p.line("%s: %s, about %d recordings", policy.Policy, policy.Action, policy.Recordings)
	}
	if !d.Changed {
		p.line("Nothing would change for any recording.")
		showProblems(p, d.Problems)
		return
	}
	p.line("Something would change for %d of %d recordings.", d.Affected, d.Recordings)
	showAccessChanges(p, d.Access)
	var rows [][]string
	for _, date := range d.Dates {
		rows = append(rows, []string{date.What, date.How, strconv.Itoa(date.Recordings)})
	}
	p.table([]string{"WHAT HAPPENS", "WHEN", "RECORDINGS"}, rows)
	rows = nil
	for _, field := range d.Fields {
		rows = append(rows, []string{field.Name, field.Before, field.After, strconv.Itoa(field.Recordings)})
	}
	p.table([]string{"FIELD", "BEFORE", "AFTER", "RECORDINGS"}, rows)
	if p.wide {
		showDiffDetail(p, d)
	}
	showProblems(p, d.Problems)
}

func showAccessChanges(p *page, changes []report.AccessChange) {
	var rows [][]string
	for _, change := range changes {
		people := "–"
		if change.People > 0 {
			people = strconv.Itoa(change.People)
		}
		rows = append(rows, []string{change.Change, string(change.Permission), change.Who, people, strconv.Itoa(change.Recordings)})
	}
	p.table([]string{"CHANGE", "PERMISSION", "WHO", "PEOPLE", "RECORDINGS"}, rows)
}

// showDiffDetail names people and recordings.
func showDiffDetail(p *page, d report.Diff) {
	var rows [][]string
	for _, change := range d.Access {
		for _, someone := range change.Subjects {
			rows = append(rows, []string{change.Change, string(change.Permission), someone.Name, change.Who, some(someone.Examples, someone.Recordings)})
		}
		if len(change.Subjects) == 0 {
			rows = append(rows, []string{change.Change, string(change.Permission), "–", change.Who, some(change.Examples, change.Recordings)})
		}
	}
	p.table([]string{"CHANGE", "PERMISSION", "PERSON", "AS", "ON"}, rows)
	rows = nil
	for _, change := range d.Dates {
		for _, detail := range change.Details {
			rows = append(rows, []string{change.What, change.How, detail.Recording, stamp(detail.Before), stamp(detail.After), string(detail.Decider)})
		}
		if more := change.Recordings - len(change.Details); more > 0 {
			rows = append(rows, []string{change.What, change.How, fmt.Sprintf("and %d more", more), "", "", ""})
		}
	}
	p.table([]string{"WHAT HAPPENS", "WHEN", "RECORDING", "BEFORE", "AFTER", "DECIDED BY"}, rows)
}

// some names the first recordings and counts the others.
func some(examples []string, all int) string {
	const shown = 3
	text := words(examples[:min(len(examples), shown)])
	if more := all - min(len(examples), shown); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// stamp writes a date, "never" for none.
func stamp(t *time.Time) string {
	if t == nil {
		return "never"
	}
	return t.UTC().Format("2006-01-02 15:04 MST")
}
