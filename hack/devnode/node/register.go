// SPDX-License-Identifier: Apache-2.0

//go:build unix

package node

import (
	"context"
	"fmt"
	"runtime"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/util/retry"
)

// Heartbeats as a kubelet's: a lease of 40 s, renewed every 10 s.
const (
	leaseSeconds  = 40
	leaseInterval = 10 * time.Second
)

// address is where this node's processes and its log endpoint are.
const address = "127.0.0.1"

// register creates the Node object or takes over the one of a former life.
func (n *Node) register(ctx context.Context, logPort int32) error {
	nodes := n.client.CoreV1().Nodes()
	wanted := &corev1.Node{ObjectMeta: metav1.ObjectMeta{
		Name: n.name,
		Labels: map[string]string{
			corev1.LabelHostname: n.name, corev1.LabelOSStable: runtime.GOOS, corev1.LabelArchStable: runtime.GOARCH,
			"reelkeeper.io/development-only": "true",
		},
	}}
	if _, err := nodes.Create(ctx, wanted, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("registering node %s (may this kubeconfig create Nodes?): %w", n.name, err)
	}
	err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		current, err := nodes.Get(ctx, n.name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		// Admission taints every new node as not ready, and no controller is there to take the taint off.
		current.Spec.Taints = n.taints()
		if current, err = nodes.Update(ctx, current, metav1.UpdateOptions{}); err != nil {
			return err
		}
		current.Status = nodeStatus(logPort, metav1.Now())
		_, err = nodes.UpdateStatus(ctx, current, metav1.UpdateOptions{})
		return err
	})
	if err != nil {
		return fmt.Errorf("reporting node %s ready: %w", n.name, err)
	}
	return nil
}

// taints keep away what other schedulers would put here.
func (n *Node) taints() []corev1.Taint {
	if n.options.Scheduler == "" {
		return nil
	}
	return []corev1.Taint{{Key: "reelkeeper.io/development-only", Value: "true", Effect: corev1.TaintEffectNoSchedule}}
}

func nodeStatus(logPort int32, now metav1.Time) corev1.NodeStatus {
	resources := corev1.ResourceList{
		corev1.ResourceCPU:    *resource.NewQuantity(int64(runtime.NumCPU()), resource.DecimalSI),
		corev1.ResourceMemory: resource.MustParse("64Gi"), // nothing is measured; large enough that nothing is refused
		corev1.ResourcePods:   resource.MustParse("1000"),
	}
	condition := func(kind corev1.NodeConditionType, status corev1.ConditionStatus, reason, message string) corev1.NodeCondition {
		return corev1.NodeCondition{
			Type: kind, Status: status, Reason: reason, Message: message, LastHeartbeatTime: now, LastTransitionTime: now,
		}
	}
	return corev1.NodeStatus{
		Capacity:    resources,
		Allocatable: resources,
		Conditions: []corev1.NodeCondition{
			condition(corev1.NodeReady, corev1.ConditionTrue, "DevelopmentNode", "Pods run as plain processes; for development only"),
			condition(corev1.NodeMemoryPressure, corev1.ConditionFalse, "NotMeasured", "not measured"),
			condition(corev1.NodeDiskPressure, corev1.ConditionFalse, "NotMeasured", "not measured"),
			condition(corev1.NodePIDPressure, corev1.ConditionFalse, "NotMeasured", "not measured"),
		},
		Addresses:       []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: address}},
		DaemonEndpoints: corev1.NodeDaemonEndpoints{KubeletEndpoint: corev1.DaemonEndpoint{Port: logPort}},
		NodeInfo: corev1.NodeSystemInfo{
			OperatingSystem: runtime.GOOS, Architecture: runtime.GOARCH,
			ContainerRuntimeVersion: "process://host", KubeletVersion: "development-only",
		},
	}
}

// heartbeat renews the node's lease until ctx ends. That a renewal fails is only worth a warning: nothing here acts on it.
func (n *Node) heartbeat(ctx context.Context) {
	wait.UntilWithContext(ctx, func(ctx context.Context) {
		if err := n.renewLease(ctx); err != nil && ctx.Err() == nil {
			n.log.Warn("Renewing the node's lease failed and will be tried again", "err", err)
		}
	}, leaseInterval)
}

func (n *Node) renewLease(ctx context.Context) error {
	leases := n.client.CoordinationV1().Leases(corev1.NamespaceNodeLease)
	spec := coordinationv1.LeaseSpec{
		HolderIdentity: new(n.name), LeaseDurationSeconds: new(int32(leaseSeconds)), RenewTime: new(metav1.NowMicro()),
	}
	lease, err := leases.Get(ctx, n.name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		lease = &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: n.name}, Spec: spec}
		_, err = leases.Create(ctx, lease, metav1.CreateOptions{})
		return err
	}
	if err != nil {
		return err
	}
	lease.Spec = spec
	_, err = leases.Update(ctx, lease, metav1.UpdateOptions{})
	return err
}
