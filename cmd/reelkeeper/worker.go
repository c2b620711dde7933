// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"github.com/spf13/cobra"
	"k8s.io/utils/clock"

	"github.com/reelkeeper/reelkeeper/internal/media"
	"github.com/reelkeeper/reelkeeper/internal/media/worker"
)

// newWorkerCommand is what processing Jobs run.
func newWorkerCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "worker",
		Short: "Process recordings, one per run, with nothing but presigned URLs",
		Long: `The worker is started by the manager as a Kubernetes Job, once for each recording that has to be processed.
It holds no credentials of the object store and no token for the Kubernetes API: its spec carries presigned URLs
and the data key of one recording.`,
	}
	cmd.AddCommand(newWorkerProcessCommand())
	return cmd
}

func newWorkerProcessCommand() *cobra.Command {
	var specPath, scratch string
	cmd := &cobra.Command{
		Use:   "process --spec FILE [--scratch FOLDER]",
		Short: "Turn one raw recording into one encrypted media object and its manifest",
		Long: `Downloads the raw recording, checks it, copies the streams that every browser plays and transcodes the others,
packages them as fragmented MP4 with segments of about four seconds, encrypts, uploads, reads back and verifies, and
writes the manifest last. docs/media-format.md describes what is written.

Needs ffmpeg and ffprobe in PATH, and room for the raw recording in the scratch folder. Memory does not grow with the
length of a recording: about three times the part size of the spec, and what ffmpeg takes.

The spec is a JSON file that the manager makes and mounts from a Secret.

Exit codes:
  0  done: the media object is verified and its manifest is written
  1  failed; another try makes sense (source unreachable, storage error, timeout, …)
  3  failed for good: the input can never work (Empty, Truncated, NotAVideo, Encrypted, TooLarge)

After a failure the last line on standard error is one JSON object:
  {"reason":"NotAVideo","message":"what is wrong and what to do","terminal":true}`,
		Example: `  reelkeeper worker process --spec /var/run/reelkeeper/spec.json --scratch /scratch`,
		Args:    cobra.NoArgs,
		Run: func(cmd *cobra.Command, _ []string) {
			// The exit code and the last line are what the manager reads, so nothing may come after them.
			os.Exit(runWorker(cmd.Context(), specPath, scratch, cmd.ErrOrStderr()))
		},
	}
	cmd.Flags().StringVar(&specPath, "spec", "", "JSON file with everything the worker needs to know (required)")
	cmd.Flags().StringVar(&scratch, "scratch", os.TempDir(), "folder for the raw recording while it is processed")
	_ = cmd.MarkFlagRequired("spec")
	return cmd
}

// runWorker processes one recording and returns the exit code. What it says goes to errors, the failure last.
func runWorker(ctx context.Context, specPath, scratch string, errors io.Writer) int {
	err := process(ctx, specPath, scratch, jsonLog(errors))
	if err == nil {
		return worker.ExitDone
	}
	failure := worker.Describe(err)
	fmt.Fprintln(errors, failure.Line())
	return failure.ExitCode()
}

func process(ctx context.Context, specPath, scratch string, log logr.Logger) error {
	spec, err := worker.LoadSpec(specPath)
	if err != nil {
		return err
	}
	tools, err := media.FindTools()
	if err != nil {
		return err
	}
	store, err := worker.NewStore(spec)
	if err != nil {
		return err
	}
	defer store.Close()
	log = log.WithValues("recording", spec.Recording.Namespace+"/"+spec.Recording.Name, "attempt", spec.Recording.Attempt)
	manifest, err := worker.Run(ctx, spec, worker.Environment{
		Scratch: scratch, Store: store, Tools: tools, Clock: clock.RealClock{}, Log: log,
	})
	if err == nil {
		log.Info("Done", "bytes", manifest.Media.Bytes, "durationMs", manifest.Media.DurationMillis, "codecs", manifest.Media.Codecs)
	}
	return err
}

// jsonLog writes one line of JSON for each message.
func jsonLog(out io.Writer) logr.Logger {
	return funcr.NewJSON(func(line string) { fmt.Fprintln(out, line) }, funcr.Options{LogTimestamp: true})
}
