// SPDX-License-Identifier: Apache-2.0

// Package codetest reads the module's own code, with its types, for tests that keep a rule about it.
package codetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Module is what the import paths of all our packages start with.
const Module = "github.com/reelkeeper/reelkeeper/"

// Code is the code of some of the module's packages and of all that they import.
type Code struct {
	// Packages are those of the module, tests and generated files left out, in the order of their dependencies.
	Packages []*Package

	files   *token.FileSet
	exports map[string]string
}

// Package is one package with its types.
type Package struct {
	// Path is the import path without the module's, such as internal/policy.
	Path  string
	Files []*ast.File
	Info  *types.Info
	Types *types.Package
}

// listed is a package as `go list` describes it.
type listed struct {
	ImportPath, Dir, Export string
	GoFiles                 []string
	Module                  *struct{ Main bool }
}

// Load reads the packages that match the patterns, such as ./controllers/..., and the module's packages that they import. It
// has them compiled if they are not yet.
func Load(t testing.TB, patterns ...string) *Code {
	t.Helper()
	code := &Code{files: token.NewFileSet(), exports: map[string]string{}}
	var ours []listed
	for _, p := range list(t, patterns) {
		code.exports[p.ImportPath] = p.Export
		if p.Module != nil && p.Module.Main {
			ours = append(ours, p)
		}
	}
	for _, p := range ours {
		var files []*ast.File
		for _, name := range p.GoFiles {
			file, err := parser.ParseFile(code.files, filepath.Join(p.Dir, name), nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, file)
		}
		code.Packages = append(code.Packages, code.check(t, p.ImportPath, files))
	}
	return code
}

// Check adds types to a file that is not part of the module.
func (c *Code) Check(t testing.TB, path, source string) *Package {
	t.Helper()
	file, err := parser.ParseFile(c.files, filepath.Base(path)+".go", source, 0)
	if err != nil {
		t.Fatal(err)
	}
	return c.check(t, Module+path, []*ast.File{file})
}

// Position tells where a node is.
func (c *Code) Position(node ast.Node) token.Position { return c.files.Position(node.Pos()) }

func (c *Code) check(t testing.TB, path string, files []*ast.File) *Package {
	t.Helper()
	p := &Package{Path: strings.TrimPrefix(path, Module), Info: &types.Info{
		Types: map[ast.Expr]types.TypeAndValue{}, Selections: map[*ast.SelectorExpr]*types.Selection{}, Uses: map[*ast.Ident]types.Object{},
	}}
	config := types.Config{Importer: importer.ForCompiler(c.files, "gc", c.lookup)}
	var err error
	if p.Types, err = config.Check(path, c.files, files, p.Info); err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if !ast.IsGenerated(file) {
			p.Files = append(p.Files, file)
		}
	}
	return p
}

func (c *Code) lookup(path string) (io.ReadCloser, error) {
	if c.exports[path] == "" {
		return nil, fmt.Errorf("no export data of %s", path)
	}
	return os.Open(c.exports[path])
}

func list(t testing.TB, patterns []string) []listed {
	t.Helper()
	arguments := []string{"list", "-export", "-deps", "-json=ImportPath,Dir,Export,GoFiles,Module"}
	for _, pattern := range patterns {
		arguments = append(arguments, Module+strings.TrimPrefix(pattern, "./"))
	}
	out, err := exec.Command("go", arguments...).Output()
	if err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			t.Fatalf("go list: %v: %s\nrun `make web` if it misses web/dist", err, exit.Stderr)
		}
		t.Fatal(err)
	}
	var packages []listed
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}
