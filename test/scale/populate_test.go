// SPDX-License-Identifier: Apache-2.0

//go:build unix

package scale

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/archive/archivetest"
	"github.com/reelkeeper/reelkeeper/internal/keys"
	"github.com/reelkeeper/reelkeeper/internal/kube"
	"github.com/reelkeeper/reelkeeper/internal/manifests/manifesttest"
	"github.com/reelkeeper/reelkeeper/internal/media"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/objectstore/s3test"
	"github.com/reelkeeper/reelkeeper/internal/stores"
	"github.com/reelkeeper/reelkeeper/internal/testenv"
	"github.com/reelkeeper/reelkeeper/internal/testenv/measure"
	"github.com/reelkeeper/reelkeeper/internal/testenv/process"
)

const (
	operatorNamespace = "reelkeeper-system"
	storeName         = "default"
	day               = 24 * time.Hour
	// keep is how long the built-in profile keeps recordings, by which a date is moved to the wanted moment.
	keep = 180 * day
	// writers is how many requests are under way at once.
	writers    = 32
	namespaces = 50
	// segments are those of an hour.
	segments = 903
)

// passes are the kinds of recordings of which something becomes in a run.
var passes = map[string]bool{"urgent": true, "timer": true, "mass": true}

// scale is one run.
type scale struct {
	b     *testing.B
	admin client.WithWatch
	// account writes as the manager does, which is the only one who may write audit events.
	account client.Client
	made    int
	// status is that of a recording which the manager has brought to rest, and template its date.
	status   []byte
	template v1alpha1.MeetingRecording

	// manager is the process, running says that there is one, and started since when. start is how long it takes until it is idle.
	manager    *process.Process
	running    bool
	started    time.Time
	start      time.Duration
	kubeconfig string
	health     string
	metrics    string
	binary     string
	// scraper may read the metrics.
	scraper *rest.Config

	s3 *s3test.Server
	// bucket and keyset are those of the store.
	bucket *objectstore.Client
	keyset *keys.Keyset
	// hour is the manifest that all have.
	hour *manifesttest.Recording
}

func newScale(b *testing.B) *scale {
	b.Helper()
	admin, err := client.NewWithWatch(env.Config, client.Options{Scheme: kube.Scheme()})
	if err != nil {
		b.Fatal(err)
	}
	s := &scale{b: b, admin: admin}
	account, path := env.KubeconfigFor(b, operatorNamespace, "reelkeeper-manager")
	account.QPS, s.kubeconfig = -1, path
	if s.account, err = client.New(account, client.Options{Scheme: kube.Scheme()}); err != nil {
		b.Fatal(err)
	}
	s.scraper, _ = env.KubeconfigFor(b, operatorNamespace, "scraper")
	env.Kubectl(b, "create", "clusterrolebinding", "scraper", "--clusterrole=reelkeeper-metrics-reader", "--serviceaccount="+operatorNamespace+":scraper")
	if s.binary, err = testenv.BuildReelkeeper(b.TempDir()); err != nil {
		b.Fatal(err)
	}
	s.furnish()
	s.learn()
	return s
}

// furnish makes the namespaces and a store.
func (s *scale) furnish() {
	s.b.Helper()
	s.s3 = s3test.Start(s.b, s3test.Options{})
	s.create(&corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: "s3"},
		StringData: map[string]string{stores.AccessKeyID: s.s3.AccessKey, stores.SecretAccessKey: s.s3.SecretKey},
	})
	s.create(&v1alpha1.RecordingStore{
		ObjectMeta: metav1.ObjectMeta{Name: storeName},
		Spec: v1alpha1.RecordingStoreSpec{
			S3:                v1alpha1.S3Endpoint{Endpoint: s.s3.Endpoint, CredentialsSecretRef: v1alpha1.SecretReference{Namespace: operatorNamespace, Name: "s3"}},
			Buckets:           v1alpha1.BucketLayoutSpec{Layout: v1alpha1.LayoutShared, Name: "recordings"},
			Encryption:        v1alpha1.EncryptionSpec{KeySecretRef: v1alpha1.SecretReference{Namespace: operatorNamespace, Name: "kek"}},
			AllowedNamespaces: &metav1.LabelSelector{},
			// There is no media: whatever fell due for a check would be found to be damaged.
			Integrity: v1alpha1.IntegritySpec{ScrubEvery: v1alpha1.Never},
		},
	})
	for i := range namespaces {
		s.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespaceOf(i)}})
	}
}

func namespaceOf(i int) string { return fmt.Sprintf("department-%02d", i%namespaces) }

func (s *scale) create(object client.Object) {
	s.b.Helper()
	if err := s.admin.Create(s.b.Context(), object); err != nil {
		s.b.Fatal(err)
	}
}

