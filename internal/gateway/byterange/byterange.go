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
}

// ContentRange is the value of the header that says which bytes of how many these are.
func (r Range) ContentRange(size int64) string {
	return fmt.Sprintf("bytes %d-%d/%d", r.Offset, r.Offset+r.Length-1, size)
}

// Unsatisfiable is the value of Content-Range that goes with status 416.
func Unsatisfiable(size int64) string { return fmt.Sprintf("bytes */%d", size) }

// Asked is what a request asks for.
type Asked struct {
	// Size is the length of the whole representation.
	Size int64
	// Partial says that the client asked for ranges and gets them: 206 rather than 200.
	Partial bool
	// Ranges are what it gets, in the order in which it asked; the whole, where it is not Partial.
	Ranges []Range
}

// Bytes is how many there are in all ranges together.
func (a Asked) Bytes() int64 {
	var sum int64
	for _, r := range a.Ranges {
		sum += r.Length
	}
	return sum
}

// Of returns what a GET request asks for of a representation with this size and strong ETag. It returns false where nothing of what is
// asked for is there: answer 416.
//
// As the RFC allows, a Range that makes no sense is ignored, and so is one of more than most ranges, or of ranges that are more together than
// the whole, which is what overlapping ones can make of a small request; so is one whose If-Range names something other than the ETag,
// which is how a resumed download notices that the file has changed. For other methods than GET, a Range means nothing.
func Of(method string, header http.Header, size int64, etag string, most int) (Asked, bool) {
	whole := Asked{Size: size, Ranges: []Range{{Length: size}}}
	if condition := header.Get("If-Range"); condition != "" && condition != etag || method != http.MethodGet {
		return whole, true
	}
	if len(header.Values("Range")) != 1 {
		return whole, true
	}
	specs, ok := split(header.Get("Range"))
	if !ok || len(specs) > most {
		return whole, true
	}
	asked := Asked{Size: size, Partial: true}
	for _, spec := range specs {
		first, last, ok := parse(spec)
		if !ok {
			return whole, true
		}
		if found := within(first, last, size); found.Length > 0 {
			asked.Ranges = append(asked.Ranges, found)
		}
	}
	if len(asked.Ranges) > 1 && asked.Bytes() > size {
		return whole, true
	}
	return asked, len(asked.Ranges) > 0
}

// within returns what of a range there is, of length 0 for nothing.
func within(first, last, size int64) Range {
	offset, end := first, min(last, size-1)
	if first < 0 { // a suffix: the last so many bytes
		offset, end = max(size-last, 0), size-1
	}
	return Range{Offset: offset, Length: max(end-offset+1, 0)}
}

// split returns the ranges of a header. Empty ones between commas count for nothing, as in all lists.
func split(header string) (specs []string, ok bool) {
	unit, list, found := strings.Cut(header, "=")
	if !found || !strings.EqualFold(unit, "bytes") {
		return nil, false
	}
	for spec := range strings.SplitSeq(list, ",") {
		if spec = strings.Trim(spec, " \t"); spec != "" {
			specs = append(specs, spec)
		}
	}
	return specs, len(specs) > 0
}

// open stands for "to the end" in a range such as 500-.
const open = int64(1<<63 - 1)

// parse reads one range. A suffix range has a negative first, and its length as last.
func parse(spec string) (first, last int64, ok bool) {
	from, to, found := strings.Cut(spec, "-")
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
