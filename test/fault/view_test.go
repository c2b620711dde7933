// SPDX-License-Identifier: Apache-2.0

package fault

import (
	"context"
	"fmt"
	"reflect"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/kube"
)

// snapshot is what there was at some moment of what controllers wait for.
type snapshot struct {
	recordings []v1alpha1.MeetingRecording
	jobs       []batchv1.Job
}

// recording is the one of a name, or nil.
func (s *snapshot) recording(name string) *v1alpha1.MeetingRecording {
	for i := range s.recordings {
		if s.recordings[i].Name == name {
			return &s.recordings[i]
		}
	}
	return nil
}

// view is the manager's cache and client as a plan lets them be. It holds only what belongs to its world, and for a while
// after a start an older state of recordings and Jobs, as a cache does that was filled by an API server that lags behind.
// Writes are real.
type view struct {
	client.Client

	world *world
	// recordingsLag and jobsLag are how many snapshots older than the newest the two are that are read.
	recordingsLag, jobsLag int
}

func (v *view) lags() bool { return v.recordingsLag > 0 || v.jobsLag > 0 }

// catchUp lets the next pass see more.
func (v *view) catchUp() {
	v.recordingsLag, v.jobsLag = max(v.recordingsLag-1, 0), max(v.jobsLag-1, 0)
}

// at returns the snapshot that is so many older than the newest.
func (v *view) at(lag int) *snapshot {
	return &v.world.snapshots[max(len(v.world.snapshots)-1-lag, 0)]
}

// remembered returns what was read of a resource since it was written last, by what was asked. It may be added to.
func (v *view) remembered(of runtime.Object) map[string]any {
	resource := v.resourceOf(of)
	if v.world.known[resource] == nil {
		v.world.known[resource] = map[string]any{}
	}
	return v.world.known[resource]
}

// resourceOf tells what an object, or a list of them, is in the paths of the API.
func (v *view) resourceOf(object runtime.Object) string {
	kind, err := v.GroupVersionKindFor(object)
	if err != nil {
		panic(fmt.Sprintf("the view is asked for a kind that nobody knows: %v", err))
	}
	kind.Kind = strings.TrimSuffix(kind.Kind, "List")
	plural, _ := meta.UnsafeGuessKindToResource(kind)
	return plural.Resource
}

func (v *view) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	if recording, ok := object.(*v1alpha1.MeetingRecording); ok {
		if found := v.at(v.recordingsLag).recording(key.Name); found != nil && key.Namespace == v.world.namespace {
			found.DeepCopyInto(recording)
			return nil
		}
		return apierrors.NewNotFound(v1alpha1.SchemeGroupVersion.WithResource("meetingrecordings").GroupResource(), key.Name)
	}
	remembered, name := v.remembered(object), fmt.Sprintf("%T %s", object, key)
	if found := remembered[name]; found != nil {
		copyInto(found, object)
		return nil
	}
	err := v.Client.Get(ctx, key, object, options...)
	if err == nil {
		remembered[name] = object.DeepCopyObject()
	}
	return err
}

func (v *view) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	var asked client.ListOptions
	asked.ApplyOptions(options)
	selector := asked.FieldSelector
	asked.FieldSelector, asked.UnsafeDisableDeepCopy = nil, nil
	switch typed := list.(type) {
	case *v1alpha1.MeetingRecordingList:
		snapshot := v1alpha1.MeetingRecordingList{Items: v.at(v.recordingsLag).recordings}
		snapshot.DeepCopyInto(typed)
		return filter(list, matching(v, selector))
	case *batchv1.JobList:
		snapshot := batchv1.JobList{Items: v.at(v.jobsLag).jobs}
		snapshot.DeepCopyInto(typed)
		return filter(list, func(job client.Object) bool { return asked.LabelSelector.Matches(labels.Set(job.GetLabels())) })
	case *v1alpha1.RecordingPolicyList, *v1alpha1.AccessGrantList:
		asked.Namespace = v.world.namespace
	case *v1alpha1.RecordingStoreList:
		// One is all there is for this world, and listing those of all others would cost more with every plan.
		typed.Items = make([]v1alpha1.RecordingStore, 1)
		return v.Get(ctx, client.ObjectKey{Name: v.world.namespace}, &typed.Items[0])
	}
	remembered, name := v.remembered(list), fmt.Sprintf("%T %s %v", list, asked.Namespace, asked.LabelSelector)
	if found := remembered[name]; found != nil {
		copyInto(found, list)
		return filter(list, matching(v, selector))
	}
	if err := v.Client.List(ctx, list, &asked); err != nil {
		return err
	}
	remembered[name] = list.DeepCopyObject()
	return filter(list, matching(v, selector))
}

// copyInto copies an object of any kind into another of the same.
func copyInto(from, to any) {
	copied := from.(runtime.Object).DeepCopyObject()
	reflect.ValueOf(to).Elem().Set(reflect.ValueOf(copied).Elem())
}

// matching keeps what belongs to the world and to an index of the cache.
func matching(v *view, selector fields.Selector) func(client.Object) bool {
	return func(object client.Object) bool {
		switch o := object.(type) {
		case *v1alpha1.ClusterRecordingPolicy:
			return object.GetName() == v.world.namespace
		case *metav1.PartialObjectMetadata:
			return o.Kind != "Namespace" || o.Name == v.world.namespace
		case *v1alpha1.MeetingRecording:
			return selector == nil || selector.Matches(fields.Set{kube.RecordingsByStore: o.StoreName()})
		case *v1alpha1.AccessGrant:
			if name := o.Spec.RecordingRef.Name; name != "" {
				return selector == nil || selector.Matches(fields.Set{kube.GrantsByRecording: name})
			}
			return selector == nil || selector.Matches(fields.Set{kube.GrantsByRecording: kube.GrantsBySelector})
		}
		return true
	}
}

func filter(list client.ObjectList, keep func(client.Object) bool) error {
	items, err := meta.ExtractList(list)
	if err != nil {
		return err
	}
	kept := items[:0]
	for _, item := range items {
		if keep(item.(client.Object)) {
			kept = append(kept, item)
		}
	}
	return meta.SetList(list, kept)
}

// cacheOfView is the view as the cache that the index of policies reads.
type cacheOfView struct {
	cache.Cache
	*view
}

func (c cacheOfView) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	return c.view.Get(ctx, key, object, options...)
}

func (c cacheOfView) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	return c.view.List(ctx, list, options...)
}

// GetInformer returns one without a store: policies are then listed each time.
func (c cacheOfView) GetInformer(context.Context, client.Object, ...cache.InformerGetOption) (cache.Informer, error) {
	return struct{ cache.Informer }{}, nil
}

// IndexField is there because both of the embedded have it.
func (c cacheOfView) IndexField(context.Context, client.Object, string, client.IndexerFunc) error {
	return nil
}