// learn has the manager bring one recording to rest, to know what status the others have to have. The store is there before it: one without its
// marks, under recordings that name it, is not the one that holds them.
func (s *scale) learn() {
	s.b.Helper()
	s.startManager()
	env.Kubectl(s.b, "wait", "--for=condition=Ready", "recordingstore/"+storeName, "--timeout=1m")
	s.kill()
	s.openStore()
	first := recording("first", 0)
	s.create(first)
	s.giveMedia(first, time.Now().Add(keep))
	if err := s.admin.Status().Update(s.b.Context(), first); err != nil {
		s.b.Fatal(err)
	}
	s.startManager()
	key := client.ObjectKeyFromObject(first)
	err := wait.PollUntilContextTimeout(s.b.Context(), 100*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		err := s.admin.Get(ctx, key, &s.template)
		return meta.IsStatusConditionTrue(s.template.Status.Conditions, v1alpha1.ConditionReady) && !s.template.Status.ExpiresAt.IsZero(), err
	})
	if err != nil {
		s.b.Fatalf("the manager does not bring a recording to rest: %v", err)
	}
	s.waitUntilIdle()
	s.kill()
	if err = s.admin.Get(s.b.Context(), key, &s.template); err != nil {
		s.b.Fatal(err)
	}
	if s.status, err = json.Marshal(s.template.Status); err != nil {
		s.b.Fatal(err)
	}
	size, err := json.Marshal(s.template)
	measure.Say("     a recording at rest has %d bytes (%v)", len(size), err)
}

// openStore opens the store as the manager does.
func (s *scale) openStore() {
	s.b.Helper()
	var err error
	if s.bucket, err = objectstore.New(s.s3.Config()); err != nil {
		s.b.Fatal(err)
	}
	var secret corev1.Secret
	if err = s.admin.Get(s.b.Context(), client.ObjectKey{Namespace: operatorNamespace, Name: "kek"}, &secret); err != nil {
		s.b.Fatal(err)
	}
	if s.keyset, err = keys.Load(secret.Data[stores.KeysetKey]); err != nil {
		s.b.Fatal(err)
	}
	owner, err := objectstore.NewRecording(namespaceOf(0), "hour")
	if err != nil {
		s.b.Fatal(err)
	}
	if s.hour, err = manifesttest.New(s.keyset, owner, "hour", segments); err != nil {
		s.b.Fatal(err)
	}
}

// seal gives a recording the manifest that the manager needs whenever something becomes of it: one of an hour, as its status says. There
// is no media.
func (s *scale) seal(r *v1alpha1.MeetingRecording) error {
	owner, err := objectstore.NewRecording(r.Namespace, string(r.UID))
	if err != nil {
		return err
	}
	dataKey, salt, manifest := keys.NewDataKey(), keys.NewSalt(), *s.hour.Manifest
	wrapped, err := s.keyset.Wrap(dataKey, keys.RecordingAD(r.Namespace, string(r.UID)))
	if err != nil {
		return err
	}
	manifest.Recording.Namespace, manifest.Recording.Name, manifest.Recording.UID = r.Namespace, r.Name, string(r.UID)
	manifest.Key.Wrapped, manifest.Key.Salt, manifest.Media.Key = wrapped, salt, owner.MediaKey(1)
	stored, err := media.EncodeManifest(&manifest, dataKey.Manifest(salt))
	if err != nil {
		return err
	}
	_, err = s.bucket.Put(s.b.Context(), r.Status.Storage.Bucket, r.Status.Storage.ManifestKey, bytes.NewReader(stored), int64(len(stored)), objectstore.PutOptions{})
	return err
}

// populate makes recordings that have been at rest for a while: all but a fifth sleep until a date far away.
func (s *scale) populate(n int) {
	s.b.Helper()
	begun := time.Now()
	live := min(20_000, n/5)
	s.makeDue("asleep", n-live, func(i int) time.Time { return begun.Add(30*day + time.Duration(i)*time.Minute).Truncate(time.Second) })
	s.makeDue("live", live, func(i int) time.Time {
		return begun.Add(2*time.Hour + time.Duration(i)*time.Second).Truncate(time.Second)
	})
	measure.Say("     %d recordings made in %v", n, time.Since(begun).Round(time.Second))
}

// make makes recordings that expire at a date.
func (s *scale) make(kind string, n int, expires time.Time) {
	s.b.Helper()
	s.makeDue(kind, n, func(int) time.Time { return expires.Truncate(time.Second) })
}

