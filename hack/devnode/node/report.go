// SPDX-License-Identifier: Apache-2.0

//go:build unix

package node

import (
	"context"
	"encoding/json"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
)

// lastWords is how long a Pod that has ended, or whose node ends, still tries to tell the API server so.
const lastWords = 10 * time.Second

// change changes what is known about the Pod, and reports it before it returns.
func (r *podRun) change(ctx context.Context, apply func(*podState)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	apply(r.state)
	status := r.state.status(r.conditions, metav1.Now())
	r.conditions = status.Conditions
	r.publish(ctx, status)
}

func (r *podRun) fail(ctx context.Context, why failure) {
	r.change(ctx, func(s *podState) {
		if !ended(s.phase()) { // a Pod never leaves its last phase
			s.failure = &why
		}
	})
}

// publish writes the status. It is the only writer of these fields, so it reads nothing before. A status that
// cannot be written is tried again for as long as the Pod lives, since Jobs depend on it.
func (r *podRun) publish(ctx context.Context, status corev1.PodStatus) {
	body, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": r.pod.UID}, "status": status})
	if err != nil {
		r.node.log.Error("A Pod's status cannot be written down", "err", err)
		return
	}
	r.tryHard(ctx, "Reporting a Pod's status", func(ctx context.Context) error {
		_, err := r.node.client.CoreV1().Pods(r.pod.Namespace).Patch(
			ctx, r.pod.Name, types.StrategicMergePatchType, body, metav1.PatchOptions{}, "status")
		return err
	})
}

// remove takes a Pod whose containers have ended out of the API, which is the node's to do.
func (r *podRun) remove(ctx context.Context) {
	r.tryHard(ctx, "Removing a deleted Pod", func(ctx context.Context) error {
		return r.node.client.CoreV1().Pods(r.pod.Namespace).Delete(ctx, r.pod.Name, metav1.DeleteOptions{
			GracePeriodSeconds: new(int64(0)), Preconditions: metav1.NewUIDPreconditions(string(r.pod.UID)),
		})
	})
}

// tryHard repeats a request until it succeeds, until the Pod is found to be gone, or until ctx has ended for a while.
func (r *podRun) tryHard(ctx context.Context, doing string, request func(context.Context) error) {
	outliving, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() {
		select {
		case <-wall.After(lastWords):
			cancel()
		case <-outliving.Done():
		}
	})()
	backoff := wait.Backoff{Duration: 100 * time.Millisecond, Factor: 2, Jitter: 0.1, Steps: 1000, Cap: 5 * time.Second}
	var last error
	err := wait.ExponentialBackoffWithContext(outliving, backoff, func(ctx context.Context) (bool, error) {
		last = request(ctx)
		gone := apierrors.IsNotFound(last) || apierrors.IsConflict(last)
		return last == nil || gone || apierrors.IsInvalid(last), nil
	})
	if err != nil || apierrors.IsInvalid(last) {
		r.node.log.Warn(doing+" failed for good", "pod", r.pod.Namespace+"/"+r.pod.Name, "err", last)
	}
}
