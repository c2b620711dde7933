// SPDX-License-Identifier: Apache-2.0

//go:build unix

package controllers_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/controllers"
	"github.com/reelkeeper/reelkeeper/internal/keys"
	"github.com/reelkeeper/reelkeeper/internal/kube"
	"github.com/reelkeeper/reelkeeper/internal/kube/kubetest"
	"github.com/reelkeeper/reelkeeper/internal/objectstore/s3test"
	"github.com/reelkeeper/reelkeeper/internal/stores"
	"github.com/reelkeeper/reelkeeper/internal/testenv"
	"github.com/reelkeeper/reelkeeper/internal/testenv/controlplane"
)

var env *testenv.Env

// webhookSecret is the Secret that the managers of these tests are told of; there is one only where a test makes it.
const webhookSecret = "webhook"

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	options := kubetest.Options()
	options.Manifests = append(options.Manifests, "config/admission")
	options.AuditPolicy = controlplane.AuditWrites
	testenv.Main(m, options, &env)
}

// TestAllControllersTogether runs the whole table in a manager that has nothing but its ServiceAccount, and waits for the
// things that need watches to happen: each of them shows that a controller was started, may read what it reads, and is woken.
func TestAllControllersTogether(t *testing.T) {
	server := s3test.Start(t, s3test.Options{})
	admin := env.Client(t, kube.Scheme())
	startManager(t, "reelkeeper-manager")

	finance := env.Namespace(t)
	credentials := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: kubetest.OperatorNamespace, Name: "s3"},
		Data:       map[string][]byte{stores.AccessKeyID: []byte(server.AccessKey), stores.SecretAccessKey: []byte("wrong at first")},
	}
	store := &v1alpha1.RecordingStore{
		ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.DefaultStore},
		Spec: v1alpha1.RecordingStoreSpec{
			S3:                v1alpha1.S3Endpoint{Endpoint: server.Endpoint, CredentialsSecretRef: v1alpha1.SecretReference{Namespace: kubetest.OperatorNamespace, Name: "s3"}},
			Buckets:           v1alpha1.BucketLayoutSpec{Layout: v1alpha1.LayoutPerNamespace, Name: "recordings"},
			Encryption:        v1alpha1.EncryptionSpec{KeySecretRef: v1alpha1.SecretReference{Namespace: kubetest.OperatorNamespace, Name: "kek"}},
			AllowedNamespaces: &metav1.LabelSelector{},
		},
	}
	grant := newGrant(finance)
	create(t, admin, credentials, store, grant)
	await(t, admin, store, func() bool { return ready(store.Status.Conditions) == v1alpha1.ReasonBadCredentials })
	await(t, admin, grant, func() bool { return ready(grant.Status.Conditions) == v1alpha1.ReasonRecordingNotFound })

	credentials.Data[stores.SecretAccessKey] = []byte(server.SecretKey)
	if err := admin.Update(t.Context(), credentials); err != nil {
		t.Fatal(err)
	}
	await(t, admin, store, func() bool { return ready(store.Status.Conditions) == v1alpha1.ReasonAvailable })

	recording := &v1alpha1.MeetingRecording{
		ObjectMeta: metav1.ObjectMeta{Namespace: finance, Name: "q3"},
		Spec: v1alpha1.MeetingRecordingSpec{
			Meeting: v1alpha1.MeetingFacts{ID: "1", Creator: "alice@example.com"},
			Source:  v1alpha1.MediaSource{Upload: &v1alpha1.UploadSource{}},
		},
	}
	create(t, admin, recording)
	await(t, admin, recording, func() bool { return ready(recording.Status.Conditions) == v1alpha1.ReasonUploading })
	await(t, admin, store, func() bool { return store.Status.Buckets != nil && *store.Status.Buckets == 1 })
	await(t, admin, grant, func() bool { return ready(grant.Status.Conditions) == v1alpha1.ReasonGranted })

	policy := &v1alpha1.RecordingPolicy{
		ObjectMeta: metav1.ObjectMeta{Namespace: finance, Name: "strict"},
		Spec:       v1alpha1.RecordingPolicySpec{PolicyRules: v1alpha1.PolicyRules{Sharing: v1alpha1.SharingRules{Links: v1alpha1.LinksForbidden}}},
	}
	create(t, admin, policy)
	await(t, admin, grant, func() bool { return ready(grant.Status.Conditions) == v1alpha1.ReasonForbiddenByPolicy })
	await(t, admin, policy, func() bool {
		return ready(policy.Status.Conditions) == v1alpha1.ReasonEnforced && policy.Status.Recordings != nil && *policy.Status.Recordings == 1
	})

	for _, object := range []client.Object{grant, recording} {
		if err := admin.Delete(t.Context(), object); err != nil {
			t.Fatal(err)
		}
		awaitGone(t, admin, object)
	}
	checkNoPanics(t)
}

