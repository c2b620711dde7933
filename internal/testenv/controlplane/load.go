// SPDX-License-Identifier: Apache-2.0

//go:build unix

package controlplane

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	kubeclient "sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

// requestsAtOnce is how many requests to etcd are under way.
const requestsAtOnce = 4

// Load puts n objects of our kinds straight into etcd, as the API server would have stored them, in a fraction of the time that it
// would take, and returns when the API server knows of them. Each is a revision of its own, as other people's writes are, and clients
// that watch see them as if somebody had created them. Nothing checks or completes them: object returns the one with the number i,
// from 0, with everything that the API server would have given it, such as its UID. It is called from several goroutines.
func (p *ControlPlane) Load(ctx context.Context, scheme *runtime.Scheme, n int, object func(i int) kubeclient.Object) error {
	return p.change(ctx, "put", scheme, n, object)
}

// Unload takes n objects out of etcd again, whatever their finalizers say, and returns when the API server knows. Of each, object returns at
// least namespace and name.
func (p *ControlPlane) Unload(ctx context.Context, scheme *runtime.Scheme, n int, object func(i int) kubeclient.Object) error {
	return p.change(ctx, "deleterange", scheme, n, object)
}

// change has etcd do the same with n objects, each in a request of its own.
func (p *ControlPlane) change(ctx context.Context, what string, scheme *runtime.Scheme, n int, object func(i int) kubeclient.Object) error {
	etcd := overSocket(strings.TrimPrefix(p.etcd, "unix://"))
	group, writing := errgroup.WithContext(ctx)
	group.SetLimit(requestsAtOnce)
	for i := range n {
		group.Go(func() error {
			one, err := storing(scheme, object(i))
			if err != nil {
				return err
			}
			if what != "put" {
				one.Value = nil
			}
			return one.send(writing, etcd, what)
		})
	}
	if err := group.Wait(); err != nil || n == 0 {
		return err
	}
	return p.awaitTaken(ctx, scheme, object(0))
}

// awaitTaken waits until the API server has taken up what is in etcd now. It serves lists that may be old from what it has taken
// up, and refuses those that may not be until it has come so far.
func (p *ControlPlane) awaitTaken(ctx context.Context, scheme *runtime.Scheme, like kubeclient.Object) error {
	admin, err := kubeclient.New(p.Config, kubeclient.Options{Scheme: scheme})
	if err != nil {
		return err
	}
	kind, err := apiutil.GVKForObject(like, scheme)
	if err != nil {
		return err
	}
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(kind)
	if err := admin.List(ctx, list, kubeclient.Limit(1)); err != nil {
		return err
	}
	reached := &metav1.ListOptions{Limit: 1, ResourceVersion: list.ResourceVersion, ResourceVersionMatch: metav1.ResourceVersionMatchNotOlderThan}
	return wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, 10*time.Minute, true, func(ctx context.Context) (bool, error) {
		err := admin.List(ctx, list, &kubeclient.ListOptions{Raw: reached})
		if apierrors.IsTimeout(err) {
			return false, nil
		}
		return err == nil, err
	})
}

// entry is what a request to change a key says in etcd's JSON.
type entry struct {
	Key   []byte `json:"key"`
	Value []byte `json:"value,omitempty"`
}

// storing returns how the API server stores the object: without a version, which etcd's revision is.
func storing(scheme *runtime.Scheme, object kubeclient.Object) (one entry, err error) {
	kind, err := apiutil.GVKForObject(object, scheme)
	if err != nil {
		return one, err
	}
	resource, _ := meta.UnsafeGuessKindToResource(kind)
	object.GetObjectKind().SetGroupVersionKind(kind)
	object.SetResourceVersion("")
	one.Key = []byte(path.Join("/registry", kind.Group, resource.Resource, object.GetNamespace(), object.GetName()))
	one.Value, err = json.Marshal(object)
	return one, err
}

// send goes through etcd's gateway for JSON.
func (e *entry) send(ctx context.Context, etcd *http.Client, what string) error {
	body, err := json.Marshal(e)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://etcd/v3/kv/"+what, bytes.NewReader(body))
	if err != nil {
		return err
	}
	response, err := etcd.Do(request)
	if err != nil {
		return fmt.Errorf("changing a key in etcd: %w", err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("reading etcd's answer: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("etcd answered %s: %s", response.Status, answer)
	}
	return nil
}
