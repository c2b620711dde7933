// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/reelkeeper/reelkeeper/internal/undo"
)

type purgeFlags struct {
	trashFlags
	all, yes, dryRun bool
	uid, timeout     string
}

func (c *command) newTrashPurge() *cobra.Command {
	var flags purgeFlags
	cmd := &cobra.Command{
		Use:   "purge {[NAMESPACE/]RECORDING... | --all}",
		Short: "Delete recordings in the trash for good, before their time",
		Long: `Deletes recordings in the trash for good: every version of the media, and the key that could open a copy. Nothing brings them back.
The manager does it when it next looks at the trash, within ten minutes, and records it in the audit log with your name and the evidence.
The purge guard does not stop what a person purges.

What is held or locked is refused, with who holds it or until when. Only what is in the trash can be purged: set spec.state to Trashed first.

It asks before it does anything; --yes answers. It takes delete on meetingrecordings for what is Trashed, and credentials that may
write in the bucket: those of the store.

Exit codes: 0 when all are going, 1 when some were refused, which are listed with the reason, 2 where there is no answer or it was not confirmed.`,
		Example: `  kubectl reelkeeper trash purge finance/q3-review
  kubectl reelkeeper trash purge -n finance --all --kind Deleted --deleted-until 7d --dry-run
  kubectl reelkeeper trash purge finance/q3-review --yes -o json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.output.check(); err != nil {
				return err
			}
			return c.purge(cmd, flags, args)
		},
	}
	flags.bind(cmd)
	cmd.Flags().BoolVar(&flags.all, "all", false, "everything that the other flags mean")
	cmd.Flags().BoolVarP(&flags.yes, "yes", "y", false, "do not ask")
	cmd.Flags().BoolVar(&flags.dryRun, "dry-run", false, "say what would be purged and what is refused, and change nothing")
	cmd.Flags().StringVar(&flags.uid, "uid", "", "which one, where several of that name were deleted; trash list -o wide shows it")
	cmd.Flags().StringVar(&flags.timeout, "timeout", "2m", "how long to wait for the manager to let go of a MeetingRecording")
	return cmd
}

func (c *command) purge(cmd *cobra.Command, flags purgeFlags, args []string) error {
	if (len(args) > 0) == flags.all {
		return errors.New("name recordings, or give --all, and not both; `kubectl reelkeeper trash list` shows what there is")
	}
	if flags.uid != "" && len(args) != 1 {
		return errors.New("--uid is about one recording: name it")
	}
	patience, err := patience(flags.timeout)
	if err != nil {
		return err
	}
	entries, found, err := c.meant(cmd.Context(), flags.trashFlags, args, flags.uid)
	if err != nil {
		return err
	}
	if found.store == nil {
		if found.store, err = flags.open(cmd.Context(), found.client); err != nil {
			return err
		}
	}
	// The status of a store whose manager is gone still says that it may be used.
	if err := found.store.IsOurs(cmd.Context()); err != nil {
		return err
	}
	me, err := whoAmI(cmd.Context(), found.client)
	if err != nil {
		return err
	}
	if !flags.dryRun && !flags.yes && len(entries) > 0 {
		if err := c.confirm(cmd.InOrStdin(), cmd.ErrOrStderr(), entries); err != nil {
			return err
		}
	}
	purger := &undo.Purger{Client: found.client, Store: found.store, By: me, Now: c.Clock.Now(), Patience: patience, DryRun: flags.dryRun}
	progress := newMeter(cmd.ErrOrStderr(), len(entries))
	outcomes := undo.Each(cmd.Context(), entries, atOnce, purger.Entry, progress.count)
	return c.tell(cmd, flags.name, outcomes, found.unread)
}

// confirm shows what is going for good and asks.
func (c *command) confirm(in io.Reader, out io.Writer, entries []*undo.Entry) error {
	var p page
	showEntries(&p, entries, c.Clock.Now())
	fmt.Fprintf(out, "%s\nThese %d recordings are deleted for good: nothing brings them back. Type yes to go on: ", p.text.String(), len(entries))
	answer, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("reading the answer: %w", err)
	}
	if strings.TrimSpace(answer) != "yes" {
		return errors.New("nothing was purged: the answer was not yes; without a terminal, give --yes")
	}
	return nil
}
