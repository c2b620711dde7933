// SPDX-License-Identifier: Apache-2.0

package attachment_test

import (
	"mime"
	"strings"
	"testing"

	"github.com/reelkeeper/reelkeeper/internal/gateway/attachment"
)

func TestTheFileIsNamedAfterTheTitle(t *testing.T) {
	cases := map[string]struct{ title, want string }{
		"plain":                          {"Q3 review", "Q3 review.mp4"},
		"Chinese":                        {"季度回顾", "季度回顾.mp4"},
		"a path":                         {"../../etc/passwd", "etc-passwd.mp4"},
		"a Windows path":                 {`C:\secret`, "C--secret.mp4"},
		"quotes":                         {`the "plan"`, "the -plan.mp4"},
		"a line break":                   {"a\r\nSet-Cookie: x", "aSet-Cookie- x.mp4"},
		"an ending turned around":        {"annual\u202e3pm.exe", "annual3pm.exe.mp4"},
		"percent and apostrophe":         {"100% of Bob's", "100% of Bob's.mp4"},
		"nothing":                        {"", "recording.mp4"},
		"nothing that can be in a name":  {"///", "recording.mp4"},
		"hidden":                         {".profile", "profile.mp4"},
		"longer than file systems allow": {strings.Repeat("回", 300), strings.Repeat("回", 66) + ".mp4"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			header := attachment.Header(tc.title)
			disposition, parameters, err := mime.ParseMediaType(header)
			if err != nil || disposition != "attachment" {
				t.Fatalf("%s: %v", header, err)
			}
			if parameters["filename"] != tc.want {
				t.Errorf("file name %q, want %q", parameters["filename"], tc.want)
			}
		})
	}
}

func FuzzAttachment(f *testing.F) {
	f.Add("Q3 \"review\"\r\n/..\\")
	f.Fuzz(func(t *testing.T, title string) {
		header := attachment.Header(title)
		if strings.ContainsFunc(header, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("%q is not printable ASCII", header)
		}
		_, parameters, err := mime.ParseMediaType(header)
		if err != nil || strings.ContainsAny(parameters["filename"], `/\`) || !strings.HasSuffix(parameters["filename"], ".mp4") {
			t.Errorf("%q names %q: %v", header, parameters["filename"], err)
		}
	})
}
