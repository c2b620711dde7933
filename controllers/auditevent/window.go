// SPDX-License-Identifier: Apache-2.0

package auditevent

import (
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Window bounds the AuditEvents that a namespace keeps as objects.
type Window struct {
	// MaxAge is how long an event is kept.
	MaxAge time.Duration
	// MaxCount is how many are kept.
	MaxCount int
}

// outside returns the events that are outside the window at now, oldest first, and how long it takes until the next one
// is; zero when none are left. It goes by when the API server took an event in, which nobody else can set.
func (w Window) outside(events []metav1.PartialObjectMetadata, now time.Time) (doomed []metav1.PartialObjectMetadata, next time.Duration) {
	events = slices.SortedFunc(slices.Values(events), func(a, b metav1.PartialObjectMetadata) int {
		if order := a.CreationTimestamp.Compare(b.CreationTimestamp.Time); order != 0 {
			return order
		}
		return strings.Compare(a.Name, b.Name)
	})
	for i, event := range events {
		left := w.MaxAge - now.Sub(event.CreationTimestamp.Time)
		if left > 0 && len(events)-i <= w.MaxCount {
			return events[:i], left
		}
	}
	return events, 0
}
