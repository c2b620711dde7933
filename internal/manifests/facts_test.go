// SPDX-License-Identifier: Apache-2.0

package manifests_test

import (
	"slices"
	"testing"

	"github.com/reelkeeper/reelkeeper/internal/manifests"
	"github.com/reelkeeper/reelkeeper/internal/media"
)

func TestTheStatusNamesEveryLanguageOfCaptionsOnce(t *testing.T) {
	t.Parallel()
	manifest := &media.Manifest{Captions: []media.Captions{{Language: "en"}, {Language: "und"}, {Language: "en", Title: "For the deaf"}}}
	if got := manifests.Facts(manifest).Captions; !slices.Equal(got, []string{"en", "und"}) {
		t.Errorf("languages are %v, want en and und", got)
	}
	if got := manifests.Facts(&media.Manifest{}).Captions; got != nil {
		t.Errorf("without captions, languages are %v", got)
	}
}

func TestTheStatusNamesCodecsWithoutTheirProfiles(t *testing.T) {
	t.Parallel()
	for codecs, want := range map[string]string{"avc1.64001f,mp4a.40.2": "avc1/mp4a", "opus": "opus", "av01.0.05M.08, opus": "av01/opus", "": ""} {
		if got := manifests.Facts(&media.Manifest{Media: media.MediaFacts{Codecs: codecs}}).Codec; got != want {
			t.Errorf("the codecs of %q are %q, want %q", codecs, got, want)
		}
	}
}
