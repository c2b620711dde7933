// SPDX-License-Identifier: Apache-2.0

//go:build unix

package gatewaytest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/keys"
	"github.com/reelkeeper/reelkeeper/internal/manifests"
	"github.com/reelkeeper/reelkeeper/internal/media"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/stores"
)

// ClipSeconds is how long a recording plays, LongSeconds one of LongRecording.
const (
	ClipSeconds = 20
	LongSeconds = 600
)

// clip is a small video in which the picture changes all the time, as fragmented MP4. In a long one it changes less often.
type clip struct {
	fragmented []byte
	length     time.Duration
	// previews are those of the picture; nil for none.
	previews *media.Previews
	// captions are what is said in it; none for none.
	captions []media.Captions
}

// Captions are those of a recording that is not long, in English and in Chinese.
var Captions = []media.Captions{
	{Language: "en", Text: []byte("WEBVTT\n\n00:00:00.000 --> 00:00:20.000\nGood morning &amp; welcome\n")},
	{Language: "zh", Title: "简体", Text: []byte("WEBVTT\n\n00:00:00.000 --> 00:00:20.000\n早上好\n")},
}

func makeClip() (*clip, error) {
	made, err := encode(ClipSeconds, 15)
	if err == nil {
		made.captions = Captions
	}
	return made, err
}

func makeLongClip() (*clip, error) { return encode(LongSeconds, 2) }

func encode(seconds, rate int) (*clip, error) {
	cmd := exec.Command("ffmpeg", "-nostdin", "-loglevel", "error",
		"-f", "lavfi", "-i", fmt.Sprintf("testsrc2=size=320x180:rate=%d:duration=%d", rate, seconds),
		"-f", "lavfi", "-i", fmt.Sprintf("sine=frequency=440:duration=%d", seconds),
		"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", strconv.Itoa(4*rate), "-c:a", "aac", "-b:a", "48k",
		"-movflags", "frag_keyframe+empty_moov+default_base_moof", "-f", "mp4", "pipe:1")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("make a video (it needs ffmpeg with libx264): %w: %s", err, stderr.String())
	}
	made := &clip{fragmented: stdout.Bytes(), length: time.Duration(seconds) * time.Second}
	var err error
	made.previews, err = previewsOf(made)
	return made, err
}

// previewsOf makes previews of a clip as the worker does.
func previewsOf(source *clip) (*media.Previews, error) {
	tools, err := media.FindTools()
	if err != nil {
		return nil, err
	}
	file, err := os.CreateTemp("", "clip-")
	if err != nil {
		return nil, err
	}
	defer os.Remove(file.Name())
	_, err = file.Write(source.fragmented)
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, err
	}
	plan := media.Plan{Container: media.MP4, Video: &media.VideoPlan{Action: media.Copy}}
	return tools.Previews(context.Background(), plan, file.Name(), &media.Packaged{Width: 320, Height: 180, Duration: source.length})
}

// storeClip packages, encrypts and stores a video for a recording, as the worker does, and returns the file that a download
// has to be equal to.
func (w *World) storeClip(ctx context.Context, recording *v1alpha1.MeetingRecording, source *clip) ([]byte, error) {
	names, err := objectstore.NewRecording(recording.Namespace, recording.StorageUID())
	if err != nil {
		return nil, err
	}
	dataKey, salt := keys.NewDataKey(), keys.NewSalt()
	var stored bytes.Buffer
	packaged, err := media.Package(ctx, bytes.NewReader(source.fragmented), &stored, media.Packaging{MediaKey: dataKey.Media(salt), UnitKey: dataKey.Unit(salt), Duration: source.length})
	if err != nil {
		return nil, err
	}
	manifest, err := w.manifest(recording, names, packaged, media.Digest(sha256.Sum256(stored.Bytes())), dataKey, salt)
	if err != nil {
		return nil, err
	}
	if source.previews != nil {
		if manifest.Previews, err = source.previews.Seal(dataKey.Previews(salt)); err != nil {
			return nil, err
		}
	}
	if manifest.Captions, err = media.SealCaptions(source.captions, dataKey.Captions(salt)); err != nil {
		return nil, err
	}
	where := w.storeOf(recording)
	if err := w.put(ctx, where, names.MediaKey(1), stored.Bytes()); err != nil {
		return nil, err
	}
	encoded, err := media.EncodeManifest(manifest, dataKey.Manifest(salt))
	if err != nil {
		return nil, err
	}
	if err := w.put(ctx, where, names.ManifestKey(1), encoded); err != nil {
		return nil, err
	}
	setAvailable(recording, where.Object.Spec.Buckets.Name, names, manifest)
	if err := w.Admin.Status().Update(ctx, recording); err != nil {
		return nil, err
	}
	return decrypt(ctx, manifest, stored.Bytes(), dataKey)
}

