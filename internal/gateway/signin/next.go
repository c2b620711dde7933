// SPDX-License-Identifier: Apache-2.0

package signin

import (
	"net/url"
	"path"
	"slices"
	"strings"
)

// maxNext bounds the page to go on to after signing in: it travels in a cookie.
const maxNext = 1024

// SafeNext returns the page of this site that somebody wanted to see before signing in, or the front page for anything that
// could lead elsewhere. Browsers read //host, /\host and addresses with tabs in them as other sites.
func SafeNext(next string) string {
	const front = "/"
	if len(next) > maxNext || !strings.HasPrefix(next, "/") || strings.ContainsFunc(next, unsafe) {
		return front
	}
	parsed, err := url.Parse(next)
	if err != nil || parsed.Scheme != "" || parsed.Host != "" || parsed.User != nil || parsed.Opaque != "" {
		return front
	}
	// What the path means after dots and repeated slashes are resolved has to be what it says.
	if parsed.Path != path.Clean(parsed.Path) || !isPage(parsed.Path) {
		return front
	}
	return (&url.URL{Path: parsed.Path}).String()
}

func unsafe(r rune) bool { return r <= ' ' || r == '\\' || r == 0x7f }

// isPage names the pages that people can want: not the ones that sign in and out, and nothing that is not a page.
func isPage(p string) bool {
	return slices.Contains([]string{"/", "/inbox", "/trash", "/overview"}, p) || strings.HasPrefix(p, "/r/") || strings.HasPrefix(p, "/g/")
}
