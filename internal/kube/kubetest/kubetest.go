// SPDX-License-Identifier: Apache-2.0

//go:build unix

// Package kubetest runs reconcilers the way the manager does, without its loops: the real cache and clients of package kube,
// with nothing but the rights that config/rbac gives the manager's ServiceAccount. Tests call a reconciler, step its clock, and
// look at what an administrator sees.
package kubetest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/catalog"
	"github.com/reelkeeper/reelkeeper/internal/governance"
	"github.com/reelkeeper/reelkeeper/internal/kube"
	"github.com/reelkeeper/reelkeeper/internal/testenv"
)

// OperatorNamespace is where the operator lives in config/.
const OperatorNamespace = "reelkeeper-system"

// Options are what a control plane needs for these tests: the CRDs, the operator's namespace and its RBAC.
func Options() testenv.Options {
	return testenv.Options{
		CRDs:      []string{"config/crd"},
		Manifests: []string{"config/namespace", "config/rbac"},
	}
}

// Cluster is a cluster as the manager sees it, and as an administrator does.
type Cluster struct {
	// Client is the manager's: it reads from the cache, and sees what it has written itself.
	Client client.Client
	// Direct is the manager's that reads past the cache.
	Direct client.Client
	// Cards are those of the recordings that the manager sees.
	Cards *catalog.Catalog
	// Admin may do everything.
	Admin client.Client
	// Events keeps what people are told.
	Events *Events

	cache cache.Cache
}

// watched are the kinds that the controllers watch between them.
func watched() []client.Object {
	auditEvents := &metav1.PartialObjectMetadata{}
	auditEvents.SetGroupVersionKind(v1alpha1.SchemeGroupVersion.WithKind("AuditEvent"))
	return []client.Object{
		&v1alpha1.RecordingStore{}, &v1alpha1.ClusterRecordingPolicy{}, &v1alpha1.RecordingPolicy{}, &v1alpha1.MeetingRecording{}, &v1alpha1.AccessGrant{}, &v1alpha1.AccessRequest{},
		&corev1.Secret{}, &corev1.Pod{}, &batchv1.Job{}, kube.NamespaceMetadata(), auditEvents,
	}
}

// ManagerOptions are those of the program for the namespaces, all of them where none is given, but for what several managers in one process would
// quarrel over: the address of their metrics, and the names of controllers in them.
func ManagerOptions(namespaces ...string) ctrl.Options {
	options := kube.ManagerOptions(OperatorNamespace, namespaces)
	options.Metrics.BindAddress = "0"
	options.Controller.SkipNameValidation = new(true)
	return options
}

