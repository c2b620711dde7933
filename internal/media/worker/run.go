// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"

	"github.com/reelkeeper/reelkeeper/internal/keys"
	"github.com/reelkeeper/reelkeeper/internal/media"
)

// Environment is what a worker works with.
type Environment struct {
	// Scratch is a folder with room for the raw recording. What the worker puts there it removes.
	Scratch string
	Store   Store
	Tools   media.Tools
	Clock   clock.WithTicker
	Log     logr.Logger
}

// cleanupTime is how long tidying up after a failure may take.
const cleanupTime = 10 * time.Second

// work is one attempt.
type work struct {
	spec     Spec
	scratch  string
	store    Store
	tools    media.Tools
	clock    clock.WithTicker
	log      logr.Logger
	progress *reporter
}

// Run processes the recording of the spec and returns its manifest as it was written. Describe turns its error into what
// the controller reads.
func Run(ctx context.Context, spec Spec, env Environment) (*media.Manifest, error) {
	if err := spec.validate(); err != nil {
		return nil, fail(Internal, "checking the spec", err)
	}
	if spec.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, time.Duration(spec.Timeout), errTimeout)
		defer cancel()
	}
	w := &work{spec: spec, scratch: env.Scratch, store: env.Store, tools: env.Tools, clock: env.Clock, log: env.Log}
	w.progress = &reporter{put: w.putProgress, clock: env.Clock, log: env.Log}
	stop := w.startProgress(ctx)
	defer os.Remove(w.scratchFile())

	manifest, err := w.run(ctx)
	stop()
	if err != nil {
		w.abort(ctx)
		if cause := context.Cause(ctx); errors.Is(cause, errTimeout) {
			err = fmt.Errorf("%w (%s); raise the processing timeout if recordings are this long: %w", errTimeout, time.Duration(spec.Timeout), err)
		}
		return nil, err
	}
	w.progress.report(Done, 1)
	w.progress.write(ctx, w.progress.current())
	return manifest, nil
}

// run is the whole attempt, step by step.
func (w *work) run(ctx context.Context) (*media.Manifest, error) {
	input, err := w.download(ctx)
	if err != nil {
		return nil, err
	}
	source, err := w.probe(ctx, input)
	if err != nil {
		return nil, err
	}
	manifest, dataKey, err := w.upload(ctx, input, source)
	if err != nil {
		return nil, err
	}
	_ = os.Remove(input.path) // from here on only the stored object counts
	w.log.Info("Verifying", "bytes", manifest.Media.Bytes, "segments", len(manifest.Segments))
	if err := w.verify(ctx, manifest, dataKey); err != nil {
		return nil, err
	}
	stored, err := media.EncodeManifest(manifest, dataKey.Manifest(manifest.Key.Salt))
	if err != nil {
		return nil, fail(Internal, "writing the manifest", err)
	}
	err = w.store.Put(ctx, w.spec.ManifestURL, "application/json", stored)
	return manifest, fail(StorageError, "writing the manifest", err)
}

// probe takes the input through every check before ffmpeg converts it.
func (w *work) probe(ctx context.Context, input raw) (media.Source, error) {
	file, err := os.Open(input.path)
	if err != nil {
		return media.Source{}, fail(Internal, "opening the raw recording", err)
	}
	defer file.Close()
	container, err := media.Sniff(file, input.bytes)
	if err != nil {
		return media.Source{}, err
	}
	if err := media.Inspect(container, file, input.bytes); err != nil {
		return media.Source{}, err
	}
	return w.tools.Probe(ctx, container, input.path, input.bytes)
}

