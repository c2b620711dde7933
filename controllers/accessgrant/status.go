// SPDX-License-Identifier: Apache-2.0

package accessgrant

import (
	"cmp"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/kube"
)

// hashes are what is kept of a link's secrets.
type hashes struct {
	token, password string
}

// deriveStatus says what the state of a grant means for its status. Hashes stay when a grant ends or is forbidden: by them a
// link is still known, and its bearer can be told why it does not work.
func deriveStatus(o *observation, is state, minted hashes) v1alpha1.AccessGrantStatus {
	grant := o.grant
	status := grant.Status.DeepCopy()
	status.RecordingUID = cmp.Or(status.RecordingUID, string(o.recording))
	status.ObservedGeneration = grant.Generation
	status.SecretRef = v1alpha1.LocalSecretReference{}
	switch {
	case linkedElsewhere(grant):
		status.TokenHash, status.PasswordHash = minted.token, minted.password
	case is.linked:
		status.SecretRef.Name = secretName(grant.Name)
		status.TokenHash, status.PasswordHash = minted.token, minted.password
	case !is.over():
		// The Secret is still there, unless there never was one.
		status.SecretRef = grant.Status.SecretRef
	}
	wanted := []metav1.Condition{
		{Type: v1alpha1.ConditionReady, Status: is.status, Reason: is.reason, Message: is.message},
		acceptedCondition(is),
	}
	for i := range wanted {
		wanted[i].ObservedGeneration = grant.Generation
	}
	status.Conditions = kube.Transitions(grant.Status.Conditions, wanted, o.now)
	return *status
}

// acceptedCondition says whether the policies allow the grant, which is another question than whether it counts now.
func acceptedCondition(is state) metav1.Condition {
	accepted := metav1.Condition{Type: v1alpha1.ConditionAccepted, Status: metav1.ConditionTrue,
		Reason: v1alpha1.ReasonGranted, Message: "The grant is inside what the policies allow"}
	switch is.reason {
	case v1alpha1.ReasonForbiddenByPolicy:
		accepted.Status, accepted.Reason, accepted.Message = metav1.ConditionFalse, is.reason, is.message
	case v1alpha1.ReasonExpired, v1alpha1.ReasonRecordingNotFound, v1alpha1.ReasonRecordingGone, v1alpha1.ReasonSelectorInvalid:
		accepted.Status, accepted.Reason, accepted.Message = metav1.ConditionUnknown, is.reason, is.message
	}
	return accepted
}

func sameStatus(a, b v1alpha1.AccessGrantStatus) bool {
	same := kube.EqualConditions(a.Conditions, b.Conditions)
	a.Conditions, b.Conditions = nil, nil
	return same && apiequality.Semantic.DeepEqual(a, b)
}

// readyBefore is the Ready condition that the status holds.
func readyBefore(grant *v1alpha1.AccessGrant) metav1.Condition {
	if ready := meta.FindStatusCondition(grant.Status.Conditions, v1alpha1.ConditionReady); ready != nil {
		return *ready
	}
	return metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionUnknown, Reason: v1alpha1.ReasonPending}
}
