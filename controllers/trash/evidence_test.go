// SPDX-License-Identifier: Apache-2.0

package trash

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

func TestR26EvidenceNamesKeyVersionsAndProof(t *testing.T) {
	removed := []objectstore.RemovedVersion{
		{Key: "media/a/u/1.mp4", VersionID: "v1"}, {Key: "media/a/u/1.mp4", VersionID: "v2"},
		{Key: "media/a/u/1.mp4", VersionID: "d1", DeleteMarker: true}, {Key: "manifests/a/u/1.json", VersionID: "m1"},
	}
	want := []string{
		"data key destroyed, wrapped by key 7",
		"removed 3 versions and 1 delete markers from bucket b; a listing of all versions afterwards found nothing under media/a/u/, manifests/a/u/",
		"removed b/media/a/u/1.mp4: version v1, version v2, delete marker d1",
		"removed b/manifests/a/u/1.json: version m1",
	}
	if diff := cmp.Diff(want, evidenceOf("b", []string{"7"}, removed, []string{"media/a/u/", "manifests/a/u/"})); diff != "" {
		t.Errorf("evidence (-want +got):\n%s", diff)
	}
	if got := evidenceOf("b", nil, nil, []string{"media/a/u/"}); len(got) != 1 || !strings.Contains(got[0], "nothing was found") {
		t.Errorf("evidence of a removal that found nothing: %q", got)
	}
}

func TestR26EvidenceFitsItsEntriesAndCountsWhatItLeavesOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfN(rapid.StringMatching(`[a-z]{1,60}`), 1, 200).Draw(t, "names")
		text := fit("removed b/k: ", names)
		if len(text) > maxProof {
			t.Fatalf("an entry has %d characters", len(text))
		}
		if all := "removed b/k: " + strings.Join(names, ", "); len(all) < maxProof-30 && text != all {
			t.Fatalf("%q leaves something out of %q", text, all)
		}
	})
}