// TestConfinedManager binds the rights on recordings in two namespaces only, and looks at what happens in a third.
func TestConfinedManager(t *testing.T) {
	admin := env.Client(t, kube.Scheme())
	namespaces := []string{env.Namespace(t), env.Namespace(t)}
	outside := env.Namespace(t)
	bind := func(kind, role, namespace string) {
		args := []string{"create", kind, "confined-" + role, "--serviceaccount", kubetest.OperatorNamespace + ":confined"}
		if kind == "clusterrolebinding" {
			env.Kubectl(t, append(args, "--clusterrole", role)...)
			return
		}
		what := "--clusterrole"
		if namespace == kubetest.OperatorNamespace {
			what = "--role"
		}
		env.Kubectl(t, append(args, what, role, "--namespace", namespace)...)
	}
	bind("clusterrolebinding", "reelkeeper-manager-cluster", "")
	bind("rolebinding", "reelkeeper-manager", kubetest.OperatorNamespace)
	for _, namespace := range namespaces {
		bind("rolebinding", "reelkeeper-manager-tenant", namespace)
	}
	startManager(t, "confined", namespaces...)

	grants := map[string]*v1alpha1.AccessGrant{}
	for _, namespace := range append(namespaces, outside) {
		grants[namespace] = newGrant(namespace)
		create(t, admin, grants[namespace])
	}
	policy := &v1alpha1.RecordingPolicy{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespaces[1], Name: "strict"},
		Spec:       v1alpha1.RecordingPolicySpec{PolicyRules: v1alpha1.PolicyRules{Watermark: v1alpha1.WatermarkViewer}},
	}
	create(t, admin, policy)
	await(t, admin, policy, func() bool {
		return ready(policy.Status.Conditions) == v1alpha1.ReasonEnforced && policy.Status.Recordings != nil
	})
	for _, namespace := range namespaces {
		grant := grants[namespace]
		await(t, admin, grant, func() bool { return ready(grant.Status.Conditions) == v1alpha1.ReasonRecordingNotFound })
		release(t, admin, grant)
	}
	// Keysets lie in the operator's namespace, where the confined manager may change them.
	store := &v1alpha1.RecordingStore{
		ObjectMeta: metav1.ObjectMeta{Name: "rotated"},
		Spec: v1alpha1.RecordingStoreSpec{
			S3:                v1alpha1.S3Endpoint{Endpoint: "http://127.0.0.1:1", CredentialsSecretRef: v1alpha1.SecretReference{Namespace: kubetest.OperatorNamespace, Name: "none"}},
			Buckets:           v1alpha1.BucketLayoutSpec{Layout: v1alpha1.LayoutShared, Name: "rotated"},
			Encryption:        v1alpha1.EncryptionSpec{KeySecretRef: v1alpha1.SecretReference{Namespace: kubetest.OperatorNamespace, Name: "rotated"}},
			AllowedNamespaces: &metav1.LabelSelector{},
		},
	}
	keyset, err := keys.NewKeyset()
	if err != nil {
		t.Fatal(err)
	}
	create(t, admin, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: kubetest.OperatorNamespace, Name: "rotated"}, Data: map[string][]byte{stores.KeysetKey: keyset}})
	create(t, admin, store)
	await(t, admin, store, func() bool { return store.Status.Keys.Generation == 1 })
	if err := admin.Patch(t.Context(), store, client.RawPatch(types.MergePatchType, []byte(`{"spec":{"encryption":{"keyGeneration":2}}}`))); err != nil {
		t.Fatal(err)
	}
	await(t, admin, store, func() bool { return store.Status.Keys.Rotation.Generation == 2 })
	// The one outside was made last, so that it would have been seen to by now.
	await(t, admin, grants[outside], func() bool { return ready(grants[outside].Status.Conditions) == v1alpha1.ReasonPending })
	release(t, admin, grants[outside])
	checkNoPanics(t)
}

