// SPDX-License-Identifier: Apache-2.0

// Package archivetest prepares recordings for tests that have no media.
package archivetest

import (
	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/archive"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

// Remember makes a recording that has media say that the bucket knows its state, so that a manager finds nothing to do. The bucket
// knows nothing: what is to be written there later fails for want of a manifest, after one look.
func Remember(recording *v1alpha1.MeetingRecording) error {
	state, err := archive.StateOf(recording, &recording.Status, objectstore.AttemptOf(recording.Status.Storage.ManifestKey))
	if err != nil {
		return err
	}
	recording.Status.Storage.StateHash, err = state.Hash()
	return err
}
