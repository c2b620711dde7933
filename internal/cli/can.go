// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/cli/report"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

func (c *command) newCan() *cobra.Command {
	var who subject
	var list, everywhere bool
	cmd := &cobra.Command{
		Use:   "can USER PERMISSION [NAMESPACE/]RECORDING | can --list USER",
		Short: "Say whether somebody may do something with a recording, and why",
		Long: `Decides as the gateway would, and shows the reason, the rule, what the person is told and can do, what an administrator can
change, and what the decision went by: who they are, their roles, the audiences, what labels leave them, and every grant.

Permissions: ` + permissionNames() + `.

What only the identity provider knows (departments, groups, labels, whether the address is verified) is said by flags. Whether
somebody belongs to the organisation follows from --domain, or from the gateway's configuration, unless --internal or --external says it.

Exit code 0 says allowed, 1 denied, 2 that there is no answer. With --list it is 0.`,
		Example: `  kubectl reelkeeper can dave@example.com Download finance/q3-review
  kubectl reelkeeper can dave@example.com View finance/q3-review --department finance --label intern
  kubectl reelkeeper can eve@partner.example View finance/q3-review --external --link eve-watches

  # everything that dave may do, in all namespaces
  kubectl reelkeeper can --list dave@example.com -A`,
		Args: func(_ *cobra.Command, args []string) error {
			if list && len(args) == 1 || !list && len(args) == 3 {
				return nil
			}
			return errors.New("write: can USER PERMISSION NAMESPACE/RECORDING, or: can --list USER")
		},
		ValidArgsFunction: c.completeQuestion(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.output.check(); err != nil {
				return err
			}
			if list {
				return c.listHoldings(cmd, args[0], &who, everywhere)
			}
			return c.decide(cmd, args, &who)
		},
	}
	who.bind(cmd.Flags())
	c.people.bind(cmd.Flags())
	cmd.Flags().BoolVar(&list, "list", false, "list what they may do with every recording of the namespace")
	cmd.Flags().BoolVarP(&everywhere, "all-namespaces", "A", false, "with --list: the recordings of all namespaces")
	return cmd
}

func (c *command) decide(cmd *cobra.Command, args []string, who *subject) error {
	permission, err := parsePermission(args[1])
	if err != nil {
		return err
	}
	book, recording, err := c.cluster.recording(cmd.Context(), args[2])
	if err != nil {
		return err
	}
	someone, err := who.of(cmd.Context(), args[0], &c.people, &c.cluster)
	if err != nil {
		return err
	}
	d := book.Can(recording, someone, permission, c.Clock.Now())
	if err := c.output.write(cmd.OutOrStdout(), d, func(p *page) { showDecision(p, d) }); err != nil {
		return err
	}
	if !d.Allowed {
		return errNo
	}
	return nil
}

func permissionNames() string {
	return strings.ReplaceAll(policy.AllPermissions.String(), " ", ", ")
}

// parsePermission takes a permission in upper or lower case.
func parsePermission(text string) (v1alpha1.Permission, error) {
	all := policy.AllPermissions.List()
	at := slices.IndexFunc(all, func(p v1alpha1.Permission) bool { return strings.EqualFold(string(p), text) })
	if at < 0 {
		return "", fmt.Errorf("there is no permission %q: use one of %s", text, permissionNames())
	}
	return all[at], nil
}

func showDecision(p *page, d report.Decision) {
	verdict := "DENIED"
	if d.Allowed {
		verdict = "ALLOWED"
	}
	p.line("%s: %s %s %s", verdict, cmp.Or(d.User, "somebody who has not signed in"), d.Permission, d.Recording)
	rows := [][]string{{"reason", string(d.Reason)}, {"says", d.Says}, {"rule", d.Rule.String()}}
	for _, row := range [][]string{
		{"grant", d.Grant}, {"they can", d.Remedy}, {"you can", d.Admin}, {"dry run", dryRun(d)},
	} {
		if row[1] != "" {
			rows = append(rows, row)
		}
	}
	if d.Told != d.Says {
		rows = append(rows, []string{"told", d.Told})
	}
	p.table([]string{"ANSWER", ""}, rows)
	p.table([]string{"BECAUSE", ""}, traceRows(d.Trace))
	p.table([]string{"AUDIENCE", "ADMITS", "FROM"}, audienceRows(d.Trace.Audiences))
	p.table([]string{"GRANT", "PERMISSIONS", "NAMES THEM", "IN ITS WAY"}, grantRows(d.Trace.Grants))
}

// dryRun says what policies in DryRun would have refused, and which of them.
func dryRun(d report.Decision) string {
	if d.Trial == "" {
		return ""
	}
	return fmt.Sprintf("would be refused, %s: %s", d.Trial, d.TrialRule)
}

func traceRows(t report.Trace) [][]string {
	s := t.Subject
	rows := [][]string{
		{"address verified", yes(s.Verified)}, {"in the organisation", yes(s.Internal)}, {"departments", words(s.Departments)},
		{"groups", words(s.Groups)}, {"labels", words(s.Labels)}, {"roles", words(t.Roles)},
		{"roles permit", words(t.ByRole)}, {"labels add", words(t.ByLabel)}, {"labels leave", words(t.Labelled)},
		{"overrides leave", words(t.Ceiling)}, {"state", string(t.State)},
	}
	if len(t.Holds) > 0 {
		rows = append(rows, []string{"held by", words(t.Holds)})
	}
	if t.LockedUntil != nil {
		rows = append(rows, []string{"locked until", stamp(t.LockedUntil)})
	}
	return rows
}

func audienceRows(audiences []report.Audience) [][]string {
	var rows [][]string
	for _, a := range audiences {
		kind := string(a.Kind)
		if len(a.Departments) > 0 {
			kind += ": " + words(a.Departments)
		}
		rows = append(rows, []string{kind, yes(a.Admits), a.From.String()})
	}
	return rows
}

func grantRows(grants []report.Grant) [][]string {
	var rows [][]string
	for _, g := range grants {
		obstacle := string(g.Obstacle)
		if g.Rule != nil {
			obstacle += ": " + g.Rule.String()
		}
		rows = append(rows, []string{g.Name, words(g.Permissions), yes(g.Names), obstacle})
	}
	return rows
}

func (c *command) listHoldings(cmd *cobra.Command, user string, who *subject, everywhere bool) error {
	namespace, err := c.scope(everywhere)
	if err != nil {
		return err
	}
	world, err := c.cluster.world(cmd.Context(), namespace)
	if err != nil {
		return err
	}
	someone, err := who.of(cmd.Context(), user, &c.people, &c.cluster)
	if err != nil {
		return err
	}
	holdings := report.NewBook(world).Holdings(someone, c.Clock.Now())
	return c.output.write(cmd.OutOrStdout(), holdings, func(p *page) {
		header := []string{"RECORDING", "ROLES", "MAY"}
		if p.wide {
			header = append(header, "VIEW", "DOWNLOAD")
		}
		var rows [][]string
		for _, h := range holdings {
			row := []string{h.Recording, words(h.Roles), words(h.May)}
			if p.wide {
				row = append(row, string(h.View), string(h.Download))
			}
			rows = append(rows, row)
		}
		p.table(header, rows)
		if len(rows) == 0 {
			p.line("No recordings.")
		}
	})
}

// scope returns the namespace to look into, empty for all of them.
func (c *command) scope(everywhere bool) (string, error) {
	if everywhere {
		return "", nil
	}
	return c.cluster.namespace()
}
