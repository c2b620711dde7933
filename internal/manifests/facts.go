// SPDX-License-Identifier: Apache-2.0

package manifests

import (
	"fmt"
	"slices"
	"strings"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/media"
)

// Facts are what the status of a recording shows of its manifest.
func Facts(manifest *media.Manifest) v1alpha1.MediaFacts {
	facts := v1alpha1.MediaFacts{
		Duration: v1alpha1.Duration(fmt.Sprintf("%ds", (manifest.Media.DurationMillis+500)/1000)),
		Bytes:    manifest.Media.Bytes,
		Codec:    shortCodecs(manifest.Media.Codecs),
		Height:   int32(manifest.Media.Height), // at most 65536, the manifest's own bound
		Segments: int32(len(manifest.Segments)),
		SHA256:   manifest.Media.SHA256.String(),
	}
	if manifest.Previews != nil {
		facts.Previews = int32(manifest.Previews.Count) // at most a hundred, the manifest's own bound
	}
	for _, captions := range manifest.Captions {
		if !slices.Contains(facts.Captions, captions.Language) {
			facts.Captions = append(facts.Captions, captions.Language)
		}
	}
	return facts
}

// shortCodecs keeps the names of codecs and drops their profiles: avc1.64001f,mp4a.40.2 is avc1/mp4a.
func shortCodecs(codecs string) string {
	names := strings.Split(codecs, ",")
	for i, name := range names {
		names[i], _, _ = strings.Cut(strings.TrimSpace(name), ".")
	}
	return strings.Join(names, "/")
}
