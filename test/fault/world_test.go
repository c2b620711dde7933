// SPDX-License-Identifier: Apache-2.0

package fault

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/effect"
	"github.com/reelkeeper/reelkeeper/internal/effect/effecttest"
	"github.com/reelkeeper/reelkeeper/internal/kube"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/objectstore/s3fault"
)

const (
	recordingName = "q3-review"
	grantName     = "replay"
	// credentialsName is the Secret with the credentials that all stores share.
	credentialsName = "s3"
	// elsewhereHost is where recordings are fetched from.
	elsewhereHost = "media.example.com"
	bucketName    = "recordings"
	day           = 24 * time.Hour
)

// world is where one plan happens: a namespace with a store behind a proxy, and the controllers, which see nothing else.
type world struct {
	*lab

	namespace string
	clock     *clocktesting.FakeClock
	proxy     *s3fault.Proxy
	objects   *objectstore.Client
	// admin is the lab's, asker somebody without a right; both are seen by the world.
	admin, asker client.Client
	// writes counts those of the process through the API server.
	writes  int64
	cluster *clusterDouble
	gate    *gate
	lag     lag

	// view and parts are the process, which can die; snapshots is what there was after each pass.
	view      *view
	parts     []part
	snapshots []snapshot
	// known is what was read of each resource since it was written last; changed are the resources written since the last snapshot.
	known   map[string]map[string]any
	changed map[string]bool
	with    map[string]bool
	story   []string
	// can is what the bucket was last seen to be capable of, rests that the plan's faults are over.
	can   *objectstore.Capabilities
	rests bool
}

// lag is how old the views are that a new process starts with.
type lag struct{ recordings, jobs int }

var worlds atomic.Int64

func newWorld(ctx context.Context, l *lab, with ...string) (*world, error) {
	w := &world{
		lab: l, namespace: fmt.Sprintf("plan-%d", worlds.Add(1)), clock: clocktesting.NewFakeClock(time.Now().Truncate(time.Second)),
		gate: newGate(), with: map[string]bool{}, known: map[string]map[string]any{}, changed: map[string]bool{},
	}
	for _, name := range with {
		w.with[name] = true
	}
	w.cluster = &clusterDouble{world: w}
	var err error
	if w.admin, err = w.client(env.Config, l.adminHTTP, w.wrote); err != nil {
		return nil, err
	}
	if w.asker, err = w.client(env.Config, l.askerHTTP, w.wrote); err != nil {
		return nil, err
	}
	if w.proxy, err = s3fault.New(l.s3.Endpoint); err != nil {
		return nil, err
	}
	if w.objects, err = objectstore.New(l.s3.Config()); err != nil {
		return nil, err
	}
	if err := w.furnish(ctx); err != nil {
		return nil, err
	}
	if err := w.look(ctx); err != nil {
		return nil, err
	}
	err = w.restart(ctx)
	return w, err
}

func (w *world) close() {
	w.proxy.Close()
	w.objects.Close()
}

// furnish makes what people make: the namespace and the store.
func (w *world) furnish(ctx context.Context) error {
	store := &v1alpha1.RecordingStore{
		ObjectMeta: metav1.ObjectMeta{Name: w.namespace},
		Spec: v1alpha1.RecordingStoreSpec{
			S3: v1alpha1.S3Endpoint{
				Endpoint:             w.proxy.URL(),
				CredentialsSecretRef: v1alpha1.SecretReference{Namespace: operatorNamespace, Name: credentialsName},
			},
			Buckets:           v1alpha1.BucketLayoutSpec{Layout: v1alpha1.LayoutShared, Name: w.bucket()},
			Encryption:        v1alpha1.EncryptionSpec{KeySecretRef: v1alpha1.SecretReference{Namespace: operatorNamespace, Name: "kek-" + w.namespace}},
			AllowedNamespaces: &metav1.LabelSelector{},
			Intake: v1alpha1.IntakeSpec{
				Imports: []v1alpha1.ImportBucket{{Bucket: w.imports(), Namespaces: &metav1.LabelSelector{}}},
				URLs:    v1alpha1.URLIntake{Namespaces: &metav1.LabelSelector{}, Hosts: []string{elsewhereHost}},
			},
			// So fast that no pass waits for a clock that stands still.
			Integrity: v1alpha1.IntegritySpec{ScrubEvery: "1h", BytesPerSecond: new(resource.MustParse("1Pi"))},
		},
	}
	if w.with["locks"] {
		store.Spec.Buckets.ObjectLock = v1alpha1.ObjectLockGovernance
	}
	for _, object := range []client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.namespace}},
		store,
	} {
		if err := w.admin.Create(ctx, object); err != nil {
			return err
		}
	}
	if w.with["store"] {
		return nil
	}
	return w.readyStore(ctx, store)
}

func (w *world) bucket() string  { return bucketName + "-" + w.namespace }
func (w *world) imports() string { return "imports-" + w.namespace }

// note adds to the story of the plan, which is told when it fails.
func (w *world) note(format string, args ...any) {
	w.story = append(w.story, fmt.Sprintf(format, args...))
}

