// SPDX-License-Identifier: Apache-2.0

package governance

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/access"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

// Survey gathers what decisions about many recordings need, at one moment: what belongs to a namespace is read once, however many
// recordings lie in it. It answers as its Reader does. Make one for each look at the recordings, and do not share it.
type Survey struct {
	reader     Reader
	index      *policy.Index
	namespaces map[string]*surveyed
}

// surveyed is what was read of a namespace.
type surveyed struct {
	labels map[string]string
	// named are the grants that name a recording, by that name; picking are those that pick recordings by labels.
	named   map[string][]*v1alpha1.AccessGrant
	picking []picker
}

type picker struct {
	grant    *v1alpha1.AccessGrant
	selector labels.Selector
}

// Survey begins one.
func (r Reader) Survey(ctx context.Context) (*Survey, error) {
	survey := &Survey{reader: r, namespaces: map[string]*surveyed{}}
	if r.Policies == nil {
		return survey, nil
	}
	var err error
	survey.index, err = r.Policies.Index(ctx)
	return survey, err
}

// Rules returns the rules that hold for the recording.
func (s *Survey) Rules(ctx context.Context, recording *v1alpha1.MeetingRecording) (*policy.Rules, error) {
	if s.index == nil {
		return s.reader.Rules(ctx, recording)
	}
	namespace, err := s.namespace(ctx, recording.Namespace)
	if err != nil {
		return nil, err
	}
	return s.index.Resolve(recording.Namespace, namespace.labels, recording.Labels), nil
}

// Grants returns the grants that are about the recording, in no particular order.
func (s *Survey) Grants(ctx context.Context, recording *v1alpha1.MeetingRecording) ([]access.Grant, error) {
	namespace, err := s.namespace(ctx, recording.Namespace)
	if err != nil {
		return nil, err
	}
	var grants []access.Grant
	for _, grant := range namespace.named[recording.Name] {
		if Concerns(grant, recording) {
			grants = append(grants, access.FactsOfGrant(grant, Accepted(grant)))
		}
	}
	for _, one := range namespace.picking {
		if one.selector.Matches(labels.Set(recording.Labels)) {
			grants = append(grants, access.FactsOfGrant(one.grant, Accepted(one.grant)))
		}
	}
	return grants, nil
}

func (s *Survey) namespace(ctx context.Context, name string) (*surveyed, error) {
	if known := s.namespaces[name]; known != nil {
		return known, nil
	}
	found := &surveyed{named: map[string][]*v1alpha1.AccessGrant{}}
	var err error
	if found.labels, err = s.reader.namespaceLabels(ctx, name); err != nil {
		return nil, err
	}
	var list v1alpha1.AccessGrantList
	if err := s.reader.Client.List(ctx, &list, client.InNamespace(name), client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("listing the access grants of namespace %s: %w", name, err)
	}
	for i := range list.Items {
		found.add(&list.Items[i])
	}
	s.namespaces[name] = found
	return found, nil
}

// add keeps a grant where it is looked for. One that is being deleted is revoked; a selector that cannot be read picks nothing.
func (s *surveyed) add(grant *v1alpha1.AccessGrant) {
	switch {
	case !grant.DeletionTimestamp.IsZero():
	case grant.Spec.RecordingSelector == nil:
		s.named[grant.Spec.RecordingRef.Name] = append(s.named[grant.Spec.RecordingRef.Name], grant)
	default:
		if selector, err := metav1.LabelSelectorAsSelector(grant.Spec.RecordingSelector); err == nil {
			s.picking = append(s.picking, picker{grant, selector})
		}
	}
}
