// SPDX-License-Identifier: Apache-2.0

//go:build unix

// Package node is a Kubernetes node for development: it runs the containers of Pods as plain processes of this machine,
// so that Jobs really run where there is neither a container runtime nor a cluster.
//
// It is no sandbox. A container here has its user's rights, files and network; images, security contexts, resources and
// probes are ignored; whatever program the command names is taken from this machine, after a table of replacements
// (Options.Commands). Never let it near Pods that you would not run in your own shell.
//
// What differs, because processes see this machine's files:
//
//   - Volumes are directories somewhere in a private temporary directory. Where a mount path occurs in the command, the
//     arguments, the working directory or a literal environment value, it is replaced by the real place; a program
//     that has such a path compiled in does not find it.
//   - Mounted Secrets and ConfigMaps are read once and not updated later; ServiceAccount tokens are not renewed and last a
//     day. Instead of the in-cluster configuration, which is at a fixed path, processes get KUBECONFIG.
//   - All Pods have the address 127.0.0.1, so two of them cannot listen on one port. A running container counts as ready.
//   - There are no sidecars (restartable init containers), no exec, attach or port-forward; logs work.
//
// All processes end with the node. A node that starts anew marks the Pods of its former life Failed.
package node

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"

	"github.com/reelkeeper/reelkeeper/internal/testenv/process"
)

const (
	defaultName           = "devnode"
	defaultRestartBackoff = 10 * time.Second
)

// wall is the only clock that processes and the API server go by.
var wall clock.RealClock

// Options configure a node. The zero value works.
type Options struct {
	// Name is the Node object's name; empty means "devnode".
	Name string
	// Scheduler is the schedulerName of the Pods that the node takes; all others are left alone, and a taint keeps them away.
	// Empty means that there is no scheduler, and the node takes every Pod.
	Scheduler string
	// Commands replace the program of a container: the keys are what its command says, as a path or a bare name, the
	// values are programs of this machine.
	Commands map[string]string
	// Entrypoint is the program of containers that give no command; in a cluster it would be the image's. Without it, such
	// containers cannot start.
	Entrypoint string
	// Logs is the directory for logs: <namespace>_<pod>_<uid>/<container>.<restarts>.log. Empty means a temporary one.
	Logs string
	// RestartBackoff is the first pause before a container is restarted; it doubles up to thirty times itself. Zero
	// means ten seconds, as in a cluster.
	RestartBackoff time.Duration
	// Logger says what the node does; nil means nothing.
	Logger *slog.Logger
}

// Node is one running development node.
type Node struct {
	name    string
	options Options
	config  *rest.Config
	client  kubernetes.Interface
	log     *slog.Logger
	dir     string // holds the Pods' volumes, private

	mu   sync.Mutex
	pods map[types.UID]*podRun // every Pod seen alive, until it is gone from the API
	runs sync.WaitGroup
}

// Run registers the node and runs Pods until ctx ends; then it stops them all, marks them Failed and returns nil. config
// has to allow what a kubelet and a scheduler do; a cluster administrator's does.
func Run(ctx context.Context, config *rest.Config, options Options) error {
	n, err := newNode(config, options)
	if err != nil {
		return err
	}
	port, err := n.serveLogs(ctx)
	if err != nil {
		return err
	}
	if err := n.register(ctx, port); err != nil {
		return err
	}
	go n.heartbeat(ctx)
	n.log.Info("The development node is ready", "node", n.name, "logs", n.options.Logs)
	err = n.watchPods(ctx)
	n.runs.Wait()
	return err
}

func newNode(config *rest.Config, options Options) (*Node, error) {
	config = rest.CopyConfig(config)
	config.UserAgent = "reelkeeper-devnode"
	config.QPS = -1 // the API server has its own ways to slow down who asks too much
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("making the node's client: %w", err)
	}
	dir, err := process.TempDir("reelkeeper-devnode-")
	if err != nil {
		return nil, err
	}
	if options.Name == "" {
		options.Name = defaultName
	}
	if options.RestartBackoff == 0 {
		options.RestartBackoff = defaultRestartBackoff
	}
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	if options.Logs == "" {
		options.Logs = filepath.Join(dir, "logs")
	}
	if err := os.MkdirAll(options.Logs, 0o700); err != nil {
		return nil, fmt.Errorf("making the directory for logs: %w", err)
	}
	return &Node{
		name: options.Name, options: options, config: config, client: client,
		log: options.Logger, dir: dir, pods: map[types.UID]*podRun{},
	}, nil
}

// takes reports whether the node runs a Pod. In a cluster with a scheduler, some Pods are put on every node; they are not
// for this one.
func (n *Node) takes(pod *corev1.Pod) bool {
	if n.options.Scheduler == "" {
		return pod.Spec.SchedulerName == corev1.DefaultSchedulerName
	}
	return pod.Spec.SchedulerName == n.options.Scheduler
}

// observe is called with every Pod of this node that was added or changed.
func (n *Node) observe(ctx context.Context, pod *corev1.Pod) {
	if !n.takes(pod) {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	run, known := n.pods[pod.UID]
	switch {
	case known && pod.DeletionTimestamp != nil:
		run.end(deleted{grace: graceOf(pod)})
	case known || ended(pod.Status.Phase) && pod.DeletionTimestamp == nil:
	default:
		ctx, end := context.WithCancelCause(ctx)
		run = newPodRun(n, pod, end)
		n.pods[pod.UID] = run
		n.runs.Go(func() { run.live(ctx) })
	}
}

// forget is called when a Pod is gone from the API, by force perhaps.
func (n *Node) forget(pod *corev1.Pod) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if run, known := n.pods[pod.UID]; known {
		run.end(deleted{})
		run.markGone()
		delete(n.pods, pod.UID)
	}
}

// find returns the run of a Pod by name, or nil.
func (n *Node) find(namespace, name string) *podRun {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, run := range n.pods {
		if run.pod.Namespace == namespace && run.pod.Name == name {
			return run
		}
	}
	return nil
}

func ended(phase corev1.PodPhase) bool {
	return phase == corev1.PodSucceeded || phase == corev1.PodFailed
}

func graceOf(pod *corev1.Pod) time.Duration {
	if pod.DeletionGracePeriodSeconds == nil {
		return 0
	}
	return time.Duration(*pod.DeletionGracePeriodSeconds) * time.Second
}
