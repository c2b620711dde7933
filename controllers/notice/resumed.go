// SPDX-License-Identifier: Apache-2.0

package notice

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/audit"
)

// oneStory is how far apart two records of a download may be that its owners hear of once. Parts are one record in every
// audit.DownloadWindow, so that those of a download that never stopped lie up to two of them apart; what broke off has its end
// written down at that moment, and as long to go on.
const oneStory = 2 * audit.DownloadWindow

// goesOn says whether a download goes on with one that its owners hear of already: it broke off, or is loaded in parts.
func (r *Downloads) goesOn(ctx context.Context, event *metav1.PartialObjectMetadata) (bool, error) {
	if event.Annotations[v1alpha1.AnnotationResumed] == "" {
		return false, nil
	}
	var list metav1.PartialObjectMetadataList
	list.SetGroupVersionKind(v1alpha1.SchemeGroupVersion.WithKind("AuditEventList"))
	same := client.MatchingLabels{v1alpha1.LabelRecordingUID: event.Labels[v1alpha1.LabelRecordingUID]}
	if err := r.Client.List(ctx, &list, client.InNamespace(event.Namespace), same, client.UnsafeDisableDeepCopy); err != nil {
		return false, fmt.Errorf("list AuditEvents of namespace %s: %w", event.Namespace, err)
	}
	for i := range list.Items {
		if continues(event, &list.Items[i]) {
			return true, nil
		}
	}
	return false, nil
}

// continues says whether a resumed download goes on with what an earlier record is about. Whoever begins a file in its middle, with
// nothing before, continues nothing.
func continues(resumed, earlier *metav1.PartialObjectMetadata) bool {
	between := resumed.CreationTimestamp.Sub(earlier.CreationTimestamp.Time)
	return earlier.Annotations[v1alpha1.AnnotationDownload] == resumed.Annotations[v1alpha1.AnnotationDownload] &&
		earlier.Labels[v1alpha1.LabelAuditOutcome] == string(v1alpha1.OutcomeAllowed) &&
		between < oneStory && (between > 0 || between == 0 && before(earlier, resumed))
}

// before orders records of the same second, which is as fine as creation times are: a start comes before what goes on with it, an
// end after what it is the end of, and of two parts one is the first.
func before(earlier, resumed *metav1.PartialObjectMetadata) bool {
	if earlier.Labels[v1alpha1.LabelAuditAction] != string(v1alpha1.AuditDownloaded) {
		return false
	}
	return earlier.Annotations[v1alpha1.AnnotationResumed] == "" || earlier.Name < resumed.Name
}
