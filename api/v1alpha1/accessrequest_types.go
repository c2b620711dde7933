// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// AccessRequest asks for permissions on a recording, formally: somebody who lacks them says which, why and for how long, and
// those who are responsible for the recording approve or deny it.
//
// A request is asked once and answered once. Its spec never changes; the answer is the condition Approved or Denied, which
// never changes either. An approval makes an AccessGrant with an end, inside what the policy allows. Deleting the request
// revokes it. Requests that are over are removed after a week.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=areq,categories=reelkeeper
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Requester",type=string,JSONPath=`.spec.requester.name`
// +kubebuilder:printcolumn:name="Permissions",type=string,JSONPath=`.spec.permissions`
// +kubebuilder:printcolumn:name="Recording",type=string,JSONPath=`.spec.recordingRef.name`
// +kubebuilder:printcolumn:name="For",type=string,JSONPath=`.spec.duration`
// +kubebuilder:printcolumn:name="Waiting-For",type=string,JSONPath=`.status.waitingFor.subjects[*].name`
// +kubebuilder:printcolumn:name="Until",type=string,JSONPath=`.status.grantedUntil`
// +kubebuilder:printcolumn:name="Decided-By",type=string,JSONPath=`.status.decidedBy.name`,priority=1
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:selectablefield:JSONPath=`.spec.recordingRef.name`
// +kubebuilder:selectablefield:JSONPath=`.spec.requester.name`
type AccessRequest struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty,omitzero"`

	// spec says who asks for what, why and for how long. It cannot change.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="a request cannot change: make a new one"
	Spec AccessRequestSpec `json:"spec,omitzero"`

	// status says what became of the request, and who answered it.
	// +optional
	// +kubebuilder:default={conditions: {{type: "Ready", status: "Unknown", reason: "Pending", message: "Waiting for the controller", lastTransitionTime: "1970-01-01T00:00:00Z"}}}
	Status AccessRequestStatus `json:"status,omitempty,omitzero"`
}

// AccessRequestList is a list of AccessRequest.
//
// +kubebuilder:object:root=true
type AccessRequestList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []AccessRequest `json:"items"`
}

// AccessRequestSpec says who asks for what, why and for how long.
type AccessRequestSpec struct {
	// recordingRef names the recording, of this namespace.
	// +required
	RecordingRef RecordingReference `json:"recordingRef,omitzero"`

	// requester is who asks. Without the gateway in between, it is whoever sends the request: their name in Kubernetes, which
	// has to be the e-mail address that they sign in to the gateway with.
	// +required
	Requester RequestParty `json:"requester,omitzero"`

	// permissions are what they ask for: View, Download, or both.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=2
	// +kubebuilder:validation:XValidation:rule="self.all(p, p in ['View', 'Download'])",message="only View and Download can be asked for: other permissions follow from roles in a policy"
	Permissions []Permission `json:"permissions,omitempty"`

	// reason is why they ask. Those who decide read it.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	Reason string `json:"reason,omitempty"`

	// duration is for how long they want it, counted from the approval. What is more than sharing.maxTTL of the policy is cut.
	// +required
	Duration Duration `json:"duration,omitempty"`
}

// RequestParty is somebody who asks or answers, and what the gateway knows of them from the identity provider. Only the
// gateway can say more than the name.
//
// +kubebuilder:validation:XValidation:rule="(has(self.through) && self.through == 'Gateway') == has(self.membership)",message="membership is what the gateway says of people who come through it, and of nobody else"
// +kubebuilder:validation:XValidation:rule="has(self.membership) || !(has(self.issuer) || has(self.departments) || has(self.groups) || has(self.labels) || has(self.client))",message="issuer, departments, groups, labels and client are what the gateway says of people who come through it"
type RequestParty struct {
	// name is their e-mail address, or their name in Kubernetes.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=254
	// +kubebuilder:validation:Pattern=`^\S+$`
	Name string `json:"name,omitempty"`

	// through is Gateway for people who signed in there, API for those who used the Kubernetes API themselves. Absent is API.
	// +optional
	Through RequestChannel `json:"through,omitempty"`

	// issuer is the identity provider that vouches for the name.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	Issuer string `json:"issuer,omitempty"`

	// membership says whether they belong to the organisation. Absent is not known.
	// +optional
	Membership Membership `json:"membership,omitempty"`

	// departments are those that they belong to, as the identity provider spells them.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=254
	Departments []string `json:"departments,omitempty"`

	// groups are those that they belong to, as the identity provider spells them.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=254
	Groups []string `json:"groups,omitempty"`

	// labels are their role labels, as the identity provider spells them.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=254
	Labels []string `json:"labels,omitempty"`

	// client is the device and address that they used, as much of it as the policy keeps.
	// +optional
	Client AuditClient `json:"client,omitempty,omitzero"`
}

