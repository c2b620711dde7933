// SPDX-License-Identifier: Apache-2.0

//go:build unix

package gatewaytest

import (
	"context"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/internal/gateway"
)

// ServeConfined runs another gateway over the same cluster for one test, with the same people and sessions, which sees one
// namespace and has rights in no other but its own. It returns its URL; see Browser.At.
func (w *World) ServeConfined(t testing.TB, namespace string) string {
	t.Helper()
	account := "gateway-of-" + namespace
	subjects := []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: OperatorNamespace, Name: account}}
	role := func(kind, name string) rbacv1.RoleRef {
		return rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: kind, Name: name}
	}
	meta := func(namespace string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: namespace, Name: account}
	}
	for _, binding := range []client.Object{
		&rbacv1.ClusterRoleBinding{ObjectMeta: meta(""), Subjects: subjects, RoleRef: role("ClusterRole", "reelkeeper-gateway-cluster")},
		&rbacv1.RoleBinding{ObjectMeta: meta(OperatorNamespace), Subjects: subjects, RoleRef: role("Role", "reelkeeper-gateway")},
		&rbacv1.RoleBinding{ObjectMeta: meta(namespace), Subjects: subjects, RoleRef: role("ClusterRole", "reelkeeper-gateway-tenant")},
	} {
		if err := w.Admin.Create(t.Context(), binding); err != nil {
			t.Fatal(err)
		}
	}
	api, _ := w.Env.KubeconfigFor(t, OperatorNamespace, account)
	cluster, err := gateway.Connect(t.Context(), api, OperatorNamespace, []string{namespace})
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = cluster.Run(t.Context()) }()
	err = wait.PollUntilContextTimeout(t.Context(), 20*time.Millisecond, time.Minute, true, func(context.Context) (bool, error) {
		return cluster.Synced(), nil
	})
	if err != nil {
		t.Fatal("the confined gateway does not get to see its namespace")
	}
	return w.Serve(t, func(options *gateway.Options) { *options = cluster.Complete(*options) })
}
