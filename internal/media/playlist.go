// SPDX-License-Identifier: Apache-2.0

package media

import (
	"fmt"
	"strconv"
	"strings"
)

// Playlist describes the media object to an HLS player: one object by byte ranges, and before each of them the key with
// the counter that its first block was encrypted with. Both URIs may be relative to the playlist; keep them short, for the
// media URI stands once in every segment.
//
// The key stands before EXT-X-MAP too, with an IV of zero: a player that finds a key there takes the init segment for
// encrypted, as it is here.
func Playlist(m *Manifest, mediaURI, keyURI string) string {
	mediaURI, keyURI = uriText(mediaURI), uriText(keyURI)
	var out strings.Builder
	out.Grow(256 + len(m.Segments)*(160+len(mediaURI)+len(keyURI)))
	fmt.Fprintf(&out, "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:%d\n", targetSeconds(m))
	out.WriteString("#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-INDEPENDENT-SEGMENTS\n")
	writeKey(&out, keyURI, 0)
	fmt.Fprintf(&out, "#EXT-X-MAP:URI=\"%s\",BYTERANGE=\"%d@0\"\n", mediaURI, m.Init.Bytes)

	offset := m.Init.Bytes
	for _, segment := range m.Segments {
		writeKey(&out, keyURI, offset)
		fmt.Fprintf(&out, "#EXTINF:%s,\n#EXT-X-BYTERANGE:%d@%d\n%s\n", seconds(segment.DurationMillis), segment.Bytes, offset, mediaURI)
		offset += segment.Bytes
	}
	out.WriteString("#EXT-X-ENDLIST\n")
	return out.String()
}

func writeKey(out *strings.Builder, keyURI string, offset int64) {
	fmt.Fprintf(out, "#EXT-X-KEY:METHOD=AES-256-CTR,URI=\"%s\",IV=0x%x\n", keyURI, counterBlock(offset))
}

// targetSeconds is no less than any segment, rounded to whole seconds as RFC 8216 compares them.
func targetSeconds(m *Manifest) int64 {
	var longest int64
	for _, segment := range m.Segments {
		longest = max(longest, segment.DurationMillis)
	}
	return max(1, (longest+999)/1000)
}

func seconds(millis int64) string {
	return strconv.FormatFloat(float64(millis)/1000, 'f', 3, 64)
}

// uriText escapes what would end the attribute or the line that a URI stands in.
func uriText(uri string) string {
	return strings.NewReplacer(`"`, "%22", "\n", "%0A", "\r", "%0D").Replace(uri)
}
