// SPDX-License-Identifier: Apache-2.0

//go:build unix

package controlplane

import "strings"

// controllers lists what kube-controller-manager runs. Those that need nodes, volumes, load balancers or certificates are
// left out: there is nothing here for them to do, and every one costs memory and watches. The names are known to
// Kubernetes 1.32 as well.
func controllers() string {
	return strings.Join([]string{
		// What every namespace and Pod needs.
		"namespace-controller",
		"serviceaccount-controller",
		"serviceaccount-token-controller",
		"root-ca-certificate-publisher-controller",
		"clusterrole-aggregation-controller",
		"resourcequota-controller",
		// Deletion.
		"garbage-collector-controller",
		"pod-garbage-collector-controller",
		"ttl-after-finished-controller",
		// Work.
		"job-controller",
		"cronjob-controller",
		"deployment-controller",
		"replicaset-controller",
		"statefulset-controller",
		"disruption-controller",
		"endpoints-controller",
		"endpointslice-controller",
		// Admission.
		"validatingadmissionpolicy-status-controller",
	}, ",")
}
