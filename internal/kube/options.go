// SPDX-License-Identifier: Apache-2.0

// Package kube says how Reelkeeper's controllers talk to the API server: which kinds they know, what their cache holds
// and how their clients read. The program and the tests use the same functions, so that the tests meet the same traps.
//
//	manager's client   reads from the cache, and waits there for its own writes    our kinds, and what lies in our namespace
//	catalog            finds cards of recordings in the cache                      what is counted over many recordings
//	direct client      reads from the API server                                   recordings, tenants' Secrets, AuditEvents
package kube

import (
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/catalog"
)

// FieldOwner is who owns, in server-side apply, what the manager writes.
const FieldOwner = "reelkeeper-manager"

// reconciliationTimeout ends a pass that hangs: on an object store that does not answer, or on a cache that never sees what
// was written. It leaves room for a store's own timeouts, of one minute.
const reconciliationTimeout = 3 * time.Minute

// concurrency is how many objects of a kind are worked on at once: most of a pass is waiting for the API server or a store.
const concurrency = 4

// Scheme knows Kubernetes' own kinds and ours.
func Scheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			// Only two kinds of one name can fail, which the first test of any package would meet.
			panic(err)
		}
	}
	return scheme
}

// ManagerOptions are the options of a manager that decide what it reads and how. Secrets, Jobs and Pods are seen in the
// operator's namespace only. Our own kinds are seen in the given namespaces, or everywhere when there are none.
func ManagerOptions(operatorNamespace string, namespaces []string) ctrl.Options {
	return ctrl.Options{
		Scheme: Scheme(),
		Cache:  cacheOptions(operatorNamespace, namespaces),
		Client: client.Options{
			FieldOwner: FieldOwner,
			Cache: &client.CacheOptions{
				// A pass that starts from a stale cache would write its status twice. With several namespaces the cache cannot
				// tell which of its watches has to catch up, and this does not work (controller-runtime 0.25, CacheOptions).
				EnableReadYourWritesConsistency: new(len(namespaces) <= 1),
			},
		},
		Controller: config.Controller{
			MaxConcurrentReconciles: concurrency,
			ReconciliationTimeout:   reconciliationTimeout,
			UsePriorityQueue:        new(true),
			EnableWarmup:            new(true),
		},
	}
}

// cacheOptions hold no filter on labels or fields: with read-your-writes, who writes an object that the filter hides waits
// for it in vain. For the same reason Secrets outside the operator's namespace are written with the direct client.
func cacheOptions(operatorNamespace string, namespaces []string) cache.Options {
	own := map[string]cache.Config{operatorNamespace: {}}
	options := cache.Options{
		// A read of a kind that nobody watches is a mistake in the program. Without this it would start a watch on that
		// kind in silence, which the RBAC then refuses for ever.
		ReaderFailOnMissingInformer: true,
		DefaultTransform:            trimmed,
		ByObject: map[client.Object]cache.ByObject{
			&corev1.Secret{}:             {Namespaces: own, Transform: onlyStoreSecrets},
			&corev1.Pod{}:                {Namespaces: own, Transform: withoutPodSpec},
			&batchv1.Job{}:               {Namespaces: own, Transform: withoutPodTemplate},
			&v1alpha1.AuditEvent{}:       {Transform: onlyIdentity},
			&v1alpha1.MeetingRecording{}: {Transform: compact},
		},
	}
	for _, namespace := range namespaces {
		if options.DefaultNamespaces == nil {
			options.DefaultNamespaces = map[string]cache.Config{}
		}
		options.DefaultNamespaces[namespace] = cache.Config{}
	}
	return options
}

// WithCards makes a manager keep a card of each recording at rest, and not the recording. Its client then cannot read
// recordings any more, which fails and says so: who has to know all of one asks the direct client. Call it before the manager is
// made.
func WithCards(options *ctrl.Options) *catalog.Catalog {
	cards := &catalog.Catalog{}
	options.Cache.NewInformer = cards.NewInformer
	for object := range options.Cache.ByObject {
		if _, is := object.(*v1alpha1.MeetingRecording); is {
			options.Cache.ByObject[object] = cache.ByObject{Transform: card}
		}
	}
	return cards
}

// Direct returns a client of the manager's identity that reads from the API server and keeps nothing. It reads and writes
// what the cache must not hold: Secrets of tenants, of which the manager may not list any, and AuditEvents.
func Direct(mgr ctrl.Manager) (client.Client, error) {
	return client.New(mgr.GetConfig(), client.Options{
		HTTPClient: mgr.GetHTTPClient(),
		Scheme:     mgr.GetScheme(),
		Mapper:     mgr.GetRESTMapper(),
		FieldOwner: FieldOwner,
	})
}

// NamespaceMetadata is an empty object to read a namespace into. The cache holds the metadata of namespaces only.
func NamespaceMetadata() *metav1.PartialObjectMetadata {
	namespace := &metav1.PartialObjectMetadata{}
	namespace.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	return namespace
}

// NamespaceMetadataList is an empty list to read namespaces into.
func NamespaceMetadataList() *metav1.PartialObjectMetadataList {
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("NamespaceList"))
	return list
}
