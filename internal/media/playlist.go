// SPDX-License-Identifier: Apache-2.0

package media

import (
	"encoding/hex"
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
func Playlist(m *Manifest, mediaURI, keyURI string) []byte {
	mediaURI, keyURI = uriText(mediaURI), uriText(keyURI)
	out := make([]byte, 0, 512+len(m.Segments)*(160+len(mediaURI)+len(keyURI)))
	out = fmt.Appendf(out, "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:%d\n", targetSeconds(m))
	out = append(out, "#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-INDEPENDENT-SEGMENTS\n"...)
	out = appendKey(out, keyURI, 0)
	out = fmt.Appendf(out, "#EXT-X-MAP:URI=\"%s\",BYTERANGE=\"%d@0\"\n", mediaURI, m.Init.Bytes)

	offset := m.Init.Bytes
	for _, segment := range m.Segments {
		out = appendKey(out, keyURI, offset)
		out = appendSegment(out, segment, offset, mediaURI)
		offset += segment.Bytes
	}
	return append(out, "#EXT-X-ENDLIST\n"...)
}

// appendKey and appendSegment do without fmt, which would take most of the time of a playlist.
func appendKey(out []byte, keyURI string, offset int64) []byte {
	counter := counterBlock(offset)
	out = append(out, `#EXT-X-KEY:METHOD=AES-256-CTR,URI="`...)
	out = append(out, keyURI...)
	out = append(out, `",IV=0x`...)
	out = hex.AppendEncode(out, counter[:])
	return append(out, '\n')
}

func appendSegment(out []byte, segment Segment, offset int64, mediaURI string) []byte {
	out = append(out, "#EXTINF:"...)
	out = strconv.AppendFloat(out, float64(segment.DurationMillis)/1000, 'f', 3, 64)
	out = append(out, ",\n#EXT-X-BYTERANGE:"...)
	out = strconv.AppendInt(out, segment.Bytes, 10)
	out = append(out, '@')
	out = strconv.AppendInt(out, offset, 10)
	out = append(out, '\n')
	out = append(out, mediaURI...)
	return append(out, '\n')
}

// targetSeconds is no less than any segment, rounded to whole seconds as RFC 8216 compares them.
func targetSeconds(m *Manifest) int64 {
	var longest int64
	for _, segment := range m.Segments {
		longest = max(longest, segment.DurationMillis)
	}
	return max(1, (longest+999)/1000)
}

// uriText escapes what would end the attribute or the line that a URI stands in.
func uriText(uri string) string {
	return strings.NewReplacer(`"`, "%22", "\n", "%0A", "\r", "%0D").Replace(uri)
}
