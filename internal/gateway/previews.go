// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"net/http"
	"strconv"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/media"
)

// showsPreviews reports whether there are small pictures of the recording that whoever may view is shown: the policy wants them, and no
// name has to be on them.
func (d *dossier) showsPreviews() bool {
	return readyReason(d.recording) == v1alpha1.ReasonAvailable && d.recording.Status.Media.Previews > 0 &&
		d.rules.Processing.Thumbnails.Value == v1alpha1.ThumbnailsPoster && d.rules.Watermark.Value != v1alpha1.WatermarkViewer
}

// posterPath is the picture of the recording for lists, empty where there is none to show.
func posterPath(d *dossier) string {
	if !d.showsPreviews() {
		return ""
	}
	return pathOf(d.recording) + "/poster"
}

// poster gives the picture of a recording to those who may view it. Like the title it belongs to what lists show, and has no record of
// its own; who is refused has one.
func (s *Server) poster(w http.ResponseWriter, r *http.Request) {
	current := s.sessions.Get(r)
	if current == nil {
		s.refusePlayer(w, notSignedIn())
		return
	}
	visit := visitOf(r, current, v1alpha1.PermissionView, v1alpha1.AuditViewed)
	visit.media = true
	admitted, refused := s.gate.enter(visit)
	if refused != nil {
		s.refusePlayer(w, refused)
		return
	}
	s.preview(w, r, admitted, func(previews *media.Previews) []byte { return previews.Poster })
}

// sheet gives the pictures for the seek bar to a player.
func (s *Server) sheet(w http.ResponseWriter, r *http.Request) {
	watched, refused := s.watch(r)
	if refused != nil {
		s.refusePlayer(w, refused)
		return
	}
	s.preview(w, r, watched.admission, func(previews *media.Previews) []byte { return previews.Sheet })
}

// preview sends one of the pictures.
func (s *Server) preview(w http.ResponseWriter, r *http.Request, admitted *admission, which func(*media.Previews) []byte) {
	if !admitted.showsPreviews() {
		s.refusePlayer(w, &refusal{kind: absent})
		return
	}
	who, people := s.gate.viewer(r, admitted.again.session)
	leave := s.pressure.enter(r.Context(), who, people)
	if leave == nil {
		s.refusePlayer(w, &refusal{kind: busy, wait: busyWait})
		return
	}
	defer leave()
	previews, err := s.media.Previews(r.Context(), admitted.recording)
	if err != nil {
		s.refusePlayer(w, faulty(err))
		return
	}
	picture := which(previews)
	w.Header().Set("Content-Type", "image/jpeg")
	w.Header().Set("Content-Length", strconv.Itoa(len(picture)))
	// The status is sent; what can still fail is the connection, which the reader notices.
	_, _ = w.Write(picture)
}

// previewsOf tells a player of the pictures for its seek bar; nil where there are none to show. A recording plays without them.
func (s *Server) previewsOf(r *http.Request, admitted *admission, token string) map[string]any {
	if !admitted.showsPreviews() {
		return nil
	}
	previews, err := s.media.Previews(r.Context(), admitted.recording)
	if err != nil {
		s.log.Error(err, "Beginning a view without previews")
		return nil
	}
	return map[string]any{
		"url": "/v/" + token + "/previews", "every": float64(previews.EveryMillis) / 1000,
		"count": previews.Count, "columns": previews.Columns, "width": previews.Width, "height": previews.Height,
	}
}
