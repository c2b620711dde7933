// SPDX-License-Identifier: Apache-2.0

//go:build unix

package chart

import (
	"context"
	"fmt"
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/reelkeeper/reelkeeper/internal/testenv"
)

const (
	tenant = "rights-tenant"

	everyVerb = "get list watch create update patch delete deletecollection"
	read      = "get list watch"
	write     = "create update patch delete deletecollection"
)

// right is what somebody may, and what somebody may not, do with a resource. Verbs are separated by spaces, of resources the
// group comes after the first dot, and the name of a single one after a colon.
type right struct {
	resource  string
	namespace string
	may       string
	mayNot    string
}

func TestEachComponentMayDoWhatItNeedsAndNothingElse(t *testing.T) {
	installed(t)
	cases := map[string]struct {
		user   string
		rights []right
	}{
		"the manager": {user: manager, rights: []right{
			{"recordingstores.reelkeeper.io", "", read, write + " bypass"},
			{"recordingstores.reelkeeper.io/status", "", "patch", "get update create delete"},
			{"clusterrecordingpolicies.reelkeeper.io", "", read, write},
			{"clusterrecordingpolicies.reelkeeper.io/status", "", "patch", "get update create delete"},
			{"meetingrecordings.reelkeeper.io", tenant, "get list watch patch delete", "create update deletecollection hold bypass erase"},
			{"meetingrecordings.reelkeeper.io/status", tenant, "patch", "update"},
			{"accessgrants.reelkeeper.io", tenant, "get list watch create patch", "update delete deletecollection bypass"},
			{"accessrequests.reelkeeper.io", tenant, "get list watch delete", "create update patch deletecollection approve"},
			{"accessrequests.reelkeeper.io/status", tenant, "patch", "update"},
			{"accessgrants.reelkeeper.io/status", tenant, "patch", "update"},
			{"tokenreviews.authentication.k8s.io", "", "create", ""},
			{"subjectaccessreviews.authorization.k8s.io", "", "create", ""},
			{"recordingpolicies.reelkeeper.io", tenant, read, write},
			{"recordingpolicies.reelkeeper.io/status", tenant, "patch", "get update create delete"},
			{"auditevents.reelkeeper.io", tenant, "get list watch create patch delete", "update deletecollection"},
			{"secrets", tenant, "get create patch delete", "list watch update deletecollection"},
			{"secrets", operatorNamespace, "get list watch create patch delete", "update deletecollection"},
			{"jobs.batch", operatorNamespace, "get list watch create delete", "update patch deletecollection"},
			{"jobs.batch", tenant, "", everyVerb},
			{"pods", operatorNamespace, read, write},
			{"pods/exec", operatorNamespace, "", "get create"},
			{"pods/log", operatorNamespace, "", "get"},
			{"pods", tenant, "", everyVerb},
			{"leases.coordination.k8s.io", operatorNamespace, "get create update", "list watch delete"},
			{"leases.coordination.k8s.io", "kube-system", "", everyVerb},
			{"events.events.k8s.io", tenant, "create patch", "get list watch delete"},
			{"namespaces", "", read, write},
			{"configmaps", operatorNamespace, "", everyVerb},
			{"serviceaccounts", operatorNamespace, "", everyVerb + " impersonate"},
			{"serviceaccounts/token", operatorNamespace, "", "create"},
			{"clusterroles.rbac.authorization.k8s.io", "", "", everyVerb + " bind escalate"},
			{"validatingadmissionpolicies.admissionregistration.k8s.io", "", "", everyVerb},
			{"tokenreviews.authentication.k8s.io", "", "create", ""},
			{"subjectaccessreviews.authorization.k8s.io", "", "create", ""},
		}},
		"the gateway": {user: gateway, rights: []right{
			{"meetingrecordings.reelkeeper.io", tenant, read + " patch", "create update delete deletecollection hold bypass erase retain"},
			{"meetingrecordings.reelkeeper.io/status", tenant, "", "get update patch"},
			{"accessgrants.reelkeeper.io", tenant, read + " create delete", "update patch deletecollection"},
			{"accessgrants.reelkeeper.io/status", tenant, "patch", "update"},
			{"accessrequests.reelkeeper.io", tenant, "get list watch create", "update patch delete deletecollection approve"},
			{"accessrequests.reelkeeper.io/status", tenant, "patch", "update"},
			{"recordingpolicies.reelkeeper.io", tenant, read, write},
			{"clusterrecordingpolicies.reelkeeper.io", "", read, write},
			{"recordingstores.reelkeeper.io", "", read, write + " bypass"},
			{"auditevents.reelkeeper.io", tenant, "create list watch", "get update patch delete deletecollection"},
			{"namespaces", "", read, write},
			{"secrets", operatorNamespace, read, write},
			{"secrets", tenant, "", everyVerb},
			{"endpointslices.discovery.k8s.io", operatorNamespace, "list watch", "get " + write},
			{"endpointslices.discovery.k8s.io", tenant, "", everyVerb},
			{"jobs.batch", operatorNamespace, "", everyVerb},
			{"pods", operatorNamespace, "", everyVerb},
			{"configmaps", operatorNamespace, "list watch create", "get update patch delete deletecollection"},
			{"configmaps:reelkeeper-ended-sessions-0", operatorNamespace, "patch", "get update delete"},
			{"configmaps:reelkeeper-ended-sessions-f", operatorNamespace, "patch", "get update delete"},
			{"configmaps:reelkeeper-gateway", operatorNamespace, "", "get update patch delete"},
			{"configmaps", tenant, "", everyVerb},
			{"serviceaccounts/token", operatorNamespace, "", "create"},
		}},
		"the worker": {user: worker, rights: []right{
			{"meetingrecordings.reelkeeper.io", tenant, "", everyVerb},
			{"auditevents.reelkeeper.io", tenant, "", everyVerb},
			{"secrets", operatorNamespace, "", everyVerb},
			{"secrets", tenant, "", everyVerb},
			{"pods", operatorNamespace, "", everyVerb},
			{"jobs.batch", operatorNamespace, "", everyVerb},
			{"namespaces", "", "", everyVerb},
		}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			checkRights(t, env, tc.user, tc.rights)
		})
	}
}

