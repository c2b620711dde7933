// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"slices"
	"testing"

	"github.com/reelkeeper/reelkeeper/internal/media"
)

func TestTheStatusNamesEveryLanguageOfCaptionsOnce(t *testing.T) {
	t.Parallel()
	manifest := &media.Manifest{Captions: []media.Captions{{Language: "en"}, {Language: "und"}, {Language: "en", Title: "For the deaf"}}}
	if got := factsOf(manifest).Captions; !slices.Equal(got, []string{"en", "und"}) {
		t.Errorf("languages are %v, want en and und", got)
	}
	if got := factsOf(&media.Manifest{}).Captions; got != nil {
		t.Errorf("without captions, languages are %v", got)
	}
}
