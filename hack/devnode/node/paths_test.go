// SPDX-License-Identifier: Apache-2.0

//go:build unix

package node

import "testing"

func TestRewrite(t *testing.T) {
	m := newMounts(mount{"/scratch", "/h/scratch"}, mount{"/scratch/deep/", "/h/deep"}, mount{"/var/run/secrets", "/h/secrets"}, mount{"/", "/never"})
	cases := map[string]struct{ text, want string }{
		"a mount path alone":                {"/scratch", "/h/scratch"},
		"a file in a mount":                 {"/scratch/a/b.mp4", "/h/scratch/a/b.mp4"},
		"a flag's value":                    {"--out=/scratch/x", "--out=/h/scratch/x"},
		"two paths in a list":               {"/scratch:/var/run/secrets/token", "/h/scratch:/h/secrets/token"},
		"a shell command":                   {"cat /scratch/a >'/scratch/b'; ls /scratch", "cat /h/scratch/a >'/h/scratch/b'; ls /h/scratch"},
		"a mount inside a mount":            {"/scratch/deep/x", "/h/deep/x"},
		"a longer name is another path":     {"/scratchy /scratch-2 /scratch.d", "/scratchy /scratch-2 /scratch.d"},
		"the end of another path":           {"/other/scratch a/scratch", "/other/scratch a/scratch"},
		"a URL keeps its path":              {"https://example.com/scratch/x", "https://example.com/scratch/x"},
		"a parent of a mount is not one":    {"/var/run", "/var/run"},
		"a text without a path":             {"hello", "hello"},
		"an empty text":                     {"", ""},
		"the real place is not rewritten":   {"/scratch/var/run/secrets", "/h/scratch/var/run/secrets"},
		"a slash at the end is no obstacle": {"/scratch/", "/h/scratch/"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := m.rewrite(tc.text); got != tc.want {
				t.Errorf("rewrite(%q) = %q, want %q", tc.text, got, tc.want)
			}
		})
	}
}

func TestExpand(t *testing.T) {
	lookup := func(name string) (string, bool) {
		value, known := map[string]string{"A": "one", "EMPTY": "", "B": "$(A)"}[name]
		return value, known
	}
	cases := map[string]struct{ text, want string }{
		"a reference":                     {"x $(A) y", "x one y"},
		"a reference to nothing":          {"$(EMPTY)|", "|"},
		"an unknown name stays":           {"$(NOPE) $(A)", "$(NOPE) one"},
		"an escaped reference stays":      {"$$(A)", "$(A)"},
		"an escaped dollar and reference": {"$$$(A)", "$one"},
		"a shell's own variables stay":    {"$HOME ${A} $1 $", "$HOME ${A} $1 $"},
		"an unclosed reference stays":     {"$(A", "$(A"},
		"values are not expanded again":   {"$(B)", "$(A)"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := expand(tc.text, lookup); got != tc.want {
				t.Errorf("expand(%q) = %q, want %q", tc.text, got, tc.want)
			}
		})
	}
}