func TestPeopleGetTheirRightsFromTheRolesOfTheirNamespace(t *testing.T) {
	installed(t)
	cases := map[string]struct {
		role   string
		rights []right
	}{
		"viewers see recordings and policies, no grants and no access log": {role: "reelkeeper-viewer", rights: []right{
			{"meetingrecordings.reelkeeper.io", tenant, read, write + " hold bypass erase"},
			{"recordingpolicies.reelkeeper.io", tenant, read, write},
			{"accessgrants.reelkeeper.io", tenant, "", everyVerb},
			{"accessrequests.reelkeeper.io", tenant, "", everyVerb + " approve"},
			{"auditevents.reelkeeper.io", tenant, "", everyVerb},
		}},
		"requesters ask": {role: "reelkeeper-requester", rights: []right{
			{"accessrequests.reelkeeper.io", tenant, "get list watch create", "update patch delete deletecollection approve"},
			{"accessrequests.reelkeeper.io/status", tenant, "", "update patch"},
			{"meetingrecordings.reelkeeper.io", tenant, "", everyVerb},
		}},
		"approvers answer": {role: "reelkeeper-approver", rights: []right{
			{"accessrequests.reelkeeper.io", tenant, "get list watch approve", write},
			{"accessrequests.reelkeeper.io/status", tenant, "get update patch", "delete"},
			{"meetingrecordings.reelkeeper.io", tenant, "", everyVerb},
		}},
		"editors make recordings and grants, no rules": {role: "reelkeeper-editor", rights: []right{
			{"meetingrecordings.reelkeeper.io", tenant, everyVerb, "hold bypass erase retain"},
			{"meetingrecordings.reelkeeper.io/status", tenant, "", "update patch"},
			{"accessgrants.reelkeeper.io", tenant, everyVerb, "bypass"},
			{"accessrequests.reelkeeper.io", tenant, "get list watch create delete deletecollection", "update patch approve"},
			{"accessrequests.reelkeeper.io/status", tenant, "", "update patch"},
			{"accessgrants.reelkeeper.io/status", tenant, "", "update patch"},
			{"recordingpolicies.reelkeeper.io", tenant, "", write},
			{"auditevents.reelkeeper.io", tenant, "", everyVerb},
		}},
		"administrators make rules and read the access log": {role: "reelkeeper-admin", rights: []right{
			{"recordingpolicies.reelkeeper.io", tenant, everyVerb, ""},
			{"auditevents.reelkeeper.io", tenant, read, write},
			{"meetingrecordings.reelkeeper.io", tenant, "retain", "hold bypass erase"},
		}},
		"auditors read the access log alone": {role: "reelkeeper-auditor", rights: []right{
			{"auditevents.reelkeeper.io", tenant, read, write},
			{"meetingrecordings.reelkeeper.io", tenant, "", everyVerb},
		}},
		"the legal department lays and lifts holds": {role: "reelkeeper-legal", rights: []right{
			{"meetingrecordings.reelkeeper.io", tenant, "get list watch update patch hold", "create delete bypass erase retain"},
		}},
		"records managers choose the time of single recordings": {role: "reelkeeper-records", rights: []right{
			{"meetingrecordings.reelkeeper.io", tenant, "get list watch update patch retain", "create delete hold bypass erase"},
		}},
		"who ends sessions writes what has ended, and reads no more than the gateway's configuration": {role: "reelkeeper-sessions", rights: []right{
			{"configmaps", tenant, "create", "get list watch update patch delete deletecollection"},
			{"configmaps:reelkeeper-ended-sessions-a", tenant, "patch", "get update delete"},
			{"configmaps:reelkeeper-gateway", tenant, "get", "update patch delete"},
		}},
		"who answers requests to be forgotten has keys destroyed": {role: "reelkeeper-erasure", rights: []right{
			{"meetingrecordings.reelkeeper.io", tenant, "get list watch update patch erase", "create delete hold bypass"},
		}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			user := bound(t, tc.role)
			checkRights(t, env, user, tc.rights)
		})
	}
}

