// SPDX-License-Identifier: Apache-2.0

package integrity

import (
	"context"
	"errors"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/archive"
	"github.com/reelkeeper/reelkeeper/internal/catalog"
)

// looks is how often a recording is looked at that changes meanwhile: one that does so each time is at work, and writes what it is by itself.
const looks = 3

// CheckState looks whether the bucket says of a recording what its status remembers to have written there: holds, labels and dates, by which
// it would be recovered. One that changes all the time is not judged, nor is one whose manifest is of no use, which Check tells. An error says
// that it could not be found out.
func (c Checker) CheckState(ctx context.Context, recordings client.Reader, key client.ObjectKey, t Target) (Verdict, error) {
	for range looks {
		version, remembered, err := remembers(ctx, recordings, key)
		if err != nil || remembered == "" {
			return Verdict{}, err
		}
		said, err := c.said(ctx, t)
		if err != nil || said == remembered {
			return Verdict{}, err
		}
		now, _, err := remembers(ctx, recordings, key)
		if err != nil {
			return Verdict{}, err
		}
		if now == version {
			return Verdict{Reason: v1alpha1.ReasonStateNotWritten, Message: fmt.Sprintf(
				"What bucket %s says of the recording in %s is gone, not authentic, or not what it is: by that it would be recovered. The manager writes it anew when it checks the recording",
				t.Bucket, t.Owner.StateKey())}, nil
		}
	}
	return Verdict{}, nil
}

// unwritten is what a recording remembers of which the last change could not be written. No hash is like that.
const unwritten = "unwritten"

// remembers returns the version of a recording, and the hash of what was written of it; empty where nothing was or it is about to go.
func remembers(ctx context.Context, recordings client.Reader, key client.ObjectKey) (version, hash string, err error) {
	recording := &v1alpha1.MeetingRecording{}
	if err := recordings.Get(ctx, key, recording); err != nil {
		return "", "", client.IgnoreNotFound(err)
	}
	if !recording.DeletionTimestamp.IsZero() {
		return "", "", nil
	}
	if catalog.IsUntold(&recording.Status) {
		return recording.ResourceVersion, unwritten, nil
	}
	return recording.ResourceVersion, recording.Status.Storage.StateHash, nil
}

// said is the hash of what the bucket says, empty where that is nothing that could be believed.
func (c Checker) said(ctx context.Context, t Target) (string, error) {
	state, _, err := archive.Archive{Objects: c.Objects, Keys: c.Keys, Bucket: t.Bucket, Names: t.Owner}.State(ctx)
	if errors.Is(err, archive.ErrStateForged) {
		err, state = nil, nil
	}
	if err != nil || state == nil {
		return "", err
	}
	return state.Hash()
}
