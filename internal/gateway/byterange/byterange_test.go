// SPDX-License-Identifier: Apache-2.0

package byterange_test

import (
	"cmp"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/reelkeeper/reelkeeper/internal/gateway/byterange"
)

const etag = `"abc"`

func TestOf(t *testing.T) {
	whole := byterange.Asked{Size: 1000, Ranges: []byterange.Range{{Length: 1000}}}
	parts := func(ranges ...byterange.Range) byterange.Asked {
		return byterange.Asked{Size: 1000, Partial: true, Ranges: ranges}
	}
	part := func(offset, length int64) byterange.Asked { return parts(byterange.Range{Offset: offset, Length: length}) }
	cases := map[string]struct {
		method    string
		ranges    []string
		ifRange   string
		want      byterange.Asked
		want416   bool
		wantRange string
	}{
		"no range is the whole":                       {want: whole},
		"first bytes":                                 {ranges: []string{"bytes=0-99"}, want: part(0, 100), wantRange: "bytes 0-99/1000"},
		"one byte":                                    {ranges: []string{"bytes=999-999"}, want: part(999, 1)},
		"to the end":                                  {ranges: []string{"bytes=500-"}, want: part(500, 500), wantRange: "bytes 500-999/1000"},
		"all of it is still partial":                  {ranges: []string{"bytes=0-"}, want: part(0, 1000)},
		"beyond the end is cut":                       {ranges: []string{"bytes=900-5000"}, want: part(900, 100)},
		"a huge end is cut":                           {ranges: []string{"bytes=0-99999999999999999999"}, want: part(0, 1000)},
		"the last bytes":                              {ranges: []string{"bytes=-100"}, want: part(900, 100)},
		"more last bytes than there are":              {ranges: []string{"bytes=-5000"}, want: part(0, 1000)},
		"the unit in capitals":                        {ranges: []string{"BYTES=0-1"}, want: part(0, 2)},
		"space around the range":                      {ranges: []string{"bytes= 0-1 "}, want: part(0, 2)},
		"behind the end cannot be":                    {ranges: []string{"bytes=1000-"}, want416: true},
		"far behind the end cannot be":                {ranges: []string{"bytes=99999999999999999999-"}, want416: true},
		"the last no bytes cannot be":                 {ranges: []string{"bytes=-0"}, want416: true},
		"backwards is ignored":                        {ranges: []string{"bytes=5-4"}, want: whole},
		"several ranges":                              {ranges: []string{"bytes=0-1, 5-6,-1"}, want: parts(byterange.Range{Length: 2}, byterange.Range{Offset: 5, Length: 2}, byterange.Range{Offset: 999, Length: 1})},
		"several in another order":                    {ranges: []string{"bytes=5-6,0-1"}, want: parts(byterange.Range{Offset: 5, Length: 2}, byterange.Range{Length: 2})},
		"of several those that are there":             {ranges: []string{"bytes=0-1,1000-"}, want: part(0, 2)},
		"several of which none is there":              {ranges: []string{"bytes=1000-,2000-"}, want416: true},
		"empty ones between commas are none":          {ranges: []string{"bytes=,0-1,,"}, want: part(0, 2)},
		"nothing but commas is ignored":               {ranges: []string{"bytes=,,"}, want: whole},
		"one of several that makes no sense":          {ranges: []string{"bytes=0-1,x"}, want: whole},
		"more than are allowed are ignored":           {ranges: []string{"bytes=0-0,2-2,4-4,6-6,8-8"}, want: whole},
		"the whole many times is ignored":             {ranges: []string{"bytes=0-,0-,0-"}, want: whole},
		"for the headers alone a range means nothing": {method: http.MethodHead, ranges: []string{"bytes=0-1"}, want: whole},
		"several headers are ignored":                 {ranges: []string{"bytes=0-1", "bytes=5-6"}, want: whole},
		"another unit is ignored":                     {ranges: []string{"items=0-1"}, want: whole},
		"a sign is ignored":                           {ranges: []string{"bytes=+1-2"}, want: whole},
		"two signs are ignored":                       {ranges: []string{"bytes=--1"}, want: whole},
		"words are ignored":                           {ranges: []string{"bytes=a-b"}, want: whole},
		"a lone dash is ignored":                      {ranges: []string{"bytes=-"}, want: whole},
		"no dash is ignored":                          {ranges: []string{"bytes=7"}, want: whole},
		"nothing is ignored":                          {ranges: []string{""}, want: whole},
		"a matching If-Range keeps the range":         {ranges: []string{"bytes=0-1"}, ifRange: etag, want: part(0, 2)},
		"another If-Range drops the range":            {ranges: []string{"bytes=0-1"}, ifRange: `"old"`, want: whole},
		"a weak If-Range drops the range":             {ranges: []string{"bytes=0-1"}, ifRange: "W/" + etag, want: whole},
		"a date as If-Range drops the range":          {ranges: []string{"bytes=0-1"}, ifRange: "Sat, 21 Nov 2026 10:00:00 GMT", want: whole},
		"If-Range saves from a range that cannot be":  {ranges: []string{"bytes=1000-"}, ifRange: `"old"`, want: whole},
		"a matching If-Range with one that cannot be": {ranges: []string{"bytes=1000-"}, ifRange: etag, want416: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			header := http.Header{"Range": tc.ranges}
			if tc.ifRange != "" {
				header.Set("If-Range", tc.ifRange)
			}
			got, ok := byterange.Of(cmp.Or(tc.method, http.MethodGet), header, 1000, etag, 4)
			if ok == tc.want416 {
				t.Fatalf("satisfiable: %v", ok)
			}
			if diff := gocmp.Diff(tc.want, got); ok && diff != "" {
				t.Errorf("range (-want +got):\n%s", diff)
			}
			if tc.wantRange != "" && got.Ranges[0].ContentRange(got.Size) != tc.wantRange {
				t.Errorf("Content-Range %q, want %q", got.Ranges[0].ContentRange(got.Size), tc.wantRange)
			}
		})
	}
}

