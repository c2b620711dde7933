// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"net/http"
	"strings"
	"time"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

// directLifetime is how long a view lasts at most whose media comes straight from the object store. Its presigned URL lasts as long,
// and nothing takes that back; the player goes on by itself with a new view as long as the person may watch.
const directLifetime = 15 * time.Minute

// reachStore lets the page of a recording fetch from the object store that holds its media, where it is to, and from nowhere else.
func (s *Server) reachStore(w http.ResponseWriter, r *http.Request, recording *v1alpha1.MeetingRecording) error {
	if readyReason(recording) != v1alpha1.ReasonAvailable {
		return nil
	}
	origin, err := s.media.Origin(r.Context(), recording)
	if err != nil || origin == "" {
		return err
	}
	w.Header().Set("Content-Security-Policy", strings.Replace(contentPolicy, connectSelf, connectSelf+" "+origin, 1))
	return nil
}

// viewLifetime is how long a view of a recording lasts before the player has to ask for a new one.
func (s *Server) viewLifetime(r *http.Request, recording *v1alpha1.MeetingRecording) (time.Duration, error) {
	lifetime := s.config.Session.ViewLifetime.Duration
	origin, err := s.media.Origin(r.Context(), recording)
	if origin != "" {
		// Whoever watches asks the gateway for nothing else in between, and has not gone away.
		lifetime = min(lifetime, directLifetime, s.config.Session.Idle.Duration/2)
	}
	return lifetime, err
}

// mediaURI is what the playlist of a view calls the media: the route beside it, or a presigned URL that ends when the view does.
func (s *Server) mediaURI(r *http.Request, w *watched) (string, error) {
	signed, err := s.media.Direct(r.Context(), w.recording, time.Unix(w.view.Ends, 0).Sub(s.clock.Now()).Truncate(time.Second))
	if err != nil || signed != "" {
		return signed, err
	}
	return "media", nil
}
