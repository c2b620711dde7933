// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

// lookEvery is how often a command that waits looks again.
const lookEvery = 2 * time.Second

// keysReport is what is told of a store's keys.
type keysReport struct {
	Store string `json:"store"`
	// Wanted is the key generation of the spec, Done the one that has been carried out.
	Wanted int64 `json:"wanted"`
	Done   int64 `json:"done"`
	// Rotation is absent without one.
	Rotation v1alpha1.KeyRotation `json:"rotation,omitzero"`
	Keys     []v1alpha1.KeyStatus `json:"keys,omitempty"`
	// State and Message are those of the condition KeysRotated.
	State   string `json:"state"`
	Message string `json:"message,omitempty"`
	// LastRotation is when a rotation was last carried out; absent for never.
	LastRotation metav1.Time `json:"lastRotation,omitzero"`

	status metav1.ConditionStatus
}

func keysOf(store *v1alpha1.RecordingStore) keysReport {
	status := store.Status.Keys
	report := keysReport{
		Store: store.Name, Wanted: max(store.Spec.Encryption.KeyGeneration, 1), Done: status.Generation,
		Rotation: status.Rotation, Keys: status.Keys, LastRotation: status.LastRotationTime, State: v1alpha1.ReasonPending,
	}
	if c := meta.FindStatusCondition(store.Status.Conditions, v1alpha1.ConditionKeysRotated); c != nil {
		report.State, report.Message, report.status = c.Reason, c.Message, c.Status
	}
	return report
}

// underWay reports whether a rotation was asked for and is not done.
func (r keysReport) underWay() bool { return r.Done < r.Wanted || r.Rotation.Generation > 0 }

// progress is one line.
func (r keysReport) progress() string {
	switch {
	case r.status == metav1.ConditionUnknown && r.State != v1alpha1.ReasonPending:
		return r.State + ": " + r.Message
	case r.Rotation.Generation > 0 && r.Rotation.Rewrapped != nil && r.Rotation.Stage == v1alpha1.RotationRewrapping:
		return fmt.Sprintf("%s: %d recordings' keys wrapped with key %s", r.Rotation.Stage, *r.Rotation.Rewrapped, r.Rotation.KeyID)
	case r.Rotation.Generation > 0:
		return fmt.Sprintf("%s: every component has to have key %s before it wraps, which takes a minute", r.Rotation.Stage, r.Rotation.KeyID)
	default:
		return "Waiting for the manager"
	}
}

func (c *command) newKeys() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Rotate the key-encryption keyset of a store, and see how far a rotation is",
		Long: `Every recording is encrypted with a key of its own, and that is wrapped with a key of the store's keyset, which lies in a Secret.
Rotating adds a new key to the keyset, wraps the keys of all recordings with it, and retires the old key once nothing needs it any more:
disabled at once, removed a week later. No media is read or written, and recordings can be watched throughout.

Back the Secret up when a key was added: a backup from before a rotation does not open what was wrapped since. docs/keys.md has more.`,
		Args: cobra.NoArgs,
	}
	cmd.AddCommand(c.newKeysRotate(), c.newKeysStatus())
	return cmd
}

