// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/testr"
	"k8s.io/utils/clock"

	"github.com/reelkeeper/reelkeeper/internal/keys"
	"github.com/reelkeeper/reelkeeper/internal/media"
	"github.com/reelkeeper/reelkeeper/internal/media/mediatest"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/objectstore/s3test"
)

func TestMain(m *testing.M) {
	if spec := os.Getenv(workerProcess); spec != "" {
		if err := asWorker(spec); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	mediatest.Main(m)
}

const (
	bucket      = "recordings"
	rawKey      = "staging/finance/uid/raw"
	mediaKey    = "media/finance/uid/1.mp4"
	manifestKey = "manifests/finance/uid/1.json"
	progressKey = "staging/finance/uid/progress"
	urlLifetime = time.Hour
)

// bench is a real S3 server with a bucket, and what a controller would do around a worker.
type bench struct {
	tb      testing.TB
	client  *objectstore.Client
	dataKey keys.DataKey
	upload  objectstore.Upload
}

func newBench(tb testing.TB) *bench {
	tb.Helper()
	server := s3test.Start(tb, s3test.Options{})
	client, err := objectstore.New(server.Config())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(client.Close)
	if _, err := client.EnsureBucket(tb.Context(), bucket, objectstore.BucketOptions{}); err != nil {
		tb.Fatal(err)
	}
	return &bench{tb: tb, client: client, dataKey: keys.NewDataKey()}
}

// put uploads a raw recording.
func (b *bench) put(path string) {
	b.tb.Helper()
	file, err := os.Open(path)
	if err != nil {
		b.tb.Fatal(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		b.tb.Fatal(err)
	}
	if _, err := b.client.Put(b.tb.Context(), bucket, rawKey, file, info.Size(), objectstore.PutOptions{}); err != nil {
		b.tb.Fatal(err)
	}
}

// spec begins a multipart upload and presigns everything, as the controller does.
func (b *bench) spec(parts int) Spec {
	b.tb.Helper()
	var err error
	if b.upload, err = b.client.CreateMultipart(b.tb.Context(), bucket, mediaKey, "video/mp4"); err != nil {
		b.tb.Fatal(err)
	}
	spec := Spec{
		RawURL: b.presign(http.MethodGet, rawKey), MaxBytes: 1 << 30,
		DataKey: b.dataKey[:], WrappedKey: []byte("wrapped"), KeyID: "1",
		Recording: media.Recording{Namespace: "finance", Name: "q3-review", UID: "uid", Attempt: 1, Spec: []byte(`{"state":"Active"}`)},
		Media: Target{
			Key: mediaKey, PartSize: minPartSize, GetURL: b.presign(http.MethodGet, mediaKey),
			CompleteURL: b.must(b.client.PresignComplete(b.tb.Context(), b.upload, urlLifetime)),
			AbortURL:    b.must(b.client.PresignAbort(b.tb.Context(), b.upload, urlLifetime)),
		},
		ManifestURL: b.presign(http.MethodPut, manifestKey), ManifestKey: manifestKey,
		ProgressURL: b.presign(http.MethodPut, progressKey),
	}
	for n := range parts {
		spec.Media.PartURLs = append(spec.Media.PartURLs, b.must(b.client.PresignPart(b.tb.Context(), b.upload, n+1, urlLifetime)))
	}
	return spec
}

func (b *bench) presign(method, key string) string {
	b.tb.Helper()
	return b.must(b.client.Presign(b.tb.Context(), method, bucket, key, urlLifetime, nil))
}

func (b *bench) must(url string, err error) string {
	b.tb.Helper()
	if err != nil {
		b.tb.Fatal(err)
	}
	return url
}

// run runs a worker with the spec in a scratch folder of its own.
func (b *bench) run(spec Spec, change ...func(*Environment)) (*media.Manifest, error) {
	b.tb.Helper()
	store, err := NewStore(spec)
	if err != nil {
		b.tb.Fatal(err)
	}
	defer store.Close()
	tools, err := media.FindTools()
	if err != nil {
		b.tb.Fatal(err)
	}
	env := Environment{Scratch: b.tb.TempDir(), Store: store, Tools: tools, Clock: clock.RealClock{}, Log: b.log()}
	for _, f := range change {
		f(&env)
	}
	manifest, err := Run(b.tb.Context(), spec, env)
	if left, readErr := os.ReadDir(env.Scratch); readErr != nil || len(left) > 0 {
		b.tb.Errorf("the worker left %v in its scratch folder (%v)", left, readErr)
	}
	return manifest, err
}

func (b *bench) log() logr.Logger {
	if t, ok := b.tb.(*testing.T); ok {
		return testr.New(t)
	}
	return logr.Discard()
}

// get reads a whole object; nil when there is none.
func (b *bench) get(key string) []byte {
	b.tb.Helper()
	body, _, err := b.client.Get(b.tb.Context(), bucket, key, objectstore.GetOptions{})
	if objectstore.IsNotFound(err) {
		return nil
	}
	if err != nil {
		b.tb.Fatal(err)
	}
	defer body.Close()
	var content bytes.Buffer
	if _, err := io.Copy(&content, body); err != nil {
		b.tb.Fatal(err)
	}
	return content.Bytes()
}

// uploads lists what is unfinished.
func (b *bench) uploads() []string {
	b.tb.Helper()
	var ids []string
	for upload, err := range b.client.Uploads(b.tb.Context(), bucket, mediaKey) {
		if err != nil {
			b.tb.Fatal(err)
		}
		ids = append(ids, fmt.Sprint(upload.Key, " ", upload.ID))
	}
	return ids
}
