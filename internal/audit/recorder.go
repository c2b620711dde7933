// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/effect"
)

// Recorder writes facts down.
type Recorder interface {
	// Record returns nil when the fact is stored for good, and only then. Whoever gives access refuses it on an error.
	Record(ctx context.Context, event Event) error
}

// Creator creates objects: the one thing that recording needs of a Kubernetes client.
type Creator interface {
	Create(ctx context.Context, obj client.Object, opts ...client.CreateOption) error
}

// NewRecorder returns a Recorder that stores facts as AuditEvent objects. Give it a client without read-your-writes
// consistency: that would hold every AuditEvent in memory.
func NewRecorder(creator Creator, clock clock.PassiveClock) Recorder {
	return &recorder{creator: creator, clock: clock}
}

type recorder struct {
	creator Creator
	clock   clock.PassiveClock
}

func (r *recorder) Record(ctx context.Context, event Event) error {
	err := effect.Do(ctx, "audit: record "+effect.Name(event.Action), func() error {
		return r.creator.Create(ctx, object(event, r.clock.Now()))
	})
	if err == nil || event.Key != "" && apierrors.IsAlreadyExists(err) {
		return nil
	}
	return fmt.Errorf("record %s in the access log of namespace %s, without which it must not happen: check that the API server "+
		"is healthy and that the ServiceAccount may create auditevents: %w", event.Action, event.Namespace, err)
}

// HoldChanged is the reason of a Held that is about a hold which lay before: what it is laid for was edited.
const HoldChanged = "HoldChanged"

// NamespaceGone reports whether Record failed because the namespace is being deleted or is gone. Nothing can be recorded
// there any more, and clean-up that waited for it would keep the namespace from ever going.
func NamespaceGone(err error) bool {
	return apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) || apierrors.IsNotFound(err)
}

// The schema's bounds, in characters or entries.
const (
	maxRule     = 512
	maxEvidence = 16
	maxProof    = 1024
)

func object(event Event, now time.Time) *v1alpha1.AuditEvent {
	if event.Since.IsZero() {
		event.Since = event.Time
	}
	if event.Time.IsZero() {
		event.Time = now
	}
	return &v1alpha1.AuditEvent{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: event.Namespace, Name: name(event),
			Labels: labels(event), Annotations: annotations(event),
		},
		Spec: v1alpha1.AuditEventSpec{
			Time:      metav1.NewMicroTime(event.Time.UTC()),
			Action:    event.Action,
			Outcome:   event.Outcome,
			Actor:     event.Actor,
			Recording: event.Recording,
			Grant:     event.Grant,
			Reason:    event.Reason,
			Rule:      plain(event.Rule, maxRule),
			Client:    event.Client,
			Evidence:  evidence(event.Evidence),
		},
	}
}

// labels are what events are found by, also by those who see nothing but metadata.
func labels(event Event) map[string]string {
	found := map[string]string{v1alpha1.LabelAuditAction: string(event.Action), v1alpha1.LabelAuditOutcome: string(event.Outcome)}
	if len(validation.IsValidLabelValue(event.Reason)) == 0 {
		found[v1alpha1.LabelAuditReason] = event.Reason
	}
	if uid := event.Recording.UID; uid != "" {
		found[v1alpha1.LabelRecordingUID] = uid
	}
	return found
}

// annotations hold the recording's name, which can be too long for a label, and which download it is.
func annotations(event Event) map[string]string {
	found := map[string]string{}
	if event.Recording.Name != "" {
		found[v1alpha1.AnnotationRecordingName] = event.Recording.Name
	}
	if event.Download != "" {
		found[v1alpha1.AnnotationDownload] = event.Download
	}
	if event.Resumed {
		found[v1alpha1.AnnotationResumed] = "true"
	}
	return found
}

// nameTime orders names as instants are ordered, in the characters that a name may have.
const nameTime = "20060102t150405.000000"

// name orders events by time and, for an event with a Key, depends on nothing that differs from one try to the next.
func name(event Event) string {
	if event.Key == "" {
		unique := make([]byte, 10)
		// crypto/rand.Read never returns an error: it ends the program when the system has no randomness.
		_, _ = rand.Read(unique)
		return stamp(event.Time) + "-" + hex.EncodeToString(unique)
	}
	sum := sha256.Sum256([]byte(event.Key))
	return stamp(event.Since) + "-" + hex.EncodeToString(sum[:10])
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return "0"
	}
	return t.UTC().Format(nameTime)
}

func evidence(proofs []string) []string {
	var kept []string
	for i, proof := range proofs {
		if i == maxEvidence-1 && len(proofs) > maxEvidence {
			return append(kept, fmt.Sprintf("… and %d more", len(proofs)-i))
		}
		kept = append(kept, plain(proof, maxProof))
	}
	return kept
}
