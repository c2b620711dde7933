// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/requests"
	"github.com/reelkeeper/reelkeeper/internal/requests/desk"
)

func (c *command) newRequests() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "requests",
		Short: "List and answer requests for access",
		Long: `People without a permission formally ask for it (see request); others who are responsible for the recording approve or deny. An
answer is given once and never changes. Nobody answers their own request.

Answering here takes the RBAC verb approve on accessrequests, which the ClusterRole reelkeeper-approver has. In the gateway it
follows from the policies: the creator, the hosts, and the approvers of sharing.approval.`,
		Args: cobra.NoArgs,
	}
	cmd.AddCommand(c.newRequestsList(), c.newAnswer("approve", v1alpha1.ConditionApproved), c.newAnswer("deny", v1alpha1.ConditionDenied))
	return cmd
}

func (c *command) newRequestsList() *cobra.Command {
	var everywhere, all bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the requests that wait, and what became of the others",
		Example: `  kubectl reelkeeper requests list -n finance
  kubectl reelkeeper requests list -A --all -o wide`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.output.check(); err != nil {
				return err
			}
			return c.listRequests(cmd, everywhere, all)
		},
	}
	cmd.Flags().BoolVarP(&everywhere, "all-namespaces", "A", false, "the requests of all namespaces")
	cmd.Flags().BoolVar(&all, "all", false, "those too that are over: denied, expired, not allowed, or ended")
	return cmd
}

func (c *command) listRequests(cmd *cobra.Command, everywhere, all bool) error {
	namespace := ""
	if !everywhere {
		var err error
		if namespace, err = c.cluster.namespace(); err != nil {
			return err
		}
	}
	reader, err := c.cluster.client()
	if err != nil {
		return err
	}
	found := []v1alpha1.AccessRequest{}
	err = list(cmd.Context(), reader, &v1alpha1.AccessRequestList{}, func(page *v1alpha1.AccessRequestList) {
		for i := range page.Items {
			if all || !requests.Over(&page.Items[i]) {
				found = append(found, *shown(&page.Items[i]))
			}
		}
	}, client.InNamespace(namespace))
	if err != nil {
		return err
	}
	slices.SortFunc(found, func(a, b v1alpha1.AccessRequest) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.Namespace+"/"+a.Name, b.Namespace+"/"+b.Name))
	})
	return c.output.write(cmd.OutOrStdout(), found, func(p *page) {
		if len(found) == 0 {
			p.line("No requests.")
			return
		}
		header := []string{"REQUEST", "STATE", "REQUESTER", "ASKS FOR", "RECORDING", "FOR", "WAITING FOR", "UNTIL"}
		if p.wide {
			header = append(header, "REASON", "MESSAGE")
		}
		var rows [][]string
		for i := range found {
			rows = append(rows, requestRow(&found[i], p.wide))
		}
		p.table(header, rows)
	})
}

func requestRow(r *v1alpha1.AccessRequest, wide bool) []string {
	state, message := v1alpha1.ReasonPending, ""
	if ready := meta.FindStatusCondition(r.Status.Conditions, v1alpha1.ConditionReady); ready != nil {
		state, message = ready.Reason, ready.Message
	}
	var waiting []string
	for _, s := range r.Status.WaitingFor.Subjects {
		waiting = append(waiting, s.Name)
	}
	until := r.Status.GrantedUntil.Time
	if until.IsZero() {
		until = r.Status.WaitingFor.Until.Time
	}
	ends := "–"
	if !until.IsZero() {
		ends = stamp(&until)
	}
	row := []string{
		r.Namespace + "/" + r.Name, state, r.Spec.Requester.Name, words(r.Spec.Permissions), r.Spec.RecordingRef.Name,
		string(r.Spec.Duration), words(waiting), ends,
	}
	if wide {
		row = append(row, r.Spec.Reason, message)
	}
	return row
}

// newAnswer is the command that approves, or the one that denies.
func (c *command) newAnswer(verb, kind string) *cobra.Command {
	var message string
	cmd := &cobra.Command{
		Use:     verb + " [NAMESPACE/]REQUEST",
		Short:   map[string]string{"approve": "Approve a request: it becomes a grant with an end", "deny": "Deny a request"}[verb],
		Example: fmt.Sprintf("  kubectl reelkeeper requests %s finance/q3-review-x7k2p -m %q", verb, map[string]string{"approve": "for the audit", "deny": "ask your own department"}[verb]),
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.output.check(); err != nil {
				return err
			}
			return c.answer(cmd, args[0], kind, message)
		},
	}
	cmd.Flags().StringVarP(&message, "message", "m", "", "what to tell who asked")
	return cmd
}

func (c *command) answer(cmd *cobra.Command, argument, kind, message string) error {
	namespace, name, err := c.cluster.locate(argument)
	if err != nil {
		return err
	}
	writer, err := c.cluster.writer()
	if err != nil {
		return err
	}
	request := &v1alpha1.AccessRequest{}
	if err := writer.Get(cmd.Context(), client.ObjectKey{Namespace: namespace, Name: name}, request); err != nil {
		return fmt.Errorf("reading AccessRequest %s/%s (`kubectl reelkeeper requests list` lists those that wait): %w", namespace, name, err)
	}
	me, err := whoAmI(cmd.Context(), writer)
	if err != nil {
		return err
	}
	err = desk.Write(cmd.Context(), writer, request, v1alpha1.RequestParty{Name: me}, kind, message, c.Clock.Now())
	if errors.Is(err, desk.ErrOver) {
		return fmt.Errorf("AccessRequest %s/%s: %w: `kubectl get accessrequest %s -n %s -o wide` says what became of it", namespace, name, err, name, namespace)
	}
	if err != nil {
		return err
	}
	return c.output.write(cmd.OutOrStdout(), shown(request), func(p *page) {
		p.line("%s: %s asked for %s on %s for %s.", kind, request.Spec.Requester.Name, words(request.Spec.Permissions), request.Spec.RecordingRef.Name, request.Spec.Duration)
	})
}
