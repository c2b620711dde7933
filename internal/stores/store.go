// SPDX-License-Identifier: Apache-2.0

package stores

import (
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/fetch"
	"github.com/reelkeeper/reelkeeper/internal/keys"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

// Store is a RecordingStore that can be used.
type Store struct {
	// Object is the RecordingStore as it was when the store was opened.
	Object *v1alpha1.RecordingStore
	// Objects talks to its object storage.
	Objects *objectstore.Client
	// Keys wraps and unwraps data keys.
	Keys *keys.Keyset

	resolver *Resolver
}

// Can reports whether a store's server was seen to be capable of something when it was last probed.
func Can(store *v1alpha1.RecordingStore, capability v1alpha1.StoreCapability) bool {
	return slices.Contains(store.Status.Capabilities, capability)
}

// Allows reports whether recordings of a namespace with these labels may use the store.
func (s *Store) Allows(namespaceLabels map[string]string) (bool, error) {
	return Allows(s.Object, namespaceLabels)
}

// Allows reports whether recordings of a namespace with these labels may use a store. It fails with SelectorInvalid.
func Allows(store *v1alpha1.RecordingStore, namespaceLabels map[string]string) (bool, error) {
	return matches("spec.allowedNamespaces", store.Spec.AllowedNamespaces, namespaceLabels)
}

// AllowsImport reports whether recordings of a namespace with these labels may take their media from a bucket. The bucket of the recordings is
// none to import from, where others' raw uploads lie: what a BucketInfo Secret names, no rule of the schema has seen.
func (s *Store) AllowsImport(bucket string, namespaceLabels map[string]string) (bool, error) {
	for i, from := range s.Object.Spec.Intake.Imports {
		if from.Bucket == bucket && bucket != s.Object.Spec.Buckets.Name {
			return matches(fmt.Sprintf("spec.intake.imports[%d].namespaces", i), from.Namespaces, namespaceLabels)
		}
	}
	return false, nil
}

// AllowsURL says what keeps recordings of a namespace with these labels from fetching their media from a host; nothing is empty.
func (s *Store) AllowsURL(host string, namespaceLabels map[string]string) (string, error) {
	rules := s.Object.Spec.Intake.URLs
	if rules.Namespaces == nil {
		return "it takes no media by source.url. Ask its owner to allow that in spec.intake.urls, or upload the media", nil
	}
	switch allowed, err := matches("spec.intake.urls.namespaces", rules.Namespaces, namespaceLabels); {
	case err != nil:
		return "", err
	case !allowed:
		return "ask its owner to let spec.intake.urls.namespaces match the namespace", nil
	case !fetch.HostAllowed(rules.Hosts, host):
		return "ask its owner to add the host to spec.intake.urls.hosts", nil
	}
	return "", nil
}

// defaultMaxSize is the greatest raw recording that is taken where the store does not say: 50 GiB.
const defaultMaxSize = 50 << 30

// MaxSize is the greatest size in bytes of a raw recording.
func (s *Store) MaxSize() int64 {
	if size := s.Object.Spec.Intake.MaxSize; size != nil {
		return size.Value()
	}
	return defaultMaxSize
}

// matches is false for an absent selector, which matches nothing.
func matches(field string, selector *metav1.LabelSelector, namespaceLabels map[string]string) (bool, error) {
	parsed, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		return false, failure(v1alpha1.ReasonSelectorInvalid, "%s is not a label selector: %v", field, err)
	}
	return parsed.Matches(labels.Set(namespaceLabels)), nil
}
