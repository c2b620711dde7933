// SPDX-License-Identifier: Apache-2.0

package accessrequest

import (
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/access"
)

const (
	maxName   = 253
	maxReason = 256
)

// grantName follows from the request: its name, and enough of its UID that a later request of that name has another grant.
func grantName(request *v1alpha1.AccessRequest) string {
	uid, _, _ := strings.Cut(string(request.UID), "-")
	suffix := "-" + uid
	return request.Name[:min(len(request.Name), maxName-len(suffix))] + suffix
}

// newGrant is what an approval gives: what was asked for, to who asked, until the end that was asked for or the latest that the
// policy allows. It goes when the request does.
func newGrant(o *observation) *v1alpha1.AccessGrant {
	request := o.request
	// The schema has checked the duration; askPolicies has read it.
	duration, _ := request.Spec.Duration.Parse()
	return &v1alpha1.AccessGrant{
		ObjectMeta: metav1.ObjectMeta{
			Namespace:       request.Namespace,
			Name:            grantName(request),
			Labels:          map[string]string{"app.kubernetes.io/managed-by": "reelkeeper"},
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(request, v1alpha1.SchemeGroupVersion.WithKind("AccessRequest"))},
		},
		Spec: v1alpha1.AccessGrantSpec{
			RecordingRef: request.Spec.RecordingRef,
			Subjects:     []v1alpha1.GrantSubject{{Kind: v1alpha1.SubjectUser, Name: request.Spec.Requester.Name}},
			Permissions:  request.Spec.Permissions,
			ExpiresAt:    metav1.NewTime(access.GrantEnd(o.rules, duration, o.now)),
			Reason:       clip(fmt.Sprintf("AccessRequest %s, approved by %s", request.Name, request.Status.DecidedBy.Name), maxReason),
		},
	}
}

// clip cuts text to as many characters as the schema has room for.
func clip(text string, limit int) string {
	if runes := []rune(text); len(runes) > limit {
		return string(runes[:limit-1]) + "…"
	}
	return text
}
