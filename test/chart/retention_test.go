// SPDX-License-Identifier: Apache-2.0

//go:build unix

package chart

import (
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

func TestR24OnlyThoseWithTheVerbChooseTheTimeOfARecording(t *testing.T) {
	installed(t)
	editor, records := as(t, editorUser(t)), as(t, bound(t, "reelkeeper-records"))
	refusal := []string{"needs the verb retain on meetingrecordings.reelkeeper.io", "ClusterRole reelkeeper-records"}
	chosen := func(name string, ttl v1alpha1.DurationOrNever) *v1alpha1.MeetingRecording {
		r := recording(tenant, name)
		r.Spec.Retention.ExpireAfter = ttl
		return r
	}
	wantRefusal(t, editor.Create(t.Context(), chosen("chosen-at-once", "30d")), refusal...)
	r := recording(tenant, "to-be-chosen")
	if err := editor.Create(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	choose := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"retention":{"expireAfter":"30d"}}}`))
	shorten := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"retention":{"expireAfter":"1d"}}}`))
	withdraw := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"retention":null}}`))
	title := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"meeting":{"title":"Q3"}}}`))

	wantRefusal(t, editor.Patch(t.Context(), r.DeepCopy(), choose), refusal...)
	if err := records.Patch(t.Context(), r.DeepCopy(), choose); err != nil {
		t.Fatalf("a records manager cannot choose the time: %v", err)
	}
	wantRefusal(t, editor.Patch(t.Context(), r.DeepCopy(), shorten), refusal...)
	wantRefusal(t, editor.Patch(t.Context(), r.DeepCopy(), withdraw), refusal...)
	if err := editor.Patch(t.Context(), r.DeepCopy(), title); err != nil {
		t.Errorf("with a time of its own the recording cannot be changed otherwise: %v", err)
	}
	trash := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"state":"Trashed"}}`))
	if err := as(t, manager).Patch(t.Context(), r.DeepCopy(), trash); err != nil {
		t.Errorf("the manager cannot trash a recording with a time of its own: %v", err)
	}
	if err := records.Patch(t.Context(), r.DeepCopy(), withdraw); err != nil {
		t.Errorf("a records manager cannot withdraw the time: %v", err)
	}
}
