// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ClusterRecordingPolicy holds the organisation's rules: overrides, which nobody below can exceed, and defaults, which
// yield to the policies of namespaces.
//
// Overrides bound. A set of permissions is intersected, a duration capped, an audience or a choice replaced by the
// stricter of the two. Where several policies override one field, the strictest decides.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,shortName=crpol,categories=reelkeeper
// +kubebuilder:printcolumn:name="Profile",type=string,JSONPath=`.spec.defaults.profile`
// +kubebuilder:printcolumn:name="Audience",type=string,JSONPath=`.spec.overrides.access.audience`
// +kubebuilder:printcolumn:name="Recordings",type=integer,JSONPath=`.status.recordings`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Links",type=string,JSONPath=`.spec.overrides.sharing.links`,priority=1
// +kubebuilder:printcolumn:name="Conflicted",type=string,JSONPath=`.status.conditions[?(@.type=="Conflicted")].message`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type ClusterRecordingPolicy struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty,omitzero"`

	// spec says which recordings the organisation's rules reach and what they are.
	// +required
	Spec ClusterRecordingPolicySpec `json:"spec,omitzero"`

	// status says what became of the policy.
	// +optional
	Status PolicyStatus `json:"status,omitempty,omitzero"`
}

// ClusterRecordingPolicyList is a list of ClusterRecordingPolicy.
//
// +kubebuilder:object:root=true
type ClusterRecordingPolicyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ClusterRecordingPolicy `json:"items"`
}

// ClusterRecordingPolicySpec selects recordings across namespaces and sets the organisation's rules.
//
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:XValidation:rule="has(self.overrides) || has(self.defaults) || has(self.departed)",message="a policy needs overrides, defaults or departed"
// +kubebuilder:validation:XValidation:rule="!has(self.overrides) || !has(self.overrides.succession)",message="overrides bound, and a successor bounds nobody: put succession into defaults"
// +kubebuilder:validation:XValidation:rule="!has(self.overrides) || !has(self.overrides.sharing) || !has(self.overrides.sharing.approval) || !has(self.overrides.sharing.approval.approvers)",message="overrides bound, and approvers bound nobody: put sharing.approval.approvers into defaults"
type ClusterRecordingPolicySpec struct {
	// namespaceSelector picks namespaces by their labels. Absent or empty picks all of them.
	// +optional
	NamespaceSelector *metav1.LabelSelector `json:"namespaceSelector,omitempty"`

	// selector picks recordings by their labels. Absent or empty picks all of them.
	// +optional
	Selector *metav1.LabelSelector `json:"selector,omitempty"`

	// overrides bound whatever is said below. A profile here bounds every field that the profile sets.
	// +optional
	Overrides PolicyRules `json:"overrides,omitempty,omitzero"`

	// defaults apply where no policy of the namespace says anything.
	// +optional
	Defaults PolicyRules `json:"defaults,omitempty,omitzero"`

	// departed are people who have left the organisation, by e-mail address, upper and lower case being the same. They count as
	// outsiders whatever an identity provider still says, and what they created has the successors of succession. Those whose
	// recordings are all gone can be taken off the list. Several policies' lists add up, so that a program can keep one of its
	// own.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=4096
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=254
	// +kubebuilder:validation:items:Pattern=`^\S+$`
	Departed []string `json:"departed,omitempty"`
}
