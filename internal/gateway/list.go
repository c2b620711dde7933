// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/gateway/overview"
	"github.com/reelkeeper/reelkeeper/internal/gateway/pages"
	"github.com/reelkeeper/reelkeeper/internal/gateway/session"
)

// list shows the recordings that somebody may view.
func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	current := s.sessions.Get(r)
	if current == nil {
		s.page(w, r, http.StatusOK, pages.Welcome, nil, s.accounts(r, "/", false))
		return
	}
	visible, err := s.dossiers(r.Context(), current, v1alpha1.PermissionView)
	if err != nil {
		s.refusePage(w, r, current, &refusal{kind: broken, err: err}, "/")
		return
	}
	s.page(w, r, http.StatusOK, pages.List, current, listContent(language(r), selectionOf(r.URL.Query()), visible))
}

// dossiers are those of all recordings with which somebody may do something, in no particular order. Nothing looks at a recording
// before that is decided, so that neither a search nor its duration tells of one that they may not know.
func (s *Server) dossiers(ctx context.Context, current *session.Session, permission v1alpha1.Permission) ([]*dossier, error) {
	var all v1alpha1.MeetingRecordingList
	// What is listed is only read.
	if err := s.reader.List(ctx, &all, client.UnsafeDisableDeepCopy); err != nil {
		return nil, err
	}
	survey, err := s.gate.governance.Survey(ctx)
	if err != nil {
		return nil, err
	}
	var found []*dossier
	now := s.clock.Now()
	for i := range all.Items {
		d := dossier{recording: &all.Items[i], exists: true, now: now}
		err := s.gate.complete(ctx, &d, current, survey)
		switch {
		case apierrors.IsNotFound(err): // its namespace is gone, and it follows
		case err != nil:
			return nil, err
		case d.decide(permission).Allowed():
			found = append(found, &d)
		}
	}
	return found, nil
}

func listContent(lang pages.Language, chosen selection, visible []*dossier) pages.ListContent {
	matching := chosen.of(lang, visible)
	from, to := chosen.window(len(matching))
	content := pages.ListContent{
		Query: chosen.query, Department: chosen.department, Downloadable: chosen.downloadable,
		Departments: departmentsOf(visible), Orders: chosen.orders(lang),
		Found: len(matching), Filtered: chosen.narrows(), Pages: chosen.pages(lang, len(matching)),
	}
	for _, d := range matching[from:to] {
		content.Recordings = append(content.Recordings, listEntry(lang, d))
	}
	return content
}

func listEntry(lang pages.Language, d *dossier) pages.ListEntry {
	entry := pages.ListEntry{
		Path: pathOf(d.recording), Title: titleOf(lang, d.recording), Department: d.recording.Spec.Meeting.Department,
		StartedAt: pages.At(d.recording.Spec.Meeting.StartedAt.Time), ExpiresAt: pages.At(d.recording.Status.ExpiresAt.Time),
		PosterPath: posterPath(d), Rights: []string{lang.T("may.View")},
	}
	if d.decide(v1alpha1.PermissionDownload).Allowed() {
		entry.Rights = append(entry.Rights, lang.T("may.Download"))
	}
	if d.decide(v1alpha1.PermissionShare).Allowed() {
		entry.Rights = append(entry.Rights, lang.T("may.Share"))
	}
	if end := d.recording.Status.ExpiresAt.Time; !end.IsZero() && end.Before(d.now.Add(overview.Soon)) {
		entry.Soon = true
	}
	if readyReason(d.recording) == v1alpha1.ReasonAvailable {
		entry.Duration = clockTime(d.recording.Status.Media.Duration)
	} else {
		entry.State = stateOf(lang, readyReason(d.recording))
	}
	return entry
}