// release takes the finalizers off, so that the namespace can go after the test.
func release(t *testing.T, admin client.Client, grant *v1alpha1.AccessGrant) {
	t.Helper()
	patch := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`))
	if err := admin.Patch(t.Context(), grant, patch); err != nil {
		t.Fatal(err)
	}
}

func newGrant(namespace string) *v1alpha1.AccessGrant {
	return &v1alpha1.AccessGrant{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "replay"},
		Spec: v1alpha1.AccessGrantSpec{
			RecordingRef: v1alpha1.RecordingReference{Name: "q3"},
			Subjects:     []v1alpha1.GrantSubject{{Kind: v1alpha1.SubjectUser, Name: "dave@example.com"}},
			Permissions:  []v1alpha1.Permission{v1alpha1.PermissionView},
			ExpiresAt:    metav1.NewTime(clock.RealClock{}.Now().Add(time.Hour)),
		},
	}
}

// startManager runs a manager as the program does, for the time of the test or until stop is called.
func startManager(t testing.TB, serviceAccount string, namespaces ...string) (stop func()) {
	t.Helper()
	config, _ := env.KubeconfigFor(t, kubetest.OperatorNamespace, serviceAccount)
	options := kubetest.ManagerOptions(namespaces...)
	cards := kube.WithCards(&options)
	mgr, err := ctrl.NewManager(config, options)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	err = controllers.Setup(ctx, mgr, controllers.Options{
		OperatorNamespace: kubetest.OperatorNamespace,
		GatewayURL:        "https://recordings.example.com",
		WorkerImage:       "reelkeeper:test",
		Namespaces:        namespaces,
		WebhookSecret:     webhookSecret,
		AuditMaxAge:       time.Hour,
		AuditMaxCount:     1000,
		Cards:             cards,
		Clock:             clock.RealClock{},
	})
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	return kubetest.Run(ctx, t, mgr, cancel)
}

func create(t testing.TB, admin client.Client, objects ...client.Object) {
	t.Helper()
	for _, object := range objects {
		if err := admin.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
}

const (
	pollEvery   = 50 * time.Millisecond
	pollTimeout = time.Minute
)

func await(t testing.TB, admin client.Client, object client.Object, reached func() bool) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), pollEvery, pollTimeout, true, func(ctx context.Context) (bool, error) {
		if err := admin.Get(ctx, client.ObjectKeyFromObject(object), object); err != nil {
			return false, err
		}
		return reached(), nil
	})
	if err != nil {
		t.Fatalf("%T %s did not get there: %v\n%s", object, object.GetName(), err, env.Kubectl(t, "get", "events,recordingstores,meetingrecordings,accessgrants", "--all-namespaces", "--output", "wide"))
	}
}

func awaitGone(t *testing.T, admin client.Client, object client.Object) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), pollEvery, pollTimeout, true, func(ctx context.Context) (bool, error) {
		err := admin.Get(ctx, client.ObjectKeyFromObject(object), object)
		return err != nil, client.IgnoreNotFound(err)
	})
	if err != nil {
		t.Fatalf("%T %s did not go: %v (finalizers %v)", object, object.GetName(), err, object.GetFinalizers())
	}
}

func ready(conditions []metav1.Condition) string {
	if c := meta.FindStatusCondition(conditions, v1alpha1.ConditionReady); c != nil {
		return c.Reason
	}
	return ""
}

// checkNoPanics fails for a panic that the manager has swallowed.
func checkNoPanics(t *testing.T) {
	t.Helper()
	families, err := metrics.Registry.(prometheus.Gatherer).Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if !strings.HasSuffix(family.GetName(), "_panics_total") {
			continue
		}
		for _, metric := range family.GetMetric() {
			if metric.GetCounter().GetValue() > 0 {
				t.Errorf("a controller panicked: %s", metric)
			}
		}
	}
}
