// SPDX-License-Identifier: Apache-2.0

package kube

// GatewayUser is how the API server calls the gateway, whose ServiceAccount is in the operator's namespace.
func GatewayUser(operatorNamespace string) string {
	return "system:serviceaccount:" + operatorNamespace + ":reelkeeper-gateway"
}
