// SPDX-License-Identifier: Apache-2.0

// Package web holds what browsers load besides the pages: scripts and styles, bundled by Vite from src into dist.
package web

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
)

// The directory always exists, with nothing but .gitkeep in it until `make web` has run, so that Go alone can build.
//
//go:embed all:dist
var dist embed.FS

// ErrNotBuilt says that the program was compiled without scripts and styles.
var ErrNotBuilt = errors.New("the web assets are missing, pages have no player and no style: run `make web` and build again")

// The entries that pages load; vite.config.js names them.
const (
	scriptEntry = "src/main.ts"
	styleEntry  = "src/style.css"
)

// Assets are the files to be served, and which of them a page loads.
type Assets struct {
	// Files are all files; their names carry a hash of their content, so they can be cached for ever.
	Files fs.FS
	// Script and Style are names in Files. They are empty when the assets were not built.
	Script, Style string
}

// Load returns the embedded assets. With ErrNotBuilt, it returns usable but empty ones.
func Load() (Assets, error) {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		return Assets{}, fmt.Errorf("open the embedded web assets: %w", err)
	}
	manifest, err := fs.ReadFile(files, "manifest.json")
	if errors.Is(err, fs.ErrNotExist) {
		return Assets{Files: files}, ErrNotBuilt
	}
	if err != nil {
		return Assets{}, fmt.Errorf("read the embedded web assets' manifest: %w", err)
	}
	var entries map[string]struct {
		File string `json:"file"`
	}
	if err := json.Unmarshal(manifest, &entries); err != nil {
		return Assets{}, fmt.Errorf("decode the embedded web assets' manifest: %w", err)
	}
	assets := Assets{Files: files, Script: entries[scriptEntry].File, Style: entries[styleEntry].File}
	if assets.Script == "" || assets.Style == "" {
		return Assets{Files: files}, ErrNotBuilt
	}
	return assets, nil
}
