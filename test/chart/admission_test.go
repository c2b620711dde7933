// SPDX-License-Identifier: Apache-2.0

//go:build unix

package chart

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

func TestFinalizersAreThereFromTheStart(t *testing.T) {
	installed(t)
	namespace, admin := env.Namespace(t), env.Client(t, scheme)
	carrying := recording(namespace, "carrying")
	carrying.Finalizers = []string{"example.com/backup", v1alpha1.FinalizerMedia}
	other := recording(namespace, "other")
	other.Finalizers = []string{"example.com/backup"}
	cases := map[string]struct {
		object client.Object
		want   []string
	}{
		"a recording":                              {recording(namespace, "plain"), []string{v1alpha1.FinalizerMedia}},
		"a recording that has it already":          {carrying, []string{"example.com/backup", v1alpha1.FinalizerMedia}},
		"a recording with somebody else's":         {other, []string{"example.com/backup", v1alpha1.FinalizerMedia}},
		"a grant, which gets the grants'":          {grant(namespace, "plain"), []string{v1alpha1.FinalizerGrant}},
		"a policy, which nothing has to wait for,": {policy(namespace), nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if err := admin.Create(t.Context(), tc.object); err != nil {
				t.Fatal(err)
			}
			if got := tc.object.GetFinalizers(); !slices.Equal(got, tc.want) {
				t.Errorf("created with the finalizers %v, want %v", got, tc.want)
			}
		})
	}
}

func TestOnlyReelkeeperTakesItsFinalizersOff(t *testing.T) {
	installed(t)
	admin, editor := env.Client(t, scheme), as(t, editorUser(t))
	r := recording(tenant, "stripped")
	if err := admin.Create(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	strip := client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"finalizers":null}}`))
	err := editor.Patch(t.Context(), r.DeepCopy(), strip)
	wantRefusal(t, err, "only Reelkeeper removes the finalizer reelkeeper.io/media", "deleting the object is enough")
	if err := as(t, manager).Patch(t.Context(), r.DeepCopy(), strip); err != nil {
		t.Errorf("the manager cannot take its finalizer off: %v", err)
	}
}

func TestGatewayOnlyCountsUses(t *testing.T) {
	installed(t)
	admin, counting := env.Client(t, scheme), as(t, gateway)
	g := grant(tenant, "counted")
	if err := admin.Create(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	g.Status.TokenHash, g.Status.Uses = strings.Repeat("a", 64), new(int32(1))
	if err := admin.Status().Update(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	write := func(status string) error {
		body := client.RawPatch("application/merge-patch+json", []byte(`{"status":`+status+`}`))
		return counting.Status().Patch(t.Context(), g.DeepCopy(), body)
	}
	if err := write(`{"uses":2}`); err != nil {
		t.Errorf("the gateway cannot count: %v", err)
	}
	wantRefusal(t, write(`{"uses":1}`), "uses only grow")
	for name, status := range map[string]string{
		"the token's hash":         `{"tokenHash":"` + strings.Repeat("b", 64) + `"}`,
		"a password":               `{"passwordHash":"$argon2id$"}`,
		"no token any more":        `{"tokenHash":null}`,
		"a condition that is none": `{"conditions":[]}`,
	} {
		t.Run("it cannot write "+name, func(t *testing.T) {
			if err := write(status); err == nil {
				t.Errorf("writing the status %s was accepted, want that it is refused", status)
			}
		})
	}
}

func TestOnlyReelkeeperWritesAuditEvents(t *testing.T) {
	installed(t)
	admin := env.Client(t, scheme)
	wantRefusal(t, admin.Create(t.Context(), auditEvent(tenant)), "only Reelkeeper writes audit events")
	wantRefusal(t, as(t, worker, "system:masters").Create(t.Context(), auditEvent(tenant)), "only Reelkeeper writes audit events")

	seen := auditEvent(tenant)
	for name, user := range map[string]string{"the gateway": gateway, "the manager": manager} {
		seen = auditEvent(tenant)
		if err := as(t, user).Create(t.Context(), seen); err != nil {
			t.Fatalf("%s cannot write an audit event: %v", name, err)
		}
	}
	wantRefusal(t, admin.Delete(t.Context(), seen.DeepCopy()), "audit events cannot be deleted by hand")
	change := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"outcome":"Refused"}}`))
	if err := admin.Patch(t.Context(), seen.DeepCopy(), change); err == nil || !strings.Contains(err.Error(), "an audit event is a fact and cannot change") {
		t.Errorf("changing an audit event: %v, want that it is refused", err)
	}
	told := client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"annotations":{"reelkeeper.io/notified":"2026-11-22T00:00:00Z"}}}`))
	wantRefusal(t, admin.Patch(t.Context(), seen.DeepCopy(), told), "audit events are facts")
	relabelled := client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"labels":{"reelkeeper.io/action":"Viewed"}}}`))
	wantRefusal(t, admin.Patch(t.Context(), seen.DeepCopy(), relabelled), "audit events are facts")
	if err := as(t, manager).Patch(t.Context(), seen.DeepCopy(), told); err != nil {
		t.Errorf("the manager cannot write down that owners were told: %v", err)
	}
	if err := as(t, manager).Delete(t.Context(), seen); err != nil {
		t.Errorf("the manager cannot remove an old audit event: %v", err)
	}
}

func TestAuditEventsGoWithTheirNamespace(t *testing.T) {
	installed(t)
	admin, namespace := env.Client(t, scheme), env.Namespace(t)
	event := auditEvent(namespace)
	if err := as(t, gateway).Create(t.Context(), event); err != nil {
		t.Fatal(err)
	}
	if err := env.Clientset(t).CoreV1().Namespaces().Delete(t.Context(), namespace, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	// The policies read the namespace from a cache that hears of the deletion some moments later.
	eventually(t, func(ctx context.Context) error { return admin.Delete(ctx, event.DeepCopy(), client.DryRunAll) })
}

func eventually(t *testing.T, do func(context.Context) error) {
	t.Helper()
	var last error
	err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		last = do(ctx)
		return last == nil, nil
	})
	if err != nil {
		t.Errorf("still failing after a minute: %v", last)
	}
}

// wantRefusal checks that an admission policy refused, and what it says.
func wantRefusal(t *testing.T, err error, texts ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("accepted, want a refusal that says %q", texts)
		return
	}
	for _, text := range append([]string{"ValidatingAdmissionPolicy"}, texts...) {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("refused with %q, want that it says %q", err, text)
		}
	}
}