// restart begins a new process, which remembers nothing and may see an older state.
func (w *world) restart(ctx context.Context) error {
	manager, err := w.client(w.config, w.http, func(resource string) {
		w.writes++
		w.wrote(resource)
	})
	if err != nil {
		return err
	}
	w.view = &view{Client: manager, world: w, recordingsLag: w.lag.recordings, jobsLag: w.lag.jobs}
	w.parts, err = w.process(ctx, manager)
	return err
}

// client tells of each write that is made with it.
func (w *world) client(config *rest.Config, through *http.Client, tell func(resource string)) (client.Client, error) {
	return client.New(config, client.Options{
		HTTPClient: &http.Client{Transport: seesWrites{through.Transport, tell}}, Scheme: w.lab.admin.Scheme(), Mapper: w.mapper, FieldOwner: kube.FieldOwner,
	})
}

// turn is what one round of passes did.
type turn struct {
	// changed says that something was written by anybody, failed that a pass ended with an error.
	changed, failed bool
	// look is when the earliest controller wants to look again; zero is never.
	look time.Duration
}

// pass lets every controller make one pass and the cluster do its part. A death begins a new process.
func (w *world) pass(ctx context.Context) (turn, error) {
	var t turn
	before := w.written()
	for _, p := range w.parts {
		look, err := p.pass(effect.With(ctx, w.gate.admit))
		if err != nil {
			t.failed = true
			w.note("  %s: %s", p.name, brief(err))
		}
		if look > 0 && (t.look == 0 || look < t.look) {
			t.look = look
		}
		if errors.Is(err, effecttest.ErrDied) || w.gate.dead {
			break
		}
	}
	t.changed = w.written() != before
	w.view.catchUp()
	acted, err := w.settle(ctx)
	if err != nil {
		return t, fmt.Errorf("the cluster's double: %w", err)
	}
	t.changed = t.changed || acted || w.view.lags()
	if w.gate.dead {
		w.gate.dead = false
		return t, w.restart(ctx)
	}
	return t, nil
}

// settle looks at what there is now and lets the cluster do its part. It says whether that did anything.
func (w *world) settle(ctx context.Context) (acted bool, err error) {
	if err := w.look(ctx); err != nil {
		return false, err
	}
	if acted, err = w.cluster.act(ctx); err != nil || !acted {
		return acted, err
	}
	return true, w.look(ctx)
}

// wrote is told of each write through the API server, whoever makes it.
func (w *world) wrote(resource string) {
	delete(w.known, resource)
	w.changed[resource] = true
}

// step lets a person, or time, do something.
func (w *world) step(ctx context.Context, s step) error {
	w.note("step: %s", s.name)
	w.gate.step = s.name
	if err := s.do(ctx, w); err != nil {
		return err
	}
	return w.look(ctx)
}

// written counts what controllers have written so far, to the API server and to the object store.
func (w *world) written() int64 { return w.writes + int64(len(w.proxy.Writes())) }

// look takes a snapshot. What nobody has written since the last one is not read again.
func (w *world) look(ctx context.Context) error {
	var next snapshot
	if len(w.snapshots) > 0 {
		next = *w.now()
	}
	if w.changed["meetingrecordings"] {
		var recordings v1alpha1.MeetingRecordingList
		if err := w.admin.List(ctx, &recordings, client.InNamespace(w.namespace)); err != nil {
			return err
		}
		next.recordings = recordings.Items
	}
	if w.changed["jobs"] {
		var jobs batchv1.JobList
		err := w.admin.List(ctx, &jobs, client.InNamespace(operatorNamespace), client.MatchingLabels{v1alpha1.LabelRecordingNamespace: w.namespace})
		if err != nil {
			return err
		}
		next.jobs = jobs.Items
	}
	clear(w.changed)
	w.snapshots = append(w.snapshots, next)
	return nil
}

// now is the newest snapshot.
func (w *world) now() *snapshot { return &w.snapshots[len(w.snapshots)-1] }

// recording is as the last pass left it; nil when it is gone.
func (w *world) recording() *v1alpha1.MeetingRecording { return w.now().recording(recordingName) }

func brief(err error) string {
	text := strings.ReplaceAll(err.Error(), "\n", " ")
	return text[:min(len(text), 300)]
}

// seesWrites tells of the requests that change something.
type seesWrites struct {
	next http.RoundTripper
	tell func(resource string)
}

func (s seesWrites) RoundTrip(r *http.Request) (*http.Response, error) {
	if s3fault.IsWrite(r) {
		s.tell(resourceIn(r.URL.Path))
	}
	return s.next.RoundTrip(r)
}

// resourceIn finds the resource in a path such as /apis/batch/v1/namespaces/default/jobs/process-1.
func resourceIn(path string) string {
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	if parts[0] == "apis" {
		parts = parts[1:]
	}
	parts = parts[2:]
	if parts[0] == "namespaces" && len(parts) > 2 {
		parts = parts[2:]
	}
	return parts[0]
}
