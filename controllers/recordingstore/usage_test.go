// SPDX-License-Identifier: Apache-2.0

package recordingstore

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/quota"
)

func used(recordings int32, bytes, deleted int64) v1alpha1.StoreUsage {
	return v1alpha1.StoreUsage{Recordings: &recordings, Bytes: &bytes, DeletedRecordings: new(int32(0)), DeletedBytes: &deleted}
}

func withDeleted(recordings int32) v1alpha1.StoreUsage {
	usage := used(1000, 1000, 0)
	usage.DeletedRecordings = &recordings
	return usage
}

func TestUsageIsWrittenWhenItIsWorthAWrite(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		shown, is v1alpha1.StoreUsage
		exact     bool
		want      bool // whether what is shown changes
	}{
		"never shown":               {v1alpha1.StoreUsage{}, used(0, 0, 0), false, true},
		"nothing changed":           {used(10, 1000, 0), used(10, 1000, 0), true, false},
		"the first recording":       {used(0, 0, 0), used(1, 0, 0), false, true},
		"the last one goes":         {used(1, 0, 0), used(0, 0, 0), false, true},
		"a hundredth more":          {used(1000, 1000, 0), used(1010, 1010, 0), false, false},
		"more than that":            {used(1000, 1000, 0), used(1011, 1000, 0), false, true},
		"so many bytes":             {used(1000, 1000, 0), used(1000, 989, 0), false, true},
		"and so many deleted":       {used(1000, 1000, 0), used(1000, 1000, 1), false, true},
		"and a deleted one more":    {used(1000, 1000, 0), withDeleted(1), false, true},
		"little, but a look is due": {used(1000, 1000, 0), used(1001, 1001, 0), true, true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := tc.shown
			if tc.want {
				want = tc.is
			}
			if diff := cmp.Diff(want, shownUsage(tc.shown, tc.is, tc.exact)); diff != "" {
				t.Errorf("shown (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMetricsAreBounded(t *testing.T) {
	t.Parallel()
	all := map[string]namespaceUsage{}
	for i := range maxNamespaces + 50 {
		all[fmt.Sprintf("n%03d", i)] = namespaceUsage{recordings: 1, stored: int64(i), deleted: quota.Deleted{Recordings: 1, Bytes: 1}}
	}
	kept := bounded(all)
	if len(kept) != maxNamespaces+1 || kept[others].recordings != 50 || kept[others].stored != 49*50/2 {
		t.Errorf("%d namespaces, others %+v", len(kept), kept[others])
	}
	if diff := cmp.Diff(total(all), total(kept)); diff != "" {
		t.Errorf("the sum changes (-want +got):\n%s", diff)
	}
	if few := bounded(map[string]namespaceUsage{"finance": {}}); len(few) != 1 {
		t.Errorf("%v", few)
	}
}
