// SPDX-License-Identifier: Apache-2.0

package undo

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// homes makes each namespace fit to take its recordings back, once.
type homes struct {
	mu   sync.Mutex
	seen map[string]home
}

type home struct {
	missing bool
	err     error
	// warned says that people know that it is not the namespace which the recordings were deleted with.
	warned bool
}

// prepare makes a namespace where it is gone and that is wanted. missing says that it is not there, which only a dry run leaves so. deleted
// is when the recording was deleted that is to come back to it, zero if it was not.
func (h *homes) prepare(ctx context.Context, r *Reviver, namespace string, deleted time.Time) (missing bool, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.seen == nil {
		h.seen = map[string]home{}
	}
	of, known := h.seen[namespace]
	if !known {
		of.missing, of.err = r.prepareHome(ctx, namespace)
	}
	if there := r.Cluster.namespaces[namespace]; there != nil && !of.warned && of.err == nil && !deleted.IsZero() && there.CreationTimestamp.After(deleted) {
		of.warned = true
		r.Options.warn("namespace %s was made at %s, after recordings of it that come back were deleted: who has rights there now has them on these too",
			namespace, there.CreationTimestamp.UTC().Format(time.RFC3339))
	}
	h.seen[namespace] = of
	return of.missing, of.err
}

func (o *Options) warn(format string, args ...any) {
	if o.Warn != nil {
		o.Warn(fmt.Sprintf(format, args...))
	}
}

func (r *Reviver) prepareHome(ctx context.Context, name string) (missing bool, err error) {
	there := r.Cluster.namespaces[name]
	if there == nil && !r.Options.CreateNamespaces {
		return true, fmt.Errorf("namespace %s is gone: make it as it was, or have it made with --create-namespace", name)
	}
	if there != nil && !there.DeletionTimestamp.IsZero() {
		return false, fmt.Errorf("namespace %s is just being deleted: try again when it is gone", name)
	}
	labels := map[string]string{corev1.LabelMetadataName: name}
	if there != nil {
		labels = there.Labels
	} else {
		maps.Copy(labels, r.Options.NamespaceLabels)
	}
	if allowed, err := r.Store.Allows(labels); err != nil {
		return false, err
	} else if !allowed {
		return false, fmt.Errorf("RecordingStore %s does not allow namespace %s: label it as spec.allowedNamespaces says%s", r.Store.Object.Name, name, hint(there == nil))
	}
	if there != nil || r.Options.DryRun {
		return there == nil, nil
	}
	made := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: maps.Clone(r.Options.NamespaceLabels)}}
	if err := r.Client.Create(ctx, made); err != nil && !apierrors.IsAlreadyExists(err) {
		return false, fmt.Errorf("making namespace %s: %w", name, err)
	}
	return false, nil
}

func hint(made bool) string {
	if made {
		return ", with --namespace-label KEY=VALUE"
	}
	return ""
}
