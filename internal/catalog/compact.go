// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"slices"
	"strings"
	"unique"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

// Compact lets recordings share what many of them say in the same words: reasons and messages, labels, people, buckets. Every
// string of a decoded object is an allocation of its own, and of a hundred thousand recordings most are repetitions.
func Compact(recording *v1alpha1.MeetingRecording) {
	compactMeta(&recording.ObjectMeta)
	compactFacts(&recording.Spec)
	compactStatus(&recording.Status)
}

func compactMeta(meta *metav1.ObjectMeta) {
	share(&meta.Namespace)
	shareAll(meta.Finalizers)
	meta.Labels = shareMap(meta.Labels)
}

func compactFacts(spec *v1alpha1.MeetingRecordingSpec) {
	share(&spec.Meeting.Department)
	share(&spec.Meeting.Creator)
	shareAll(spec.Meeting.Hosts)
	shareAll(spec.Meeting.Participants)
	share(&spec.StoreRef.Name)
	spec.State = v1alpha1.RecordingState(shared(string(spec.State)))
}

func compactStatus(status *v1alpha1.MeetingRecordingStatus) {
	status.Conditions = slices.Clip(status.Conditions)
	for i := range status.Conditions {
		condition := &status.Conditions[i]
		share(&condition.Type)
		share(&condition.Reason)
		condition.Status = metav1.ConditionStatus(shared(string(condition.Status)))
		// Dates and numbers are each recording's own.
		if !strings.ContainsAny(condition.Message, "0123456789") {
			share(&condition.Message)
		}
	}
	share(&status.Storage.Bucket)
	share(&status.Media.Codec)
}

func share(s *string) { *s = shared(*s) }

func shareAll(list []string) {
	for i := range list {
		share(&list[i])
	}
}

// shared returns the one copy of a text that there is. It goes when nobody has it any more.
func shared(s string) string {
	if s == "" {
		return ""
	}
	return unique.Make(s).Value()
}

// shareMap shares the texts of a map. The map itself stays the object's own.
func shareMap(m map[string]string) map[string]string {
	if len(m) == 0 {
		return nil
	}
	out := make(map[string]string, len(m))
	for key, value := range m {
		out[shared(key)] = shared(value)
	}
	return out
}
