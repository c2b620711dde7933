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
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/controllers/accessgrant"
	"github.com/reelkeeper/reelkeeper/controllers/auditevent"
	"github.com/reelkeeper/reelkeeper/controllers/keyrotation"
	"github.com/reelkeeper/reelkeeper/controllers/meetingrecording"
	guarding "github.com/reelkeeper/reelkeeper/controllers/purgeguard"
	"github.com/reelkeeper/reelkeeper/controllers/recordingpolicy"
	"github.com/reelkeeper/reelkeeper/controllers/recordingstore"
	"github.com/reelkeeper/reelkeeper/controllers/trash"
	"github.com/reelkeeper/reelkeeper/internal/archive"
	"github.com/reelkeeper/reelkeeper/internal/audit"
	"github.com/reelkeeper/reelkeeper/internal/deadline"
	"github.com/reelkeeper/reelkeeper/internal/effect"
	"github.com/reelkeeper/reelkeeper/internal/effect/effecttest"
	"github.com/reelkeeper/reelkeeper/internal/governance"
	"github.com/reelkeeper/reelkeeper/internal/kube"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/objectstore/s3fault"
	"github.com/reelkeeper/reelkeeper/internal/pace"
	"github.com/reelkeeper/reelkeeper/internal/purgeguard"
	"github.com/reelkeeper/reelkeeper/internal/quota"
	"github.com/reelkeeper/reelkeeper/internal/stores"
)

const (
	recordingName = "q3-review"
	grantName     = "replay"
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
	writes    atomic.Int64
	cluster   *clusterDouble
	gate      *gate
	lag       lag

	// view and parts are the process, which can die; snapshots is what there was after each pass.
	view      *view
	parts     []part
	snapshots []snapshot
	with      map[string]bool
	story     []string
}

// part is one controller of the process.
type part struct {
	name string
	pass func(ctx context.Context) (time.Duration, error)
}

// lag is how old the views are that a new process starts with.
type lag struct{ recordings, jobs int }

var worlds atomic.Int64

func newWorld(ctx context.Context, l *lab, with ...string) (*world, error) {
	w := &world{
		lab: l, namespace: fmt.Sprintf("plan-%d", worlds.Add(1)), clock: clocktesting.NewFakeClock(time.Now().Truncate(time.Second)),
		gate: newGate(), with: map[string]bool{},
	}
	for _, name := range with {
		w.with[name] = true
	}
	w.cluster = &clusterDouble{world: w}
	var err error
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

// furnish makes what people make: the namespace, the store's credentials, the store.
func (w *world) furnish(ctx context.Context) error {
	store := &v1alpha1.RecordingStore{
		ObjectMeta: metav1.ObjectMeta{Name: w.namespace},
		Spec: v1alpha1.RecordingStoreSpec{
			S3: v1alpha1.S3Endpoint{
				Endpoint:             w.proxy.URL(),
				CredentialsSecretRef: v1alpha1.SecretReference{Namespace: operatorNamespace, Name: "s3-" + w.namespace},
			},
			Buckets:           v1alpha1.BucketLayoutSpec{Layout: v1alpha1.LayoutShared, Name: w.bucket()},
			Encryption:        v1alpha1.EncryptionSpec{KeySecretRef: v1alpha1.SecretReference{Namespace: operatorNamespace, Name: "kek-" + w.namespace}},
			AllowedNamespaces: &metav1.LabelSelector{},
			Intake:            v1alpha1.IntakeSpec{Imports: []v1alpha1.ImportBucket{{Bucket: w.imports(), Namespaces: &metav1.LabelSelector{}}}},
		},
	}
	for _, object := range []client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.namespace}},
		&corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: "s3-" + w.namespace},
			StringData: map[string]string{stores.AccessKeyID: w.s3.AccessKey, stores.SecretAccessKey: w.s3.SecretKey},
		},
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
	counted := &http.Client{Transport: countWrites{w.http.Transport, &w.writes}}
	manager, err := client.New(w.config, client.Options{HTTPClient: counted, Scheme: w.admin.Scheme(), Mapper: w.mapper, FieldOwner: kube.FieldOwner})
	if err != nil {
		return err
	}
	w.view = &view{Client: manager, world: w, recordingsLag: w.lag.recordings, jobsLag: w.lag.jobs}
	w.parts, err = w.process(ctx, manager)
	return err
}

