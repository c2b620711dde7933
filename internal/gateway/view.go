// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"fmt"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/gateway/byterange"
	"github.com/reelkeeper/reelkeeper/internal/gateway/pacing"
	"github.com/reelkeeper/reelkeeper/internal/gateway/playback"
	"github.com/reelkeeper/reelkeeper/internal/gateway/session"
	"github.com/reelkeeper/reelkeeper/internal/media"
)

// beginView begins a view session. Its one form field, renew, is the token of a view that the player wants to go on with: that
// is no further use of a grant.
func (s *Server) beginView(w http.ResponseWriter, r *http.Request) {
	current := s.sessions.Get(r)
	if current == nil {
		s.refuseScript(w, r, notSignedIn())
		return
	}
	visit := visitOf(r, current, v1alpha1.PermissionView, v1alpha1.AuditViewed)
	visit.started, visit.media, visit.counted = true, true, current.CountedFor(v1alpha1.PermissionView)
	earlier := s.sessions.EndedView(current, r.PostFormValue("renew"))
	if earlier != nil {
		visit.counted = append(visit.counted, earlier.Counted()...)
	}
	admitted, refused := s.gate.enter(visit)
	if refused != nil {
		s.refuseScript(w, r, refused)
		return
	}
	if err := s.remember(w, current, admitted, v1alpha1.PermissionView); err != nil {
		s.refuseScript(w, r, &refusal{kind: broken, err: err})
		return
	}
	lifetime, err := s.viewLifetime(r, admitted.recording)
	if err != nil {
		s.refuseScript(w, r, faulty(err))
		return
	}
	view := current.NewView(visit.namespace, visit.name, admitted.recording.UID, s.clock.Now(), lifetime)
	view.Grant = admitted.used
	if earlier != nil && earlier.UID == view.UID {
		view.ID = earlier.ID // it is the same player
	}
	if view.Grant == "" {
		view.Grant = admitted.usedBefore()
	}
	if view.Grant == "" && earlier != nil && earlier.UID == view.UID {
		view.Grant = earlier.Grant
	}
	token, err := s.sessions.Token(view)
	if err != nil {
		s.refuseScript(w, r, &refusal{kind: broken, err: fmt.Errorf("make a view session: %w", err)})
		return
	}
	lang, watermark := language(r), ""
	if admitted.rules.Watermark.Value == v1alpha1.WatermarkViewer {
		watermark = watermarkOf(current)
	}
	writeJSON(w, http.StatusCreated, map[string]any{
		"previews": s.previewsOf(r, admitted, token), "captions": s.captionsOf(r, admitted, token),
		"token": token, "playlist": "/v/" + token + "/playlist.m3u8",
		"watermark": watermark, "tampered": lang.T("tampered"),
		"maxSpeed": speedOf(admitted.rules.Playback.MaxSpeed.Value), "tooMuch": lang.T("tooMuchText") + " " + lang.T("tooMuchRemedy"),
	})
}

// watched is what a view session may see now.
type watched struct {
	*admission
	view  *session.View
	media *playback.Media
}

// watch decides anew for every request of a player. A view whose recording was replaced by another of the same name is over.
func (s *Server) watch(r *http.Request) (*watched, *refusal) {
	current := s.sessions.Get(r)
	view := s.sessions.View(current, chi.URLParam(r, "session"))
	if view == nil {
		return nil, &refusal{kind: absent}
	}
	admitted, refused := s.gate.enter(visit{
		Request: r, session: current, namespace: view.Namespace, name: view.Name,
		permission: v1alpha1.PermissionView, action: v1alpha1.AuditViewed, counted: view.Counted(), media: true,
		accept: func(d *dossier) bool { return d.recording.UID == view.UID },
		// A player that is cut off tries again and again; that is one refusal.
		step: func(*dossier) string { return "view/" + view.ID + "/refused" }, since: time.Unix(view.Began, 0),
	})
	if refused != nil {
		return nil, refused
	}
	s.viewing.saw(view.ID)
	seen := &watched{admission: admitted, view: view}
	if refused := s.admit(seen); refused != nil {
		return nil, refused
	}
	var err error
	if seen.media, err = s.media.Open(r.Context(), admitted.recording); err != nil {
		return nil, faulty(err)
	}
	return seen, nil
}

// playlist describes the encrypted object to the player. It names the key, and as a rule the media, relative to itself, and so holds no secret;
// where players fetch from the object store, the presigned URL in it is one, which opens ciphertext for as long as the view lasts.
func (s *Server) playlist(w http.ResponseWriter, r *http.Request) {
	watched, refused := s.watch(r)
	if refused != nil {
		s.refusePlayer(w, refused)
		return
	}
	uri, err := s.mediaURI(r, watched)
	if err != nil {
		s.refusePlayer(w, faulty(err))
		return
	}
	w.Header().Set("Content-Type", "application/vnd.apple.mpegurl")
	// The status is sent; what can still fail is the connection, which the player notices.
	_, _ = w.Write(media.Playlist(watched.media.Manifest, uri, "key")) //nolint:gosec // numbers and constants, and no page
}

// key gives the media key to a player. With the ciphertext it makes the file: docs/gateway.md
// says what keeping the two apart stops, and what not.
func (s *Server) key(w http.ResponseWriter, r *http.Request) {
	watched, refused := s.watch(r)
	if refused != nil {
		s.refusePlayer(w, refused)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	_, _ = w.Write(watched.media.Key[:]) //nolint:gosec // random bytes, and no page
}

// ciphertext gives byte ranges of the stored object as it is stored, at the speed of watching.
func (s *Server) ciphertext(w http.ResponseWriter, r *http.Request) {
	watched, refused := s.watch(r)
	if refused == nil {
		refused = s.serve(w, r, s.paced(watched))
	}
	if refused != nil {
		s.refusePlayer(w, refused)
	}
}

// paced is the stored object of what is watched, to be bought piece by piece.
func (s *Server) paced(watched *watched) content {
	media := watched.media
	var bought *pacing.Purchase
	return content{
		size: media.Reader.Size(), etag: media.ETag(), mime: "application/octet-stream", digest: media.Manifest.Media.SHA256, ranges: 1,
		open: media.Reader.Ciphertext, visit: watched.again,
		before: func(asked byterange.Asked) (refused *refusal) {
			bought, refused = s.buy(watched, asked.Ranges[0])
			return refused
		},
		after: func(asked byterange.Asked, sent int64) {
			if bought != nil {
				bought.Settle(media.Reader.Unsent(asked.Ranges[0].Offset, sent))
			}
		},
	}
}
