// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/gateway/pages"
	"github.com/reelkeeper/reelkeeper/internal/gateway/session"
)

// recording shows the page of a recording to those who may view it.
func (s *Server) recording(w http.ResponseWriter, r *http.Request) {
	current := s.sessions.Get(r)
	if current == nil {
		s.askToSignIn(w, r, r.URL.Path)
		return
	}
	visit := visitOf(r, current, v1alpha1.PermissionView, v1alpha1.AuditViewed)
	admitted, refused := s.gate.enter(visit)
	switch {
	case refused != nil && current.Person == nil && refused.kind <= forbidden:
		// A link brought them here without signing in; another account may be allowed more.
		s.askToSignIn(w, r, r.URL.Path)
	case refused != nil:
		s.refusePage(w, r, current, refused, r.URL.Path)
	default:
		content := s.recordingContent(r, admitted.dossier)
		err := errors.Join(s.addActions(r, &content, current, admitted.dossier), s.reachStore(w, r, admitted.recording))
		if err != nil {
			s.refusePage(w, r, current, &refusal{kind: broken, err: err}, r.URL.Path)
			return
		}
		s.page(w, r, http.StatusOK, pages.Recording, current, content)
	}
}

// addActions adds what the person can do besides watching, each where access allows it.
func (s *Server) addActions(r *http.Request, content *pages.RecordingContent, current *session.Session, d *dossier) error {
	lang, path := language(r), pathOf(d.recording)
	if canAsk(current) && content.DownloadPath == "" {
		content.Ask = d.askForm(lang, path)
	}
	if nobody(current) {
		return nil
	}
	if d.decide(v1alpha1.PermissionTrash).Allowed() {
		content.TrashPath = path + "/trash"
	}
	if d.decide(v1alpha1.PermissionApprove).Allowed() {
		content.HistoryPath = path + "/log"
	}
	if !d.decide(v1alpha1.PermissionShare).Allowed() {
		return nil
	}
	content.Share = s.offerToShare(lang, d)
	var err error
	content.Audience, err = s.audience(r.Context(), lang, d)
	return err
}

// visitOf is a visit to the recording that the path names.
func visitOf(r *http.Request, current *session.Session, permission v1alpha1.Permission, action v1alpha1.AuditAction) visit {
	return visit{
		Request: r, session: current, permission: permission, action: action,
		namespace: chi.URLParam(r, "namespace"), name: chi.URLParam(r, "name"),
	}
}

// pathOf is the page of a recording.
func pathOf(recording *v1alpha1.MeetingRecording) string {
	return "/r/" + url.PathEscape(recording.Namespace) + "/" + url.PathEscape(recording.Name)
}

func (s *Server) recordingContent(r *http.Request, d *dossier) pages.RecordingContent {
	lang, path := language(r), pathOf(d.recording)
	reason := readyReason(d.recording)
	content := pages.RecordingContent{
		Title: titleOf(lang, d.recording), State: stateOf(lang, readyReason(d.recording)),
		Playable:     reason == v1alpha1.ReasonAvailable,
		Processing:   reason == v1alpha1.ReasonProcessing || reason == v1alpha1.ReasonUploading || reason == v1alpha1.ReasonPending,
		Percent:      percentOf(d.recording),
		SessionsPath: path + "/sessions", StatePath: path + "/state", PosterPath: posterPath(d),
		Facts: factsOf(lang, d.recording), Rights: rightsOf(lang, d),
	}
	if content.Playable && d.decide(v1alpha1.PermissionDownload).Allowed() {
		content.DownloadPath = path + "/download"
	}
	return content
}

// watermarkOf is whom the picture names: the address, which people have to themselves, or the session where nobody signed in.
func watermarkOf(current *session.Session) string {
	if current.Person == nil {
		return current.Fingerprint()
	}
	if current.Person.Email != "" {
		return current.Person.Email
	}
	return current.Person.Display()
}

// shownRights are what a page tells about, in this order.
var shownRights = []v1alpha1.Permission{
	v1alpha1.PermissionView, v1alpha1.PermissionDownload, v1alpha1.PermissionShare,
	v1alpha1.PermissionTrash, v1alpha1.PermissionRestore, v1alpha1.PermissionPurge,
}

// rightsOf lists what the person may do. Of what they may not do only the download is told, with the reason: people look for it.
func rightsOf(lang pages.Language, d *dossier) []pages.Right {
	var rights []pages.Right
	for _, permission := range shownRights {
		decision := d.decide(permission)
		right := pages.Right{Name: lang.T("may." + string(permission)), Allowed: decision.Allowed()}
		switch {
		case decision.Allowed():
		case permission == v1alpha1.PermissionDownload:
			message, remedy := explain(lang, decision)
			right.Why = strings.TrimSpace(message + " " + remedy)
		default:
			continue
		}
		rights = append(rights, right)
	}
	return rights
}

func factsOf(lang pages.Language, recording *v1alpha1.MeetingRecording) []pages.Fact {
	meeting, media := recording.Spec.Meeting, recording.Status.Media
	var facts []pages.Fact
	add := func(key, text string) {
		if text != "" {
			facts = append(facts, pages.Fact{Name: lang.T(key), Text: text})
		}
	}
	if moment := pages.At(meeting.StartedAt.Time); moment != nil {
		facts = append(facts, pages.Fact{Name: lang.T("startedAt"), Time: moment})
	}
	add("department", meeting.Department)
	if media.Bytes > 0 {
		add("duration", clockTime(media.Duration))
		picture := lang.T("audioOnly")
		if media.Height > 0 {
			picture = fmt.Sprintf("%dp", media.Height)
		}
		add("picture", picture)
	}
	if moment := pages.At(recording.Status.ExpiresAt.Time); moment != nil {
		facts = append(facts, pages.Fact{Name: lang.T("expiresAt"), Time: moment})
	} else {
		add("expiresAt", lang.T("never"))
	}
	return facts
}

// clockTime writes a duration as players do: 1:02:03.
func clockTime(duration v1alpha1.Duration) string {
	parsed, err := duration.Parse()
	if err != nil {
		return ""
	}
	seconds := int(parsed.Seconds())
	if seconds < 3600 {
		return fmt.Sprintf("%d:%02d", seconds/60, seconds%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", seconds/3600, seconds/60%60, seconds%60)
}

// readyReason is the state that people see.
func readyReason(recording *v1alpha1.MeetingRecording) string {
	if ready := meta.FindStatusCondition(recording.Status.Conditions, v1alpha1.ConditionReady); ready != nil {
		return ready.Reason
	}
	return v1alpha1.ReasonPending
}

// percentOf is how far processing is as the status says it, zero for unknown.
func percentOf(recording *v1alpha1.MeetingRecording) int {
	percent, err := strconv.Atoi(strings.TrimSuffix(recording.Status.Progress, "%"))
	if err != nil {
		return 0
	}
	return min(max(percent, 0), 100)
}
