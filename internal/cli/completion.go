// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"io"
	"maps"
	"slices"
	"strings"
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

// completeNamespaces completes the value of --namespace, from the cluster.
func (c *command) completeNamespaces(cmd *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return c.complete(cmd, typed, func(ctx context.Context) ([]string, error) {
		reader, err := c.cluster.client()
		if err != nil {
			return nil, err
		}
		found, err := namespaces(ctx, reader, "")
		return slices.Sorted(maps.Keys(found)), err
	})
}

// complete asks the cluster for names that begin with what is typed, and not for long.
func (c *command) complete(cmd *cobra.Command, typed string, ask func(context.Context) ([]string, error)) ([]cobra.Completion, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(cmd.Context(), completionTimeout)
	defer cancel()
	names, err := ask(ctx)
	if err != nil {
		cobra.CompErrorln(err.Error())
		return nil, cobra.ShellCompDirectiveError
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(name, typed) })
	return names, cobra.ShellCompDirectiveNoFileComp
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
	return func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) != place {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return c.complete(cmd, typed, func(ctx context.Context) ([]string, error) { return c.recordingNames(ctx, typed) })
	}
}

// recordingNames lists the first recordings of the namespace that is typed already, or that -n names, or of all namespaces. With -n
// names need no namespace before them.
func (c *command) recordingNames(ctx context.Context, typed string) ([]string, error) {
	reader, err := c.cluster.client()
	if err != nil {
		return nil, err
	}
	var page v1alpha1.MeetingRecordingList
	namespace := c.cluster.overrides.Context.Namespace
	before, _, qualified := strings.Cut(typed, "/")
	if qualified {
		namespace = before
	}
	if err := reader.List(ctx, &page, client.InNamespace(namespace), client.Limit(pageSize)); err != nil {
		return nil, err
	}
	var names []string
	for i := range page.Items {
		name := page.Items[i].Name
		if qualified || namespace == "" {
			name = page.Items[i].Namespace + "/" + name
		}
		names = append(names, name)
	}
	return names, nil
}
