// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"

	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	discoveryinformers "k8s.io/client-go/informers/discovery/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

const (
	// Service is the headless Service of the replicas, in the operator's namespace.
	Service = "reelkeeper-gateway-peers"
	// PortName is the name of its port.
	PortName = "peers"
)

// Follow keeps a Ring what the Service's EndpointSlices say, until ctx ends. As long as they cannot be read, the Ring stays as it is: of nobody at
// first, so that the replica counts by itself.
func Follow(ctx context.Context, config *rest.Config, namespace string, ring *Ring) error {
	clients, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("find the other gateways: %w", err)
	}
	informer := discoveryinformers.NewFilteredEndpointSliceInformer(clients, namespace, 0, nil, func(options *metav1.ListOptions) {
		options.LabelSelector = discoveryv1.LabelServiceName + "=" + Service
	})
	changed := func() { ring.Set(readyOf(ring.self, informer.GetStore().List())) }
	if _, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: func(any) { changed() }, UpdateFunc: func(any, any) { changed() }, DeleteFunc: func(any) { changed() },
	}); err != nil {
		return fmt.Errorf("find the other gateways: %w", err)
	}
	informer.RunWithContext(ctx)
	return nil
}

// readyOf are the addresses of the replicas to which requests are sent, in the family of addresses that self belongs to: with two families each
// replica stands in two slices. Whoever drains is not among them.
func readyOf(self string, slices []any) []string {
	family := familyOf(self)
	var addresses []string
	for _, object := range slices {
		slice, is := object.(*discoveryv1.EndpointSlice)
		if !is || slice.AddressType != family {
			continue
		}
		for _, port := range slice.Ports {
			if port.Name == nil || *port.Name != PortName || port.Port == nil {
				continue
			}
			for _, endpoint := range slice.Endpoints {
				if isReady(endpoint) {
					addresses = append(addresses, net.JoinHostPort(endpoint.Addresses[0], strconv.Itoa(int(*port.Port))))
				}
			}
		}
	}
	return addresses
}

func isReady(endpoint discoveryv1.Endpoint) bool {
	is := endpoint.Conditions
	return len(endpoint.Addresses) > 0 && (is.Ready == nil || *is.Ready) && (is.Terminating == nil || !*is.Terminating)
}

func familyOf(self string) discoveryv1.AddressType {
	if at, err := netip.ParseAddrPort(self); err == nil && at.Addr().Unmap().Is6() {
		return discoveryv1.AddressTypeIPv6
	}
	return discoveryv1.AddressTypeIPv4
}