func FuzzOf(f *testing.F) {
	for _, seed := range []string{"bytes=0-", "bytes=-5", "bytes=3-4", "bytes=0-0,2-3", "bytes=99999999999999999999-", "x"} {
		f.Add(seed, int64(10))
	}
	f.Fuzz(func(t *testing.T, header string, size int64) {
		if size < 0 {
			return
		}
		got, ok := byterange.Of(http.MethodGet, http.Header{"Range": []string{header}}, size, etag, 4)
		if !ok {
			return
		}
		for _, part := range got.Ranges {
			if part.Offset < 0 || part.Length < 0 || part.Offset > size || part.Length > size-part.Offset {
				t.Errorf("%q of %d bytes leaves the file: %+v", header, size, got)
			}
			if got.Partial && part.Length == 0 {
				t.Errorf("%q of %d bytes has an empty part", header, size)
			}
		}
		if len(got.Ranges) == 0 || len(got.Ranges) > 4 || got.Bytes() > size {
			t.Errorf("%q of %d bytes is too much: %+v", header, size, got)
		}
		if !got.Partial && got.Ranges[0] != (byterange.Range{Length: size}) {
			t.Errorf("%q of %d bytes is neither whole nor partial: %+v", header, size, got)
		}
	})
}

func TestSeveralRangesAreReadBack(t *testing.T) {
	const file = "0123456789"
	asked, _ := byterange.Of(http.MethodGet, http.Header{"Range": {"bytes=0-1,5-7"}}, int64(len(file)), etag, 4)
	frame := byterange.NewMultipart(asked, "video/mp4")
	var answer strings.Builder
	for i, part := range asked.Ranges {
		answer.WriteString(frame.Heads[i] + file[part.Offset:part.Offset+part.Length])
	}
	answer.WriteString(frame.End)
	if int64(answer.Len()) != frame.Length {
		t.Errorf("it is %d bytes long and says %d", answer.Len(), frame.Length)
	}
	_, parameters, err := mime.ParseMediaType(frame.ContentType)
	if err != nil {
		t.Fatal(err)
	}
	reader := multipart.NewReader(strings.NewReader(answer.String()), parameters["boundary"])
	var got []string
	for {
		part, err := reader.NextRawPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(part)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, part.Header.Get("Content-Type")+" "+part.Header.Get("Content-Range")+" "+string(content))
	}
	if diff := gocmp.Diff([]string{"video/mp4 bytes 0-1/10 01", "video/mp4 bytes 5-7/10 567"}, got); diff != "" {
		t.Errorf("parts (-want +got):\n%s", diff)
	}
}

func TestConditions(t *testing.T) {
	for name, tc := range map[string]struct {
		header, value string
		want          int
	}{
		"none":                                {"", "", 0},
		"the same is wanted":                  {"If-Match", `"x", "abc"`, 0},
		"any is wanted":                       {"If-Match", "*", 0},
		"another is wanted":                   {"If-Match", `"x"`, 412},
		"a weak one is not the same":          {"If-Match", `W/"abc"`, 412},
		"the same is known":                   {"If-None-Match", `"abc"`, 304},
		"the same is known, and another":      {"If-None-Match", `"x",W/"abc"`, 304},
		"another is known":                    {"If-None-Match", `"x"`, 0},
		"dates mean nothing where none stand": {"If-Modified-Since", "Sat, 21 Nov 2026 10:00:00 GMT", 0},
	} {
		t.Run(name, func(t *testing.T) {
			if got := byterange.Condition(http.Header{tc.header: {tc.value}}, etag); got != tc.want {
				t.Errorf("status %d, want %d", got, tc.want)
			}
		})
	}
}
