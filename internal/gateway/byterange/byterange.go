// SPDX-License-Identifier: Apache-2.0

// Package byterange decides which bytes a request asks for (RFC 9110, section 14). It is pure.
package byterange

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// Range is a run of bytes of a representation.
type Range struct {
	Offset, Length int64
	// Partial says that the client asked for a range and gets one: 206 rather than 200.
	Partial bool
	// Size is the length of the whole representation.
	Size int64
}

// ContentRange is the value of the header of a partial answer.
func (r Range) ContentRange() string {
	return fmt.Sprintf("bytes %d-%d/%d", r.Offset, r.Offset+r.Length-1, r.Size)
}

// Unsatisfiable is the value of Content-Range that goes with status 416.
func Unsatisfiable(size int64) string { return fmt.Sprintf("bytes */%d", size) }

// Of returns what a GET or HEAD request asks for of a representation with this size and strong ETag. It returns false for
// a range that lies wholly behind the end: answer 416.
//
// As the RFC allows, a Range that makes no sense is ignored, and so is one of several ranges; so is one whose If-Range
// names something other than the ETag, which is how a resumed download notices that the file has changed.
func Of(header http.Header, size int64, etag string) (Range, bool) {
	whole := Range{Length: size, Size: size}
	if condition := header.Get("If-Range"); condition != "" && condition != etag {
		return whole, true
	}
	if len(header.Values("Range")) != 1 {
		return whole, true
	}
	first, last, ok := parse(header.Get("Range"))
	if !ok {
		return whole, true
	}
	offset, end := first, min(last, size-1)
	if first < 0 { // a suffix: the last so many bytes
		offset, end = max(size-last, 0), size-1
	}
	if end < offset || first < 0 && last == 0 {
		return Range{}, false
	}
	return Range{Offset: offset, Length: end - offset + 1, Partial: true, Size: size}, true
}

// open stands for "to the end" in a range such as 500-.
const open = int64(1<<63 - 1)

// parse reads one range. A suffix range has a negative first, and its length as last.
func parse(header string) (first, last int64, ok bool) {
	unit, spec, found := strings.Cut(header, "=")
	if !found || !strings.EqualFold(unit, "bytes") {
		return 0, 0, false
	}
	from, to, found := strings.Cut(strings.Trim(spec, " \t"), "-")
	switch {
	case !found:
		return 0, 0, false
	case from == "":
		last, ok = number(to)
		return -1, last, ok
	case to == "":
		first, ok = number(from)
		return first, open, ok
	}
	first, okFirst := number(from)
	last, okLast := number(to)
	return first, last, okFirst && okLast && first <= last
}

// number reads digits only: no sign, no space. What is too large for any file is cut to the largest number.
func number(text string) (int64, bool) {
	if text == "" || strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	value, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return open, true
	}
	return value, true
}
