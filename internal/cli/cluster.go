// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/cli/report"
)

// pageSize is how many objects one request lists: as many as kubectl asks for.
const pageSize = 500

// cluster is the edge to the API server, by the flags that kubectl has.
type cluster struct {
	loading   *clientcmd.ClientConfigLoadingRules
	overrides clientcmd.ConfigOverrides
	connected client.Client
}

// bind adds kubectl's flags: --kubeconfig, --context, --namespace, and those to act as somebody else or to another server.
func (c *cluster) bind(flags *pflag.FlagSet) {
	c.loading = clientcmd.NewDefaultClientConfigLoadingRules()
	flags.StringVar(&c.loading.ExplicitPath, "kubeconfig", "", "path to the kubeconfig file; without it $KUBECONFIG, then ~/.kube/config")
	clientcmd.BindOverrideFlags(&c.overrides, flags, clientcmd.RecommendedConfigOverrideFlags(""))
}

func (c *cluster) config() clientcmd.ClientConfig {
	return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(c.loading, &c.overrides)
}

// namespace returns the namespace of the flags or of the context.
func (c *cluster) namespace() (string, error) {
	namespace, _, err := c.config().Namespace()
	if err != nil {
		return "", fmt.Errorf("reading the kubeconfig: %w", err)
	}
	return namespace, nil
}

// client returns what reads from the API server.
func (c *cluster) client() (client.Reader, error) { return c.writer() }

// writer connects when it is first needed.
func (c *cluster) writer() (client.Client, error) {
	if c.connected != nil {
		return c.connected, nil
	}
	config, err := c.config().ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("reading the kubeconfig (name one with --kubeconfig): %w", err)
	}
	// Whoever restores ten thousand recordings is slowed down by the API server where it has to, and not already here.
	config.QPS = -1
	scheme := runtime.NewScheme()
	if err := errors.Join(corev1.AddToScheme(scheme), authenticationv1.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return nil, err
	}
	c.connected, err = client.New(config, client.Options{Scheme: scheme, FieldOwner: "kubectl-reelkeeper"})
	if err != nil {
		return nil, fmt.Errorf("connecting to the API server at %s: %w", config.Host, err)
	}
	return c.connected, nil
}

// world reads the policies, grants and recordings of a namespace, or of all of them if none is named.
func (c *cluster) world(ctx context.Context, namespace string) (*report.World, error) {
	w, err := c.rules(ctx, namespace)
	if err != nil {
		return nil, err
	}
	return w, list(ctx, c.connected, &v1alpha1.MeetingRecordingList{}, func(page *v1alpha1.MeetingRecordingList) {
		w.Recordings = append(w.Recordings, page.Items...)
	}, client.InNamespace(namespace))
}

// rules reads all that decisions about recordings of a namespace depend on, and no recording: there may be many.
func (c *cluster) rules(ctx context.Context, namespace string) (*report.World, error) {
	reader, err := c.client()
	if err != nil {
		return nil, err
	}
	w := &report.World{Namespace: namespace}
	in := client.InNamespace(namespace)
	err = errors.Join(
		list(ctx, reader, &v1alpha1.ClusterRecordingPolicyList{}, func(page *v1alpha1.ClusterRecordingPolicyList) {
			w.ClusterPolicies = append(w.ClusterPolicies, page.Items...)
		}),
		list(ctx, reader, &v1alpha1.RecordingPolicyList{}, func(page *v1alpha1.RecordingPolicyList) {
			w.Policies = append(w.Policies, page.Items...)
		}, in),
		list(ctx, reader, &v1alpha1.AccessGrantList{}, func(page *v1alpha1.AccessGrantList) {
			w.Grants = append(w.Grants, page.Items...)
		}, in),
	)
	if err != nil {
		return nil, err
	}
	w.Namespaces, err = namespaces(ctx, reader, namespace)
	return w, err
}

// list reads all pages of a list.
func list[L client.ObjectList](ctx context.Context, reader client.Reader, page L, take func(L), options ...client.ListOption) error {
	for {
		all := append([]client.ListOption{client.Limit(pageSize), client.Continue(page.GetContinue())}, options...)
		if err := reader.List(ctx, page, all...); err != nil {
			kind := strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%T", page), "*v1alpha1."), "List")
			if meta.IsNoMatchError(err) {
				return fmt.Errorf("listing %s: Reelkeeper's CRDs are not installed in this cluster, see docs/install.md: %w", kind, err)
			}
			return fmt.Errorf("listing %s: %w", kind, err)
		}
		take(page)
		if page.GetContinue() == "" {
			return nil
		}
	}
}

// errNoNamespace says that a namespace is not there.
var errNoNamespace = errors.New("there is no such namespace")

// namespaces reads the labels of one namespace, or of all.
func namespaces(ctx context.Context, reader client.Reader, name string) (map[string]map[string]string, error) {
	kind := corev1.SchemeGroupVersion.WithKind("Namespace")
	found := map[string]map[string]string{}
	if name != "" {
		one := &metav1.PartialObjectMetadata{}
		one.SetGroupVersionKind(kind)
		err := reader.Get(ctx, types.NamespacedName{Name: name}, one)
		if apierrors.IsNotFound(err) {
			err = errNoNamespace
		}
		if err != nil {
			return nil, fmt.Errorf("reading the labels of namespace %s, which policies select by: %w", name, err)
		}
		found[name] = one.Labels
		return found, nil
	}
	all := &metav1.PartialObjectMetadataList{}
	all.SetGroupVersionKind(kind)
	err := list(ctx, reader, all, func(page *metav1.PartialObjectMetadataList) {
		for i := range page.Items {
			found[page.Items[i].Name] = page.Items[i].Labels
		}
	})
	return found, err
}

// locate reads NAMESPACE/NAME, or NAME in the namespace of the flags.
func (c *cluster) locate(argument string) (namespace, name string, err error) {
	namespace, name, found := strings.Cut(argument, "/")
	if !found {
		name = argument
		if namespace, err = c.namespace(); err != nil {
			return "", "", err
		}
	}
	if namespace == "" || name == "" || strings.Contains(name, "/") {
		return "", "", fmt.Errorf("%q is not a recording: write NAMESPACE/NAME, such as finance/q3-review", argument)
	}
	return namespace, name, nil
}

// recording reads the recording, and what decisions about it depend on.
func (c *cluster) recording(ctx context.Context, argument string) (*report.Book, *v1alpha1.MeetingRecording, error) {
	namespace, name, err := c.locate(argument)
	if err != nil {
		return nil, nil, err
	}
	world, err := c.rules(ctx, namespace)
	if err != nil {
		return nil, nil, err
	}
	recording := &v1alpha1.MeetingRecording{}
	switch err := c.connected.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, recording); {
	case apierrors.IsNotFound(err):
		return nil, nil, fmt.Errorf("there is no MeetingRecording %s/%s: `kubectl get meetingrecordings -n %s` lists those that exist", namespace, name, namespace)
	case err != nil:
		return nil, nil, fmt.Errorf("reading MeetingRecording %s/%s: %w", namespace, name, err)
	}
	return report.NewBook(world), recording, nil
}
