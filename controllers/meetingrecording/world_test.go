// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/controllers/trash"
	"github.com/reelkeeper/reelkeeper/internal/archive"
	"github.com/reelkeeper/reelkeeper/internal/audit"
	"github.com/reelkeeper/reelkeeper/internal/catalog"
	"github.com/reelkeeper/reelkeeper/internal/catalog/catalogtest"
	"github.com/reelkeeper/reelkeeper/internal/effect"
	"github.com/reelkeeper/reelkeeper/internal/effect/effecttest"
	"github.com/reelkeeper/reelkeeper/internal/governance"
	"github.com/reelkeeper/reelkeeper/internal/keys"
	"github.com/reelkeeper/reelkeeper/internal/kube"
	"github.com/reelkeeper/reelkeeper/internal/media/mediatest"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/objectstore/s3test"
	"github.com/reelkeeper/reelkeeper/internal/purgeguard"
	"github.com/reelkeeper/reelkeeper/internal/quota"
	"github.com/reelkeeper/reelkeeper/internal/stores"
)

// patience bounds the waits for Kubernetes' own controllers and for the worker, on a machine that is busy.
const (
	patience = 2 * time.Minute
	glance   = 50 * time.Millisecond
)

// world is one namespace with a store, and the controller that works in it with the rights of the shipped ServiceAccount.
type world struct {
	testing.TB

	admin      client.Client
	manager    client.Client
	namespace  string
	store      *v1alpha1.RecordingStore
	objects    *objectstore.Client
	clock      *clocktesting.FakeClock
	events     *events.FakeRecorder
	sweeper    *trash.Sweeper
	guard      *purgeguard.Guard
	reconciler *Reconciler
	gate       effect.Gate
	name       string
}

func newWorld(t testing.TB, changes ...func(*v1alpha1.RecordingStore)) *world {
	t.Helper()
	if err := startNode(); err != nil {
		t.Fatal(err)
	}
	config, _ := env.KubeconfigFor(t, operatorNamespace, "reelkeeper-manager")
	manager, err := client.New(config, client.Options{Scheme: kube.Scheme(), FieldOwner: kube.FieldOwner})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{
		TB: t, admin: env.Client(t, kube.Scheme()), manager: manager, namespace: env.Namespace(t), name: "q3-review",
		clock:  clocktesting.NewFakeClock(clock.RealClock{}.Now()),
		events: &events.FakeRecorder{Events: make(chan string, 1000)},
	}
	w.makeStore(changes)
	w.restart()
	return w
}

// makeStore makes what the RecordingStore controller and its owner would have made.
func (w *world) makeStore(changes []func(*v1alpha1.RecordingStore)) {
	w.Helper()
	server := s3test.Start(w, s3test.Options{})
	objects, err := objectstore.New(server.Config())
	if err != nil {
		w.Fatal(err)
	}
	w.objects = objects
	keyset, err := keys.NewKeyset()
	if err != nil {
		w.Fatal(err)
	}
	w.create(&corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: "s3-" + w.namespace},
		StringData: map[string]string{stores.AccessKeyID: server.AccessKey, stores.SecretAccessKey: server.SecretKey},
	})
	w.create(&corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: "kek-" + w.namespace},
		Data:       map[string][]byte{stores.KeysetKey: keyset},
	})
	w.store = &v1alpha1.RecordingStore{
		ObjectMeta: metav1.ObjectMeta{Name: w.namespace},
		Spec: v1alpha1.RecordingStoreSpec{
			S3: v1alpha1.S3Endpoint{
				Endpoint:             server.Endpoint,
				CredentialsSecretRef: v1alpha1.SecretReference{Namespace: operatorNamespace, Name: "s3-" + w.namespace},
			},
			Buckets:           v1alpha1.BucketLayoutSpec{Layout: v1alpha1.LayoutPerNamespace, Name: "recordings"},
			Encryption:        v1alpha1.EncryptionSpec{KeySecretRef: v1alpha1.SecretReference{Namespace: operatorNamespace, Name: "kek-" + w.namespace}},
			AllowedNamespaces: &metav1.LabelSelector{},
		},
	}
	for _, change := range changes {
		change(w.store)
	}
	w.create(w.store)
	w.store.Status = v1alpha1.RecordingStoreStatus{
		Conditions: []metav1.Condition{{
			Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonAvailable, LastTransitionTime: metav1.Now(),
		}},
		Capabilities: []v1alpha1.StoreCapability{v1alpha1.CapabilityVersioning, v1alpha1.CapabilityChecksums},
		Location:     stores.Location(w.store),
	}
	w.store.Status.Location.ID = stores.NewID()
	if w.store.Spec.Buckets.ObjectLock != "" {
		w.store.Status.Capabilities = append(w.store.Status.Capabilities, v1alpha1.CapabilityObjectLock)
	}
	if err := w.admin.Status().Update(w.Context(), w.store); err != nil {
		w.Fatal(err)
	}
}

