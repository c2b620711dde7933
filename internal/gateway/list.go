// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/gateway/pages"
	"github.com/reelkeeper/reelkeeper/internal/gateway/session"
)

// shown bounds the list: people look for what is new.
const shown = 200

// list shows the recordings that somebody may view, newest first.
func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	current := s.sessions.Get(r)
	if current == nil {
		s.page(w, r, http.StatusOK, pages.Welcome, nil, nil)
		return
	}
	content, err := s.listContent(r.Context(), language(r), current)
	if err != nil {
		s.refusePage(w, r, current, &refusal{kind: broken, err: err}, "/")
		return
	}
	s.page(w, r, http.StatusOK, pages.List, current, content)
}

func (s *Server) listContent(ctx context.Context, lang pages.Language, current *session.Session) (pages.ListContent, error) {
	var all v1alpha1.MeetingRecordingList
	// What is listed is only read.
	if err := s.reader.List(ctx, &all, client.UnsafeDisableDeepCopy); err != nil {
		return pages.ListContent{}, err
	}
	slices.SortFunc(all.Items, func(a, b v1alpha1.MeetingRecording) int {
		return cmp.Or(held(&b).Compare(held(&a)), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	var content pages.ListContent
	for i := range all.Items {
		d := &dossier{recording: &all.Items[i], exists: true, now: s.clock.Now()}
		if err := s.gate.complete(ctx, d, current); err != nil {
			return pages.ListContent{}, err
		}
		if !d.decide(v1alpha1.PermissionView).Allowed() {
			continue
		}
		if len(content.Recordings) == shown {
			content.More = true
			break
		}
		content.Recordings = append(content.Recordings, listEntry(lang, d))
	}
	return content, nil
}

func listEntry(lang pages.Language, d *dossier) pages.ListEntry {
	rights := lang.T("may.View")
	if d.decide(v1alpha1.PermissionDownload).Allowed() {
		rights += " · " + lang.T("may.Download")
	}
	state := stateOf(lang, readyReason(d.recording))
	if readyReason(d.recording) == v1alpha1.ReasonAvailable {
		state = clockTime(d.recording.Status.Media.Duration)
	}
	return pages.ListEntry{
		Path: pathOf(d.recording), Title: titleOf(lang, d.recording), State: state,
		Department: d.recording.Spec.Meeting.Department, Rights: rights, StartedAt: pages.At(d.recording.Spec.Meeting.StartedAt.Time),
	}
}

// held is when the meeting was, or else when its recording was made.
func held(recording *v1alpha1.MeetingRecording) time.Time {
	if started := recording.Spec.Meeting.StartedAt.Time; !started.IsZero() {
		return started
	}
	return recording.CreationTimestamp.Time
}
