// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"
)

// pack compresses scripts and styles once, at the start, as well as gzip can. Pages and answers with what people wrote are not
// compressed: the length of such an answer can tell of what is secret in it.
func pack(files fs.FS) (map[string][]byte, error) {
	packed := map[string][]byte{}
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || path.Ext(name) != ".js" && path.Ext(name) != ".css" {
			return err
		}
		content, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		packed[name], err = gzipped(content)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("compress the web assets: %w", err)
	}
	return packed, nil
}

func gzipped(content []byte) ([]byte, error) {
	var buffer bytes.Buffer
	writer, err := gzip.NewWriterLevel(&buffer, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := writer.Write(content); err != nil {
		return nil, err
	}
	err = writer.Close()
	return buffer.Bytes(), err
}

// asset serves scripts and styles. Their names change with their content.
func (s *Server) asset(w http.ResponseWriter, r *http.Request) {
	name := chi.URLParam(r, "*")
	info, err := fs.Stat(s.assets.Files, name)
	if err != nil || !info.Mode().IsRegular() {
		s.nowhere(w, r)
		return
	}
	header := w.Header()
	header.Set("Cache-Control", "public, max-age=31536000, immutable")
	header.Set("Vary", "Accept-Encoding")
	packed, found := s.packed[name]
	if !found || !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		http.ServeFileFS(w, r, s.assets.Files, name) //nolint:gosec // a file system that holds nothing else
		return
	}
	header.Set("Content-Type", mime.TypeByExtension(path.Ext(name)))
	header.Set("Content-Encoding", "gzip")
	header.Set("Content-Length", strconv.Itoa(len(packed)))
	w.WriteHeader(http.StatusOK)
	// The status is sent; what can still fail is the connection, which the reader notices.
	_, _ = w.Write(packed)
}