// process makes the controllers as the program does.
func (w *world) process(ctx context.Context, direct client.Client) ([]part, error) {
	policies, err := governance.NewPolicies(ctx, cacheOfView{view: w.view})
	if err != nil {
		return nil, err
	}
	ledger := &quota.Ledger{}
	resolver, people := stores.NewResolver(w.view, operatorNamespace), &events.FakeRecorder{}
	recorder, rules := audit.NewRecorder(direct, w.clock), governance.Reader{Client: w.view, Policies: policies}
	claims, guard := &archive.Claims{}, purgeguard.New(w.view, nil, w.clock)
	sweeper := trash.NewSweeper(trash.Options{
		Reader: w.view, Direct: direct, Guard: guard, Claims: claims, Stores: resolver, Audit: recorder, Clock: w.clock, OperatorNamespace: operatorNamespace,
	})
	recordings := meetingrecording.New(meetingrecording.Options{
		Client: w.view, Direct: direct, Stores: resolver, Governance: rules, Audit: recorder, Tombstones: sweeper, Claims: claims, PurgeGuard: guard,
		Ledger: ledger, Events: people, Clock: w.clock,
		OperatorNamespace: operatorNamespace, WorkerImage: "reelkeeper:test", GatewayURL: "https://recordings.example.com",
	})
	grants := deadline.New[reconcile.Request](w.clock)
	own := func(name string) client.ObjectKey { return client.ObjectKey{Namespace: w.namespace, Name: name} }
	all := []part{
		{"store", passes(&recordingstore.Reconciler{Client: w.view, Stores: resolver, Ledger: ledger, Events: people, Clock: w.clock}, client.ObjectKey{Name: w.namespace})},
		{"keys", passes(&keyrotation.Reconciler{
			Client: w.view, Direct: direct, Stores: resolver, OperatorNamespace: operatorNamespace, Audit: recorder,
			Pace: pace.New(clock.RealClock{}, unhurried), Events: people, Clock: w.clock,
		}, client.ObjectKey{Name: w.namespace})},
		{"policy", passes(&recordingpolicy.Reconciler{Client: w.view, Policies: policies, Clock: w.clock}, client.ObjectKey{})},
		{"recording", passes(recordings, own(recordingName))},
		{"trash", func(ctx context.Context) (time.Duration, error) {
			next, err := sweeper.Sweep(ctx)
			return next.Sub(w.clock.Now()), err
		}},
		// After those that ask the guard, which wake it in the program.
		{"guard", passes(&guarding.Reconciler{Client: w.view, Guard: guard, Released: sweeper.Note, Events: people, Clock: w.clock}, client.ObjectKey{Name: w.namespace})},
		{"grant", w.wakes(grants, passes(&accessgrant.Reconciler{
			Client: w.view, Direct: direct, Governance: rules, Recorder: recorder, GatewayURL: "https://recordings.example.com", Deadlines: grants, Events: people, Clock: w.clock,
		}, own(grantName)), own(grantName))},
		{"audit", passes(&auditevent.Reconciler{Client: w.view, Window: auditevent.Window{MaxAge: 400 * day, MaxCount: auditCount}, Clock: w.clock}, client.ObjectKey{Name: w.namespace})},
	}
	var running []part
	for _, p := range all {
		if p.name == "recording" || w.with[p.name] {
			running = append(running, p)
		}
	}
	return running, nil
}

// unhurried is a pace that no plan reaches, in manifests per second.
const unhurried = 1e6

// auditCount is how many AuditEvents a namespace keeps where the life is about that.
const auditCount = 2

func passes(reconciler reconcile.Reconciler, key client.ObjectKey) func(context.Context) (time.Duration, error) {
	return func(ctx context.Context) (time.Duration, error) {
		result, err := reconciler.Reconcile(ctx, reconcile.Request{NamespacedName: key})
		return result.RequeueAfter, err
	}
}

// wakes makes a pass tell of the date that the controller has put into its queue as well.
func (w *world) wakes(dates *deadline.Queue[reconcile.Request], pass func(context.Context) (time.Duration, error), key client.ObjectKey) func(context.Context) (time.Duration, error) {
	return func(ctx context.Context) (time.Duration, error) {
		look, err := pass(ctx)
		if at := dates.At(reconcile.Request{NamespacedName: key}); !at.IsZero() {
			if rest := max(at.Sub(w.clock.Now()), time.Millisecond); look == 0 || rest < look {
				look = rest
			}
		}
		return look, err
	}
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
	w.view.memo = nil
	return true, w.look(ctx)
}

// step lets a person, or time, do something.
func (w *world) step(ctx context.Context, s step) error {
	w.note("step: %s", s.name)
	w.gate.step = s.name
	if err := s.do(ctx, w); err != nil {
		return err
	}
	w.view.memo = nil
	return w.look(ctx)
}

// written counts what controllers have written so far, to the API server and to the object store.
func (w *world) written() int64 { return w.writes.Load() + int64(len(w.proxy.Writes())) }

// look takes a snapshot.
func (w *world) look(ctx context.Context) error {
	var recordings v1alpha1.MeetingRecordingList
	if err := w.admin.List(ctx, &recordings, client.InNamespace(w.namespace)); err != nil {
		return err
	}
	var jobs batchv1.JobList
	err := w.admin.List(ctx, &jobs, client.InNamespace(operatorNamespace), client.MatchingLabels{v1alpha1.LabelRecordingNamespace: w.namespace})
	w.snapshots = append(w.snapshots, snapshot{recordings.Items, jobs.Items})
	return err
}

// now is the newest snapshot.
func (w *world) now() *snapshot { return &w.snapshots[len(w.snapshots)-1] }

// recording is as the last pass left it; nil when it is gone.
func (w *world) recording() *v1alpha1.MeetingRecording { return w.now().recording(recordingName) }

func brief(err error) string {
	text := strings.ReplaceAll(err.Error(), "\n", " ")
	return text[:min(len(text), 300)]
}

// countWrites counts the requests that change something.
type countWrites struct {
	next  http.RoundTripper
	count *atomic.Int64
}

func (c countWrites) RoundTrip(r *http.Request) (*http.Response, error) {
	if s3fault.IsWrite(r) {
		c.count.Add(1)
	}
	return c.next.RoundTrip(r)
}
