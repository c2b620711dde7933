// SPDX-License-Identifier: Apache-2.0

package undo

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

// pageSize is how many objects one request lists.
const pageSize = 500

// Cluster is what the API server has, as far as bringing recordings back is concerned.
type Cluster struct {
	// Recordings are all MeetingRecordings that were looked for, by the UID under which their media lies. Several can name the
	// same: one has it, and the others are refused.
	Recordings map[string][]*v1alpha1.MeetingRecording

	namespaces map[string]*metav1.PartialObjectMetadata
}

// ReadCluster reads the recordings and the namespace of that name or, where it is empty, all of them.
func ReadCluster(ctx context.Context, reader client.Reader, namespace string) (*Cluster, error) {
	c := &Cluster{Recordings: map[string][]*v1alpha1.MeetingRecording{}, namespaces: map[string]*metav1.PartialObjectMetadata{}}
	var page v1alpha1.MeetingRecordingList
	for more := true; more; more = page.Continue != "" {
		if err := reader.List(ctx, &page, client.InNamespace(namespace), client.Limit(pageSize), client.Continue(page.Continue)); err != nil {
			return nil, fmt.Errorf("listing the MeetingRecordings: %w", err)
		}
		for i := range page.Items {
			one := &page.Items[i]
			one.ManagedFields = nil
			c.Recordings[one.StorageUID()] = append(c.Recordings[one.StorageUID()], one)
		}
	}
	if err := c.readNamespaces(ctx, reader, namespace); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *Cluster) readNamespaces(ctx context.Context, reader client.Reader, name string) error {
	if name != "" {
		found, err := readNamespace(ctx, reader, name)
		if found != nil {
			c.namespaces[name] = found
		}
		return err
	}
	all := &metav1.PartialObjectMetadataList{}
	all.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("NamespaceList"))
	if err := reader.List(ctx, all); err != nil {
		return fmt.Errorf("listing the namespaces: %w", err)
	}
	for i := range all.Items {
		c.namespaces[all.Items[i].Name] = &all.Items[i]
	}
	return nil
}

// readNamespace returns nil for a namespace that is not there.
func readNamespace(ctx context.Context, reader client.Reader, name string) (*metav1.PartialObjectMetadata, error) {
	one := &metav1.PartialObjectMetadata{}
	one.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	err := reader.Get(ctx, types.NamespacedName{Name: name}, one)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading namespace %s: %w", name, err)
	}
	return one, nil
}

// HasNamespace says that a namespace is there.
func (c *Cluster) HasNamespace(name string) bool { return c.namespaces[name] != nil }

// Refers returns the MeetingRecording of a namespace that has the media, or that asked for it; nil without one.
func (c *Cluster) Refers(namespace, uid string) *v1alpha1.MeetingRecording {
	var found *v1alpha1.MeetingRecording
	for _, one := range c.Recordings[uid] {
		if one.Namespace == namespace && (found == nil || one.Status.Storage.ManifestKey != "") {
			found = one
		}
	}
	return found
}
