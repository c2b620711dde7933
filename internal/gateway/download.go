// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/audit"
	"github.com/reelkeeper/reelkeeper/internal/gateway/attachment"
	"github.com/reelkeeper/reelkeeper/internal/gateway/byterange"
	"github.com/reelkeeper/reelkeeper/internal/gateway/playback"
	"github.com/reelkeeper/reelkeeper/internal/gateway/session"
)

// maxRanges is how many ranges of a file one request may ask for.
const maxRanges = 16

// download gives the file, decrypted. It is the only route that does, and the only one that asks for Download.
func (s *Server) download(w http.ResponseWriter, r *http.Request) {
	current := s.sessions.Get(r)
	page := strings.TrimSuffix(r.URL.Path, "/download")
	if current == nil {
		s.askToSignIn(w, r, page)
		return
	}
	visit := s.downloadVisit(r, current)
	admitted, refused := s.gate.enter(visit)
	if refused != nil {
		s.refusePage(w, r, current, refused, page)
		return
	}
	opened, err := s.media.Open(r.Context(), admitted.recording)
	if err != nil {
		s.refusePage(w, r, current, faulty(err), page)
		return
	}
	if err := s.remember(w, current, admitted, v1alpha1.PermissionDownload); err != nil {
		s.refusePage(w, r, current, &refusal{kind: broken, err: err}, page)
		return
	}
	w.Header().Set("Content-Disposition", attachment.Header(titleOf(language(r), admitted.recording)))
	if refused := s.serve(w, r, s.file(r, admitted, opened)); refused != nil {
		s.withoutFile(w)
		s.refusePage(w, r, current, refused, page)
	}
}

// file is the decrypted file of a recording, of which is written down how much was sent.
func (s *Server) file(r *http.Request, admitted *admission, opened *playback.Media) content {
	size := opened.Reader.Size()
	file := content{
		size: size, etag: opened.ETag(), mime: "video/mp4", digest: opened.Manifest.Media.PlainSHA256, ranges: maxRanges,
		open: opened.Plaintext, visit: admitted.again,
	}
	if !resumes(r) {
		file.after = func(asked byterange.Asked, sent int64) {
			s.deliveries.whole(admitted, size, asked.Bytes(), sent)
		}
		return file
	}
	var end func(asked, sent int64)
	file.before = func(byterange.Asked) *refusal {
		end = s.deliveries.begin(admitted, size)
		return nil
	}
	file.after = func(asked byterange.Asked, sent int64) { end(asked.Bytes(), sent) }
	return file
}

// downloadVisit is written down as a start, whichever bytes it asks for: who leaves out the first byte has a file too. Asking
// for the headers alone starts nothing.
func (s *Server) downloadVisit(r *http.Request, current *session.Session) visit {
	v := visitOf(r, current, v1alpha1.PermissionDownload, v1alpha1.AuditDownloaded)
	v.started, v.media = r.Method != http.MethodHead, true
	v.counted = current.CountedFor(v1alpha1.PermissionDownload)
	v.download, v.resumed = current.Fingerprint(), resumes(r)
	if v.resumed {
		v.since = s.clock.Now().Truncate(audit.DownloadWindow)
		v.step = func(d *dossier) string {
			allowed := d.decide(v1alpha1.PermissionDownload).Allowed()
			return fmt.Sprintf("download/%s/%s/%d/%t", current.Fingerprint(), d.recording.UID, v.since.Unix(), allowed)
		}
	}
	return v
}

// resumes says that a request asks for a later part of the file, as programs do that resume, or load parts side by side.
func resumes(r *http.Request) bool {
	asked := r.Header.Get("Range")
	return asked != "" && !strings.HasPrefix(asked, "bytes=0-")
}

// remember keeps in the session that a use was counted, so that going on, or beginning anew in the same session, is no further one.
func (s *Server) remember(w http.ResponseWriter, current *session.Session, admitted *admission, what v1alpha1.Permission) error {
	if admitted.used == "" {
		return nil
	}
	current.Count(admitted.used, admitted.recording.UID, what)
	return s.sessions.Put(w, current)
}

// withoutFile takes back what was said about a file that is not going to come.
func (s *Server) withoutFile(w http.ResponseWriter) {
	for _, name := range []string{"Content-Disposition", "Accept-Ranges", "ETag", "Content-Length", "Repr-Digest", "Content-Digest"} {
		w.Header().Del(name)
	}
}