func (w *world) create(object client.Object) {
	w.Helper()
	if err := w.admin.Create(w.Context(), object); err != nil {
		w.Fatal(err)
	}
	if object.GetNamespace() != w.namespace {
		w.Cleanup(func() {
			if err := client.IgnoreNotFound(w.admin.Delete(context.Background(), object)); err != nil {
				w.Errorf("clean up: %v", err)
			}
		})
	}
}

// restart is what a new process of the manager starts with: nothing.
func (w *world) restart() {
	resolver := stores.NewResolver(w.manager, operatorNamespace)
	recorder := audit.NewRecorder(w.manager, w.clock)
	cards := ownCards{catalogtest.Live{TB: w, Reader: w.manager}, w.namespace}
	w.guard = purgeguard.New(w.manager, cards, w.clock)
	claims := &archive.Claims{}
	w.sweeper = trash.NewSweeper(trash.Options{
		Claims: claims, Governance: governance.Reader{Client: w.manager},
		Guard:  w.guard,
		Reader: w.manager, Direct: w.manager, Stores: onlyStore{resolver, w.store.Name}, Audit: recorder, Clock: w.clock, OperatorNamespace: operatorNamespace,
	})
	w.reconciler = New(Options{
		Client: w.manager, Direct: w.manager, Cards: cards, Stores: resolver, Governance: governance.Reader{Client: w.manager},
		Audit: recorder, Claims: claims, Tombstones: w.sweeper, PurgeGuard: w.guard, Events: w.events, Clock: w.clock,
		Ledger: &quota.Ledger{}, OperatorNamespace: operatorNamespace, WorkerImage: "reelkeeper:test", GatewayURL: "https://recordings.example.com",
	})
}

// ownCards are those of the test's own namespace.
type ownCards struct {
	catalogtest.Live
	namespace string
}

func (c ownCards) Cards(string) []*catalog.Card { return c.Live.Cards(c.namespace) }

// onlyStore keeps the sweeper of one test from the stores of the others, whose servers come and go.
type onlyStore struct {
	*stores.Resolver
	name string
}

func (s onlyStore) Open(ctx context.Context, name string) (*stores.Store, error) {
	if name != s.name {
		return nil, &stores.Error{Reason: v1alpha1.ReasonStoreNotFound, Message: "another test's"}
	}
	return s.Resolver.Open(ctx, name)
}

// record creates the MeetingRecording that the test is about.
func (w *world) record(changes ...func(*v1alpha1.MeetingRecording)) {
	w.Helper()
	recording := &v1alpha1.MeetingRecording{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: w.name},
		Spec: v1alpha1.MeetingRecordingSpec{
			Meeting:  v1alpha1.MeetingFacts{ID: "872-114", Title: "Q3 review", Creator: "alice@example.com"},
			Source:   v1alpha1.MediaSource{Upload: &v1alpha1.UploadSource{}},
			StoreRef: v1alpha1.StoreReference{Name: w.store.Name},
		},
	}
	for _, change := range changes {
		change(recording)
	}
	w.create(recording)
}

func (w *world) key() client.ObjectKey { return client.ObjectKey{Namespace: w.namespace, Name: w.name} }

// get returns the recording, nil when it is gone.
func (w *world) get() *v1alpha1.MeetingRecording {
	w.Helper()
	var recording v1alpha1.MeetingRecording
	err := w.admin.Get(w.Context(), w.key(), &recording)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		w.Fatal(err)
	}
	return &recording
}

