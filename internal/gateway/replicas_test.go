// SPDX-License-Identifier: Apache-2.0

//go:build unix

package gateway_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/gateway"
	"github.com/reelkeeper/reelkeeper/internal/gateway/gatewaytest"
	"github.com/reelkeeper/reelkeeper/internal/gateway/peers"
)

// TestReplicasFindEachOther follows EndpointSlices with the rights that a gateway has. Its test is who writes them, in place of Kubernetes' own controller.
func TestReplicasFindEachOther(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	api, _ := env.KubeconfigFor(t, gatewaytest.OperatorNamespace, "reelkeeper-gateway")
	ring := peers.NewRing("10.1.0.1:8444", peers.Patience)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- peers.Follow(ctx, api, gatewaytest.OperatorNamespace, ring) }()

	slice := func(name, service string, ready ...bool) *discoveryv1.EndpointSlice {
		one := &discoveryv1.EndpointSlice{
			ObjectMeta:  metav1.ObjectMeta{Namespace: gatewaytest.OperatorNamespace, Name: name, Labels: map[string]string{discoveryv1.LabelServiceName: service}},
			AddressType: discoveryv1.AddressTypeIPv4,
			Ports:       []discoveryv1.EndpointPort{{Name: new(peers.PortName), Port: new(int32(8444)), Protocol: new(corev1.ProtocolTCP)}},
		}
		for i, is := range ready {
			one.Endpoints = append(one.Endpoints, discoveryv1.Endpoint{Addresses: []string{fmt.Sprintf("10.1.0.%d", i+1)}, Conditions: discoveryv1.EndpointConditions{Ready: new(is)}})
		}
		return one
	}
	of := func(want int) func() bool { return func() bool { return ring.Len() == want } }
	replicas := slice("replicas", peers.Service, true, true, false)
	for _, object := range []*discoveryv1.EndpointSlice{slice("another", "another-service", true, true, true, true), replicas} {
		if err := w.Admin.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
	await(t, time.Minute, of(2))
	replicas.Endpoints = slice("", "", true, true, true).Endpoints
	if err := w.Admin.Update(t.Context(), replicas); err != nil {
		t.Fatal(err)
	}
	await(t, time.Minute, of(3))
	if err := w.Admin.Delete(t.Context(), replicas); err != nil {
		t.Fatal(err)
	}
	await(t, time.Minute, of(0))
	stop()
	if err := <-ended; err != nil {
		t.Errorf("following ended with %v", err)
	}
}

// TestR8AReplicaThatDrainsHindersNobody watches a recording of ten minutes by a piece every half minute, while one replica after the other leaves.
func TestR8AReplicaThatDrainsHindersNobody(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	recording, file := w.LongRecording(t, env.Namespace(t), "review")
	clock := clocktesting.NewFakePassiveClock(gatewaytest.Wall.Now())
	urls, drain := w.Replicas(t, 3, func(o *gateway.Options) { o.Clock = clock })
	viewer := w.SignIn(t, "participant").At(urls[0])
	view := beginView(t, viewer, recording)
	const pieces = gatewaytest.LongSeconds / 30
	for i := range pieces {
		switch i {
		case pieces / 3:
			drain(0)
		case pieces / 2:
			drain(1)
		}
		at := 2 // who drains is sent nobody any more
		if i < pieces/2 {
			at = 1 + i%2
		}
		from, to := i*len(file)/pieces, (i+1)*len(file)/pieces
		answer := viewer.At(urls[at]).Get(t, view+"media", "Range", fmt.Sprintf("bytes=%d-%d", from, to-1))
		if answer.Status != http.StatusPartialContent {
			t.Errorf("piece %d answers %d", i, answer.Status)
		}
		clock.SetTime(clock.Now().Add(30 * time.Second))
	}
}

func TestRequestsCountAtAllReplicasTogether(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	namespace := env.Namespace(t)
	recording, _ := w.Recording(t, namespace, "review")
	playback(t, w, namespace, v1alpha1.PlaybackRules{MaxRequests: 60})
	clock := clocktesting.NewFakePassiveClock(gatewaytest.Wall.Now())
	urls, _ := w.Replicas(t, 2, func(o *gateway.Options) { o.Clock = clock })
	viewer := w.SignIn(t, "participant").At(urls[0])
	view := beginView(t, viewer, recording)
	for i := range 60 {
		if answer := viewer.At(urls[i%2]).Get(t, view+"key"); answer.Status != http.StatusOK {
			t.Fatalf("key %d answers %d", i, answer.Status)
		}
	}
	for i, url := range urls {
		if answer := viewer.At(url).Get(t, view+"key"); answer.Status != http.StatusTooManyRequests {
			t.Errorf("one too many at replica %d answers %d", i, answer.Status)
		}
	}
}
