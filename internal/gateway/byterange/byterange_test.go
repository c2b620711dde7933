// SPDX-License-Identifier: Apache-2.0

package byterange_test

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reelkeeper/reelkeeper/internal/gateway/byterange"
)

const etag = `"abc"`

func TestOf(t *testing.T) {
	whole := byterange.Range{Length: 1000, Size: 1000}
	part := func(offset, length int64) byterange.Range {
		return byterange.Range{Offset: offset, Length: length, Partial: true, Size: 1000}
	}
	cases := map[string]struct {
		ranges    []string
		ifRange   string
		want      byterange.Range
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
		"several ranges are ignored":                  {ranges: []string{"bytes=0-1,5-6"}, want: whole},
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
			got, ok := byterange.Of(header, 1000, etag)
			if ok == tc.want416 {
				t.Fatalf("satisfiable: %v", ok)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("range (-want +got):\n%s", diff)
			}
			if tc.wantRange != "" && got.ContentRange() != tc.wantRange {
				t.Errorf("Content-Range %q, want %q", got.ContentRange(), tc.wantRange)
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
		got, ok := byterange.Of(http.Header{"Range": []string{header}}, size, etag)
		if !ok {
			return
		}
		if got.Offset < 0 || got.Length < 0 || got.Offset > size || got.Length > size-got.Offset {
			t.Errorf("%q of %d bytes leaves the file: %+v", header, size, got)
		}
		if got.Partial && got.Length == 0 {
			t.Errorf("%q of %d bytes is an empty part", header, size)
		}
		if !got.Partial && (got.Offset != 0 || got.Length != size) {
			t.Errorf("%q of %d bytes is neither whole nor partial: %+v", header, size, got)
		}
	})
}
