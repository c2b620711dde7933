// SPDX-License-Identifier: Apache-2.0

package byterange

import (
	"crypto/rand"
	"fmt"
	"strings"
)

// Multipart is the frame of an answer with several ranges, multipart/byteranges.
type Multipart struct {
	// ContentType is the type of the answer.
	ContentType string
	// Heads stand before each of the ranges, End after the last one.
	Heads []string
	End   string
	// Length is that of the whole answer.
	Length int64
}

// NewMultipart returns the frame for ranges of a representation of this type. No part of a representation can be taken for a boundary,
// which is random and longer than chance.
func NewMultipart(asked Asked, contentType string) Multipart {
	boundary := rand.Text()
	frame := Multipart{ContentType: "multipart/byteranges; boundary=" + boundary, End: "\r\n--" + boundary + "--\r\n"}
	for i, part := range asked.Ranges {
		head := fmt.Sprintf("\r\n--%s\r\nContent-Type: %s\r\nContent-Range: %s\r\n\r\n", boundary, contentType, part.ContentRange(asked.Size))
		if i == 0 {
			head = strings.TrimPrefix(head, "\r\n")
		}
		frame.Heads = append(frame.Heads, head)
		frame.Length += int64(len(head)) + part.Length
	}
	frame.Length += int64(len(frame.End))
	return frame
}