// New starts the cache of a manager for one test.
func New(t testing.TB, env *testenv.Env) *Cluster {
	t.Helper()
	config, _ := env.KubeconfigFor(t, OperatorNamespace, "reelkeeper-manager")
	config.QPS = -1
	options := ManagerOptions()
	cards := kube.WithCards(&options)
	mgr, err := ctrl.NewManager(config, options)
	if err != nil {
		t.Fatalf("make a manager: %v", err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	stopped := make(chan struct{})
	t.Cleanup(func() { stop(); <-stopped })
	if err := kube.AddIndexes(ctx, mgr.GetFieldIndexer()); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(stopped)
		if err := mgr.GetCache().Start(ctx); err != nil {
			t.Errorf("the cache ended: %v", err)
		}
	}()
	for _, object := range watched() {
		if _, err := mgr.GetCache().GetInformer(t.Context(), object); err != nil {
			t.Fatalf("watch %T: %v", object, err)
		}
	}
	direct, err := kube.Direct(mgr)
	if err != nil {
		t.Fatal(err)
	}
	return &Cluster{Client: mgr.GetClient(), Direct: direct, Cards: cards, Admin: env.Client(t, kube.Scheme()), Events: &Events{}, cache: mgr.GetCache()}
}

// Policies returns an index of the policies as the manager sees them, such as a manager has that was just started.
func (c *Cluster) Policies(t testing.TB) *governance.Policies {
	t.Helper()
	policies, err := governance.NewPolicies(t.Context(), c.cache)
	if err != nil {
		t.Fatal(err)
	}
	return policies
}

// Create creates objects as an administrator, and returns when the manager sees them.
func (c *Cluster) Create(t testing.TB, objects ...client.Object) {
	t.Helper()
	for _, object := range objects {
		if err := c.Admin.Create(t.Context(), object); err != nil {
			t.Fatalf("create %T %s: %v", object, object.GetName(), err)
		}
		c.Await(t, object)
	}
}

// Update changes an object as an administrator, and returns when the manager sees it.
func (c *Cluster) Update(t testing.TB, object client.Object, change func()) {
	t.Helper()
	_, err := controllerutil.CreateOrPatch(t.Context(), c.Admin, object, func() error { change(); return nil })
	if err != nil {
		t.Fatalf("change %T %s: %v", object, object.GetName(), err)
	}
	c.Await(t, object)
}

// UpdateStatus changes an object's status as an administrator, and returns when the manager sees it.
func (c *Cluster) UpdateStatus(t testing.TB, object client.Object, change func()) {
	t.Helper()
	c.Get(t, object)
	change()
	if err := c.Admin.Status().Update(t.Context(), object); err != nil {
		t.Fatalf("change the status of %T %s: %v", object, object.GetName(), err)
	}
	c.Await(t, object)
}

// Delete deletes an object as an administrator, and returns when the manager sees that.
func (c *Cluster) Delete(t testing.TB, object client.Object) {
	t.Helper()
	if err := c.Admin.Delete(t.Context(), object); err != nil {
		t.Fatalf("delete %T %s: %v", object, object.GetName(), err)
	}
	c.poll(t, object, "deletion", func(seen client.Object, err error) bool {
		return apierrors.IsNotFound(err) || err == nil && !seen.GetDeletionTimestamp().IsZero()
	})
}

// Get reads an object as an administrator.
func (c *Cluster) Get(t testing.TB, object client.Object) {
	t.Helper()
	if err := c.Admin.Get(t.Context(), client.ObjectKeyFromObject(object), object); err != nil {
		t.Fatalf("read %T %s: %v", object, object.GetName(), err)
	}
}

// Exists reports whether an administrator finds the object.
func (c *Cluster) Exists(t testing.TB, object client.Object) bool {
	t.Helper()
	err := c.Admin.Get(t.Context(), client.ObjectKeyFromObject(object), object)
	if client.IgnoreNotFound(err) != nil {
		t.Fatalf("read %T %s: %v", object, object.GetName(), err)
	}
	return err == nil
}

// AuditEvents returns the audit events of a namespace in the order of their names.
func (c *Cluster) AuditEvents(t testing.TB, namespace string) []v1alpha1.AuditEvent {
	t.Helper()
	list := &v1alpha1.AuditEventList{}
	if err := c.Admin.List(t.Context(), list, client.InNamespace(namespace)); err != nil {
		t.Fatalf("list the audit events of namespace %s: %v", namespace, err)
	}
	return list.Items
}

// Await returns when the cache has the object as it is, or newer. Objects that the cache does not hold are not waited for.
func (c *Cluster) Await(t testing.TB, object client.Object) {
	t.Helper()
	if _, isSecret := object.(*corev1.Secret); isSecret && object.GetNamespace() != OperatorNamespace {
		return
	}
	want := version(t, object)
	c.poll(t, object, "resourceVersion "+object.GetResourceVersion(), func(seen client.Object, err error) bool {
		return err == nil && version(t, seen) >= want
	})
}

func version(t testing.TB, object client.Object) int64 {
	t.Helper()
	parsed, err := strconv.ParseInt(object.GetResourceVersion(), 10, 64)
	if err != nil {
		t.Fatalf("resourceVersion of %T %s: %v", object, object.GetName(), err)
	}
	return parsed
}

const (
	pollEvery   = 5 * time.Millisecond
	pollTimeout = 30 * time.Second
)

func (c *Cluster) poll(t testing.TB, object client.Object, what string, done func(seen client.Object, err error) bool) {
	t.Helper()
	gvk, err := apiutil.GVKForObject(object, c.Client.Scheme())
	if err != nil {
		t.Fatal(err)
	}
	var last error
	err = wait.PollUntilContextTimeout(t.Context(), pollEvery, pollTimeout, true, func(ctx context.Context) (bool, error) {
		var seen client.Object
		seen, last = c.see(ctx, gvk.Kind, object)
		return done(seen, last), nil
	})
	if err != nil {
		t.Fatalf("the cache does not see %s of %s %s: %v (last: %v)", what, gvk.Kind, object.GetName(), err, last)
	}
}

// see returns what the manager sees of an object: of a recording, its card.
func (c *Cluster) see(ctx context.Context, kind string, object client.Object) (client.Object, error) {
	if _, is := object.(*v1alpha1.MeetingRecording); is {
		if card := c.Cards.Card(client.ObjectKeyFromObject(object)); card != nil {
			return card, nil
		}
		return nil, apierrors.NewNotFound(v1alpha1.SchemeGroupVersion.WithResource("meetingrecordings").GroupResource(), object.GetName())
	}
	seen := c.view(kind, object)
	return seen, c.Client.Get(ctx, client.ObjectKeyFromObject(object), seen)
}

// view is an empty object of the kind, in the form that the cache holds.
func (c *Cluster) view(kind string, object client.Object) client.Object {
	switch kind {
	case "Namespace":
		return kube.NamespaceMetadata()
	case "AuditEvent":
		view := &metav1.PartialObjectMetadata{}
		view.SetGroupVersionKind(v1alpha1.SchemeGroupVersion.WithKind(kind))
		return view
	}
	return object.DeepCopyObject().(client.Object)
}

// Events keeps what people would be told by Kubernetes Events.
type Events struct {
	mu   sync.Mutex
	seen []string
}

// Eventf keeps an event as "<type> <reason>: <note>".
func (e *Events) Eventf(_, _ runtime.Object, eventtype, reason, _, note string, args ...any) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.seen = append(e.seen, fmt.Sprintf("%s %s: %s", eventtype, reason, fmt.Sprintf(note, args...)))
}

// Take returns the events since the last call.
func (e *Events) Take() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	seen := e.seen
	e.seen = nil
	return seen
}

// Run starts a manager, whose context cancel ends. It returns what stops it and waits for its end; the test's own end does that too.
func Run(ctx context.Context, t testing.TB, mgr ctrl.Manager, cancel context.CancelFunc) (stop func()) {
	t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("the manager ended: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}
