// SPDX-License-Identifier: Apache-2.0

package codetest_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	aTest = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	named = regexp.MustCompile("`((?:Test|Fuzz)\\w+)`")
	aRow  = regexp.MustCompile(`(?m)^\| (\d[^|]*) \|([^|]*)\|([^|]*)\|([^|]*)\|$`)
	anID  = regexp.MustCompile(`\b\d{1,2}\.\d{1,2}\.\d{1,2}\b`)
)

// TestEveryClaimAboutSecurityHasItsTest reads docs/security.md.
func TestEveryClaimAboutSecurityHasItsTest(t *testing.T) {
	root := filepath.Join("..", "..")
	page, err := os.ReadFile(filepath.Join(root, "docs", "security.md"))
	if err != nil {
		t.Fatal(err)
	}
	tests := testsOf(t, root)
	for _, name := range named.FindAllStringSubmatch(string(page), -1) {
		if !tests[name[1]] {
			t.Errorf("docs/security.md names %s, which there is not", name[1])
		}
	}
	met, rest, _ := strings.Cut(string(page), "## Not met")
	rows, items := aRow.FindAllStringSubmatch(met, -1), map[string]bool{}
	for _, row := range rows {
		if !named.MatchString(row[4]) {
			t.Errorf("%s names no test", row[1])
		}
		for _, id := range anID.FindAllString(row[1], -1) {
			if items[id] || strings.Contains(rest, "**"+id+"**") {
				t.Errorf("%s is there twice", id)
			}
			items[id] = true
		}
	}
	if len(rows) < 50 || len(items) < len(rows) {
		t.Errorf("the test is blind: it finds %d rows about %d items", len(rows), len(items))
	}
}

// testsOf are the names of all tests of the module.
func testsOf(t *testing.T, root string) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "node_modules" || strings.HasPrefix(entry.Name(), ".") && len(entry.Name()) > 2):
			return filepath.SkipDir
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		code, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, name := range aTest.FindAllStringSubmatch(string(code), -1) {
			found[name[1]] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
