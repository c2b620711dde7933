// SPDX-License-Identifier: Apache-2.0

//go:build unix

package testenv

import (
	"context"
	"fmt"
	"strings"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// canary is the name of a policy that no object gets past, and of the objects that it is about.
const canary = "testenv-canary"

// awaitAdmission waits until the policies that change objects are at work. The API server takes them up after a while, and then answers 503
// for kinds whose schemas it has not looked for, which it does every five seconds. A policy that fails tells that both have happened.
func (e *Env) awaitAdmission(ctx context.Context, kinds []*apiextensionsv1.CustomResourceDefinition) error {
	admin, err := client.New(e.Config, client.Options{})
	if err != nil {
		return err
	}
	var shipped admissionregistrationv1.MutatingAdmissionPolicyList
	if err := admin.List(ctx, &shipped); err != nil || len(shipped.Items) == 0 || len(kinds) == 0 {
		return err
	}
	for _, object := range newCanary(kinds[0].Spec.Group) {
		if err := admin.Create(ctx, object); err != nil {
			return fmt.Errorf("making a policy that fails: %w", err)
		}
	}
	for _, kind := range kinds {
		if err := awaitCanary(ctx, admin, kind); err != nil {
			return err
		}
	}
	for _, object := range newCanary(kinds[0].Spec.Group) {
		if err := admin.Delete(ctx, object); err != nil {
			return fmt.Errorf("deleting the policy that fails: %w", err)
		}
	}
	return nil
}

func awaitCanary(ctx context.Context, admin client.Client, kind *apiextensionsv1.CustomResourceDefinition) error {
	probe := &unstructured.Unstructured{}
	probe.SetGroupVersionKind(schema.GroupVersionKind{Group: kind.Spec.Group, Version: kind.Spec.Versions[0].Name, Kind: kind.Spec.Names.Kind})
	probe.SetName(canary)
	if kind.Spec.Scope == apiextensionsv1.NamespaceScoped {
		probe.SetNamespace(metav1.NamespaceDefault)
	}
	var last error
	err := wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		last = admin.Create(ctx, probe.DeepCopy(), client.DryRunAll)
		return last != nil && strings.Contains(last.Error(), "'"+canary+"'"), nil
	})
	if err != nil {
		return fmt.Errorf("waiting for admission of %s: %w (last: %w)", kind.Spec.Names.Kind, err, last)
	}
	return nil
}

// newCanary returns a policy about the kinds of a group that reads a label which is not there, and its binding.
func newCanary(group string) []client.Object {
	policy := &admissionregistrationv1.MutatingAdmissionPolicy{ObjectMeta: metav1.ObjectMeta{Name: canary}}
	policy.Spec = admissionregistrationv1.MutatingAdmissionPolicySpec{
		FailurePolicy:      new(admissionregistrationv1.Fail),
		ReinvocationPolicy: admissionregistrationv1.NeverReinvocationPolicy,
		MatchConstraints: &admissionregistrationv1.MatchResources{ResourceRules: []admissionregistrationv1.NamedRuleWithOperations{{
			RuleWithOperations: admissionregistrationv1.RuleWithOperations{
				Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.Create},
				Rule:       admissionregistrationv1.Rule{APIGroups: []string{group}, APIVersions: []string{"*"}, Resources: []string{"*"}},
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
	return []client.Object{policy, binding}
}
