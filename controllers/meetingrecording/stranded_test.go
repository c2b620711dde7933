// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

// R25: a deletion that waits for its store goes on waiting when it has said so. Its status says that the store is not ready then, and no more that
// something was offered or processed.
func TestR25ADeletionThatWaitsGoesOnWaiting(t *testing.T) {
	t.Parallel()
	upload := v1alpha1.MediaSource{Upload: &v1alpha1.UploadSource{}}
	object := v1alpha1.MediaSource{Object: &v1alpha1.ObjectSource{Bucket: "incoming", Key: "q3.mp4"}}
	fetched := v1alpha1.MediaSource{URL: &v1alpha1.URLSource{URL: "https://media.example.com/q3.mp4"}}
	for name, tc := range map[string]struct {
		source     v1alpha1.MediaSource
		offered    string
		conditions map[string]string
		waits      bool
	}{
		"told where to send the media":            {upload, "q3-upload", map[string]string{"Ready": "Uploading", "Stored": "Uploading"}, true},
		"told so, before the store was not ready": {upload, "", map[string]string{"Ready": "StoreNotReady", "Stored": "Uploading"}, true},
		"an import is being processed":            {object, "", map[string]string{"Ready": "Processing", "Stored": "Available", "Processed": "Processing"}, true},
		"a fetch is being processed":              {fetched, "", map[string]string{"Ready": "Processing", "Stored": "Processing", "Processed": "Processing"}, true},
		"the store was never ready":               {upload, "", map[string]string{"Ready": "StoreNotReady"}, false},
		"the store was never ready for a fetch":   {fetched, "", map[string]string{"Ready": "StoreNotReady", "Stored": "StoreNotReady"}, false},
		"nothing to import was there":             {object, "", map[string]string{"Ready": "SourceNotFound", "Stored": "SourceNotFound"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := deletedRecording(tc.source, tc.offered)
			for kind, reason := range tc.conditions {
				meta.SetStatusCondition(&r.Status.Conditions, metav1.Condition{Type: kind, Status: metav1.ConditionFalse, Reason: reason})
			}
			for pass := range 3 {
				o := &observation{recording: r, stage: leaving, now: r.DeletionTimestamp.Time, store: storeView{problem: problem{v1alpha1.ReasonStoreNotReady, "why"}}}
				d := decideStranded(o)
				if waits := len(d.steps) == 0 && d.status != nil; waits != tc.waits {
					t.Fatalf("pass %d waits: %t", pass, waits)
				}
				if d.status != nil {
					r.Status = *d.status
				}
			}
		})
	}
}

func deletedRecording(source v1alpha1.MediaSource, offered string) *v1alpha1.MeetingRecording {
	r := &v1alpha1.MeetingRecording{ObjectMeta: metav1.ObjectMeta{DeletionTimestamp: new(metav1.Now()), Finalizers: []string{v1alpha1.FinalizerMedia}}}
	r.Spec.Source, r.Status.Upload.SecretRef.Name = source, offered
	return r
}
