// SPDX-License-Identifier: Apache-2.0

package keyrotation

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

// passTimeout ends a look at all manifests that hangs. The next one goes on where it was.
const passTimeout = 6 * time.Hour

// SetupWithManager adds the controller to a manager.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("keyrotation").
		For(&v1alpha1.RecordingStore{}).
		Watches(&corev1.Secret{}, handler.EnqueueRequestsFromMapFunc(r.storesOfSecret)).
		WithOptions(controller.Options{ReconciliationTimeout: passTimeout}).
		Complete(r)
}

// storesOfSecret are the stores whose keyset a Secret holds.
func (r *Reconciler) storesOfSecret(ctx context.Context, secret client.Object) []reconcile.Request {
	list := &v1alpha1.RecordingStoreList{}
	if err := r.Client.List(ctx, list); err != nil {
		// The cache can only fail when it shuts down.
		log.FromContext(ctx).Error(err, "Listing stores failed")
		return nil
	}
	of := v1alpha1.SecretReference{Namespace: secret.GetNamespace(), Name: secret.GetName()}
	var requests []reconcile.Request
	for i := range list.Items {
		if list.Items[i].Spec.Encryption.KeySecretRef == of {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
		}
	}
	return requests
}
