// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/reelkeeper/reelkeeper/internal/undo"
)

func (c *command) newRecover() *cobra.Command {
	var flags struct {
		storeFlags
		reviveFlags
		takeOver bool
	}
	cmd := &cobra.Command{
		Use:   "recover",
		Short: "Make all MeetingRecordings of a lost cluster again, from the bucket alone",
		Long: `Goes through all that lies in the buckets of a store and makes, of each recording that has none, the MeetingRecording again: with the
facts, labels, holds and dates that it had. The media does not move. What was in the trash is there again; what was deleted stays deleted,
and trash restore brings it back. What is there already is left alone, so that the command can be repeated, also after it was interrupted.

The store's key-encryption keyset has to be there: nothing in the buckets opens without it, so restore its Secret first. Restore
namespaces and policies before too, from wherever you keep them, or the organisation's rules will not hold for what comes back. AccessGrants and the access log's objects are not in the bucket.

A store works for one cluster. In another one it is not ready, and says ClaimedElsewhere, until somebody takes it over with --take-over, which
is for when the first is gone for good: two clusters over one bucket purge each other's recordings. It takes patch on recordingstores.

What could not be recovered is listed with the reason: a manifest that is missing, a manifest or state that is not authentic, media that is
missing, another keyset, a name that another recording has, raw uploads that were never processed, of which nothing says whose they are, and
buckets that may be the store's and could not be looked into.

Exit codes: 0 when everything is back, 1 when something is not, 2 where there is no answer.`,
		Example: `  # in a new cluster: Reelkeeper, then the keyset, then the store, then namespaces and policies from Git, then
  kubectl reelkeeper recover --store default --take-over

  # look first, where the store has been taken over
  kubectl reelkeeper recover --store default --dry-run

  # namespaces that nobody has made again
  kubectl reelkeeper recover --store default --create-namespace --namespace-label reelkeeper.io/recordings=enabled

  # one department first
  kubectl reelkeeper recover --store default -n finance -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.output.check(); err != nil {
				return err
			}
			options, err := flags.options()
			if err != nil {
				return err
			}
			options.AsBefore, options.OnlyLost = true, true
			if flags.takeOver {
				if err := c.takeOver(cmd, flags.storeFlags, options); err != nil {
					return err
				}
			}
			return c.recover(cmd, flags.storeFlags, options, flags.atOnce)
		},
	}
	flags.storeFlags.bind(cmd, true)
	flags.reviveFlags.bind(cmd.Flags())
	cmd.Flags().BoolVar(&flags.takeOver, "take-over", false, "take the store over from the cluster that it worked for, which is gone for good")
	return cmd
}

func (c *command) takeOver(cmd *cobra.Command, flags storeFlags, options undo.Options) error {
	if options.DryRun {
		return errors.New("--take-over changes who may write in the bucket, which a dry run does not: give one of them")
	}
	writer, err := c.cluster.writer()
	if err != nil {
		return err
	}
	return flags.takeOver(cmd.Context(), writer, options.Patience, cmd.ErrOrStderr())
}

func (c *command) recover(cmd *cobra.Command, flags storeFlags, options undo.Options, atOnce int) error {
	writer, err := c.cluster.writer()
	if err != nil {
		return err
	}
	store, err := flags.open(cmd.Context(), writer)
	if err != nil {
		return err
	}
	if err := store.IsOurs(cmd.Context()); err != nil {
		return err
	}
	// The namespace of the context does not count: whoever names none means the whole store.
	namespace := c.cluster.overrides.Context.Namespace
	found, unread, err := undo.Finds(cmd.Context(), store, namespace)
	if err != nil {
		return err
	}
	cluster, err := undo.ReadCluster(cmd.Context(), writer, namespace)
	if err != nil {
		return err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "RecordingStore %s has something of %d recordings\n", flags.name, len(found))
	reviver := &undo.Reviver{Client: writer, Store: store, Cluster: cluster, Options: options}
	progress := newMeter(cmd.ErrOrStderr(), len(found))
	outcomes := undo.Each(cmd.Context(), found, atOnce, reviver.Lost, progress.count)
	return c.tell(cmd, flags.name, outcomes, unread)
}
