// SPDX-License-Identifier: Apache-2.0

//go:build unix

package node

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
)

// watchPods follows this node's Pods, and binds those that have no node yet, until ctx ends.
func (n *Node) watchPods(ctx context.Context) error {
	mine := n.podInformer(fields.OneTermEqualSelector("spec.nodeName", n.name))
	if _, err := mine.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    withPod(func(pod *corev1.Pod) { n.observe(ctx, pod) }),
		UpdateFunc: func(_, object any) { withPod(func(pod *corev1.Pod) { n.observe(ctx, pod) })(object) },
		DeleteFunc: withPod(n.forget),
	}); err != nil {
		return fmt.Errorf("watching this node's Pods: %w", err)
	}

	homeless := n.podInformer(fields.OneTermEqualSelector("spec.nodeName", ""))
	queue := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[cache.ObjectName]())
	enqueue := func(object any) {
		if name, err := cache.ObjectToName(object); err == nil {
			queue.Add(name)
		}
	}
	if _, err := homeless.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    enqueue,
		UpdateFunc: func(_, pod any) { enqueue(pod) },
	}); err != nil {
		return fmt.Errorf("watching Pods without a node: %w", err)
	}

	n.runs.Go(func() { mine.RunWithContext(ctx) })
	n.runs.Go(func() { homeless.RunWithContext(ctx) })
	n.runs.Go(func() { n.bindAll(ctx, homeless.GetStore(), queue) })
	<-ctx.Done()
	queue.ShutDown()
	return nil
}

// withPod makes a handler of objects from a handler of Pods. What an informer of Pods hands out is one, or tells of one
// whose deletion it missed.
func withPod(handle func(*corev1.Pod)) func(object any) {
	return func(object any) {
		if missed, ok := object.(cache.DeletedFinalStateUnknown); ok {
			object = missed.Obj
		}
		if pod, ok := object.(*corev1.Pod); ok {
			handle(pod)
		}
	}
}

func (n *Node) podInformer(selector fields.Selector) cache.SharedIndexInformer {
	only := informers.WithTweakListOptions(func(options *metav1.ListOptions) { options.FieldSelector = selector.String() })
	return informers.NewSharedInformerFactoryWithOptions(n.client, 0, only).Core().V1().Pods().Informer()
}

func (n *Node) bindAll(ctx context.Context, pods cache.Store, queue workqueue.TypedRateLimitingInterface[cache.ObjectName]) {
	for {
		name, closed := queue.Get()
		if closed {
			return
		}
		err := n.bind(ctx, pods, name)
		if err == nil || ctx.Err() != nil {
			queue.Forget(name)
		} else {
			n.log.Warn("Binding a Pod failed and will be tried again", "pod", name, "err", err)
			queue.AddRateLimited(name)
		}
		queue.Done(name)
	}
}

// bind is the whole scheduler: any Pod that the node takes comes here.
func (n *Node) bind(ctx context.Context, pods cache.Store, name cache.ObjectName) error {
	object, exists, err := pods.GetByKey(name.String())
	if err != nil || !exists {
		return err
	}
	pod, ok := object.(*corev1.Pod)
	if !ok || pod.DeletionTimestamp != nil || len(pod.Spec.SchedulingGates) > 0 || !n.takes(pod) {
		return nil
	}
	err = n.client.CoreV1().Pods(pod.Namespace).Bind(ctx, &corev1.Binding{
		ObjectMeta: metav1.ObjectMeta{Name: pod.Name, UID: pod.UID},
		Target:     corev1.ObjectReference{Kind: "Node", Name: n.name},
	}, metav1.CreateOptions{})
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil // deleted, replaced or bound meanwhile; the watch tells
	}
	return err
}