// pass makes one pass. A crash starts the controller anew.
func (w *world) pass() (reconcile.Result, error) {
	w.Helper()
	result, err := w.reconciler.Reconcile(effect.With(w.Context(), w.gate), reconcile.Request{NamespacedName: w.key()})
	if errors.Is(err, effecttest.ErrDied) {
		w.restart()
	}
	return result, err
}

// drive makes passes until the goal is reached, waiting for Jobs where the controller does. The clock stands still.
func (w *world) drive(goal func(*v1alpha1.MeetingRecording) bool) *v1alpha1.MeetingRecording {
	w.Helper()
	for range 200 {
		recording := w.get()
		if goal(recording) {
			return recording
		}
		if _, err := w.pass(); err != nil && !errors.Is(err, effecttest.ErrDied) {
			w.Fatal(err)
		}
		w.waitForJobs(recording)
	}
	w.Fatalf("the goal is not reached: %+v", w.get())
	return nil
}

// waitForJobs waits until no Job of the recording runs, and those that are being deleted are gone.
func (w *world) waitForJobs(recording *v1alpha1.MeetingRecording) {
	w.Helper()
	if recording == nil {
		return
	}
	err := wait.PollUntilContextTimeout(w.Context(), glance, patience, true, func(ctx context.Context) (bool, error) {
		jobs := w.jobs(recording)
		busy := slices.ContainsFunc(jobs, func(job batchv1.Job) bool {
			if !job.DeletionTimestamp.IsZero() {
				return true
			}
			armed, err := w.reconciler.secretExists(ctx, operatorNamespace, job.Name)
			return err == nil && armed && attemptOf(&job).outcome == running
		})
		return !busy, nil
	})
	if err != nil {
		w.Fatalf("waiting for the Jobs of the recording: %v", err)
	}
}

func (w *world) jobs(recording *v1alpha1.MeetingRecording) []batchv1.Job {
	w.Helper()
	var jobs batchv1.JobList
	if err := w.admin.List(w.Context(), &jobs, client.InNamespace(operatorNamespace), client.MatchingLabels(jobLabels(recording))); err != nil {
		w.Fatal(err)
	}
	return jobs.Items
}

func is(reason string) func(*v1alpha1.MeetingRecording) bool {
	return func(recording *v1alpha1.MeetingRecording) bool {
		return recording != nil && readyReason(&recording.Status) == reason
	}
}

func gone(recording *v1alpha1.MeetingRecording) bool { return recording == nil }

// secret is the Secret that the status names.
func (w *world) secret() map[string][]byte {
	w.Helper()
	var secret corev1.Secret
	key := client.ObjectKey{Namespace: w.namespace, Name: w.get().Status.Upload.SecretRef.Name}
	if err := w.admin.Get(w.Context(), key, &secret); err != nil {
		w.Fatal(err)
	}
	return secret.Data
}

// upload sends a file as the person would whom the Secret tells how.
func (w *world) upload(path string) {
	w.Helper()
	body, err := os.ReadFile(path)
	if err != nil {
		w.Fatal(err)
	}
	request, err := http.NewRequestWithContext(w.Context(), http.MethodPut, string(w.secret()[keyURL]), strings.NewReader(string(body)))
	if err != nil {
		w.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		w.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		answer, _ := io.ReadAll(response.Body)
		w.Fatalf("upload: %s: %s", response.Status, answer)
	}
}

// available takes the recording from its creation to Available.
func (w *world) available() *v1alpha1.MeetingRecording {
	w.Helper()
	w.record()
	w.drive(is(v1alpha1.ReasonUploading))
	w.upload(mediatest.MP4(w))
	return w.drive(is(v1alpha1.ReasonAvailable))
}

// packaged makes a recording whose worker has stored its manifest, which no pass has seen yet.
func (w *world) packaged() {
	w.Helper()
	w.record()
	w.drive(is(v1alpha1.ReasonUploading))
	w.uploadSample()
	w.drive(func(recording *v1alpha1.MeetingRecording) bool {
		return slices.Contains(w.stored(), w.names(recording).ManifestKey(1))
	})
}

func (w *world) setState(state v1alpha1.RecordingState) {
	w.Helper()
	patch := client.RawPatch("application/merge-patch+json", fmt.Appendf(nil, `{"spec":{"state":%q}}`, state))
	if err := w.admin.Patch(w.Context(), w.get(), patch); err != nil {
		w.Fatal(err)
	}
}

