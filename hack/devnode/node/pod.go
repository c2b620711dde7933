// SPDX-License-Identifier: Apache-2.0

//go:build unix

package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	// prepareInterval is how often a Pod looks again for what it needs, such as a Secret that comes late.
	prepareInterval = 250 * time.Millisecond

	// shutdownGrace bounds a Pod's own grace period when the whole node stops: somebody waits at a terminal.
	shutdownGrace = 5 * time.Second
)

// deleted is why a Pod ends whose deletion was asked for.
type deleted struct{ grace time.Duration }

func (deleted) Error() string { return "the Pod is deleted" }

// errDeadline is why a Pod ends that took longer than its activeDeadlineSeconds.
var errDeadline = errors.New("the Pod was active longer than its deadline")

// podRun is the life of one Pod on this node.
type podRun struct {
	node  *Node
	pod   *corev1.Pod // as it was first seen
	house household
	// end ends the Pod, for a reason; only the first one counts.
	end func(reason error)
	// gone is closed when the Pod has left the API, and nobody will wait for its grace period.
	gone     chan struct{}
	markGone func()

	mu         sync.Mutex
	state      *podState
	conditions []corev1.PodCondition
}

func newPodRun(n *Node, pod *corev1.Pod, end context.CancelCauseFunc) *podRun {
	gone := make(chan struct{})
	return &podRun{
		node: n, pod: pod, end: end, gone: gone, markGone: sync.OnceFunc(func() { close(gone) }),
		house:      household{dir: filepath.Join(n.dir, string(pod.UID))},
		state:      newPodState(pod, metav1.Now()),
		conditions: pod.Status.Conditions,
	}
}

// live does everything for a Pod, from its first container to its removal, and returns when ctx has ended.
func (r *podRun) live(ctx context.Context) {
	log := r.node.log.With("pod", r.pod.Namespace+"/"+r.pod.Name)
	switch {
	case r.pod.DeletionTimestamp != nil:
		r.end(deleted{}) // a former life's Pod, whose processes are gone
	case r.pod.Status.Phase == corev1.PodRunning:
		r.publish(ctx, lost(r.pod, metav1.Now()))
		log.Info("Marking a Pod of the node's former life Failed")
	default:
		log.Info("Starting a Pod")
		r.run(ctx)
		log.Info("A Pod has ended", "phase", r.phase())
	}
	if err := os.RemoveAll(r.house.dir); err != nil {
		log.Warn("Removing a Pod's files failed; they go when the node ends", "err", err)
	}
	<-ctx.Done()
	if isDeletion(context.Cause(ctx)) {
		r.remove(ctx)
	}
}

func (r *podRun) run(ctx context.Context) {
	if problem := r.node.unsupported(r.pod); problem != "" {
		r.fail(ctx, failure{"NotSupported", problem})
		return
	}
	if deadline := r.pod.Spec.ActiveDeadlineSeconds; deadline != nil {
		var release context.CancelFunc
		ends := r.state.start.Add(time.Duration(*deadline) * time.Second)
		ctx, release = context.WithDeadlineCause(ctx, ends, errDeadline)
		defer release()
	}
	r.change(ctx, func(*podState) {})
	if r.prepare(ctx) && r.runInits(ctx) {
		r.runMains(ctx)
	}
	if ctx.Err() != nil {
		r.fail(ctx, whyEnded(context.Cause(ctx)))
	}
}

func whyEnded(cause error) failure {
	switch {
	case isDeletion(cause):
		return failure{"Deleted", "The Pod was deleted before its containers had ended."}
	case errors.Is(cause, errDeadline):
		return failure{"DeadlineExceeded", "Pod was active on the node longer than the specified deadline"}
	default:
		return failure{"NodeShutdown", "The development node was stopped."}
	}
}

func isDeletion(cause error) bool {
	_, is := errors.AsType[deleted](cause)
	return is
}

// prepare makes the Pod's volumes, and waits for what they need. It returns false when the Pod ends before that.
func (r *podRun) prepare(ctx context.Context) bool {
	return r.insist(ctx, func() error {
		for _, dir := range []string{r.house.home(), filepath.Dir(r.house.terminationLog("any")), r.logs()} {
			if err := os.MkdirAll(dir, 0o700); err != nil {
				return fmt.Errorf("making the Pod's directories: %w", err)
			}
		}
		var err error
		r.house.volumes, err = r.sources().materialise(ctx, filepath.Join(r.house.dir, "volumes"))
		return err
	})
}

// insist tries until it succeeds, showing in the Pod's status what is missing. It returns false when ctx ends first.
func (r *podRun) insist(ctx context.Context, try func() error) bool {
	tick := wall.NewTicker(prepareInterval)
	defer tick.Stop()
	shown := ""
	for {
		problem := ""
		if err := try(); err != nil {
			problem = err.Error()
		}
		if problem != shown && ctx.Err() == nil {
			shown = problem
			r.change(ctx, func(s *podState) { s.progressing = problem })
		}
		if problem == "" {
			return ctx.Err() == nil
		}
		select {
		case <-ctx.Done():
			return false
		case <-tick.C():
		}
	}
}

func (r *podRun) runInits(ctx context.Context) bool {
	policy := r.pod.Spec.RestartPolicy
	if policy == corev1.RestartPolicyAlways {
		policy = corev1.RestartPolicyOnFailure // it has only to succeed once
	}
	for i := range r.pod.Spec.InitContainers {
		if !r.keep(ctx, &r.pod.Spec.InitContainers[i], r.state.inits[i], policy) {
			return false
		}
	}
	return true
}

func (r *podRun) runMains(ctx context.Context) {
	var running sync.WaitGroup
	for i := range r.pod.Spec.Containers {
		running.Go(func() { r.keep(ctx, &r.pod.Spec.Containers[i], r.state.mains[i], r.pod.Spec.RestartPolicy) })
	}
	running.Wait()
}

func (r *podRun) phase() corev1.PodPhase {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state.phase()
}

func (r *podRun) sources() sources { return sources{client: r.node.client, pod: r.pod} }

// logs is the Pod's own directory for logs. Names of Kubernetes objects have no slash in them.
func (r *podRun) logs() string {
	return filepath.Join(r.node.options.Logs, fmt.Sprintf("%s_%s_%s", r.pod.Namespace, r.pod.Name, r.pod.UID))
}

// unsupported says what of the Pod the node cannot do, if it is something that a Pod cannot do without.
func (n *Node) unsupported(pod *corev1.Pod) string {
	for _, c := range pod.Spec.InitContainers {
		if c.RestartPolicy != nil {
			return fmt.Sprintf("Init container %s has a restart policy; the development node knows no sidecars.", c.Name)
		}
	}
	for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		if len(c.Command) == 0 && n.options.Entrypoint == "" {
			return fmt.Sprintf("Container %s has no command, and images are not used here: give it one, or the development node an entrypoint.", c.Name)
		}
	}
	for _, v := range pod.Spec.Volumes {
		if v.Secret == nil && v.ConfigMap == nil && v.EmptyDir == nil && v.Projected == nil && v.DownwardAPI == nil && v.HostPath == nil {
			return fmt.Sprintf("Volume %s is of a kind that the development node does not know: use emptyDir, secret, configMap, projected, downwardAPI or hostPath.", v.Name)
		}
	}
	return ""
}
