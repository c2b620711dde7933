// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/stores"
	"github.com/reelkeeper/reelkeeper/internal/undo"
)

func (c *command) newTrash() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "trash",
		Short: "See what is in the trash, take it back, or let go of it for good",
		Long: `Two kinds of recordings are in the trash until their purge date. Trashed are those that have a MeetingRecording: somebody set spec.state to
Trashed, or they expired. Deleted are those whose MeetingRecording is gone, by kubectl delete, by a GitOps tool that pruned it, or with its namespace;
their media lies in the bucket with a tombstone, also when the namespace is gone.

For deleted ones the commands look into the bucket: they read the Secrets that the store names, so that you need to be allowed to, and talk
to the object store from where you are; --endpoint says how to reach it if that is another address. For recordings that are only Trashed,
--kind Trashed does without.`,
		Args: cobra.NoArgs,
	}
	cmd.AddCommand(c.newTrashList(), c.newTrashRestore(), c.newTrashPurge())
	return cmd
}

// trashFlags say which recordings in the trash are meant.
type trashFlags struct {
	storeFlags
	everywhere   bool
	kind         string
	since, until string
}

func (f *trashFlags) bind(cmd *cobra.Command) {
	f.storeFlags.bind(cmd, true)
	cmd.Flags().BoolVarP(&f.everywhere, "all-namespaces", "A", false, "of all namespaces, those that are gone included")
	cmd.Flags().StringVar(&f.kind, "kind", "", "only Trashed (there is a MeetingRecording) or only Deleted (the MeetingRecording is gone)")
	cmd.Flags().StringVar(&f.since, "deleted-since", "", "only what went there at this time or later: 2026-03-04T05:00:00Z, or 3d or 90m ago")
	cmd.Flags().StringVar(&f.until, "deleted-until", "", "only what went there at this time or earlier")
	_ = cmd.RegisterFlagCompletionFunc("kind", cobra.FixedCompletions([]string{string(undo.Trashed), string(undo.Deleted)}, cobra.ShellCompDirectiveNoFileComp))
}

// filter checks the flags before anything is read.
func (f *trashFlags) filter(c *command) (undo.Filter, error) {
	var filter undo.Filter
	for _, kind := range []undo.Kind{undo.Trashed, undo.Deleted} {
		if strings.EqualFold(f.kind, string(kind)) {
			filter.Kind = kind
		}
	}
	if f.kind != "" && filter.Kind == "" {
		return filter, fmt.Errorf("there is no --kind %q: use Trashed or Deleted", f.kind)
	}
	var err error
	if filter.Since, err = moment("--deleted-since", f.since, c.Clock.Now()); err != nil {
		return filter, err
	}
	if filter.Until, err = moment("--deleted-until", f.until, c.Clock.Now()); err != nil {
		return filter, err
	}
	if !f.everywhere {
		filter.Namespace, err = c.cluster.namespace()
	}
	return filter, err
}

// moment reads a time, or how long ago it was. It is zero where the flag is not given.
func moment(flag, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	ago, err := v1alpha1.Duration(text).Parse()
	if err != nil {
		return time.Time{}, fmt.Errorf("%s %q is no time: write 2026-03-04T05:00:00Z, or 3d or 90m for so long ago", flag, text)
	}
	return now.Add(-ago), nil
}

// trash is what was found in a trash, and what it was found with.
type trash struct {
	client  client.Client
	cluster *undo.Cluster
	// store is nil where nothing needed it.
	store   *stores.Store
	entries []*undo.Entry
	// unread says which part of the trash could not be looked into.
	unread error
}

// readTrash looks at both kinds. Where the bucket cannot be looked into, what the API server knows is there all the same.
func (c *command) readTrash(ctx context.Context, flags trashFlags, filter undo.Filter) (*trash, error) {
	writer, err := c.cluster.writer()
	if err != nil {
		return nil, err
	}
	found := &trash{client: writer}
	if found.cluster, err = undo.ReadCluster(ctx, writer, filter.Namespace); err != nil {
		return nil, err
	}
	found.entries = undo.TrashedIn(found.cluster, flags.name, filter)
	if filter.Kind == undo.Trashed {
		return found, nil
	}
	var deleted []*undo.Entry
	if found.store, found.unread = flags.open(ctx, writer); found.unread == nil {
		deleted, found.unread = undo.DeletedIn(ctx, found.store, found.cluster, filter)
	}
	found.entries = append(found.entries, deleted...)
	return found, nil
}

// pick returns the entries that the arguments name, in their order. A name can have been given again to other recordings after a
// deletion: then the UID tells them apart.
func (c *command) pick(entries []*undo.Entry, args []string, uid string) ([]*undo.Entry, error) {
	var picked []*undo.Entry
	var errs []error
	for _, arg := range args {
		namespace, name, err := c.cluster.locate(arg)
		if err != nil {
			return nil, err
		}
		var fits []*undo.Entry
		for _, e := range entries {
			if e.Namespace == namespace && e.Name == name && (uid == "" || e.UID == uid) {
				fits = append(fits, e)
			}
		}
		switch len(fits) {
		case 0:
			errs = append(errs, fmt.Errorf("%s/%s is not in the trash: `kubectl reelkeeper trash list -n %s` shows what is", namespace, name, namespace))
		case 1:
			picked = append(picked, fits[0])
		default:
			errs = append(errs, fmt.Errorf("%d recordings called %s/%s are in the trash: choose one with --uid: %s", len(fits), namespace, name, uids(fits)))
		}
	}
	return picked, errors.Join(errs...)
}

func uids(entries []*undo.Entry) string {
	var all []string
	for _, e := range entries {
		all = append(all, fmt.Sprintf("%s (%s %s)", e.UID, strings.ToLower(string(e.Kind)), e.Since.Format(time.RFC3339)))
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// namespacesOf widens the filter where arguments name recordings of several namespaces.
func (c *command) namespacesOf(filter undo.Filter, args []string) (undo.Filter, error) {
	for i, arg := range args {
		namespace, _, err := c.cluster.locate(arg)
		if err != nil {
			return filter, err
		}
		if i == 0 {
			filter.Namespace = namespace
		} else if filter.Namespace != namespace {
			filter.Namespace = ""
		}
	}
	return filter, nil
}
