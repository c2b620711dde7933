// SPDX-License-Identifier: Apache-2.0

package pages

import (
	"maps"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestR33LanguagesSayTheSameThings(t *testing.T) {
	want := slices.Sorted(maps.Keys(english))
	for _, language := range languages {
		if diff := cmp.Diff(want, slices.Sorted(maps.Keys(language.texts))); diff != "" {
			t.Errorf("texts in %s (-english +%s):\n%s", language.Lang(), language.Lang(), diff)
		}
	}
}

func TestR33TemplatesUseTextsThatExist(t *testing.T) {
	uses := regexp.MustCompile(`\.T "([^"]+)"`)
	entries, err := templates.ReadDir("templates")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		source, err := templates.ReadFile("templates/" + entry.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, use := range uses.FindAllStringSubmatch(string(source), -1) {
			if _, found := english[use[1]]; !found {
				t.Errorf("%s uses the text %q, which does not exist", entry.Name(), use[1])
			}
		}
	}
}

func TestR33TheBrowserChoosesTheLanguage(t *testing.T) {
	cases := map[string]struct{ accept, want string }{
		"nothing said is English":          {"", "en"},
		"English":                          {"en-GB,en;q=0.9", "en"},
		"Chinese in China":                 {"zh-CN,zh;q=0.9,en;q=0.8", "zh-Hans"},
		"Chinese without a place":          {"zh", "zh-Hans"},
		"Chinese preferred over English":   {"en;q=0.5,zh-Hans;q=0.9", "zh-Hans"},
		"a language we lack is English":    {"fr-FR,fr", "en"},
		"a header that makes no sense":     {";;;q=x", "en"},
		"a language we lack, then Chinese": {"fr,zh-SG;q=0.3", "zh-Hans"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := Choose(tc.accept).Lang(); got != tc.want {
				t.Errorf("language %s, want %s", got, tc.want)
			}
		})
	}
}

func TestPagesEscapeWhatPeopleWrote(t *testing.T) {
	renderer, err := New("main.js", "style.css")
	if err != nil {
		t.Fatal(err)
	}
	recorder := httptest.NewRecorder()
	hostile := `"><script>alert(1)</script>`
	content := RecordingContent{Title: hostile, Playable: true, SessionsPath: "/r/a/b/sessions"}
	if err := renderer.Render(recorder, 200, Recording, Frame{Language: Choose("en"), Person: hostile, Path: hostile}, content); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(recorder.Body.String(), "<script>alert") {
		t.Errorf("the page runs what somebody wrote:\n%s", recorder.Body)
	}
}
