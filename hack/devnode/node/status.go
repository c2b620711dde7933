// SPDX-License-Identifier: Apache-2.0

//go:build unix

package node

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// containerState is what the node knows about one container.
type containerState struct {
	name, image string
	id          string // of the latest process
	state, last corev1.ContainerState
	restarts    int32
	// done says that the container has ended and will not be restarted.
	done bool
}

// failure is why a whole Pod failed, whatever its containers say.
type failure struct{ reason, message string }

// podState is what the node knows about one Pod. Its status is a function of it.
type podState struct {
	start       metav1.Time
	inits       []*containerState
	mains       []*containerState
	failure     *failure
	progressing string // what the Pod waits for before it can start
}

func newPodState(pod *corev1.Pod, now metav1.Time) *podState {
	s := &podState{start: now}
	if pod.Status.StartTime != nil {
		s.start = *pod.Status.StartTime
	}
	for _, c := range pod.Spec.InitContainers {
		s.inits = append(s.inits, waiting(c, "PodInitializing"))
	}
	for _, c := range pod.Spec.Containers {
		s.mains = append(s.mains, waiting(c, "ContainerCreating"))
	}
	return s
}

func waiting(c corev1.Container, reason string) *containerState {
	return &containerState{name: c.Name, image: c.Image, state: corev1.ContainerState{
		Waiting: &corev1.ContainerStateWaiting{Reason: reason},
	}}
}

// phase follows the rules of the Pod lifecycle: once the containers have begun, a Pod runs until the last of them has ended
// for good, and it succeeded if all of them did.
func (s *podState) phase() corev1.PodPhase {
	if s.failure != nil {
		return corev1.PodFailed
	}
	for _, c := range s.inits {
		if c.done && !c.succeeded() {
			return corev1.PodFailed
		}
	}
	begun, over, succeeded := false, true, true
	for _, c := range s.mains {
		begun = begun || c.state.Waiting == nil || c.restarts > 0
		over = over && c.done
		succeeded = succeeded && c.succeeded()
	}
	switch {
	case over && succeeded:
		return corev1.PodSucceeded
	case over:
		return corev1.PodFailed
	case begun:
		return corev1.PodRunning
	default:
		return corev1.PodPending
	}
}

// status is what the API server is told. It carries over the times of conditions that did not change.
func (s *podState) status(before []corev1.PodCondition, now metav1.Time) corev1.PodStatus {
	status := corev1.PodStatus{
		Phase: s.phase(), StartTime: &s.start,
		HostIP: address, HostIPs: []corev1.HostIP{{IP: address}},
		PodIP: address, PodIPs: []corev1.PodIP{{IP: address}},
	}
	if s.failure != nil {
		status.Reason, status.Message = s.failure.reason, s.failure.message
	}
	initialized, ready := true, true
	for _, c := range s.inits {
		initialized = initialized && c.succeeded()
		status.InitContainerStatuses = append(status.InitContainerStatuses, c.status(s.progressing, c.succeeded()))
	}
	for _, c := range s.mains {
		running := c.state.Running != nil
		ready = ready && running
		status.ContainerStatuses = append(status.ContainerStatuses, c.status(s.progressing, running))
	}
	status.Conditions = []corev1.PodCondition{
		condition(before, corev1.PodInitialized, initialized, "ContainersNotInitialized", now),
		condition(before, corev1.ContainersReady, ready, notReady(status.Phase), now),
		condition(before, corev1.PodReady, ready, notReady(status.Phase), now),
	}
	return status
}

func notReady(phase corev1.PodPhase) string {
	if ended(phase) {
		return "PodCompleted"
	}
	return "ContainersNotReady"
}

func condition(before []corev1.PodCondition, kind corev1.PodConditionType, holds bool, whyNot string, now metav1.Time) corev1.PodCondition {
	c := corev1.PodCondition{Type: kind, Status: corev1.ConditionTrue, LastTransitionTime: now}
	if !holds {
		c.Status, c.Reason = corev1.ConditionFalse, whyNot
	}
	for _, old := range before {
		if old.Type == kind && old.Status == c.Status {
			c.LastTransitionTime = old.LastTransitionTime
		}
	}
	return c
}

func (c *containerState) status(progressing string, ready bool) corev1.ContainerStatus {
	status := corev1.ContainerStatus{
		Name: c.name, Image: c.image, Ready: ready, Started: new(c.state.Running != nil),
		ContainerID: c.id, RestartCount: c.restarts, State: c.state, LastTerminationState: c.last,
	}
	if c.state.Waiting != nil && progressing != "" {
		status.State.Waiting = &corev1.ContainerStateWaiting{Reason: c.state.Waiting.Reason, Message: progressing}
	}
	return status
}

func (c *containerState) succeeded() bool {
	return c.done && c.state.Terminated != nil && c.state.Terminated.ExitCode == 0
}

// restarted says whether a container that ended so is started again.
func restarted(policy corev1.RestartPolicy, exitCode int32) bool {
	return policy == corev1.RestartPolicyAlways || policy == corev1.RestartPolicyOnFailure && exitCode != 0
}

// lost turns the status of a Pod whose processes are gone with a former life of the node into that of a failed one.
func lost(pod *corev1.Pod, now metav1.Time) corev1.PodStatus {
	status := *pod.Status.DeepCopy()
	status.Phase, status.Reason = corev1.PodFailed, "NodeLost"
	status.Message = "The development node was restarted; this Pod's processes ended with its former life."
	for _, list := range [][]corev1.ContainerStatus{status.InitContainerStatuses, status.ContainerStatuses} {
		for i := range list {
			c := &list[i]
			c.Ready, c.Started = false, new(false)
			if c.State.Terminated == nil {
				c.State = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
					ExitCode: 137, Reason: "ContainerStatusUnknown", FinishedAt: now,
					Message: "The process ended with the development node's former life.",
				}}
			}
		}
	}
	for _, kind := range []corev1.PodConditionType{corev1.ContainersReady, corev1.PodReady} {
		for i := range status.Conditions {
			if status.Conditions[i].Type == kind {
				status.Conditions[i] = condition(pod.Status.Conditions, kind, false, "PodCompleted", now)
			}
		}
	}
	return status
}