// makeDue makes recordings that expire at dates of their own. There is no manager meanwhile: they come faster than the API server
// tells a watch.
func (s *scale) makeDue(kind string, n int, due func(int) time.Time) {
	s.b.Helper()
	s.kill()
	if err := env.Load(s.b.Context(), kube.Scheme(), n, func(i int) client.Object {
		r := s.atRest(kind, i, due(i))
		if passes[kind] {
			if err := s.seal(r); err != nil {
				s.b.Error(err)
			}
		}
		return r
	}); err != nil {
		s.b.Fatal(err)
	}
	s.made += n
}

// unmake takes away recordings that were made, without a trace.
func (s *scale) unmake(kind string, n int) {
	s.b.Helper()
	if err := env.Unload(s.b.Context(), kube.Scheme(), n, func(i int) client.Object { return recording(kind, i) }); err != nil {
		s.b.Fatal(err)
	}
	s.made -= n
}

// inParallel does something n times, with many requests under way, and ends the run at the first error.
func (s *scale) inParallel(n int, do func(ctx context.Context, i int) error) {
	s.b.Helper()
	var next atomic.Int64
	var group sync.WaitGroup
	for range writers {
		group.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				if err := do(s.b.Context(), int(i)); err != nil {
					s.b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	if s.b.Failed() && next.Load() < int64(n) {
		s.b.FailNow()
	}
}

// recording is one as somebody writes it.
func recording(kind string, i int) *v1alpha1.MeetingRecording {
	return &v1alpha1.MeetingRecording{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespaceOf(i), Name: fmt.Sprint(kind, "-", i),
			Labels: map[string]string{"scale/kind": kind, "reelkeeper.io/sensitivity": "normal"},
		},
		Spec: v1alpha1.MeetingRecordingSpec{
			Meeting: v1alpha1.MeetingFacts{
				ID: fmt.Sprintf("872-%06d", i), Title: fmt.Sprintf("Weekly review of project %d", i), Department: "finance",
				Creator: fmt.Sprintf("alice%d@example.com", i%1000), Hosts: []string{"bob@example.com"},
				Participants: []string{fmt.Sprintf("carol%d@example.com", i%100), "dave@example.com", "erin@example.com", "frank@example.com"},
			},
			Source:   v1alpha1.MediaSource{Upload: &v1alpha1.UploadSource{}},
			StoreRef: v1alpha1.StoreReference{Name: storeName},
		},
	}
}

// atRest is a recording with all that the API server and the manager gave the first, and with its own date.
func (s *scale) atRest(kind string, i int, expires time.Time) *v1alpha1.MeetingRecording {
	s.b.Helper()
	r, written := s.template.DeepCopy(), recording(kind, i)
	r.Namespace, r.Name, r.Labels, r.UID = written.Namespace, written.Name, written.Labels, uuid.NewUUID()
	r.Spec.Meeting = written.Spec.Meeting
	was, text := s.template.Status, string(s.status)
	for from, to := range map[string]string{
		was.ExpiresAt.UTC().Format(time.RFC3339):     expires.UTC().Format(time.RFC3339),
		was.AvailableAt.UTC().Format(time.RFC3339):   expires.Add(-keep).UTC().Format(time.RFC3339),
		string(s.template.UID):                       string(r.UID),
		s.template.Namespace + "/" + s.template.Name: r.Namespace + "/" + r.Name,
	} {
		text = strings.ReplaceAll(text, from, to)
	}
	r.Status = v1alpha1.MeetingRecordingStatus{}
	if err := json.Unmarshal([]byte(text), &r.Status); err != nil {
		s.b.Error(err)
	}
	s.giveMedia(r, expires)
	return r
}

// giveMedia has a recording say that it has media, which expire by the built-in profile.
func (s *scale) giveMedia(r *v1alpha1.MeetingRecording, expires time.Time) {
	s.b.Helper()
	status := &r.Status
	status.AvailableAt = metav1.NewTime(expires.Add(-keep))
	status.Storage = v1alpha1.StorageLocation{
		Bucket: "recordings", Key: fmt.Sprintf("media/%s/%s/1.mp4", r.Namespace, r.UID), ManifestKey: fmt.Sprintf("manifests/%s/%s/1.json", r.Namespace, r.UID),
	}
	status.Media = v1alpha1.MediaFacts{Duration: "3612s", Bytes: 184203311, Codec: "avc1/mp4a", Height: 720, Segments: segments, SHA256: strings.Repeat("a1b2c3d4", 8)}
	if err := archivetest.Remember(r); err != nil {
		s.b.Error(err)
	}
}

func (s *scale) patch(name, change string) {
	s.b.Helper()
	recording := &v1alpha1.MeetingRecording{ObjectMeta: metav1.ObjectMeta{Namespace: namespaceOf(0), Name: name}}
	if err := s.admin.Patch(s.b.Context(), recording, client.RawPatch(types.MergePatchType, []byte(change))); err != nil {
		s.b.Fatal(err)
	}
}
