// SPDX-License-Identifier: Apache-2.0

//go:build unix

package gateway_test

import (
	"net/http"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

// TestAStatusLeadsOnlyToTheRecordingsOwnMedia tries what somebody could who may change the status of their own recordings.
func TestAStatusLeadsOnlyToTheRecordingsOwnMedia(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	theirs, _ := w.Recording(t, env.Namespace(t), "secret")
	cases := map[string]func(own *v1alpha1.MeetingRecording){
		"everything of another recording": func(own *v1alpha1.MeetingRecording) { own.Status.Storage = theirs.Status.Storage },
		"another's manifest": func(own *v1alpha1.MeetingRecording) {
			own.Status.Storage.ManifestKey = theirs.Status.Storage.ManifestKey
		},
		"another's media": func(own *v1alpha1.MeetingRecording) { own.Status.Storage.Key = theirs.Status.Storage.Key },
		"another bucket":  func(own *v1alpha1.MeetingRecording) { own.Status.Storage.Bucket = "elsewhere" },
		"a path upwards": func(own *v1alpha1.MeetingRecording) {
			own.Status.Storage.ManifestKey = "manifests/" + own.Namespace + "/" + string(own.UID) + "/../../" + theirs.Namespace + "/" + string(theirs.UID) + "/1.json"
		},
		"no media": func(own *v1alpha1.MeetingRecording) { own.Status.Storage.Key = "" },
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			own, _ := w.Recording(t, env.Namespace(t), "own")
			change(own)
			if err := w.Admin.Status().Update(t.Context(), own); err != nil {
				t.Fatal(err)
			}
			w.Seen(t, own)
			answer := w.SignIn(t, "host").Get(t, pageOf(own)+"/download")
			if answer.Status != http.StatusServiceUnavailable && answer.Status != http.StatusConflict {
				t.Errorf("the download answers %d with %d bytes", answer.Status, len(answer.Body))
			}
		})
	}
}

// TestAnErasedRecordingIsServedNoMore asks for one whose manifest, and with it the key, the gateway still has in memory.
func TestAnErasedRecordingIsServedNoMore(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	recording, _ := w.Recording(t, env.Namespace(t), "forgotten")
	host := w.SignIn(t, "host")
	if answer := host.Get(t, pageOf(recording)+"/download"); answer.Status != http.StatusOK {
		t.Fatalf("before the erasure, the download answers %d", answer.Status)
	}
	for i := range recording.Status.Conditions {
		if ready := &recording.Status.Conditions[i]; ready.Type == v1alpha1.ConditionReady {
			ready.Status, ready.Reason = metav1.ConditionFalse, v1alpha1.ReasonErased
		}
	}
	if err := w.Admin.Status().Update(t.Context(), recording); err != nil {
		t.Fatal(err)
	}
	w.Seen(t, recording)
	if answer := host.Get(t, pageOf(recording)+"/download"); answer.Status != http.StatusConflict {
		t.Errorf("after the erasure, the download answers %d with %d bytes", answer.Status, len(answer.Body))
	}
}
