// SPDX-License-Identifier: Apache-2.0

//go:build unix

package chart

import (
	"context"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/testenv"
)

func TestServerAcceptsEveryObject(t *testing.T) {
	installed(t)
	for _, kustomization := range []string{"default", "kubernetes-1.32"} {
		t.Run("config/"+kustomization, func(t *testing.T) {
			env.Kubectl(t, "apply", "--server-side", "--dry-run=server", "--force-conflicts", "--kustomize", configDir+"/"+kustomization)
		})
	}
	t.Run("the chart with everything that it can install", func(t *testing.T) {
		for _, object := range rendered(t, mutatingPolicies, "--set", "gateway.ingress.enabled=true,gateway.ingress.className=nginx,gateway.ingress.tlsSecretName=tls,gateway.tls.secretName=tls,gateway.service.type=LoadBalancer,image.digest=sha256:"+strings.Repeat("0", 64)) {
			err := env.Client(t, scheme).Patch(t.Context(), object, client.Apply, client.DryRunAll, client.ForceOwnership, client.FieldOwner("test")) //nolint:staticcheck // any kind
			if err != nil {
				t.Errorf("%s: %v", key(object), err)
			}
		}
	})
}

func TestSamplesAreValid(t *testing.T) {
	installed(t)
	env.Kubectl(t, "apply", "--server-side", "--kustomize", configDir+"/samples")
	recordings := &v1alpha1.MeetingRecordingList{}
	if err := env.Client(t, scheme).List(t.Context(), recordings, client.InNamespace("finance")); err != nil {
		t.Fatal(err)
	}
	if len(recordings.Items) == 0 {
		t.Error("the samples make no recording in the namespace finance")
	}
}

func TestPodsKeepToTheRestrictedLevel(t *testing.T) {
	installed(t)
	pods := env.Clientset(t).CoreV1().Pods(operatorNamespace)
	dryRun := metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}

	careless := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "careless"},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "careless", Image: "careless"}}, ServiceAccountName: "reelkeeper-worker"},
	}
	if _, err := pods.Create(t.Context(), careless, dryRun); err == nil || !strings.Contains(err.Error(), "restricted") {
		t.Fatalf("a Pod without a security context: %v, want that the namespace refuses it", err)
	}
	for _, object := range rendered(t) {
		if object.GetKind() != "Deployment" {
			continue
		}
		t.Run(object.GetName(), func(t *testing.T) {
			if _, err := pods.Create(t.Context(), podOf(t, object), dryRun); err != nil {
				t.Error(err)
			}
		})
	}
}

// podOf is the Pod that a Deployment would make.
func podOf(t *testing.T, deployment *unstructured.Unstructured) *corev1.Pod {
	t.Helper()
	template, _, err := unstructured.NestedMap(deployment.Object, "spec", "template")
	if err != nil {
		t.Fatal(err)
	}
	unstructured.RemoveNestedField(template, "metadata", "creationTimestamp")
	typed := &corev1.PodTemplateSpec{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(template, typed); err != nil {
		t.Fatal(err)
	}
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: deployment.GetName(), Labels: typed.Labels}, Spec: typed.Spec}
}

func TestValuesAreChecked(t *testing.T) {
	cases := map[string]struct {
		set  string
		want string
	}{
		"a gateway without TLS":        {"gateway.url=http://recordings.example.com", "/gateway/url"},
		"a misspelt value":             {"gatway.url=https://recordings.example.com", "gatway"},
		"no managers":                  {"manager.replicas=0", "/manager/replicas"},
		"a tag in place of a digest":   {"image.digest=latest", "/image/digest"},
		"a namespace that cannot be":   {"namespaces={Finance}", "/namespaces/0"},
		"nobody who would be internal": {"gateway.config.organisation.domains=null", "domains"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := runHelm(t.Context(), env, "template", "reelkeeper", chartDir, "--values", values, "--set", tc.set)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("--set %s: %v, want an error that names %s", tc.set, err, tc.want)
			}
		})
	}
}

// TestConfinedToNamespaces has a control plane of its own, because it installs other rights and uninstalls them.
func TestConfinedToNamespaces(t *testing.T) {
	confined := testenv.Start(t, testenv.Options{})
	if err := makeOperatorNamespace(t.Context(), confined); err != nil {
		t.Fatal(err)
	}
	confined.Kubectl(t, "create", "namespace", "finance")
	confined.Kubectl(t, "create", "namespace", "legal")
	notes, err := helmInstall(t.Context(), confined, "--set", "namespaces={finance,legal}")
	if err != nil {
		t.Fatal(err)
	}
	if want := "work in finance, legal only"; !strings.Contains(notes, want) {
		t.Errorf("the notes do not say %q:\n%s", want, notes)
	}

	everywhere := []right{{"namespaces", "", read, write}, {"recordingstores.reelkeeper.io", "", read, write}}
	for _, resource := range []string{"meetingrecordings.reelkeeper.io", "accessgrants.reelkeeper.io", "auditevents.reelkeeper.io", "secrets"} {
		everywhere = append(everywhere, right{resource, "default", "", everyVerb}, right{resource, "", "", everyVerb})
	}
	for _, user := range []string{manager, gateway} {
		checkRights(t, confined, user, everywhere)
	}
	// What belongs to no namespace of theirs is written down in their own.
	for _, user := range []string{manager, gateway} {
		checkRights(t, confined, user, []right{{"auditevents.reelkeeper.io", operatorNamespace, "create", "update patch delete"}})
	}
	checkRights(t, confined, gateway, []right{{"accessgrants.reelkeeper.io/status", "default", "", "update patch"}})
	// Confined, not even the manager can change a keyset.
	checkRights(t, confined, manager, []right{{"secrets", operatorNamespace, "get list watch create patch", "update delete"}})
	for _, namespace := range []string{"finance", "legal"} {
		checkRights(t, confined, manager, []right{
			{"meetingrecordings.reelkeeper.io", namespace, "get list watch patch delete", "hold"},
			{"auditevents.reelkeeper.io", namespace, "create", "update"},
			{"secrets", namespace, "get create patch delete", "list watch"},
		})
		checkRights(t, confined, gateway, []right{
			{"meetingrecordings.reelkeeper.io", namespace, read + " patch", "create update delete deletecollection"},
			{"auditevents.reelkeeper.io", namespace, "create list watch", "get update"},
			{"secrets", namespace, "", everyVerb},
		})
	}

	t.Run("uninstalling keeps the recordings", func(t *testing.T) {
		admin := confined.Client(t, scheme)
		r := recording("finance", "q3-review")
		eventually(t, func(ctx context.Context) error { return admin.Create(ctx, r) })
		if _, err := runHelm(t.Context(), confined, "uninstall", "reelkeeper", "--namespace", operatorNamespace); err != nil {
			t.Fatal(err)
		}
		if err := admin.Get(t.Context(), client.ObjectKeyFromObject(r), r); err != nil {
			t.Errorf("the recording after helm uninstall: %v", err)
		}
		_, err := confined.Clientset(t).AppsV1().Deployments(operatorNamespace).Get(t.Context(), "reelkeeper-manager", metav1.GetOptions{})
		if !apierrors.IsNotFound(err) {
			t.Errorf("the manager after helm uninstall: %v, want that it is gone", err)
		}
	})
}
