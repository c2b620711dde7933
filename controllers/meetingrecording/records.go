// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/audit"
	"github.com/reelkeeper/reelkeeper/internal/kube"
)

// record writes what is about to happen to the recording into the audit log, before it happens. The key names the occurrence
// by what a second try finds unchanged, so that a step that dies between record and deed is in the log once.
func (r *Reconciler) record(ctx context.Context, o *observation, d *decision, what step) error {
	if (what == recordTrashed || what == recordRestored) && r.setInPage(o) {
		return nil
	}
	status, uid := &o.recording.Status, o.recording.UID
	event := audit.Event{Since: o.recording.CreationTimestamp.Time}
	switch what {
	case recordUploaded:
		event.Action, event.Reason, event.Key = v1alpha1.AuditUploaded, "MediaArrived", fmt.Sprintf("uploaded/%s", uid)
		event.Evidence = []string{fmt.Sprintf("%d bytes", o.raw.size)}
		if from := o.recording.Spec.Source.URL; from != nil {
			event.Evidence = []string{fmt.Sprintf("%d bytes fetched from %s, SHA-256 %s", o.result.source.Bytes, hostOf(from), o.result.source.SHA256)}
		}
	case recordProcessed:
		event.Action, event.Reason, event.Key = v1alpha1.AuditProcessed, "Verified", fmt.Sprintf("processed/%s/%d", uid, d.attempt)
		event.Evidence = []string{fmt.Sprintf("media %s/%s of %d bytes, SHA-256 %s", o.result.bucket, o.result.mediaKey, o.result.facts.Bytes, o.result.facts.SHA256)}
	case recordExpired:
		plan := scheduleOf(o, status)
		event.Action, event.Reason, event.Key = v1alpha1.AuditExpired, string(plan.Decider), fmt.Sprintf("expired/%s/%d/%d", uid, status.AvailableAt.Unix(), status.ObservedGeneration)
		event.Since, event.Rule = status.AvailableAt.Time, plan.From.String()
	case recordTrashed:
		event.Action, event.Reason, event.Key = v1alpha1.AuditTrashed, "StateTrashed", fmt.Sprintf("trashed/%s/%d", uid, o.recording.Generation)
		event.Actor = r.whoSetState(o)
	case recordRestored:
		event.Action, event.Reason, event.Key = v1alpha1.AuditRestored, "StateActive", fmt.Sprintf("restored/%s/%d/%d", uid, status.TrashedAt.Unix(), status.ObservedGeneration)
		event.Since, event.Actor = status.TrashedAt.Time, r.whoSetState(o)
	case recordAdopted:
		event.Action, event.Reason, event.Key = v1alpha1.AuditRestored, "Adopted", fmt.Sprintf("restored/%s", uid)
		event.Evidence = adoptionEvidence(o)
	case recordDeleted:
		event.Action, event.Reason, event.Key = v1alpha1.AuditDeleted, "ObjectDeleted", fmt.Sprintf("deleted/%s", uid)
		event.Since, event.Evidence = o.recording.DeletionTimestamp.Time, deletionEvidence(d)
	case recordUnlocked:
		// Of the same lock that lay on it again meanwhile, Locked tells since when; under a hold, who lifted it and why.
		event.Action, event.Reason = v1alpha1.AuditUnlocked, "BypassLock"
		event.Key = fmt.Sprintf("unlocked/%s/%d/%d/%s", uid, status.ObservedGeneration, lockedSince(status), lifting(o))
		event.Rule, event.Evidence = status.LockedBy, []string{lifting(o)}
		if by := o.recording.Annotations[v1alpha1.AnnotationBypassLockBy]; by != "" {
			event.Actor = audit.User(by, "")
		}
	default:
		return fmt.Errorf("no audit event for %q", what)
	}
	return r.write(ctx, o, event)
}

// whoSetState is who asked for the trash, or for the end of it: a person where the API server wrote that down, else the controller,
// which asks for it when a recording expires.
func (r *Reconciler) whoSetState(o *observation) v1alpha1.AuditActor {
	by := o.recording.Annotations[v1alpha1.AnnotationStateBy]
	if by == "" || strings.HasPrefix(by, "system:serviceaccount:"+r.options.OperatorNamespace+":") {
		return v1alpha1.AuditActor{}
	}
	return audit.User(by, "")
}

// setInPage says that somebody used the trash in the gateway's pages: the gateway has written down who, before it did.
func (r *Reconciler) setInPage(o *observation) bool {
	return o.recording.Annotations[v1alpha1.AnnotationStateBy] == kube.GatewayUser(r.options.OperatorNamespace)
}

func adoptionEvidence(o *observation) []string {
	evidence := []string{fmt.Sprintf("media %s/%s of %d bytes, SHA-256 %s", o.result.bucket, o.result.mediaKey, o.result.facts.Bytes, o.result.facts.SHA256)}
	if state := o.claim.state; !state.DeletedAt.IsZero() {
		evidence = append(evidence, "MeetingRecording "+state.Name+" was deleted at "+state.DeletedAt.Format(time.RFC3339))
	}
	return evidence
}

func deletionEvidence(d *decision) []string {
	if d.purgeAt.IsZero() {
		return []string{"nothing was stored"}
	}
	return []string{"the media stays in the trash until " + d.purgeAt.UTC().Format(time.RFC3339)}
}

// write fills in what all events share. In a namespace that is being deleted nothing can be made any more: what happens there
// is recorded in the operator's own.
func (r *Reconciler) write(ctx context.Context, o *observation, event audit.Event) error {
	event.Namespace = o.recording.Namespace
	event.Outcome = v1alpha1.OutcomeAllowed
	if event.Actor.Kind == "" {
		event.Actor = audit.Controller(controllerName)
	}
	event.Recording = audit.RecordingOf(o.recording)
	event.Time = o.now
	var err error
	if !o.namespace.going { // where it is known to go, nobody has to try whether anything can be made there
		err = r.options.Audit.Record(ctx, event)
	}
	if o.namespace.going || audit.NamespaceGone(err) {
		event.Namespace = r.options.OperatorNamespace
		event.Evidence = append([]string{"namespace " + o.recording.Namespace + ", which is being deleted"}, event.Evidence...)
		err = r.options.Audit.Record(ctx, event)
	}
	return err
}

// tell sends Events to people: every new state is one, and so is what the decision says besides.
func (r *Reconciler) tell(o *observation, d *decision, written bool) {
	if written {
		before, after := readyReason(&o.recording.Status), readyReason(d.status)
		if before != after && !slices.ContainsFunc(d.notices, func(n notice) bool { return n.isState }) {
			r.options.Events.Eventf(o.recording, nil, eventType(isStalled(d.status)), after, "Reconcile", "%s", brief(readyMessage(d.status)))
		}
	}
	for _, notice := range d.notices {
		if notice.ofNamespace {
			namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: o.recording.Namespace, UID: o.namespace.uid}}
			r.options.Events.Eventf(namespace, o.recording, eventType(notice.warning), notice.reason, notice.action, "%s", brief(notice.note))
			continue
		}
		r.options.Events.Eventf(o.recording, nil, eventType(notice.warning), notice.reason, notice.action, "%s", brief(notice.note))
	}
}

// maxNote is the longest note that an Event may have, in bytes.
const maxNote = 1024

func brief(note string) string {
	if len(note) <= maxNote {
		return note
	}
	cut := maxNote - len("…")
	for cut > 0 && note[cut]&0xC0 == 0x80 { // do not cut inside a character
		cut--
	}
	return note[:cut] + "…"
}
