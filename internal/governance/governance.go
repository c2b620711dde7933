// SPDX-License-Identifier: Apache-2.0

// Package governance gathers what a decision needs from the cluster and asks the pure packages policy and access. The
// gateway and the controllers both ask here, so that there is one answer.
package governance

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/access"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

// Reader reads policies and grants. Client is meant to be a cache: namespaces are read as metadata only, and what is read is
// never changed.
type Reader struct {
	Client client.Reader
	// Policies keeps what was read of policies from one decision to the next. Nil reads them every time.
	Policies *Policies
}

// NewReader returns a reader of what c holds, which keeps policies between decisions.
func NewReader(ctx context.Context, c cache.Cache) (Reader, error) {
	policies, err := NewPolicies(ctx, c)
	return Reader{Client: c, Policies: policies}, err
}

// Rules returns the rules that hold for the recording now. Without all policies at hand it fails rather than return rules
// that lack one.
func (r Reader) Rules(ctx context.Context, recording *v1alpha1.MeetingRecording) (*policy.Rules, error) {
	return r.RulesFor(ctx, recording.Namespace, recording.Labels)
}

// RulesFor returns the rules for recordings of the namespace that have the given labels, also if there is none yet.
func (r Reader) RulesFor(ctx context.Context, namespace string, recordingLabels map[string]string) (*policy.Rules, error) {
	namespaceLabels, err := r.namespaceLabels(ctx, namespace)
	if err != nil {
		return nil, err
	}
	var namespaced v1alpha1.RecordingPolicyList
	if r.Policies == nil {
		if err := r.Client.List(ctx, &namespaced, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
			return nil, fmt.Errorf("listing the recording policies of namespace %s: %w", namespace, err)
		}
	}
	return r.resolve(ctx, namespace, namespaced.Items, namespaceLabels, recordingLabels)
}

// resolve puts together the rules for a namespace with these policies and labels. An index has the policies already.
func (r Reader) resolve(
	ctx context.Context, namespace string, policies []v1alpha1.RecordingPolicy, namespaceLabels, recordingLabels map[string]string,
) (*policy.Rules, error) {
	if r.Policies != nil {
		index, err := r.Policies.Index(ctx)
		if err != nil {
			return nil, err
		}
		return index.Resolve(namespace, namespaceLabels, recordingLabels), nil
	}
	var cluster v1alpha1.ClusterRecordingPolicyList
	if err := r.Client.List(ctx, &cluster, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("listing the organisation's recording policies: %w", err)
	}
	return policy.Resolve(policy.Input{
		ClusterPolicies: cluster.Items,
		Policies:        policies,
		NamespaceLabels: namespaceLabels,
		RecordingLabels: recordingLabels,
	}), nil
}

// namespaceLabels returns the labels of a namespace. One that is gone fails: which policies reach its recordings cannot be
// told.
func (r Reader) namespaceLabels(ctx context.Context, name string) (map[string]string, error) {
	namespace := &metav1.PartialObjectMetadata{}
	namespace.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	if err := r.Client.Get(ctx, types.NamespacedName{Name: name}, namespace); err != nil {
		return nil, fmt.Errorf("reading the labels of namespace %s: %w", name, err)
	}
	return namespace.Labels, nil
}

// Grants returns the grants that are about the recording, in no particular order. A grant that is being deleted is
// revoked and not among them; one that its controller has not accepted as it stands is, but not ready.
func (r Reader) Grants(ctx context.Context, recording *v1alpha1.MeetingRecording) ([]access.Grant, error) {
	var list v1alpha1.AccessGrantList
	if err := r.Client.List(ctx, &list, client.InNamespace(recording.Namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("listing the access grants of namespace %s: %w", recording.Namespace, err)
	}
	var grants []access.Grant
	for i := range list.Items {
		grant := &list.Items[i]
		if grant.DeletionTimestamp.IsZero() && Concerns(grant, recording) {
			grants = append(grants, access.FactsOfGrant(grant, Accepted(grant)))
		}
	}
	return grants, nil
}

// Decide says whether the subject may do it with the recording now.
func (r Reader) Decide(
	ctx context.Context, recording *v1alpha1.MeetingRecording, subject access.Subject, permission v1alpha1.Permission, now time.Time,
) (access.Decision, error) {
	rules, err := r.Rules(ctx, recording)
	if err != nil {
		return access.Decision{}, err
	}
	grants, err := r.Grants(ctx, recording)
	if err != nil {
		return access.Decision{}, err
	}
	return access.Decide(rules, &access.Request{
		Subject:    subject,
		Permission: permission,
		Recording:  access.FactsOf(recording),
		Grants:     grants,
		Now:        now,
	}), nil
}

// CheckGrant says whether the policies let a grant count. A grant that picks several recordings counts where the rules of
// any of them allow it; a decision about one of the others finds that it is forbidden there. Of several that forbid it,
// the first by name is told. hasPassword says whether the grant's link is going to have a password, outsider who does not
// belong to the organisation (nil if that is not known).
func (r Reader) CheckGrant(
	ctx context.Context, grant *v1alpha1.AccessGrant, recordings []v1alpha1.MeetingRecording, hasPassword bool, outsider func(email string) bool,
) (access.Verdict, error) {
	proposal := access.Proposal{Grant: access.FactsOfGrant(grant, false), Outsider: outsider}
	proposal.Grant.Password = hasPassword
	byName := slices.SortedFunc(slices.Values(recordings), func(a, b v1alpha1.MeetingRecording) int { return cmp.Compare(a.Name, b.Name) })
	var refused access.Verdict
	for i := range byName {
		rules, err := r.Rules(ctx, &byName[i])
		if err != nil {
			return access.Verdict{}, err
		}
		proposal.Recording = access.FactsOf(&byName[i])
		verdict := access.CheckGrant(rules, proposal)
		if verdict.Allowed() {
			return verdict, nil
		}
		if refused.Allowed() {
			refused = verdict
		}
	}
	return refused, nil
}

// Accepted says whether the controller has accepted the grant as it stands: Ready for its generation, or not Ready only
// because its time has not come or has passed, which is for a decision to say.
func Accepted(grant *v1alpha1.AccessGrant) bool {
	ready := meta.FindStatusCondition(grant.Status.Conditions, v1alpha1.ConditionReady)
	if ready == nil || ready.ObservedGeneration != grant.Generation {
		return false
	}
	return ready.Status == metav1.ConditionTrue || ready.Reason == v1alpha1.ReasonNotYet || ready.Reason == v1alpha1.ReasonExpired
}

// Concerns says whether the grant is about the recording. A grant that names one is about that very recording, not about another
// one that gets its name later. A selector that cannot be read is about none.
func Concerns(grant *v1alpha1.AccessGrant, recording *v1alpha1.MeetingRecording) bool {
	if grant.Namespace != recording.Namespace {
		return false
	}
	if grant.Spec.RecordingSelector == nil {
		bound := grant.Status.RecordingUID
		return grant.Spec.RecordingRef.Name == recording.Name && (bound == "" || recording.UID == "" || bound == string(recording.UID))
	}
	selector, err := metav1.LabelSelectorAsSelector(grant.Spec.RecordingSelector)
	return err == nil && selector.Matches(labels.Set(recording.Labels))
}
