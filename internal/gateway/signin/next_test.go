// SPDX-License-Identifier: Apache-2.0

package signin_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/reelkeeper/reelkeeper/internal/gateway/signin"
)

func TestSafeNext(t *testing.T) {
	cases := map[string]struct{ next, want string }{
		"the front page":                 {"/", "/"},
		"a recording":                    {"/r/finance/q3-review", "/r/finance/q3-review"},
		"a link":                         {"/g/abc", "/g/abc"},
		"the inbox":                      {"/inbox", "/inbox"},
		"the trash":                      {"/trash", "/trash"},
		"what looks like a page":         {"/inbox/answer", "/"},
		"a query is dropped":             {"/r/a/b?next=//evil.example", "/r/a/b"},
		"nothing":                        {"", "/"},
		"another site":                   {"https://evil.example/r/a/b", "/"},
		"another site without a scheme":  {"//evil.example/r/a/b", "/"},
		"another site, as browsers read": {`/\evil.example/r/a/b`, "/"},
		"another site behind a tab":      {"/\t/evil.example", "/"},
		"another site behind encoding":   {"/r/%2f%2fevil.example", "/"},
		"a script":                       {"javascript:alert(1)", "/"},
		"out of the folder":              {"/r/../signout", "/"},
		"out of the folder, encoded":     {"/r/%2e%2e/signout", "/"},
		"something that is not a page":   {"/signout", "/"},
		"longer than any page":           {"/r/" + strings.Repeat("a", 2000), "/"},
		"a line break":                   {"/r/a\r\nSet-Cookie:x", "/"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := signin.SafeNext(tc.next); got != tc.want {
				t.Errorf("%q leads to %q, want %q", tc.next, got, tc.want)
			}
		})
	}
}

func FuzzSafeNext(f *testing.F) {
	for _, seed := range []string{"/", "//a", "/r/a/b", "/\\a", "/r/%2f", "https://a", "/g/..//b"} {
		f.Add(seed)
	}
	base, err := url.Parse("https://recordings.example.com/signin")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, next string) {
		got := signin.SafeNext(next)
		target, err := base.Parse(got)
		if err != nil || target.Host != base.Host || target.Scheme != base.Scheme || target.RawQuery != "" {
			t.Errorf("%q leads to %q: %v", next, got, err)
		}
		if strings.HasPrefix(got, "//") || strings.ContainsAny(got, "\\\r\n\t") {
			t.Errorf("%q leads to %q, which browsers read otherwise", next, got)
		}
	})
}