// TestAggregatedRolesCarryTheirLabels stands for what kube-controller-manager does with them.
func TestAggregatedRolesCarryTheirLabels(t *testing.T) {
	installed(t)
	for role, into := range map[string]string{"reelkeeper-viewer": "view", "reelkeeper-editor": "edit", "reelkeeper-admin": "admin", "reelkeeper-approver": "admin"} {
		found, err := env.Clientset(t).RbacV1().ClusterRoles().Get(t.Context(), role, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if label := "rbac.authorization.k8s.io/aggregate-to-" + into; found.Labels[label] != "true" {
			t.Errorf("ClusterRole %s has the labels %v, want %s: true", role, found.Labels, label)
		}
	}
}

// editorUser is somebody who may edit recordings and grants in the tenant's namespace.
func editorUser(t *testing.T) string {
	t.Helper()
	return bound(t, "reelkeeper-editor")
}

// bound makes somebody who has a ClusterRole in the tenant's namespace, and returns the name when the API server knows.
func bound(t *testing.T, role string) string {
	t.Helper()
	clientset := env.Clientset(t)
	user := "somebody-with-" + role
	binding := &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: tenant, Name: user},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}},
	}
	_, err := clientset.RbacV1().RoleBindings(tenant).Create(t.Context(), binding, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
	found, err := clientset.RbacV1().ClusterRoles().Get(t.Context(), role, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	rule := found.Rules[0]
	first := right{resource: rule.Resources[0] + "." + rule.APIGroups[0], namespace: tenant}
	eventually(t, func(context.Context) error {
		if !allowed(t, clientset, user, rule.Verbs[0], first) {
			return fmt.Errorf("the API server does not know yet that %s may %s", user, first.says(rule.Verbs[0]))
		}
		return nil
	})
	return user
}

func checkRights(t *testing.T, on *testenv.Env, user string, rights []right) {
	t.Helper()
	clientset := on.Clientset(t)
	for _, r := range rights {
		for verb := range strings.FieldsSeq(r.may) {
			if !allowed(t, clientset, user, verb, r) {
				t.Errorf("%s may not %s, but has to", user, r.says(verb))
			}
		}
		for verb := range strings.FieldsSeq(r.mayNot) {
			if allowed(t, clientset, user, verb, r) {
				t.Errorf("%s may %s, but must not", user, r.says(verb))
			}
		}
	}
}

func (r right) says(verb string) string {
	if r.namespace == "" {
		return fmt.Sprintf("%s %s", verb, r.resource)
	}
	return fmt.Sprintf("%s %s in %s", verb, r.resource, r.namespace)
}

func allowed(t *testing.T, clientset *kubernetes.Clientset, user, verb string, r right) bool {
	t.Helper()
	resource, name, _ := strings.Cut(r.resource, ":")
	resource, subresource, _ := strings.Cut(resource, "/")
	resource, group, _ := strings.Cut(resource, ".")
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User:   user,
		Groups: []string{"system:authenticated"},
		ResourceAttributes: &authorizationv1.ResourceAttributes{
			Namespace: r.namespace, Verb: verb, Group: group, Resource: resource, Subresource: subresource, Name: name,
		},
	}}
	answer, err := clientset.AuthorizationV1().SubjectAccessReviews().Create(t.Context(), review, metav1.CreateOptions{})
	if err != nil {
		t.Fatalf("asking whether %s may %s: %v", user, r.says(verb), err)
	}
	return answer.Status.Allowed
}
