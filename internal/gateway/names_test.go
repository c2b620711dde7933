// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"maps"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/reelkeeper/reelkeeper/internal/access"
	"github.com/reelkeeper/reelkeeper/internal/gateway/pages"
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
			header := attachment(tc.title)
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
		header := attachment(title)
		if strings.ContainsFunc(header, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("%q is not printable ASCII", header)
		}
		_, parameters, err := mime.ParseMediaType(header)
		if err != nil || strings.ContainsAny(parameters["filename"], `/\`) || !strings.HasSuffix(parameters["filename"], ".mp4") {
			t.Errorf("%q names %q: %v", header, parameters["filename"], err)
		}
	})
}

func TestWhomARequestComesFrom(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	cases := map[string]struct {
		peer      string
		forwarded []string
		want      string
	}{
		"nobody in between":                    {"192.0.2.1:1", nil, "192.0.2.1"},
		"somebody who claims to be another":    {"192.0.2.1:1", []string{"198.51.100.9"}, "192.0.2.1"},
		"a trusted proxy":                      {"10.0.0.1:1", []string{"198.51.100.9"}, "198.51.100.9"},
		"two trusted proxies":                  {"10.0.0.1:1", []string{"198.51.100.9, 10.0.0.2"}, "198.51.100.9"},
		"a claim passed on by a trusted proxy": {"10.0.0.1:1", []string{"203.0.113.5", "198.51.100.9"}, "198.51.100.9"},
		"a trusted proxy that says nothing":    {"10.0.0.1:1", nil, "10.0.0.1"},
		"a trusted proxy that says nonsense":   {"10.0.0.1:1", []string{"unknown"}, "10.0.0.1"},
		"IPv4 written as IPv6":                 {"[::ffff:10.0.0.1]:1", []string{"2001:db8::1"}, "2001:db8::1"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			request := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
			request.RemoteAddr, request.Header["X-Forwarded-For"] = tc.peer, tc.forwarded
			if got := clientAddress(request, proxies).String(); got != tc.want {
				t.Errorf("address %s, want %s", got, tc.want)
			}
		})
	}
}

func TestR33EveryRefusalIsTranslated(t *testing.T) {
	chinese := pages.Choose("zh-CN")
	for reason := range maps.Keys(access.Explanations) {
		explanation := access.Explanations[reason]
		if strings.HasPrefix(string(reason), "Permitted") {
			continue
		}
		if chinese.Or("why."+string(reason), "") == "" {
			t.Errorf("%s: no translation of %q", reason, explanation.Message)
		}
		if explanation.Remedy != "" && chinese.Or("todo."+string(reason), "") == "" {
			t.Errorf("%s: no translation of %q", reason, explanation.Remedy)
		}
	}
}