func (w *World) manifest(recording *v1alpha1.MeetingRecording, names objectstore.Recording, packaged *media.Packaged, whole media.Digest, dataKey keys.DataKey, salt []byte) (*media.Manifest, error) {
	wrapped, err := w.keyset.Wrap(dataKey, keys.RecordingAD(recording.Namespace, recording.StorageUID()))
	if err != nil {
		return nil, err
	}
	spec, err := json.Marshal(recording.Spec)
	if err != nil {
		return nil, err
	}
	var millis int64
	for _, segment := range packaged.Segments {
		millis += segment.DurationMillis
	}
	return &media.Manifest{
		Version: media.ManifestVersion, CreatedAt: Wall.Now().UTC().Truncate(time.Second),
		Recording: media.Recording{Namespace: recording.Namespace, Name: recording.Name, UID: recording.StorageUID(), Attempt: 1, Spec: spec},
		Key:       media.WrappedKey{ID: w.keyset.KeyID(), Wrapped: wrapped, Salt: salt},
		Source:    media.SourceFacts{Bytes: packaged.Bytes, SHA256: whole},
		Media: media.MediaFacts{
			Key: names.MediaKey(1), Bytes: packaged.Bytes, SHA256: whole, PlainSHA256: packaged.PlainSHA256, DurationMillis: millis,
			Codecs: packaged.Codecs, Width: packaged.Width, Height: packaged.Height,
		},
		Init: packaged.Init, Segments: packaged.Segments,
	}, nil
}

// Report writes how far the processing of a recording is, as its worker does.
func (w *World) Report(ctx context.Context, recording *v1alpha1.MeetingRecording, percent int) error {
	names, err := objectstore.NewRecording(recording.Namespace, recording.StorageUID())
	if err != nil {
		return err
	}
	return w.put(ctx, w.store, names.ProgressKey(), fmt.Appendf(nil, `{"percent":%d}`, percent))
}

// storeOf is the store that holds a recording.
func (w *World) storeOf(recording *v1alpha1.MeetingRecording) *stores.Store {
	if recording.StoreName() == w.store.Object.Name {
		return w.store
	}
	return w.direct
}

func (w *World) put(ctx context.Context, where *stores.Store, key string, content []byte) error {
	_, err := where.Objects.Put(ctx, where.Object.Spec.Buckets.Name, key, bytes.NewReader(content), int64(len(content)), objectstore.PutOptions{})
	return err
}

// Tamper changes one byte of a recording's stored media, at an offset.
func (w *World) Tamper(ctx context.Context, recording *v1alpha1.MeetingRecording, offset int) error {
	if err := w.Admin.Get(ctx, client.ObjectKeyFromObject(recording), recording); err != nil {
		return err
	}
	body, info, err := w.store.Objects.Get(ctx, "recordings", recording.Status.Storage.Key, objectstore.GetOptions{})
	if err != nil {
		return err
	}
	defer body.Close()
	content := bytes.NewBuffer(make([]byte, 0, info.Size))
	if _, err := content.ReadFrom(body); err != nil {
		return err
	}
	content.Bytes()[offset] ^= 1
	return w.put(ctx, w.storeOf(recording), recording.Status.Storage.Key, content.Bytes())
}

// Keys are a recording's data key and its media key, read from the bucket with the keyset: for tests that look for them where they
// must not be.
func (w *World) Keys(t testing.TB, recording *v1alpha1.MeetingRecording) (dataKey, mediaKey []byte) {
	t.Helper()
	where := w.storeOf(recording)
	owner, err := objectstore.NewRecording(recording.Namespace, recording.StorageUID())
	if err != nil {
		t.Fatal(err)
	}
	stored, _, err := manifests.Read(t.Context(), where.Objects, where.Object.Spec.Buckets.Name, owner.ManifestKey(1), "")
	if err != nil {
		t.Fatal(err)
	}
	manifest, data, err := manifests.Open(stored, w.keyset, owner)
	if err != nil {
		t.Fatal(err)
	}
	opened := data.Media(manifest.Key.Salt)
	return data[:], opened[:]
}
