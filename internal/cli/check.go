// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/cli/report"
)

// kindGrant is the kind that check reads.
const kindGrant = "AccessGrant"

func (c *command) newCheck() *cobra.Command {
	var files []string
	cmd := &cobra.Command{
		Use:   "check -f FILE",
		Short: "Say whether grants would count, before they are made",
		Long: `Asks, before an AccessGrant is made, whether the policies let it count, and if not, which policy and field refuses it and what to
change. A grant that the policies do not let count can be made all the same: it is not Ready, and gives nothing.

The files hold AccessGrant documents; others are left out, so that a whole directory can be given. A grant that picks recordings by their
labels counts where it counts for any of them; the others are listed with what refuses it there. Nothing is written.

Who belongs to the organisation only the identity provider knows, when somebody comes: an outsider whom the policies do not let in is refused then.
What the schema and the admission policies refuse says kubectl apply --dry-run=server.

Exit code 0 says that all grants would count, 1 that one would not, 2 that there is no answer.`,
		Example: `  kubectl reelkeeper check -f grant.yaml
  kubectl reelkeeper check -f grant.yaml && kubectl apply -f grant.yaml`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.output.check(); err != nil {
				return err
			}
			if len(files) == 0 {
				return errors.New("-f is missing: name files or directories with AccessGrants, or - for standard input")
			}
			checks, err := c.check(cmd, files)
			if err != nil {
				return err
			}
			if err := c.output.write(cmd.OutOrStdout(), checks, func(p *page) { showChecks(p, checks) }); err != nil {
				return err
			}
			for _, check := range checks {
				if !check.Counts {
					return errNo
				}
			}
			return nil
		},
	}
	cmd.Flags().StringSliceVarP(&files, "filename", "f", nil, "a file or directory with AccessGrants, - for standard input; may be repeated")
	return cmd
}

func (c *command) check(cmd *cobra.Command, files []string) ([]report.GrantCheck, error) {
	grants, err := manifestsIn(c, cmd, files, readGrants)
	if err != nil {
		return nil, err
	}
	books := map[string]*report.Book{}
	var checks []report.GrantCheck
	for i := range grants {
		book := books[grants[i].Namespace]
		if book == nil {
			world, err := c.cluster.world(cmd.Context(), grants[i].Namespace)
			if err != nil {
				return nil, err
			}
			book = report.NewBook(world)
			books[grants[i].Namespace] = book
		}
		check, err := book.CheckGrant(&grants[i], c.Clock.Now())
		if err != nil {
			return nil, err
		}
		checks = append(checks, check)
	}
	return checks, nil
}

// readGrants reads the grants among the documents. Others are left out and counted.
func readGrants(documents [][]byte, namespace string) (grants []v1alpha1.AccessGrant, others int, err error) {
	others, err = eachOfOurs(documents, func(document []byte, about *metav1.PartialObjectMetadata) (read bool, err error) {
		if about.Kind != kindGrant {
			return false, nil
		}
		var grant v1alpha1.AccessGrant
		err = decode(document, about, &grant)
		grant.Namespace = cmp.Or(grant.Namespace, namespace)
		grants = append(grants, grant)
		return true, err
	})
	if err != nil {
		return nil, others, err
	}
	if len(grants) == 0 {
		return nil, others, fmt.Errorf("there is no %s in it: name the files with grants by -f", kindGrant)
	}
	return grants, others, nil
}

func showChecks(p *page, checks []report.GrantCheck) {
	for _, check := range checks {
		answer := "would not count"
		if check.Counts {
			answer = "would count"
		}
		p.line("%s %s %s.", kindGrant, check.Grant, answer)
		var rows [][]string
		for _, one := range check.Recordings {
			name := one.Recording
			if name == "" {
				name = "those to come"
			}
			rows = append(rows, []string{name, yes(one.Counts), string(one.Reason), one.Rule.String()})
		}
		p.table([]string{"RECORDING", "COUNTS", "REASON", "RULE"}, rows)
		said := map[string]bool{}
		for _, one := range check.Recordings {
			if one.Says != "" && !said[one.Says] {
				p.line("%s", one.Says)
				said[one.Says] = true
			}
		}
	}
}
