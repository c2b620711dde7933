// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
)

func sliceOf(family discoveryv1.AddressType, port string, endpoints ...discoveryv1.Endpoint) *discoveryv1.EndpointSlice {
	return &discoveryv1.EndpointSlice{
		AddressType: family, Endpoints: endpoints,
		Ports: []discoveryv1.EndpointPort{{Name: &port, Port: new(int32(8444)), Protocol: new(corev1.ProtocolTCP)}},
	}
}

func endpoint(address string, is discoveryv1.EndpointConditions) discoveryv1.Endpoint {
	return discoveryv1.Endpoint{Addresses: []string{address}, Conditions: is}
}

func TestWhichReplicasAreReady(t *testing.T) {
	ready, not, unknown := discoveryv1.EndpointConditions{Ready: new(true)}, discoveryv1.EndpointConditions{Ready: new(false)}, discoveryv1.EndpointConditions{}
	draining := discoveryv1.EndpointConditions{Ready: new(true), Serving: new(true), Terminating: new(true)}
	cases := map[string]struct {
		self   string
		slices []any
		want   []string
	}{
		"those that are, and those of which nobody says": {
			self: "10.0.0.1:8444", slices: []any{sliceOf(discoveryv1.AddressTypeIPv4, PortName, endpoint("10.0.0.1", ready), endpoint("10.0.0.2", unknown))},
			want: []string{"10.0.0.1:8444", "10.0.0.2:8444"},
		},
		"none that is not, and none that drains": {
			self: "10.0.0.1:8444", slices: []any{sliceOf(discoveryv1.AddressTypeIPv4, PortName, endpoint("10.0.0.1", not), endpoint("10.0.0.2", draining))},
		},
		"of several slices": {
			self: "10.0.0.1:8444",
			slices: []any{
				sliceOf(discoveryv1.AddressTypeIPv4, PortName, endpoint("10.0.0.1", ready)), sliceOf(discoveryv1.AddressTypeIPv4, PortName, endpoint("10.0.0.2", ready)),
			},
			want: []string{"10.0.0.1:8444", "10.0.0.2:8444"},
		},
		"each once, where there are two families of addresses": {
			self: "10.0.0.1:8444",
			slices: []any{
				sliceOf(discoveryv1.AddressTypeIPv4, PortName, endpoint("10.0.0.1", ready)), sliceOf(discoveryv1.AddressTypeIPv6, PortName, endpoint("2001:db8::1", ready)),
			},
			want: []string{"10.0.0.1:8444"},
		},
		"in the other family": {
			self: "[2001:db8::1]:8444",
			slices: []any{
				sliceOf(discoveryv1.AddressTypeIPv4, PortName, endpoint("10.0.0.1", ready)), sliceOf(discoveryv1.AddressTypeIPv6, PortName, endpoint("2001:db8::1", ready)),
			},
			want: []string{"[2001:db8::1]:8444"},
		},
		"by no other port": {
			self: "10.0.0.1:8444", slices: []any{sliceOf(discoveryv1.AddressTypeIPv4, "http", endpoint("10.0.0.1", ready))},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, readyOf(tc.self, tc.slices)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
