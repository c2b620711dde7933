// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/reelkeeper/reelkeeper/internal/undo"
)

func (c *command) newOrphans() *cobra.Command {
	var flags storeFlags
	cmd := &cobra.Command{
		Use:   "orphans",
		Short: "Find objects without a recording, and recordings without their objects",
		Long: `Compares what lies in the buckets of a store with the MeetingRecordings that there are. Objects that belong to no recording, and to none
that was seen to be deleted, are orphans: nobody asked for them to go, so nothing removes them, neither this command nor the manager
(but for raw uploads that came late, 30 days after they were sent). Recordings whose media or manifest is not there are listed too.

It only reads. Like scrub, it reads the Secrets that the store names and talks to the object store from where you are. The manager counts the
same in the metric reelkeeper_orphans.

Exit codes: 0 for none, 1 for some, 2 where something could not be read.`,
		Example: `  kubectl reelkeeper orphans --store default
  kubectl reelkeeper orphans -n finance -o json
  kubectl reelkeeper orphans --endpoint http://localhost:9000     # through kubectl port-forward`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.output.check(); err != nil {
				return err
			}
			reader, err := c.cluster.client()
			if err != nil {
				return err
			}
			store, err := flags.open(cmd.Context(), reader)
			if err != nil {
				return err
			}
			// The namespace of the context does not count: whoever names none means the whole store.
			found, err := undo.FindOrphans(cmd.Context(), store, reader, c.cluster.overrides.Context.Namespace)
			if err != nil {
				return err
			}
			err = c.output.write(cmd.OutOrStdout(), found, func(p *page) { showOrphans(p, found) })
			if err == nil && len(found.Objects)+len(found.Recordings) > 0 {
				return errNo
			}
			return err
		},
	}
	flags.bind(cmd, true)
	return cmd
}

func showOrphans(p *page, found *undo.Orphans) {
	p.line("RecordingStore %s: %d orphans in its buckets, %d recordings without all of their objects.", found.Store, len(found.Objects), len(found.Recordings))
	var rows [][]string
	for _, o := range found.Objects {
		rows = append(rows, []string{o.Bucket, o.Namespace, o.UID, strconv.Itoa(o.Objects), fmt.Sprintf("%d KiB", (o.Bytes+1023)>>10), o.What})
	}
	p.table([]string{"BUCKET", "NAMESPACE", "UID", "OBJECTS", "SIZE", "WHAT IT IS"}, rows)
	rows = nil
	for _, r := range found.Recordings {
		rows = append(rows, []string{r.Namespace + "/" + r.Name, r.Bucket, strings.Join(r.Missing, ", ")})
	}
	p.table([]string{"RECORDING", "BUCKET", "MISSING"}, rows)
}
