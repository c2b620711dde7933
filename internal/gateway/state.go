// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"net/http"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/gateway/pages"
)

// state tells the page of a recording how far its processing is.
func (s *Server) state(w http.ResponseWriter, r *http.Request) {
	current := s.sessions.Get(r)
	if current == nil {
		s.refuseScript(w, r, notSignedIn())
		return
	}
	visit := visitOf(r, current, v1alpha1.PermissionView, v1alpha1.AuditViewed)
	admitted, refused := s.gate.enter(visit)
	if refused != nil {
		s.refuseScript(w, r, refused)
		return
	}
	writeJSON(w, http.StatusOK, s.progress(r, language(r), admitted.recording))
}

// progress prefers what the worker itself says, which is newer than the status: of a short job the status never tells.
func (s *Server) progress(r *http.Request, lang pages.Language, recording *v1alpha1.MeetingRecording) map[string]any {
	reason := readyReason(recording)
	percent := percentOf(recording)
	if reason == v1alpha1.ReasonUploading || reason == v1alpha1.ReasonProcessing {
		percent = max(percent, s.media.Progress(r.Context(), recording))
	}
	if percent > 0 {
		reason = v1alpha1.ReasonProcessing
	}
	return map[string]any{
		"available": reason == v1alpha1.ReasonAvailable,
		"text":      stateOf(lang, reason),
		"percent":   percent,
	}
}
