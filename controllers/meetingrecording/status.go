// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	applyv1alpha1 "github.com/reelkeeper/reelkeeper/api/v1alpha1/applyconfiguration/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/effect"
	"github.com/reelkeeper/reelkeeper/internal/kube"
)

// writeStatus writes the status if it differs from the one that was read: a write that changes nothing costs the API server as
// much as any. It carries the UID, so that a deleted recording does not come back, and the resourceVersion, so that a status
// decided upon an old view is refused. It returns the version that it has written, empty if none.
func (r *Reconciler) writeStatus(ctx context.Context, o *observation, d *decision) (version string, err error) {
	if d.status == nil || sameStatus(&o.recording.Status, d.status) {
		return "", nil
	}
	status, err := kube.ApplyConfiguration[applyv1alpha1.MeetingRecordingStatusApplyConfiguration](d.status)
	if err != nil {
		return "", err
	}
	apply := applyv1alpha1.MeetingRecording(o.recording.Name, o.recording.Namespace).
		WithUID(o.recording.UID).WithResourceVersion(o.recording.ResourceVersion).WithStatus(status)
	err = effect.Do(ctx, "recording: write the status", func() error {
		return r.options.Direct.Status().Apply(ctx, apply, client.ForceOwnership)
	})
	if err != nil {
		return "", fmt.Errorf("write the status: %w", err)
	}
	if d.showsProgress {
		r.progress.wrote(o)
	}
	return *apply.ResourceVersion, nil // the answer was read into it
}

// sameStatus ignores the order of conditions, which server-side apply does not keep.
func sameStatus(a, b *v1alpha1.MeetingRecordingStatus) bool {
	a, b = a.DeepCopy(), b.DeepCopy()
	byType := func(a, b metav1.Condition) int { return strings.Compare(a.Type, b.Type) }
	slices.SortFunc(a.Conditions, byType)
	slices.SortFunc(b.Conditions, byType)
	return apiequality.Semantic.DeepEqual(a, b)
}

// progressLog remembers when each recording's progress was last written. It lives in memory only: after a restart, the clock
// starts where the first pass finds it, so that a restart writes nothing.
type progressLog struct {
	mu sync.Mutex
	at map[types.NamespacedName]time.Time
}

func (p *progressLog) wrote(o *observation) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.at == nil {
		p.at = map[types.NamespacedName]time.Time{}
	}
	p.at[client.ObjectKeyFromObject(o.recording)] = o.now
}

// lastWritten is zero where the status shows no processing yet.
func (p *progressLog) lastWritten(o *observation) time.Time {
	if readyReason(&o.recording.Status) != v1alpha1.ReasonProcessing {
		return time.Time{}
	}
	p.mu.Lock()
	at, known := p.at[client.ObjectKeyFromObject(o.recording)]
	p.mu.Unlock()
	if !known {
		p.wrote(o)
		return o.now
	}
	return at
}

func (p *progressLog) forget(name types.NamespacedName) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.at, name)
}
