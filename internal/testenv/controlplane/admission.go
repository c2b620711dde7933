// SPDX-License-Identifier: Apache-2.0

//go:build unix

package controlplane

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	kubeclient "sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

// canary is the name of a policy that no object gets past, and of the objects that it is about.
const canary = "testenv-canary"

// AwaitAdmission waits until the policies that change objects of our kinds are at work, if there are any. The API server takes them up
// after a while, and then answers 503 for kinds whose schemas it has not looked for, which it does every five seconds. A policy
// that fails, which is there meanwhile, tells that both have happened. ctx should bound it.
func AwaitAdmission(ctx context.Context, config *rest.Config) error {
	scheme := runtime.NewScheme()
	if err := errors.Join(admissionregistrationv1.AddToScheme(scheme), apiextensionsv1.AddToScheme(scheme)); err != nil {
		return err
	}
	admin, err := kubeclient.New(config, kubeclient.Options{Scheme: scheme})
	if err != nil {
		return err
	}
	var shipped admissionregistrationv1.MutatingAdmissionPolicyList
	if err := admin.List(ctx, &shipped); err != nil || len(shipped.Items) == 0 {
		return err
	}
	var kinds apiextensionsv1.CustomResourceDefinitionList
	if err := admin.List(ctx, &kinds); err != nil {
		return err
	}
	for _, object := range newCanary() {
		if err := kubeclient.IgnoreAlreadyExists(admin.Create(ctx, object)); err != nil {
			return fmt.Errorf("making a policy that fails: %w", err)
		}
	}
	for i := range kinds.Items {
		if kinds.Items[i].Spec.Group != v1alpha1.SchemeGroupVersion.Group {
			continue
		}
		if err := awaitCanary(ctx, admin, &kinds.Items[i]); err != nil {
			return err
		}
	}
	for _, object := range newCanary() {
		if err := admin.Delete(ctx, object); err != nil {
			return fmt.Errorf("deleting the policy that fails: %w", err)
		}
	}
	return nil
}

func awaitCanary(ctx context.Context, admin kubeclient.Client, kind *apiextensionsv1.CustomResourceDefinition) error {
	probe := &unstructured.Unstructured{}
	probe.SetGroupVersionKind(schema.GroupVersionKind{Group: kind.Spec.Group, Version: kind.Spec.Versions[0].Name, Kind: kind.Spec.Names.Kind})
	probe.SetName(canary)
	if kind.Spec.Scope == apiextensionsv1.NamespaceScoped {
		probe.SetNamespace(metav1.NamespaceDefault)
	}
	var last error
	err := wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		last = admin.Create(ctx, probe.DeepCopy(), kubeclient.DryRunAll)
		return last != nil && strings.Contains(last.Error(), "'"+canary+"'"), nil
	})
	if err != nil {
		return fmt.Errorf("waiting for admission of %s: %w (last: %w)", kind.Spec.Names.Kind, err, last)
	}
	return nil
}

// newCanary returns a policy about our kinds that reads a label which is not there, and its binding.
func newCanary() []kubeclient.Object {
	policy := &admissionregistrationv1.MutatingAdmissionPolicy{ObjectMeta: metav1.ObjectMeta{Name: canary}}
	policy.Spec = admissionregistrationv1.MutatingAdmissionPolicySpec{
		FailurePolicy:      new(admissionregistrationv1.Fail),
		ReinvocationPolicy: admissionregistrationv1.NeverReinvocationPolicy,
		MatchConstraints: &admissionregistrationv1.MatchResources{ResourceRules: []admissionregistrationv1.NamedRuleWithOperations{{
			RuleWithOperations: admissionregistrationv1.RuleWithOperations{
				Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.Create},
				Rule:       admissionregistrationv1.Rule{APIGroups: []string{v1alpha1.SchemeGroupVersion.Group}, APIVersions: []string{"*"}, Resources: []string{"*"}},
			},
		}}},
		MatchConditions: []admissionregistrationv1.MatchCondition{{Name: "canary", Expression: "object.metadata.?name.orValue('') == '" + canary + "'"}},
		Mutations: []admissionregistrationv1.Mutation{{
			PatchType:          admissionregistrationv1.PatchTypeApplyConfiguration,
			ApplyConfiguration: &admissionregistrationv1.ApplyConfiguration{Expression: `Object{metadata: Object.metadata{labels: {"a": object.metadata.labels["b"]}}}`},
		}},
	}
	binding := &admissionregistrationv1.MutatingAdmissionPolicyBinding{ObjectMeta: metav1.ObjectMeta{Name: canary}}
	binding.Spec.PolicyName = canary
	return []kubeclient.Object{policy, binding}
}
