// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/effect"
	"github.com/reelkeeper/reelkeeper/internal/effect/effecttest"
	"github.com/reelkeeper/reelkeeper/internal/kube"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/stores"
	"github.com/reelkeeper/reelkeeper/internal/undo"
)

// misspelt is a selector that nobody understands: a key of a label has no space.
func misspelt() *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: map[string]string{"kind of": "training"}}
}

// deletedWhilePaused deletes a recording while a policy of its namespace cannot be understood.
func (w *world) deletedWhilePaused(retention v1alpha1.RetentionRules) (*v1alpha1.MeetingRecording, *v1alpha1.RecordingPolicy) {
	w.Helper()
	recording := w.available()
	policy := &v1alpha1.RecordingPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "trainings"}}
	policy.Spec.Selector, policy.Spec.Retention = misspelt(), retention
	w.create(policy)
	w.deleted(recording)
	return recording, policy
}

// mend puts a policy's selector right.
func (w *world) mend(policy client.Object) {
	w.Helper()
	patch := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"selector":null}}`))
	if err := w.admin.Patch(w.Context(), policy, patch); err != nil {
		w.Fatal(err)
	}
}

// sweep lets the sweeper look until no crash comes between.
func (w *world) sweep() {
	w.Helper()
	for range 50 {
		_, err := w.sweeper.Sweep(effect.With(w.Context(), w.gate))
		if err == nil {
			return
		}
		if !errors.Is(err, effecttest.ErrDied) {
			w.Fatal(err)
		}
		w.restart()
	}
	w.Fatal("the sweeper does not come to an end")
}

// buriedUntil is the date on the only tombstone, with nothing else missing.
func (w *world) buriedUntil() time.Time {
	w.Helper()
	stored := w.stored()
	if len(stored) != 4 {
		w.Fatalf("want media, manifest, state and a tombstone in the bucket: %v", stored)
	}
	_, purgeAt, err := objectstore.ParseTombstone(stored[3])
	if err != nil {
		w.Fatal(err)
	}
	return purgeAt
}

// purgeByName does what `kubectl reelkeeper trash purge` does with the only recording in the trash.
func (w *world) purgeByName(now time.Time) undo.Outcome {
	w.Helper()
	return w.purgeByNameAs(w.admin, now)
}

func (w *world) purgeByNameAs(who client.Client, now time.Time) undo.Outcome {
	w.Helper()
	store, err := stores.NewResolver(w.manager, operatorNamespace).Open(w.Context(), w.store.Name)
	if err != nil {
		w.Fatal(err)
	}
	cluster, err := undo.ReadCluster(w.Context(), who, w.namespace)
	if err != nil {
		w.Fatal(err)
	}
	entries, err := undo.DeletedIn(w.Context(), store, cluster, undo.Filter{Namespace: w.namespace})
	if err != nil || len(entries) != 1 {
		w.Fatalf("%d entries, %v", len(entries), err)
	}
	purger := &undo.Purger{Client: who, Store: store, By: "alice", Now: now}
	return purger.Entry(w.Context(), entries[0])
}

func TestR26WhatWasDeletedUnderAPolicyNobodyUnderstoodGetsItsDateWhenThatIsMended(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	recording, policy := w.deletedWhilePaused(v1alpha1.RetentionRules{TrashFor: "10d"})
	deletedAt := w.state(recording).DeletedAt
	w.clock.SetTime(deletedAt.Add(2 * day))
	w.sweep()
	if got := w.buriedUntil(); !got.Equal(deletedAt) {
		t.Fatalf("R24 while the policy cannot be understood, the tombstone has the date %s; deleted at %s", got, deletedAt)
	}

	w.mend(policy)
	var c crashes
	w.gate = c.gate
	w.sweep()
	want := deletedAt.Add(10 * day)
	if got := w.buriedUntil(); !got.Equal(want) || !w.state(recording).PurgeAt.Equal(want) {
		t.Errorf("R25 its date is %s, in the state %s; want %s", got, w.state(recording).PurgeAt, want)
	}
	c.expect(t, "archive: write the state", "audit: record Released", "trash: write the tombstone", "trash: remove the tombstone")
	w.gate = nil
	before := len(w.audited(w.namespace))
	w.clock.SetTime(want.Add(-time.Second))
	w.sweep()
	w.buriedUntil()
	if audited := w.audited(w.namespace); audited[v1alpha1.AuditReleased] != 1 || len(audited) != before {
		t.Errorf("audit events: %v", audited)
	}
	w.clock.SetTime(want)
	w.sweep()
	w.expectPurged(recording)
}

func TestR26WhatIsOverdueWhenItsPolicyIsUnderstoodGoesWithTheNextSweep(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	recording, policy := w.deletedWhilePaused(v1alpha1.RetentionRules{TrashFor: "10d"})
	w.clock.SetTime(w.state(recording).DeletedAt.Add(400 * day))
	w.sweep()
	w.buriedUntil()
	w.mend(policy)
	w.sweep()
	if got, want := w.buriedUntil(), w.state(recording).DeletedAt.Add(10*day); !got.Equal(want) {
		t.Errorf("its date is %s, want %s", got, want)
	}
	w.sweep()
	w.expectPurged(recording)
}

func TestR24WhatWasDeletedWithItsNamespaceGoesByThePoliciesOfTheOrganisation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	recording := w.available()
	// The broken selector reaches this namespace alone, which is known by its label.
	policy := &v1alpha1.ClusterRecordingPolicy{ObjectMeta: metav1.ObjectMeta{Name: w.namespace}}
	policy.Spec.NamespaceSelector = &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: w.namespace}}
	policy.Spec.Selector = misspelt()
	policy.Spec.Defaults.Retention.TrashFor = "90d"
	w.create(policy)
	w.deleteNamespace()
	w.drive(gone)
	w.eventually("the namespace is gone", func() bool {
		return apierrors.IsNotFound(w.admin.Get(t.Context(), client.ObjectKey{Name: w.namespace}, &corev1.Namespace{}))
	})
	deletedAt := w.state(recording).DeletedAt
	w.clock.SetTime(deletedAt.Add(40 * day))
	w.sweep()
	if got := w.buriedUntil(); !got.Equal(deletedAt) {
		t.Fatalf("R27 the organisation's policy cannot be understood, and the tombstone has the date %s", got)
	}
	w.mend(policy)
	w.sweep()
	if got := w.buriedUntil(); !got.Equal(deletedAt.Add(90 * day)) {
		t.Errorf("R25 its date is %s, want 90 days after %s", got, deletedAt)
	}
	var events v1alpha1.AuditEventList
	if err := w.admin.List(t.Context(), &events, client.InNamespace(operatorNamespace)); err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(events.Items, func(event v1alpha1.AuditEvent) bool {
		return event.Spec.Recording.UID == string(recording.UID) && event.Spec.Reason == "PolicyUnderstood"
	}) {
		t.Error("why it has a date is not recorded in the operator's namespace")
	}
	w.clock.SetTime(deletedAt.Add(90 * day))
	w.sweep()
	w.expectPurged(recording)
}

func TestR26PurgingByNameAsksThePoliciesAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	lock := v1alpha1.RetentionLock{Mode: v1alpha1.LockGovernance, For: "90d"}
	recording, policy := w.deletedWhilePaused(v1alpha1.RetentionRules{Lock: lock})
	purge := func(now time.Time, want undo.Result, says string) {
		t.Helper()
		if got := w.purgeByName(now); got.Result != want || !strings.Contains(got.Message, says) {
			t.Errorf("purging by name says %+v; want %s, %q", got, want, says)
		}
	}
	now := w.state(recording).DeletedAt.Add(day)
	w.clock.SetTime(now)
	purge(now, undo.Failed, "it cannot be purged until RecordingPolicy "+w.namespace+"/trainings spec.selector (generation 1) can be understood: put that right")
	w.mend(policy)
	purge(now, undo.Failed, "it cannot be purged before its lock ends")
	w.sweep()
	if err := w.admin.Delete(t.Context(), policy); err != nil {
		t.Fatal(err)
	}
	until := w.state(recording).LockedUntil
	if want := recording.Status.AvailableAt.Add(90 * day); !until.Equal(want) {
		t.Errorf("R27 the lock that has come to light is promised until %s, want %s", until, want)
	}
	purge(now, undo.Failed, "it cannot be purged before its lock ends")
	w.clock.SetTime(until)
	purge(until, undo.Purging, "")
	w.sweep()
	w.expectPurged(recording)
}

// Whoever may not read policies cannot know that nothing keeps the recording any more.
func TestR27PurgingByNameTakesTheRightToReadPolicies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	recording, policy := w.deletedWhilePaused(v1alpha1.RetentionRules{TrashFor: "60d"})
	w.mend(policy)
	rights := map[string][]rbacv1.PolicyRule{
		"no policies": {
			{APIGroups: []string{v1alpha1.SchemeGroupVersion.Group}, Resources: []string{"meetingrecordings"}, Verbs: []string{"get", "list", "delete"}},
			{APIGroups: []string{""}, Resources: []string{"namespaces"}, Verbs: []string{"get"}},
		},
		"policies": {{APIGroups: []string{v1alpha1.SchemeGroupVersion.Group}, Resources: []string{"recordingpolicies", "clusterrecordingpolicies"}, Verbs: []string{"list"}}},
	}
	rights["policies"] = append(rights["policies"], rights["no policies"]...)
	as := func(name, may string) client.Client {
		t.Helper()
		w.create(&rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: name + "-" + w.namespace}, Rules: rights[may]})
		w.create(&rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: name + "-" + w.namespace},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name + "-" + w.namespace},
			Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: w.namespace, Name: name}},
		})
		config, _ := env.KubeconfigFor(t, w.namespace, name)
		made, err := client.New(config, client.Options{Scheme: kube.Scheme()})
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
	now := w.state(recording).DeletedAt.Add(day)
	w.clock.SetTime(now)
	got := w.purgeByNameAs(as("helper", "no policies"), now)
	for _, says := range []string{"it is kept by RecordingPolicy " + w.namespace + "/trainings", "takes reading policies and the namespace, which you may not: ask somebody who may to purge it", "cannot list resource"} {
		if got.Result != undo.Failed || !strings.Contains(got.Message, says) {
			t.Errorf("purging without the right to read policies says %+v; want %q", got, says)
		}
	}
	if stored := w.stored(); len(stored) != 4 {
		t.Errorf("in the bucket: %v, want the media, the manifest, the state and a tombstone", stored)
	}
	if got := w.purgeByNameAs(as("rescuer", "policies"), now); got.Result != undo.Purging {
		t.Errorf("with the right to read policies, purging says %+v", got)
	}
	w.sweep() // which gives it its date
	w.sweep()
	w.expectPurged(recording)
}

func TestR26WhatIsPurgedByNameOnceItsPolicyIsUnderstoodGoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	recording, policy := w.deletedWhilePaused(v1alpha1.RetentionRules{TrashFor: "60d"})
	now := w.state(recording).DeletedAt.Add(day)
	w.clock.SetTime(now)
	w.mend(policy)
	if got := w.purgeByName(now); got.Result != undo.Purging {
		t.Fatalf("purging by name says %+v", got)
	}
	w.sweep() // asks the policies once more
	w.buriedUntil()
	w.sweep()
	w.expectPurged(recording)
}