// RequestChannel says which way somebody came.
//
// +kubebuilder:validation:Enum=API;Gateway
type RequestChannel string

const (
	// ThroughAPI is the Kubernetes API: what they may do there is for RBAC to say.
	ThroughAPI RequestChannel = "API"
	// ThroughGateway is the gateway: what they may do there is for the policies to say.
	ThroughGateway RequestChannel = "Gateway"
)

// Membership says whether somebody belongs to the organisation.
//
// +kubebuilder:validation:Enum=Internal;External
type Membership string

const (
	// MembershipInternal is a member of the organisation.
	MembershipInternal Membership = "Internal"
	// MembershipExternal is anybody else.
	MembershipExternal Membership = "External"
)

// AccessRequestStatus says what became of a request.
//
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:XValidation:rule="!has(self.conditions) || self.conditions.filter(c, c.type in ['Approved', 'Denied']).size() < 2",message="a request is either approved or denied, not both"
// +kubebuilder:validation:XValidation:rule="!has(self.conditions) || self.conditions.all(c, !(c.type in ['Approved', 'Denied']) || c.status == 'True')",message="the conditions Approved and Denied are True, or not there"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.conditions) || oldSelf.conditions.all(old, !(old.type in ['Approved', 'Denied']) || (has(self.conditions) && self.conditions.exists(c, c == old)))",message="an answer cannot change: make a new request, or delete this one to revoke what it gave"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.decidedBy) || (has(self.decidedBy) && self.decidedBy == oldSelf.decidedBy)",message="who answered cannot change"
// +kubebuilder:validation:XValidation:rule="has(self.decidedBy) == (has(self.conditions) && self.conditions.exists(c, c.type in ['Approved', 'Denied']))",message="an answer comes with decidedBy: who gives it"
type AccessRequestStatus struct {
	// conditions are Ready, and Approved or Denied with the message of who answered. Stalled is there when the request is over.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation that the status speaks of.
	// +optional
	// +kubebuilder:validation:Minimum=1
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// decidedBy is who approved or denied the request. They are never the requester.
	// +optional
	DecidedBy RequestParty `json:"decidedBy,omitempty,omitzero"`

	// waitingFor is who is asked to answer now. Absent once the request is answered or over.
	// +optional
	WaitingFor RequestTurn `json:"waitingFor,omitempty,omitzero"`

	// grantRef names the AccessGrant that the approval made.
	// +optional
	GrantRef GrantReference `json:"grantRef,omitempty,omitzero"`

	// grantedUntil is when what was granted ends.
	// +optional
	GrantedUntil metav1.Time `json:"grantedUntil,omitempty,omitzero"`

	// endedAt is when the request was over: denied, refused, not answered in time, or what it gave had ended.
	// +optional
	EndedAt metav1.Time `json:"endedAt,omitempty,omitzero"`
}

// RequestTurn is those who are asked at one time.
type RequestTurn struct {
	// line says who they are to the recording: Creator, Successors, Hosts or Approvers; Nobody where there is none who could
	// answer by the policies. Whoever holds the RBAC verb approve still can.
	// +required
	Line RequestLine `json:"line,omitempty"`

	// subjects are those who are asked, the requester left out.
	// +optional
	// +listType=map
	// +listMapKey=kind
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Subjects []GrantSubject `json:"subjects,omitempty"`

	// since is from when on they are asked.
	// +required
	Since metav1.Time `json:"since,omitzero"`

	// until is when the request goes to the next in line, or ends unanswered.
	// +required
	Until metav1.Time `json:"until,omitzero"`
}

// RequestLine is one kind of people who answer requests.
//
// +kubebuilder:validation:Enum=Creator;Successors;Hosts;Approvers;Nobody
type RequestLine string

const (
	// LineCreator is who made the meeting.
	LineCreator RequestLine = "Creator"
	// LineSuccessors are who the policy puts in the place of a creator who has left the organisation.
	LineSuccessors RequestLine = "Successors"
	// LineHosts are the meeting's hosts.
	LineHosts RequestLine = "Hosts"
	// LineApprovers are those whom the policy names in sharing.approval.approvers.
	LineApprovers RequestLine = "Approvers"
	// LineNobody is that there is nobody who could answer by the policies.
	LineNobody RequestLine = "Nobody"
)

// GrantReference names an AccessGrant of the same namespace.
type GrantReference struct {
	// name is the grant's name.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`
}
