// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/undo"
)

// reviveFlags say how recordings are brought back.
type reviveFlags struct {
	dryRun           bool
	createNamespaces bool
	namespaceLabels  map[string]string
	wait             bool
	timeout          string
	atOnce           int
}

func (f *reviveFlags) bind(flags *pflag.FlagSet) {
	flags.BoolVar(&f.dryRun, "dry-run", false, "have the API server check everything, and store nothing")
	flags.BoolVar(&f.createNamespaces, "create-namespace", false, "make namespaces that are gone")
	flags.StringToStringVar(&f.namespaceLabels, "namespace-label", nil, "a label KEY=VALUE for namespaces that are made; what the store allows and policies hold for depends on them")
	flags.BoolVar(&f.wait, "wait", true, "return when the manager has done its part; --wait=false when it is asked for")
	flags.StringVar(&f.timeout, "timeout", "2m", "stop waiting when the manager has done nothing for so long")
	flags.IntVar(&f.atOnce, "concurrency", atOnce, "how many recordings to work on at once")
}

func (f *reviveFlags) options() (undo.Options, error) {
	options := undo.Options{DryRun: f.dryRun, CreateNamespaces: f.createNamespaces, NamespaceLabels: f.namespaceLabels}
	if f.atOnce < 1 {
		return options, errors.New("--concurrency is at least 1")
	}
	if len(f.namespaceLabels) > 0 && !f.createNamespaces {
		return options, errors.New("--namespace-label is about namespaces that are made: give --create-namespace too")
	}
	if !f.wait {
		return options, nil
	}
	var err error
	options.Patience, err = patience(f.timeout)
	return options, err
}

func patience(timeout string) (time.Duration, error) {
	length, err := v1alpha1.Duration(timeout).Parse()
	if err != nil {
		return 0, fmt.Errorf("--timeout: %w", err)
	}
	return length, nil
}

type restoreFlags struct {
	trashFlags
	reviveFlags
	all, asBefore bool
	uid, name     string
}

func (c *command) newTrashRestore() *cobra.Command {
	var flags restoreFlags
	cmd := &cobra.Command{
		Use:   "restore {[NAMESPACE/]RECORDING... | --all | --deleted-since TIME}",
		Short: "Bring recordings back from the trash",
		Long: `Brings recordings back: of what is Trashed, it sets spec.state to Active; of what was deleted, it makes a MeetingRecording that adopts
what the bucket has, with the facts, labels and holds that it had. The media does not move. The time to live begins anew; a retention
lock stays as it was. What is there already is left as it is, so that the command can be repeated, also after it was interrupted.

AccessGrants that were deleted do not come back: make those again that are still needed.

With --as-before, what was in the trash when it was deleted comes back to the trash, and what was not deleted is left alone: that undoes a
deletion of many, and nothing else. A namespace that is gone has to be made, by you or with --create-namespace; its labels are known to
nobody any more, and the store, and policies, may go by them. Where one of the same name was made since, a warning says when: it may belong
to other people by now, who then have what comes back. Look first, with --dry-run.

It takes create and patch on meetingrecordings, and hold, retain where the recordings had holds or a time to live of their own.

Exit codes: 0 when all are back, 1 when some could not be restored, which are listed with the reason, 2 where there is no answer.`,
		Example: `  kubectl reelkeeper trash restore finance/q3-review

  # undo what was deleted in the last hour, namespaces included; look first, then do it
  kubectl reelkeeper trash restore -A --deleted-since 1h --kind Deleted --as-before --create-namespace --namespace-label team=finance --dry-run
  kubectl reelkeeper trash restore -A --deleted-since 1h --kind Deleted --as-before --create-namespace --namespace-label team=finance

  # everything of one namespace; another recording has the name of the second
  kubectl reelkeeper trash restore -n finance --all
  kubectl reelkeeper trash restore finance/q4-review --name q4-review-restored`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.output.check(); err != nil {
				return err
			}
			return c.restore(cmd, flags, args)
		},
	}
	flags.trashFlags.bind(cmd)
	flags.reviveFlags.bind(cmd.Flags())
	cmd.Flags().BoolVar(&flags.all, "all", false, "everything that the other flags mean")
	cmd.Flags().BoolVar(&flags.asBefore, "as-before", false, "bring back to the trash what was there when it was deleted, and leave alone what was not deleted")
	cmd.Flags().StringVar(&flags.uid, "uid", "", "which one, where several of that name were deleted; trash list -o wide shows it")
	cmd.Flags().StringVar(&flags.name, "name", "", "what to call it from now on, where another recording has its name")
	return cmd
}

// check refuses what is ambiguous: nobody restores everything by leaving something out.
func (f *restoreFlags) check(args []string) error {
	switch named := len(args); {
	case named == 0 && !f.all && f.since == "":
		return errors.New("nothing is named: name recordings, or give --all or --deleted-since; `kubectl reelkeeper trash list` shows what there is")
	case named > 0 && f.all:
		return errors.New("--all and names contradict each other: give one of them")
	case named != 1 && (f.name != "" || f.uid != ""):
		return errors.New("--name and --uid are about one recording: name it")
	}
	return nil
}

func (c *command) restore(cmd *cobra.Command, flags restoreFlags, args []string) error {
	if err := flags.check(args); err != nil {
		return err
	}
	options, err := flags.options()
	if err != nil {
		return err
	}
	options.AsBefore, options.Name = flags.asBefore, flags.name
	options.Warn = func(warning string) { fmt.Fprintln(cmd.ErrOrStderr(), "Warning:", warning) }
	entries, found, err := c.meant(cmd.Context(), flags.trashFlags, args, flags.uid)
	if err != nil {
		return err
	}
	reviver := &undo.Reviver{Client: found.client, Store: found.store, Cluster: found.cluster, Options: options}
	progress := newMeter(cmd.ErrOrStderr(), len(entries))
	outcomes := undo.Each(cmd.Context(), entries, flags.atOnce, reviver.Entry, progress.count)
	return c.tell(cmd, flags.trashFlags.name, outcomes, found.unread)
}

// meant are the entries that flags and arguments mean.
func (c *command) meant(ctx context.Context, flags trashFlags, args []string, uid string) ([]*undo.Entry, *trash, error) {
	filter, err := flags.filter(c)
	if err != nil {
		return nil, nil, err
	}
	if filter, err = c.namespacesOf(filter, args); err != nil {
		return nil, nil, err
	}
	found, err := c.readTrash(ctx, flags, filter)
	if err != nil {
		return nil, nil, err
	}
	if len(args) == 0 {
		return found.entries, found, nil
	}
	entries, err := c.pick(found.entries, args, uid)
	if err != nil {
		return nil, nil, errors.Join(err, found.unread)
	}
	found.unread = nil // what was named was found
	return entries, found, nil
}

// tell prints what became of recordings.
func (c *command) tell(cmd *cobra.Command, store string, outcomes []undo.Outcome, unread error) error {
	report := reportOf(store, outcomes)
	err := c.output.write(cmd.OutOrStdout(), report, func(p *page) {
		showOutcomes(p, report)
		if report.Counts[undo.Restored] > 0 {
			p.line("")
			p.line("AccessGrants that were deleted do not come back by themselves: make those again that are still needed.")
		}
	})
	switch {
	case err != nil:
		return err
	case cmd.Context().Err() != nil:
		return errors.New("interrupted: run it again, it goes on where it stopped")
	case unread != nil:
		return fmt.Errorf("a part could not be looked into: %w", unread)
	}
	return report.verdict()
}
