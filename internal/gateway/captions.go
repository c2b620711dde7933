// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/go-chi/chi/v5"

	"github.com/reelkeeper/reelkeeper/internal/media"
)

// captionTracks are what tracks are called in addresses. Only these: a number has many ways of being written.
var captionTracks = func() (names []string) {
	for n := range media.MaxCaptions {
		names = append(names, strconv.Itoa(n+1))
	}
	return names
}()

// captions gives what is said in a recording to a player. It is content like the picture, and has the same checks as the key.
func (s *Server) captions(w http.ResponseWriter, r *http.Request) {
	watched, refused := s.watch(r)
	if refused != nil {
		s.refusePlayer(w, refused)
		return
	}
	track := slices.Index(captionTracks, chi.URLParam(r, "track"))
	if track < 0 || track >= len(watched.media.Manifest.Captions) {
		s.refusePlayer(w, &refusal{kind: absent})
		return
	}
	text, err := watched.media.Captions(track)
	if err != nil {
		s.refusePlayer(w, faulty(err))
		return
	}
	w.Header().Set("Content-Type", "text/vtt; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	// The status is sent; what can still fail is the connection, which the player notices.
	_, _ = w.Write(text) //nolint:gosec // escaped when it was made, and no page
}

// captionsOf tells a player of the captions that there are. A recording plays without them.
func (s *Server) captionsOf(r *http.Request, admitted *admission, token string) []map[string]string {
	tracks := []map[string]string{}
	if len(admitted.recording.Status.Media.Captions) == 0 {
		return tracks
	}
	opened, err := s.media.Open(r.Context(), admitted.recording)
	if err != nil {
		s.log.Error(err, "Beginning a view without captions")
		return tracks
	}
	for i, captions := range opened.Manifest.Captions {
		tracks = append(tracks, map[string]string{
			"url": "/v/" + token + "/captions/" + captionTracks[i], "language": captions.Language, "title": captions.Title,
		})
	}
	return tracks
}
