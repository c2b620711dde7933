// SPDX-License-Identifier: Apache-2.0

//go:build unix

package gateway_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestR33PeopleChooseALanguageAndATheme(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		form     url.Values
		wantHTML string
	}{
		"Chinese":                     {url.Values{"language": {"zh-Hans"}}, `<html lang="zh-Hans" dir="ltr">`},
		"a language that we lack":     {url.Values{"language": {"fr"}}, `<html lang="en" dir="ltr">`},
		"dark":                        {url.Values{"theme": {"dark"}}, `<html lang="en" dir="ltr" data-theme="dark">`},
		"a theme that does not exist": {url.Values{"theme": {`"><script>`}}, `<html lang="en" dir="ltr">`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer := theWorld(t).Anonymous(t).Post(t, "/preferences", tc.form)
			if answer.Status != http.StatusOK || answer.Path != "/" {
				t.Fatalf("led to %s with status %d", answer.Path, answer.Status)
			}
			if !strings.Contains(string(answer.Body), tc.wantHTML) {
				t.Errorf("the page lacks %s:\n%s", tc.wantHTML, answer.Body)
			}
		})
	}
}

func TestPreferencesLeadToNoOtherSite(t *testing.T) {
	t.Parallel()
	for _, next := range []string{"https://evil.example", "//evil.example", `/\evil.example`, "/signout"} {
		answer := theWorld(t).Anonymous(t).Staying().Post(t, "/preferences", url.Values{"theme": {"dark"}, "next": {next}})
		if got := answer.Header.Get("Location"); got != "/" {
			t.Errorf("%q leads to %q", next, got)
		}
	}
}
