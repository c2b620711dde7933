// SPDX-License-Identifier: Apache-2.0

package governance

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/archive"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

// RulesOfDeleted returns the rules for what was deleted from a namespace. Where that is gone, its policies are gone with it, and those of
// the organisation go by the labels that it had.
func (r Reader) RulesOfDeleted(ctx context.Context, namespace string, namespaceLabels, recordingLabels map[string]string) (*policy.Rules, error) {
	rules, err := r.RulesFor(ctx, namespace, recordingLabels)
	if apierrors.IsNotFound(err) {
		return r.resolve(ctx, namespace, nil, namespaceLabels, recordingLabels)
	}
	return rules, err
}

// Burial says what the policies make now of a recording that was deleted while one of them could not be understood, and the date for its
// tombstone. The state is what the bucket says of it, nil where that is nothing. What somebody wants purged by name waits for a lock only.
func (r Reader) Burial(ctx context.Context, tombstone *archive.Tombstone, state *archive.State) (plan policy.Schedule, purgeAt time.Time, err error) {
	var pause archive.Pause
	if tombstone.Paused != nil {
		pause = *tombstone.Paused
	}
	was := &v1alpha1.MeetingRecording{}
	was.Labels = pause.Labels
	if state != nil {
		if was, err = lastSeen(state); err != nil {
			return plan, purgeAt, err
		}
	}
	rules, err := r.RulesOfDeleted(ctx, tombstone.Namespace, pause.NamespaceLabels, was.Labels)
	if err != nil {
		return plan, purgeAt, err
	}
	plan, purgeAt = rules.Retention.Burial(policy.LifeOf(was), tombstone.DeletedAt)
	if tombstone.RequestedBy != "" && !plan.Keeps() {
		purgeAt = tombstone.PurgeAt
		if plan.LockedUntil.After(purgeAt) {
			purgeAt = plan.LockedUntil
		}
	}
	return plan, purgeAt, nil
}

// lastSeen is the recording as it was when it was deleted.
func lastSeen(state *archive.State) (*v1alpha1.MeetingRecording, error) {
	recording, err := state.Recording()
	if err != nil {
		return nil, err
	}
	recording.Status.AvailableAt, recording.Status.TrashedAt = metav1.NewTime(state.AvailableAt), metav1.NewTime(state.TrashedAt)
	state.Promise(&recording.Status)
	return recording, nil
}
