// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"io"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

// completionTimeout bounds how long somebody waits who pressed the tabulator.
const completionTimeout = 3 * time.Second

// kubectlScript is what kubectl runs to complete a plugin's arguments: an executable of that name beside it on the PATH.
const kubectlScript = `#!/usr/bin/env sh
# kubectl completes "kubectl reelkeeper" by running this. Save it as kubectl_complete-reelkeeper on the PATH, executable.
exec kubectl-reelkeeper __complete "$@"
`

// addCompletion adds the command completion: scripts for shells, which cobra makes, and the one for kubectl.
func addCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		if cmd.Name() == "completion" {
			cmd.AddCommand(&cobra.Command{
				Use:   "kubectl",
				Short: "Generate the script by which kubectl completes the plugin",
				Example: `  kubectl reelkeeper completion kubectl > /usr/local/bin/kubectl_complete-reelkeeper
  chmod +x /usr/local/bin/kubectl_complete-reelkeeper`,
				Args: cobra.NoArgs,
				RunE: func(cmd *cobra.Command, _ []string) error {
					_, err := io.WriteString(cmd.OutOrStdout(), kubectlScript)
					return err
				},
			})
		}
	}
}

// completeQuestion completes a permission and a recording at their places among the arguments.
func (c *command) completeQuestion(permission, recording int) cobra.CompletionFunc {
	recordings := c.completeRecordings(recording)
	return func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) != permission {
			return recordings(cmd, args, typed)
		}
		var names []cobra.Completion
		for _, p := range policy.AllPermissions.List() {
			names = append(names, string(p))
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}

// completeRecordings completes the recording at its place among the arguments, from the cluster.
func (c *command) completeRecordings(place int) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) != place {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), completionTimeout)
		defer cancel()
		names, err := c.recordingNames(ctx)
		if err != nil {
			cobra.CompErrorln(err.Error())
			return nil, cobra.ShellCompDirectiveError
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}

// recordingNames lists the recordings of the namespace that -n names, or the first of all namespaces.
func (c *command) recordingNames(ctx context.Context) ([]string, error) {
	reader, err := c.cluster.client()
	if err != nil {
		return nil, err
	}
	var page v1alpha1.MeetingRecordingList
	namespace := c.cluster.overrides.Context.Namespace
	if err := reader.List(ctx, &page, client.InNamespace(namespace), client.Limit(pageSize)); err != nil {
		return nil, err
	}
	var names []string
	for i := range page.Items {
		names = append(names, page.Items[i].Namespace+"/"+page.Items[i].Name)
	}
	return names, nil
}
