// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/integrity"
	"github.com/reelkeeper/reelkeeper/internal/pace"
	"github.com/reelkeeper/reelkeeper/internal/stores"
)

// scrubReport is what a check of recordings has found.
type scrubReport struct {
	Store string `json:"store"`
	// Checked counts the recordings that were read to their end, Bytes what was read of them.
	Checked int   `json:"checked"`
	Bytes   int64 `json:"bytes"`
	// Findings are those that are not intact, Unread those that could not be read.
	Findings []scrubFinding `json:"findings"`
	Unread   []scrubFinding `json:"unread,omitempty"`
}

// scrubFinding is one recording.
type scrubFinding struct {
	Recording string `json:"recording"`
	Reason    string `json:"reason,omitempty"`
	Message   string `json:"message"`
}

// scrubFlags are the flags of scrub.
type scrubFlags struct {
	storeFlags
	rate string
}

func (c *command) newScrub() *cobra.Command {
	var flags scrubFlags
	cmd := &cobra.Command{
		Use:   "scrub [[NAMESPACE/]RECORDING...]",
		Short: "Compare what is stored of recordings with their manifests, now",
		Long: `Reads recordings in full and compares them with their manifests: that both are there, that the manifest is authentic, the size, and the
SHA-256 of every segment; and whether the bucket says of them what they are: labels, holds, dates, by which they would be recovered. Without
recordings, it checks all of the store, or those of the namespace that -n names. The manager does the same by itself, on the schedule of
the store's spec.integrity; this is for when you cannot wait.

Nothing is changed, and nothing mended. Where the bucket has an earlier version that is whole, the message says how to put it back. It reads
the Secrets that the store names, so that you need to be allowed to, and talks to the object store from where you are: --endpoint says how
to reach it if that is another address.

Exit codes: 0 for all intact, 1 for damage found, 2 where something could not be read.`,
		Example: `  kubectl reelkeeper scrub finance/q3-review
  kubectl reelkeeper scrub --store archive --rate 20Mi -o json

  # through a port-forward
  kubectl -n storage port-forward service/minio 9000 &
  kubectl reelkeeper scrub -n finance --endpoint http://localhost:9000`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.output.check(); err != nil {
				return err
			}
			report, err := c.scrub(cmd.Context(), flags, args, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			if err := c.output.write(cmd.OutOrStdout(), report, func(p *page) { showScrub(p, report) }); err != nil {
				return err
			}
			switch {
			case len(report.Findings) > 0:
				return errNo
			case len(report.Unread) > 0:
				return fmt.Errorf("%d recordings could not be read, of which nothing is known", len(report.Unread))
			}
			return nil
		},
	}
	flags.bind(cmd, true)
	cmd.Flags().StringVar(&flags.rate, "rate", "", "read at most so many bytes a second, such as 20Mi; without it, as fast as it goes")
	cmd.ValidArgsFunction = c.completeRecordings(0)
	return cmd
}

func (c *command) scrub(ctx context.Context, flags scrubFlags, args []string, out io.Writer) (*scrubReport, error) {
	reader, err := c.cluster.client()
	if err != nil {
		return nil, err
	}
	checker := integrity.Checker{}
	if flags.rate != "" {
		rate, err := resource.ParseQuantity(flags.rate)
		if err != nil || rate.Sign() <= 0 {
			return nil, fmt.Errorf("--rate %q is not a number of bytes: write 20Mi, for example", flags.rate)
		}
		checker.Pace = pace.New(clock.RealClock{}, rate.AsApproximateFloat64())
	}
	recordings, err := c.toScrub(ctx, reader, flags, args)
	if err != nil {
		return nil, err
	}
	store, err := flags.open(ctx, reader)
	if err != nil {
		return nil, err
	}
	checker.Objects, checker.Keys = store.Objects, store.Keys
	report := &scrubReport{Store: flags.name, Findings: []scrubFinding{}}
	for i := range recordings {
		if err := report.check(ctx, reader, checker, store, &recordings[i], out); err != nil {
			return nil, err
		}
		if done := i + 1; done%progressEvery == 0 {
			fmt.Fprintf(out, "%d of %d recordings, %d MiB, %d not intact\n", done, len(recordings), report.Bytes>>20, len(report.Findings))
		}
	}
	return report, nil
}

// progressEvery is after how many recordings a line says how far the check is.
const progressEvery = 20

// toScrub reads the recordings that are meant.
func (c *command) toScrub(ctx context.Context, reader client.Reader, flags scrubFlags, args []string) ([]v1alpha1.MeetingRecording, error) {
	var recordings []v1alpha1.MeetingRecording
	for _, arg := range args {
		namespace, name, err := c.cluster.locate(arg)
		if err != nil {
			return nil, err
		}
		var recording v1alpha1.MeetingRecording
		if err := reader.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, &recording); err != nil {
			return nil, fmt.Errorf("reading MeetingRecording %s/%s: %w", namespace, name, err)
		}
		if recording.StoreName() != flags.name {
			return nil, fmt.Errorf("%s/%s lies in the RecordingStore %s: give --store %s", namespace, name, recording.StoreName(), recording.StoreName())
		}
		recordings = append(recordings, recording)
	}
	if len(args) > 0 {
		return recordings, nil
	}
	// The namespace of the context does not count: whoever names none means the whole store.
	err := list(ctx, reader, &v1alpha1.MeetingRecordingList{}, func(page *v1alpha1.MeetingRecordingList) {
		for _, recording := range page.Items {
			if recording.StoreName() == flags.name {
				recordings = append(recordings, recording)
			}
		}
	}, client.InNamespace(c.cluster.overrides.Context.Namespace))
	return recordings, err
}

// check checks one recording. What is wrong with it is told at once, for a check of everything takes long.
func (r *scrubReport) check(
	ctx context.Context, reader client.Reader, checker integrity.Checker, store *stores.Store, recording *v1alpha1.MeetingRecording, out io.Writer,
) error {
	target, kept, err := integrity.TargetOf(recording, store.Bucket(recording.Namespace))
	if err != nil || !kept {
		return err
	}
	verdict, err := checker.Check(ctx, target)
	r.Bytes += verdict.Bytes
	if err == nil && verdict.Intact() {
		verdict, err = checker.CheckState(ctx, reader, client.ObjectKeyFromObject(recording), target)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	finding := scrubFinding{Recording: recording.Namespace + "/" + recording.Name, Reason: verdict.Reason, Message: verdict.Message}
	switch {
	case err != nil:
		finding.Message = err.Error()
		r.Unread = append(r.Unread, finding)
		fmt.Fprintf(out, "%s cannot be read: %v\n", finding.Recording, err)
		return nil
	case !verdict.Intact():
		r.Findings = append(r.Findings, finding)
		fmt.Fprintf(out, "%s is not intact: %s\n", finding.Recording, verdict.Reason)
	}
	r.Checked++
	return nil
}

func showScrub(p *page, report *scrubReport) {
	p.line("%d recordings of RecordingStore %s checked, %d MiB read. Not intact: %d. Unread: %d.",
		report.Checked, report.Store, report.Bytes>>20, len(report.Findings), len(report.Unread))
	var rows [][]string
	for _, finding := range append(report.Findings, report.Unread...) {
		rows = append(rows, []string{finding.Recording, finding.Reason, finding.Message})
	}
	p.table([]string{"RECORDING", "REASON", "MESSAGE"}, rows)
}