// upload converts, packages and uploads. Where the streams cannot be copied although they look like it, it does so a
// second time with transcoding, over the same part URLs but with a salt of its own.
func (w *work) upload(ctx context.Context, input raw, source media.Source) (*media.Manifest, keys.DataKey, error) {
	dataKey := keys.DataKey(w.spec.DataKey)
	limits := media.Limits{MaxHeight: w.spec.Processing.MaxHeight}
	manifest, err := w.uploadOnce(ctx, input, source, dataKey, limits)
	if errors.Is(err, media.ErrSparseKeyFrames) || errors.Is(err, media.ErrConversion) {
		w.log.Info("Transcoding, because copying failed", "reason", err.Error())
		limits.NoCopy = true
		manifest, err = w.uploadOnce(ctx, input, source, dataKey, limits)
	}
	return manifest, dataKey, err
}

func (w *work) uploadOnce(ctx context.Context, input raw, source media.Source, dataKey keys.DataKey, limits media.Limits) (*media.Manifest, error) {
	plan := media.NewPlan(source, limits)
	declared := source.Duration
	if source.Duration == 0 && !plan.Copies() {
		length, err := w.tools.Measure(ctx, source.Container, input.path)
		if err != nil {
			return nil, err
		}
		source.Duration = length
		plan = media.NewPlan(source, limits) // the bit rate is known now
	}
	w.logPlan(plan, source)

	salt := keys.NewSalt()
	out := newUploader(ctx, w.store, w.spec.Media)
	how := media.Packaging{MediaKey: dataKey.Media(salt), UnitKey: dataKey.Unit(salt), Duration: source.Duration, MaxBytes: w.spec.Media.room()}
	packaged, err := w.tools.Pack(ctx, plan, input.path, out, how, func(done time.Duration) {
		if source.Duration > 0 {
			w.progress.report(Packaging, done.Seconds()/source.Duration.Seconds())
		}
	})
	if err != nil {
		out.abandon()
		return nil, err
	}
	if err := out.finish(ctx); err != nil {
		return nil, err
	}
	manifest := w.manifest(input, declared, salt, packaged)
	return manifest, w.extras(ctx, plan, input.path, packaged, dataKey, manifest)
}

func (w *work) manifest(input raw, declared time.Duration, salt []byte, packaged *media.Packaged) *media.Manifest {
	return &media.Manifest{
		Version:   media.ManifestVersion,
		CreatedAt: w.clock.Now().UTC().Truncate(time.Second),
		Recording: w.spec.Recording,
		Key:       media.WrappedKey{ID: w.spec.KeyID, Wrapped: w.spec.WrappedKey, Salt: salt},
		Source:    media.SourceFacts{Bytes: input.bytes, SHA256: input.sha256, DurationMillis: declared.Milliseconds()},
		Media:     packaged.Facts(w.spec.Media.Key),
		Init:      packaged.Init,
		Segments:  packaged.Segments,
	}
}

func (w *work) logPlan(plan media.Plan, source media.Source) {
	facts := []any{"duration", source.Duration.String(), "dropped", source.Dropped}
	if plan.Video != nil {
		facts = append(facts, "video", plan.Video.Action, "videoReason", plan.Video.Why)
	}
	if plan.Audio != nil {
		facts = append(facts, "audio", plan.Audio.Action, "audioReason", plan.Audio.Why)
	}
	w.log.Info("Packaging", facts...)
}

// scratchFile is the one file that a worker keeps.
func (w *work) scratchFile() string { return filepath.Join(w.scratch, "raw") }

// startProgress begins to write progress and returns a function that ends it and waits for that.
func (w *work) startProgress(ctx context.Context) (stop func()) {
	if w.spec.ProgressURL == "" {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		w.progress.run(ctx)
	}()
	return func() {
		cancel()
		<-finished
	}
}

func (w *work) putProgress(ctx context.Context, body []byte) error {
	if w.spec.ProgressURL == "" {
		return nil
	}
	return w.store.Put(ctx, w.spec.ProgressURL, "application/json", body)
}

// abort discards the uploaded parts, as well as it can: the controller does so too.
func (w *work) abort(ctx context.Context) {
	if w.spec.Media.AbortURL == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer cancel()
	if err := w.store.Abort(ctx, w.spec.Media.AbortURL); err != nil {
		w.log.Info("Discarding the uploaded parts failed; the controller will", "reason", err.Error())
	}
}
