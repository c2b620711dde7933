// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/reelkeeper/reelkeeper/internal/undo"
)

// trashReport is what is in the trash.
type trashReport struct {
	Store      string        `json:"store"`
	Recordings []*undo.Entry `json:"recordings"`
	// Unread says which part of the trash could not be looked into.
	Unread string `json:"unread,omitempty"`
}

func (c *command) newTrashList() *cobra.Command {
	var flags trashFlags
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List what is in the trash, and until when",
		Long: `Lists what is in the trash of a store: of one namespace, or with -A of all, those that are gone included. What goes first stands first.
WHY is the rule by which it goes then, or what keeps it. BY is who put it there where that is known: of a deletion, the API server's own
audit log alone says who sent it.

The exit code is 2 where a part could not be looked into; what could be is listed.`,
		Example: `  kubectl reelkeeper trash list -n finance
  kubectl reelkeeper trash list -A --deleted-since 90m -o wide

  # through a port-forward
  kubectl -n storage port-forward service/minio 9000 &
  kubectl reelkeeper trash list -A --endpoint http://localhost:9000

  # without access to the bucket: only what has a MeetingRecording
  kubectl reelkeeper trash list -n finance --kind Trashed`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.output.check(); err != nil {
				return err
			}
			filter, err := flags.filter(c)
			if err != nil {
				return err
			}
			found, err := c.readTrash(cmd.Context(), flags, filter)
			if err != nil {
				return err
			}
			return c.showTrash(cmd.OutOrStdout(), flags.name, found)
		},
	}
	flags.bind(cmd)
	return cmd
}

func (c *command) showTrash(out io.Writer, store string, found *trash) error {
	report := trashReport{Store: store, Recordings: found.entries}
	if report.Recordings == nil {
		report.Recordings = []*undo.Entry{}
	}
	if found.unread != nil {
		report.Unread = found.unread.Error()
	}
	err := c.output.write(out, report, func(p *page) { showEntries(p, found.entries, c.Clock.Now()) })
	if err == nil && found.unread != nil {
		return fmt.Errorf("a part of the trash could not be looked into: %w", found.unread)
	}
	return err
}

func showEntries(p *page, entries []*undo.Entry, now time.Time) {
	if len(entries) == 0 {
		p.line("Nothing is in the trash.")
		return
	}
	header := []string{"RECORDING", "KIND", "SINCE", "PURGED", "WHY", "BY"}
	if p.wide {
		header = append(header, "UID", "NOTE")
	}
	var rows [][]string
	for _, e := range entries {
		row := []string{e.String(), string(e.Kind), date(e.Since), purge(e, now), e.Why, dash(e.By)}
		if p.wide {
			row = append(row, e.UID, dash(note(e)))
		}
		rows = append(rows, row)
	}
	p.table(header, rows)
}

func note(e *undo.Entry) string {
	var notes []string
	if e.NamespaceGone {
		notes = append(notes, "the namespace is gone")
	}
	if e.Problem != "" {
		notes = append(notes, "cannot be restored: "+e.Problem)
	}
	return strings.Join(notes, "; ")
}

// purge is when it goes. What is past its date waits for the purge guard, or for the next look at the trash.
func purge(e *undo.Entry, now time.Time) string {
	switch {
	case e.PurgeAt.IsZero():
		return "kept"
	case !e.PurgeAt.After(now):
		return date(e.PurgeAt) + " (due)"
	}
	return date(e.PurgeAt)
}

func date(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return stamp(&t)
}

func dash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}
