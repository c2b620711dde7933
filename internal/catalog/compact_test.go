// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

// atRest is the JSON of a recording as the API server sends it.
func atRest(t testing.TB, i int) []byte {
	t.Helper()
	recording := &v1alpha1.MeetingRecording{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: fmt.Sprintf("department-%02d", i%50), Name: fmt.Sprint("recording-", i), UID: types.UID(fmt.Sprintf("0f9c1c1e-7a53-4b0e-9a3f-%012d", i)),
			ResourceVersion: strconv.Itoa(100_000 + i), Generation: 1, Finalizers: []string{v1alpha1.FinalizerMedia},
			Labels:        map[string]string{"reelkeeper.io/sensitivity": "normal", "app.kubernetes.io/managed-by": "connector"},
			ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "connector", FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:meeting":{}}}`)}},
		},
		Spec: v1alpha1.MeetingRecordingSpec{
			Meeting: v1alpha1.MeetingFacts{
				ID: fmt.Sprint("872-", i), Title: fmt.Sprint("Weekly review of project ", i), Department: "finance",
				Creator: fmt.Sprintf("alice%d@example.com", i%1000), Hosts: []string{"bob@example.com"},
				Participants: []string{"carol@example.com", "dave@example.com", "erin@example.com", "frank@example.com"},
			},
			Source: v1alpha1.MediaSource{Upload: &v1alpha1.UploadSource{}}, StoreRef: v1alpha1.StoreReference{Name: "default"},
		},
		Status: v1alpha1.MeetingRecordingStatus{
			ObservedGeneration: 1,
			Storage: v1alpha1.StorageLocation{Bucket: "recordings", Key: fmt.Sprintf("media/department-%02d/0f9c1c1e-7a53-4b0e-9a3f-%012d/1.mp4", i%50, i),
				ManifestKey: fmt.Sprintf("manifests/department-%02d/0f9c1c1e-7a53-4b0e-9a3f-%012d/1.json", i%50, i)},
			Media: v1alpha1.MediaFacts{Duration: "3612s", Bytes: 184203311, Codec: "avc1/mp4a", Height: 720, Segments: 903, SHA256: strings.Repeat("0123", 16)},
			Link:  fmt.Sprintf("https://recordings.example.com/r/department-%02d/recording-%d", i%50, i),
		},
	}
	for _, kind := range []string{v1alpha1.ConditionReady, v1alpha1.ConditionStored, v1alpha1.ConditionProcessed, v1alpha1.ConditionRecoverable, v1alpha1.ConditionRetained} {
		recording.Status.Conditions = append(recording.Status.Conditions, metav1.Condition{
			Type: kind, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonAvailable, LastTransitionTime: metav1.NewTime(time.Unix(1_800_000_000, 0)),
			Message: "The media is packaged, encrypted and verified, and can be watched by those who may",
		})
	}
	encoded, err := json.Marshal(recording)
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

func decode(t testing.TB, encoded []byte) *v1alpha1.MeetingRecording {
	t.Helper()
	recording := &v1alpha1.MeetingRecording{}
	if err := json.Unmarshal(encoded, recording); err != nil {
		t.Fatal(err)
	}
	return recording
}

func TestCompactRecordingsSayTheSame(t *testing.T) {
	t.Parallel()
	encoded := atRest(t, 7)
	want, got := decode(t, encoded), decode(t, encoded)
	Compact(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("compact changes a recording (-want +got):\n%s", diff)
	}
}

// BenchmarkMemoryOfARecording prints what a recording takes up in memory, and what its card does.
func BenchmarkMemoryOfARecording(b *testing.B) {
	for name, keep := range map[string]func(*v1alpha1.MeetingRecording) (any, error){
		"as it comes": func(in *v1alpha1.MeetingRecording) (any, error) { return in, nil },
		"compact":     func(in *v1alpha1.MeetingRecording) (any, error) { Compact(in); return in, nil },
		"card":        func(in *v1alpha1.MeetingRecording) (any, error) { return CardOf(in) },
	} {
		b.Run(name, func(b *testing.B) {
			const many = 10_000
			for b.Loop() {
				kept := make([]any, 0, many)
				before := heap()
				for i := range many {
					object, err := keep(decode(b, atRest(b, i)))
					if err != nil {
						b.Fatal(err)
					}
					kept = append(kept, object)
				}
				b.ReportMetric(float64(heap()-before)/many, "B/recording")
				runtime.KeepAlive(kept)
			}
		})
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
