// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

// Fields that the cache finds objects by.
const (
	// GrantsByRecording finds AccessGrants by the name in spec.recordingRef, GrantsBySelector for those with a selector.
	GrantsByRecording = "recording"
	// RequestsByRecording finds AccessRequests by the name in spec.recordingRef.
	RequestsByRecording = "recording"
)

// GrantsBySelector is what GrantsByRecording finds grants by that select recordings by their labels. No recording has this name.
const GrantsBySelector = "*"

// AddIndexes makes the cache find objects by the fields above. Call it once, before the manager starts.
func AddIndexes(ctx context.Context, indexer client.FieldIndexer) error {
	indexes := []struct {
		object client.Object
		field  string
		values client.IndexerFunc
	}{
		{&v1alpha1.AccessGrant{}, GrantsByRecording, func(object client.Object) []string {
			if name := object.(*v1alpha1.AccessGrant).Spec.RecordingRef.Name; name != "" {
				return []string{name}
			}
			return []string{GrantsBySelector}
		}},
		{&v1alpha1.AccessRequest{}, RequestsByRecording, func(object client.Object) []string {
			return []string{object.(*v1alpha1.AccessRequest).Spec.RecordingRef.Name}
		}},
	}
	for _, index := range indexes {
		if err := indexer.IndexField(ctx, index.object, index.field, index.values); err != nil {
			return fmt.Errorf("index %T by %s: %w", index.object, index.field, err)
		}
	}
	return nil
}
