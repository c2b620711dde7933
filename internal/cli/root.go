// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"

	"github.com/spf13/cobra"
	"k8s.io/utils/clock"
)

// Exit codes of the command, the same as diff has.
const (
	// ExitYes says yes: allowed, nothing would change, nothing found.
	ExitYes = 0
	// ExitNo says no: denied, something would change, something found.
	ExitNo = 1
	// ExitError says that there is no answer.
	ExitError = 2
)

// errNo says that the answer, which has been printed, is no.
var errNo = errors.New("the answer is no")

// Environment is what a command needs from outside.
type Environment struct {
	// In, Out and Err are its standard streams.
	In       io.Reader
	Out, Err io.Writer
	// Clock is the time that decisions are made for.
	Clock clock.PassiveClock
	// Version is the program's.
	Version string
}

// Run runs the command with the arguments, without the program's name, and returns its exit code.
func Run(ctx context.Context, env Environment, args []string) int {
	root := newRootCommand(env)
	root.SetArgs(args)
	root.SetIn(env.In)
	root.SetOut(env.Out)
	root.SetErr(env.Err)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return ExitYes
	case errors.Is(err, errNo):
		return ExitNo
	default:
		fmt.Fprintln(env.Err, "Error:", err)
		return ExitError
	}
}

// command is what the subcommands share: the flags that all have, and what they need from outside.
type command struct {
	Environment
	cluster cluster
	output  output
	people  people
}

func newRootCommand(env Environment) *cobra.Command {
	c := &command{Environment: env}
	root := &cobra.Command{
		Use:   "kubectl-reelkeeper",
		Short: "Ask who may do what with meeting recordings, and why",
		Long: `Reelkeeper decides from policies and grants who may watch a recording and who may download it. This plugin asks the
same functions as the gateway and the controllers, so that its answers are what the system really does.

It answers questions, and undoes mistakes. Questions only read: policies, recordings, grants and namespaces are all the access
that they need. request, requests, trash, recover, keys rotate and sessions end change something; what looks into a bucket reads the Secrets of its store.

Exit codes: 0 for yes (allowed, nothing would change), 1 for no (denied, something would change), 2 where there is no answer.`,
		Example: `  # which rules hold for a recording, and where they come from
  kubectl reelkeeper explain finance/q3-review

  # may dave download it, and if not, why not and what can be done?
  kubectl reelkeeper can dave@example.com Download finance/q3-review

  # what would this policy change, before it lands?
  kubectl reelkeeper diff -f policy.yaml

  # would this grant count, and if not, which policy and field refuses it?
  kubectl reelkeeper check -f grant.yaml

  # somebody has deleted a namespace
  kubectl reelkeeper trash list -A --deleted-since 1h`,
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl reelkeeper"},
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	c.cluster.bind(root.PersistentFlags())
	c.output.bind(root)
	root.AddCommand(c.newExplain(), c.newCan(), c.newWhoCan(), c.newPreflight(), c.newPosture(), c.newDiff(), c.newCheck(), c.newRequest(), c.newRequests(),
		c.newTrash(), c.newRecover(), c.newOrphans(), c.newKeys(), c.newScrub(), c.newSessions(), c.newVersion())
	addCompletion(root)
	// The flag exists, and that is the only error.
	_ = root.RegisterFlagCompletionFunc("namespace", c.completeNamespaces)
	return root
}

func (c *command) newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), "kubectl-reelkeeper", c.Version, runtime.Version(), runtime.GOOS+"/"+runtime.GOARCH)
			return err
		},
	}
}
