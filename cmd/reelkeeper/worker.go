// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

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
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			err := process(ctx, specPath, scratch, textLog(cmd.ErrOrStderr()))
			if err == nil {
				return nil
			}
			failure := worker.Describe(err)
			fmt.Fprintln(cmd.ErrOrStderr(), failure.Line())
			cmd.SilenceErrors, cmd.SilenceUsage = true, true
			return exitError{code: failure.ExitCode(), err: err}
		},
	}
	cmd.Flags().StringVar(&specPath, "spec", "", "JSON file with everything the worker needs to know (required)")
	cmd.Flags().StringVar(&scratch, "scratch", os.TempDir(), "folder for the raw recording while it is processed")
	_ = cmd.MarkFlagRequired("spec")
	return cmd
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

// textLog writes one line of JSON for each message.
func textLog(out io.Writer) logr.Logger {
	return funcr.NewJSON(func(line string) { fmt.Fprintln(out, line) }, funcr.Options{LogTimestamp: true})
}

// exitError ends the process with a code of its own; its message has been written already.
type exitError struct {
	code int
	err  error
}

func (e exitError) Error() string { return e.err.Error() }
func (e exitError) Unwrap() error { return e.err }

// ExitCode is the code that the process ends with.
func (e exitError) ExitCode() int { return e.code }