func (w *world) bucket() string { return stores.Bucket(w.store, w.namespace) }

// names are those of the objects that the recording refers to.
func (w *world) names(recording *v1alpha1.MeetingRecording) objectstore.Recording {
	w.Helper()
	names, err := objectstore.NewRecording(recording.Namespace, recording.StorageUID())
	if err != nil {
		w.Fatal(err)
	}
	return names
}

// stored lists the objects in the bucket, without the store's marker.
func (w *world) stored() []string {
	w.Helper()
	found := []string{}
	for object, err := range w.objects.List(w.Context(), w.bucket(), "") {
		if objectstore.Reason(err) == objectstore.ReasonNoSuchBucket {
			break
		}
		if err != nil {
			w.Fatal(err)
		}
		if object.Key != objectstore.MarkerKey && object.Key != objectstore.ClaimKey {
			found = append(found, object.Key)
		}
	}
	return found
}

// strays lists everything that should not outlast a recording: versions, delete markers and unfinished uploads in the bucket,
// Jobs, and Secrets.
func (w *world) strays(recording *v1alpha1.MeetingRecording) []string {
	w.Helper()
	var found []string
	names, err := objectstore.NewRecording(recording.Namespace, string(recording.UID))
	if err != nil {
		w.Fatal(err)
	}
	for upload, err := range w.objects.Uploads(w.Context(), w.bucket(), "") {
		if objectstore.Reason(err) == objectstore.ReasonNoSuchBucket {
			break
		}
		if err != nil {
			w.Fatal(err)
		}
		found = append(found, "upload "+upload.Key)
	}
	// The staging prefix must be empty to its last version; deleting what is left says so.
	left, err := w.objects.DeleteAllVersionsUnder(w.Context(), w.bucket(), names.StagingPrefix())
	if err != nil && objectstore.Reason(err) != objectstore.ReasonNoSuchBucket {
		w.Fatal(err)
	}
	for _, version := range left {
		found = append(found, "version "+version.Key+" "+version.VersionID)
	}
	for _, job := range w.jobs(recording) {
		found = append(found, "Job "+job.Name)
	}
	for _, namespace := range []string{w.namespace, operatorNamespace} {
		var secrets corev1.SecretList
		if err := w.admin.List(w.Context(), &secrets, client.InNamespace(namespace), client.MatchingLabels{v1alpha1.LabelRecordingUID: string(recording.UID)}); err != nil {
			w.Fatal(err)
		}
		for _, secret := range secrets.Items {
			found = append(found, "Secret "+namespace+"/"+secret.Name)
		}
	}
	return found
}

// expectNoStrays waits until the garbage collector has done its part.
func (w *world) expectNoStrays(recording *v1alpha1.MeetingRecording) {
	w.Helper()
	var found []string
	err := wait.PollUntilContextTimeout(w.Context(), glance, patience, true, func(context.Context) (bool, error) {
		found = w.strays(recording)
		return len(found) == 0, nil
	})
	if err != nil {
		w.Errorf("left behind: %v", found)
	}
}

// audited counts the audit events about the recording by their action.
func (w *world) audited(namespace string) map[v1alpha1.AuditAction]int {
	w.Helper()
	var list v1alpha1.AuditEventList
	if err := w.admin.List(w.Context(), &list, client.InNamespace(namespace)); err != nil {
		w.Fatal(err)
	}
	counts := map[v1alpha1.AuditAction]int{}
	for _, event := range list.Items {
		counts[event.Spec.Action]++
	}
	return counts
}

func condition(recording *v1alpha1.MeetingRecording, kind string) metav1.Condition {
	if found := meta.FindStatusCondition(recording.Status.Conditions, kind); found != nil {
		return *found
	}
	return metav1.Condition{}
}

// deleteNamespace deletes the world's namespace, and returns when that has reached the recording.
func (w *world) deleteNamespace() {
	w.Helper()
	if err := w.admin.Delete(w.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.namespace}}); err != nil {
		w.Fatal(err)
	}
	w.eventually("the deletion reaches the recording", func() bool {
		found := w.get()
		return found == nil || !found.DeletionTimestamp.IsZero()
	})
}
