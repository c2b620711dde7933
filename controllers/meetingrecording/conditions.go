// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/kube"
)

// ready, waiting and ended are the three ways a recording can be. kstatus reads them as Current, InProgress and Failed.
func ready(message string) state {
	return state{metav1.ConditionTrue, v1alpha1.ReasonAvailable, message}
}

func waiting(reason, message string) state {
	return state{metav1.ConditionFalse, reason, message}
}

// isStalled reports whether the media was found to be of no use, whatever is tried. Nothing but the status remembers that.
func isStalled(status *v1alpha1.MeetingRecordingStatus) bool {
	return meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionStalled)
}

// readyReason is the state that people see now.
func readyReason(status *v1alpha1.MeetingRecordingStatus) string {
	if condition := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady); condition != nil {
		return condition.Reason
	}
	return ""
}

func readyMessage(status *v1alpha1.MeetingRecordingStatus) string {
	if condition := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady); condition != nil {
		return condition.Message
	}
	return ""
}

// newStatus starts a status from the one that is there: the dates and facts stay unless a decision changes them, every
// condition is derived anew. What only one state has (progress, the upload) is set again by that state.
func newStatus(o *observation, ready state) *v1alpha1.MeetingRecordingStatus {
	status := o.recording.Status.DeepCopy()
	status.ObservedGeneration = o.recording.Generation
	status.Progress = ""
	status.Upload = v1alpha1.UploadStatus{}
	conditions := conditionSet{o: o}
	conditions.add(v1alpha1.ConditionReady, ready.status, ready.reason, ready.message)
	conditions.addStored(ready)
	conditions.addProcessed(ready)
	conditions.addRecoverable(ready)
	if o.stage == kept || o.stage == leaving {
		conditions.keep(v1alpha1.ConditionRetained) // a decision that looks at the dates says it anew
	}
	conditions.keep(v1alpha1.ConditionIntact) // package scrub adds it and takes it away
	status.Conditions = conditions.transitions()
	return status
}

// newStalledStatus is the status of a recording that ends here: nothing happens any more until a person acts.
func newStalledStatus(o *observation, what problem) *v1alpha1.MeetingRecordingStatus {
	status := newStatus(o, waiting(what.reason, what.message))
	conditions := conditionSet{o: o, wanted: status.Conditions}
	conditions.add(v1alpha1.ConditionStalled, metav1.ConditionTrue, what.reason, what.message)
	status.Conditions = conditions.transitions()
	return status
}

// addStored tells whether the raw media arrived. What was not looked at this time is said again as it was.
func (c *conditionSet) addStored(ready state) {
	o := c.o
	switch {
	case fetches(o) && o.stage == incoming && o.result == nil:
		c.add(v1alpha1.ConditionStored, metav1.ConditionFalse, ready.reason, "The media has not been fetched")
	case o.stage == kept || o.result != nil || o.raw.found || len(o.attempts) > 0:
		c.add(v1alpha1.ConditionStored, metav1.ConditionTrue, v1alpha1.ReasonAvailable, "The media has arrived")
	case o.raw.looked:
		c.add(v1alpha1.ConditionStored, metav1.ConditionFalse, ready.reason, "The media has not arrived")
	default:
		c.keep(v1alpha1.ConditionStored)
	}
}

// addProcessed is there from the first attempt on.
func (c *conditionSet) addProcessed(ready state) {
	o := c.o
	switch {
	case o.stage == kept || o.result != nil:
		c.add(v1alpha1.ConditionProcessed, metav1.ConditionTrue, v1alpha1.ReasonAvailable, "The media is packaged, encrypted and verified")
	case len(o.attempts) > 0 || ready.reason == v1alpha1.ReasonProcessing:
		c.add(v1alpha1.ConditionProcessed, metav1.ConditionFalse, ready.reason, ready.message)
	case o.stage == incoming && o.inTrash():
		// Taken back out of the trash: what failed before counts no more.
	default:
		c.keep(v1alpha1.ConditionProcessed)
	}
}

// addRecoverable is there once there is something to recover.
func (c *conditionSet) addRecoverable(ready state) {
	o := c.o
	switch {
	case o.mediaMissing != "":
		c.add(v1alpha1.ConditionRecoverable, metav1.ConditionFalse, v1alpha1.ReasonMediaMissing, ready.message)
	case o.stage == kept || o.result != nil:
		c.add(v1alpha1.ConditionRecoverable, metav1.ConditionTrue, v1alpha1.ReasonAvailable, recoverableMessage(o))
	}
}

func recoverableMessage(o *observation) string {
	message := "The bucket holds all that is needed to make the recording again"
	if o.recording.Spec.Source.Adopt.UID != "" {
		message += ", as it was once. " + grantsStayAway
	}
	return message
}

// conditionSet collects the conditions of one status.
type conditionSet struct {
	o      *observation
	wanted []metav1.Condition
}

func (c *conditionSet) add(kind string, status metav1.ConditionStatus, reason, message string) {
	c.wanted = append(c.wanted, metav1.Condition{
		Type: kind, Status: status, Reason: reason, Message: message, ObservedGeneration: c.o.recording.Generation,
	})
}

// keep says again what an earlier pass saw.
func (c *conditionSet) keep(kind string) {
	if old := meta.FindStatusCondition(c.o.recording.Status.Conditions, kind); old != nil {
		c.add(kind, old.Status, old.Reason, old.Message)
	}
}

func (c *conditionSet) transitions() []metav1.Condition {
	return kube.Transitions(c.o.recording.Status.Conditions, c.wanted, c.o.now)
}

// setCondition derives one condition of a status anew and leaves the others as they are. Without a reason, it goes.
func setCondition(o *observation, status *v1alpha1.MeetingRecordingStatus, kind string, verdict metav1.ConditionStatus, reason, message string) {
	conditions := conditionSet{o: o}
	for _, c := range status.Conditions {
		if c.Type != kind {
			conditions.wanted = append(conditions.wanted, c)
		}
	}
	if reason != "" {
		conditions.add(kind, verdict, reason, message)
	}
	status.Conditions = conditions.transitions()
}
