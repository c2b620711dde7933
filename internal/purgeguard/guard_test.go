// SPDX-License-Identifier: Apache-2.0

package purgeguard

import (
	"testing"

	clocktesting "k8s.io/utils/clock/testing"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

// R26: what was deleted and can still be restored is of the store, and is what the sweeper purges.
func TestR26TheShareIsOfAllThatCanBePurged(t *testing.T) {
	guard := New(nil, nil, clocktesting.NewFakeClock(noon)) // nothing is read where the status knows
	cases := map[string]struct {
		usage v1alpha1.StoreUsage
		want  int
	}{
		"recordings alone":    {v1alpha1.StoreUsage{Recordings: new(int32(100))}, 100},
		"and deleted ones":    {v1alpha1.StoreUsage{Recordings: new(int32(100)), DeletedRecordings: new(int32(900))}, 1000},
		"nothing but deleted": {v1alpha1.StoreUsage{Recordings: new(int32(0)), DeletedRecordings: new(int32(900))}, 900},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := guard.recordings(t.Context(), &v1alpha1.RecordingStore{Status: v1alpha1.RecordingStoreStatus{Usage: tc.usage}})
			if err != nil || got != tc.want {
				t.Errorf("%d recordings, %v, want %d", got, err, tc.want)
			}
		})
	}
}