func (c *command) newKeysStatus() *cobra.Command {
	var flags storeFlags
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show the keys of a store, and how far a rotation is",
		Long: `Shows which key generation is wanted and which is done, the rotation that is under way, and every key of the keyset. Primary wraps;
Enabled unwraps what it wrapped; Disabled is not needed by anything that is known, and removed after a week.

The exit code is 1 while not all recordings' keys are wrapped with the newest key.`,
		Example: `  kubectl reelkeeper keys status
  kubectl reelkeeper keys status --store archive -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.output.check(); err != nil {
				return err
			}
			reader, err := c.cluster.client()
			if err != nil {
				return err
			}
			store, err := flags.recordingStore(cmd.Context(), reader)
			if err != nil {
				return err
			}
			return c.showKeys(cmd.OutOrStdout(), keysOf(store))
		},
	}
	flags.bind(cmd, false)
	return cmd
}

func (c *command) newKeysRotate() *cobra.Command {
	var flags storeFlags
	var waits bool
	cmd := &cobra.Command{
		Use:   "rotate",
		Short: "Give a store's keyset a new key, and wrap all recordings' keys with it",
		Long: `Raises spec.encryption.keyGeneration of the RecordingStore by one; the manager does the rest. While a rotation is under way it does
not ask for another one, so that the command can be repeated. Where the store comes from Git, raise the number there.

With --wait it returns when the keys of all recordings are wrapped with the new key, and shows how far that is. The exit code is 1 where
some could not be; the message names them.`,
		Example: `  kubectl reelkeeper keys rotate --wait
  kubectl reelkeeper keys rotate --store archive -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.output.check(); err != nil {
				return err
			}
			writer, err := c.cluster.writer()
			if err != nil {
				return err
			}
			store, err := askForRotation(cmd.Context(), writer, flags, cmd.ErrOrStderr())
			if err != nil || !waits {
				return err
			}
			report, err := awaitRotation(cmd.Context(), writer, store, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			return c.showKeys(cmd.OutOrStdout(), report)
		},
	}
	flags.bind(cmd, false)
	cmd.Flags().BoolVar(&waits, "wait", false, "return when the rotation is done")
	return cmd
}

// askForRotation raises the key generation, unless that was done and waits to be carried out.
func askForRotation(ctx context.Context, writer client.Client, flags storeFlags, out io.Writer) (*v1alpha1.RecordingStore, error) {
	store, err := flags.recordingStore(ctx, writer)
	if err != nil {
		return nil, err
	}
	if report := keysOf(store); report.underWay() && report.Done > 0 {
		fmt.Fprintf(out, "RecordingStore %s: a rotation to key generation %d is under way already\n", store.Name, report.Wanted)
		return store, nil
	}
	before := store.DeepCopy()
	// The keyset of a store that was made anew has had more keys than the spec says.
	store.Spec.Encryption.KeyGeneration = max(store.Spec.Encryption.KeyGeneration, store.Status.Keys.Generation, 1) + 1
	if err := writer.Patch(ctx, store, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})); err != nil {
		return nil, fmt.Errorf("raising spec.encryption.keyGeneration of RecordingStore %s: %w", store.Name, err)
	}
	fmt.Fprintf(out, "RecordingStore %s: key generation %d is asked for\n", store.Name, store.Spec.Encryption.KeyGeneration)
	return store, nil
}

// awaitRotation returns when the manager has carried out what the store asks for, and tells on the way how far it is.
func awaitRotation(ctx context.Context, reader client.Reader, store *v1alpha1.RecordingStore, out io.Writer) (report keysReport, err error) {
	last := ""
	err = wait.PollUntilContextCancel(ctx, lookEvery, true, func(ctx context.Context) (bool, error) {
		if err := reader.Get(ctx, client.ObjectKeyFromObject(store), store); err != nil {
			return false, fmt.Errorf("reading RecordingStore %s: %w", store.Name, err)
		}
		if report = keysOf(store); !report.underWay() {
			return true, nil
		}
		if line := report.progress(); line != last {
			fmt.Fprintln(out, line)
			last = line
		}
		return false, nil
	})
	return report, err
}

// showKeys prints the report. The answer is yes where everything is wrapped with the newest key.
func (c *command) showKeys(out io.Writer, report keysReport) error {
	err := c.output.write(out, report, func(p *page) {
		p.table([]string{"STORE", "WANTED", "DONE", "STATE"}, [][]string{{
			report.Store, strconv.FormatInt(report.Wanted, 10), strconv.FormatInt(report.Done, 10), report.State,
		}})
		var rows [][]string
		for _, key := range report.Keys {
			rows = append(rows, []string{key.ID, string(key.State), key.Since.UTC().Format(time.RFC3339)})
		}
		p.table([]string{"KEY", "STATE", "SINCE"}, rows)
		p.line("")
		if report.underWay() {
			p.line("%s.", report.progress())
		} else if report.Message != "" {
			p.line("%s.", report.Message)
		}
	})
	if err == nil && (report.underWay() || report.status != metav1.ConditionTrue) {
		return errNo
	}
	return err
}
