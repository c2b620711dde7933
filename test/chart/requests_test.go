// SPDX-License-Identifier: Apache-2.0

//go:build unix

package chart

import (
	"strings"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

// request is somebody asking to watch a recording.
func request(name, requester string) *v1alpha1.AccessRequest {
	return &v1alpha1.AccessRequest{
		ObjectMeta: metav1.ObjectMeta{Namespace: tenant, Name: name},
		Spec: v1alpha1.AccessRequestSpec{
			RecordingRef: v1alpha1.RecordingReference{Name: "q3-review"},
			Requester:    v1alpha1.RequestParty{Name: requester},
			Permissions:  []v1alpha1.Permission{v1alpha1.PermissionView},
			Reason:       "I could not attend",
			Duration:     "3d",
		},
	}
}

func throughGateway(party v1alpha1.RequestParty) v1alpha1.RequestParty {
	party.Through, party.Membership = v1alpha1.ThroughGateway, v1alpha1.MembershipInternal
	return party
}

func TestR22WhoAsksIsWhoSaysSo(t *testing.T) {
	installed(t)
	dave := bound(t, "reelkeeper-requester")
	fromGateway := request("from-gateway", "carol@example.com")
	fromGateway.Spec.Requester = throughGateway(fromGateway.Spec.Requester)
	forged := request("forged-membership", dave)
	forged.Spec.Requester = throughGateway(forged.Spec.Requester)
	cases := map[string]struct {
		user    string
		request *v1alpha1.AccessRequest
		want    []string // nothing for one that is taken
	}{
		"for themselves":                       {dave, request("own", dave), nil},
		"for somebody else":                    {dave, request("forged", "alice@example.com"), []string{"spec.requester.name is alice@example.com, and you are " + dave, "people ask for themselves"}},
		"as if the gateway had said it":        {dave, forged, []string{"through is Gateway for requests that the gateway sends"}},
		"the gateway for somebody":             {gateway, fromGateway, nil},
		"the gateway without saying so":        {gateway, request("in-disguise", "carol@example.com"), []string{"through is Gateway"}},
		"not even an editor for somebody else": {editorUser(t), request("by-editor", "alice@example.com"), []string{"people ask for themselves"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			err := as(t, tc.user).Create(t.Context(), tc.request, client.DryRunAll)
			if tc.want != nil {
				wantRefusal(t, err, tc.want...)
			} else if err != nil {
				t.Errorf("%s cannot ask: %v", tc.user, err)
			}
		})
	}
}

func TestR22WhoAnswersMayAndIsSomebodyElse(t *testing.T) {
	installed(t)
	approver, editor, requester := bound(t, "reelkeeper-approver"), editorUser(t), bound(t, "reelkeeper-requester")
	const ready = `{"type":"Ready","status":"Unknown","reason":"Pending","message":"Waiting for the controller","lastTransitionTime":"1970-01-01T00:00:00Z"}`
	approved := func(by, more string) string {
		return `{"conditions":[` + ready + `,{"type":"Approved","status":"True","reason":"Approved","message":"fine","lastTransitionTime":"2026-10-01T10:00:00Z"}],"decidedBy":{"name":"` + by + `"` + more + `}}`
	}
	const byRBAC = "cannot patch resource"
	const asGateway = `,"through":"Gateway","membership":"Internal"`
	cases := map[string]struct {
		user, status string
		requester    string
		over         bool
		want         []string
	}{
		"with the verb":                        {user: approver, status: approved(approver, "")},
		"an administrator, who has every verb": {user: "system:admin", status: approved("system:admin", "")},
		"under another name":                   {user: approver, status: approved("alice@example.com", ""), want: []string{"people answer for themselves"}},
		"as if through the gateway":            {user: approver, status: approved(approver, asGateway), want: []string{"through is Gateway for answers that the gateway sends"}},
		"their own request":                    {user: approver, status: approved(approver, ""), requester: approver, want: []string{"nobody answers their own request"}},
		"the gateway, for somebody":            {user: gateway, status: approved("alice@example.com", asGateway)},
		"the gateway, for the requester":       {user: gateway, status: approved("CAROL@example.com", asGateway), want: []string{"nobody answers their own request"}},
		"the gateway in disguise":              {user: gateway, status: approved("alice@example.com", ""), want: []string{"through is Gateway"}},
		"the manager, which has not the verb":  {user: manager, status: approved(manager, ""), want: []string{"needs the verb approve"}},
		"what is over":                         {user: approver, status: approved(approver, ""), over: true, want: []string{"is over and cannot be answered"}},
		"an approver who changes the rest":     {user: approver, status: `{"grantRef":{"name":"mine"}}`, want: []string{"the rest is Reelkeeper's"}},
		"the gateway that changes the rest":    {user: gateway, status: `{"endedAt":"2026-10-01T10:00:00Z"}`, want: []string{"the rest is Reelkeeper's"}},
		"an approver who drops the rest":       {user: approver, status: `{"conditions":[{"type":"Approved","status":"True","reason":"Approved","message":"","lastTransitionTime":"2026-10-01T10:00:00Z"}],"decidedBy":{"name":"` + approver + `"}}`, want: []string{"the rest is Reelkeeper's"}},
		"the manager goes on with its own":     {user: manager, status: `{"grantRef":{"name":"own"}}`},
		"an editor, by RBAC":                   {user: editor, status: approved(editor, ""), want: []string{byRBAC}},
		"a requester, by RBAC":                 {user: requester, status: approved(requester, ""), want: []string{byRBAC}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			admin := env.Client(t, scheme)
			asker := tc.requester
			if asker == "" {
				asker = "carol@example.com"
			}
			r := request("", asker)
			r.GenerateName = "answered-"
			if asker == "carol@example.com" {
				r.Spec.Requester = throughGateway(r.Spec.Requester)
				if err := as(t, gateway).Create(t.Context(), r); err != nil {
					t.Fatal(err)
				}
			} else if err := as(t, asker, "system:masters").Create(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			if tc.over {
				r.Status.Conditions = append(r.Status.Conditions, metav1.Condition{Type: v1alpha1.ConditionStalled, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonExpired, LastTransitionTime: metav1.Now()})
				if err := as(t, manager, "system:masters").Status().Update(t.Context(), r); err != nil {
					t.Fatal(err)
				}
				over := `,{"type":"Stalled","status":"True","reason":"Expired","message":"","lastTransitionTime":"` + r.Status.Conditions[1].LastTransitionTime.UTC().Format("2006-01-02T15:04:05Z") + `"},{"type":"Approved"`
				tc.status = once(tc.status, `,{"type":"Approved"`, over)
			}
			user := as(t, tc.user)
			if tc.user == "system:admin" {
				user = admin
				tc.status = once(tc.status, "system:admin", whoAmI(t))
			}
			err := user.Status().Patch(t.Context(), r, client.RawPatch("application/merge-patch+json", []byte(`{"status":`+tc.status+`}`)))
			switch {
			case tc.want == nil && err != nil:
				t.Errorf("%s cannot: %v", tc.user, err)
			case len(tc.want) > 0 && tc.want[0] == byRBAC:
				if err == nil || !strings.Contains(err.Error(), byRBAC) {
					t.Errorf("%v, want that RBAC refuses", err)
				}
			case tc.want != nil:
				wantRefusal(t, err, tc.want...)
			}
		})
	}
}

func once(text, old, with string) string { return strings.Replace(text, old, with, 1) }

// whoAmI is the administrator's name as the API server knows it.
func whoAmI(t *testing.T) string {
	t.Helper()
	review, err := env.Clientset(t).AuthenticationV1().SelfSubjectReviews().Create(t.Context(), &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return review.Status.UserInfo.Username
}
