// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"

	apiequality "k8s.io/apimachinery/pkg/api/equality"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

// free are the fields of a spec that an adopter may choose: where it comes from and is kept is known otherwise, whether it
// begins in the trash is up to whoever brings it back, and holds are compared on their own.
var free = []string{"source", "storeRef", "state", "holds"}

// Differences names the fields, in order, in which a MeetingRecording is not what the bucket says of the one that it adopts:
// labels and facts decide who has which rights, so that nobody may choose them anew. Holds may be added, none may be missing.
// Values are not told.
func Differences(recording *v1alpha1.MeetingRecording, state *State) ([]string, error) {
	was, err := state.Recording()
	if err != nil {
		return nil, err
	}
	wanted, err := fields(was.Spec)
	if err != nil {
		return nil, err
	}
	got, err := fields(recording.Spec)
	if err != nil {
		return nil, err
	}
	var differ []string
	for _, hold := range was.Spec.Holds {
		if !slices.ContainsFunc(recording.Spec.Holds, func(h v1alpha1.LegalHold) bool { return apiequality.Semantic.DeepEqual(h, hold) }) {
			differ = append(differ, fmt.Sprintf("spec.holds[%s]", hold.Name))
		}
	}
	if !maps.Equal(was.Labels, recording.Labels) {
		for _, key := range union(was.Labels, recording.Labels) {
			before, had := was.Labels[key]
			if now, has := recording.Labels[key]; had != has || before != now {
				differ = append(differ, fmt.Sprintf("metadata.labels[%s]", key))
			}
		}
	}
	differ = append(differ, differing("spec", wanted, got, free)...)
	slices.Sort(differ)
	return differ, nil
}

// fields is a spec as people write it. Going through JSON, a field that is added to the spec one day is compared as well.
func fields(spec v1alpha1.MeetingRecordingSpec) (map[string]any, error) {
	encoded, err := json.Marshal(spec)
	if err != nil {
		return nil, err
	}
	var all map[string]any
	err = json.Unmarshal(encoded, &all)
	return all, err
}

// differing names the fields in which two objects differ, those of objects in them one by one.
func differing(path string, a, b map[string]any, except []string) []string {
	var differ []string
	for _, key := range union(a, b) {
		if slices.Contains(except, key) || reflect.DeepEqual(a[key], b[key]) {
			continue
		}
		inA, isA := a[key].(map[string]any)
		inB, isB := b[key].(map[string]any)
		if isA && isB {
			differ = append(differ, differing(path+"."+key, inA, inB, nil)...)
			continue
		}
		differ = append(differ, path+"."+key)
	}
	return differ
}

func union[V any](a, b map[string]V) []string {
	keys := slices.AppendSeq(slices.Collect(maps.Keys(a)), maps.Keys(b))
	slices.Sort(keys)
	return slices.Compact(keys)
}
