// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/stores"
)

// storeFlags say which store a command is about, and how it is reached from here.
type storeFlags struct {
	name     string
	endpoint string
}

// bind adds --store, and --endpoint where the command talks to the object store itself.
func (f *storeFlags) bind(cmd *cobra.Command, talks bool) {
	cmd.Flags().StringVar(&f.name, "store", v1alpha1.DefaultStore, "the RecordingStore")
	if talks {
		cmd.Flags().StringVar(&f.endpoint, "endpoint", "", "reach the store's endpoint at this URL, for example through kubectl port-forward; without it, where its spec says")
	}
}

// recordingStore reads the store.
func (f *storeFlags) recordingStore(ctx context.Context, reader client.Reader) (*v1alpha1.RecordingStore, error) {
	store := &v1alpha1.RecordingStore{}
	err := reader.Get(ctx, client.ObjectKey{Name: f.name}, store)
	if apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("there is no RecordingStore %s: `kubectl get recordingstores` lists those that exist, and --store names one", f.name)
	}
	if err != nil {
		return nil, fmt.Errorf("reading RecordingStore %s: %w", f.name, err)
	}
	return store, nil
}

// open opens the store as the manager does, with the Secrets that its spec names: whoever runs the command has to be allowed to
// read them.
func (f *storeFlags) open(ctx context.Context, reader client.Reader) (*stores.Store, error) {
	store, err := f.recordingStore(ctx, reader)
	if err != nil {
		return nil, err
	}
	resolver := stores.NewResolver(elsewhere{reader, f.endpoint}, store.Spec.Encryption.KeySecretRef.Namespace)
	opened, err := resolver.Open(ctx, f.name)
	if err != nil {
		return nil, fmt.Errorf("opening RecordingStore %s: %w", f.name, err)
	}
	return opened, nil
}

// elsewhere reads RecordingStores as if their endpoint were another one.
type elsewhere struct {
	client.Reader
	endpoint string
}

// Get implements client.Reader.
func (e elsewhere) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	err := e.Reader.Get(ctx, key, object, options...)
	if store, ok := object.(*v1alpha1.RecordingStore); ok && err == nil && e.endpoint != "" {
		store.Spec.S3.Endpoint = e.endpoint
		// It is the same place, reached another way.
		store.Status.Location.Endpoint = strings.TrimSuffix(e.endpoint, "/")
	}
	return err
}
