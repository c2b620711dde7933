// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/audit"
	"github.com/reelkeeper/reelkeeper/internal/gateway/pages"
)

const (
	// historyShown is how many entries of the access log a page shows.
	historyShown = 200
	// eventsAtOnce is how many audit events are read in one request, eventsRead how many at most for one page.
	eventsAtOnce, eventsRead = 500, 20000
)

// history shows a recording's access log to those who answer for the recording: who may approve access also sees what came of it.
func (s *Server) history(w http.ResponseWriter, r *http.Request) {
	current := s.sessions.Get(r)
	page := strings.TrimSuffix(r.URL.Path, "/log")
	if nobody(current) {
		s.askToSignIn(w, r, page)
		return
	}
	admitted, turned := s.gate.enter(visitOf(r, current, v1alpha1.PermissionApprove, v1alpha1.AuditViewed))
	if turned != nil {
		s.refusePage(w, r, current, turned, "/")
		return
	}
	lang := language(r)
	content := pages.HistoryContent{RecordingPath: page, Title: titleOf(lang, admitted.recording)}
	err := s.eachEvent(r.Context(), func(event *v1alpha1.AuditEvent) {
		content.Entries = append(content.Entries, historyEntry(lang, event))
	}, client.InNamespace(admitted.recording.Namespace), client.MatchingLabels{v1alpha1.LabelRecordingUID: string(admitted.recording.UID)})
	if err != nil {
		s.refusePage(w, r, current, &refusal{kind: broken, err: err}, page)
		return
	}
	content.Entries = content.Entries[max(0, len(content.Entries)-historyShown):]
	slices.Reverse(content.Entries)
	s.page(w, r, http.StatusOK, pages.History, current, content)
}

// eachEvent goes through audit events, in each namespace the oldest first. It reads them from the API server, a part at a time: a
// cache of them would hold many thousands in memory for a page that few people open.
func (s *Server) eachEvent(ctx context.Context, visit func(*v1alpha1.AuditEvent), options ...client.ListOption) error {
	token := ""
	for read := 0; read < eventsRead; read += eventsAtOnce {
		var list v1alpha1.AuditEventList
		err := s.writer.List(ctx, &list, append(slices.Clone(options), client.Limit(eventsAtOnce), client.Continue(token))...)
		if err != nil {
			return fmt.Errorf("read the access log: %w", err)
		}
		for i := range list.Items {
			visit(&list.Items[i])
		}
		if token = list.Continue; token == "" {
			return nil
		}
	}
	return nil
}

func historyEntry(lang pages.Language, event *v1alpha1.AuditEvent) pages.HistoryEntry {
	spec := &event.Spec
	did := "did." + string(spec.Action)
	if spec.Reason == audit.HoldChanged {
		did = "did." + audit.HoldChanged
	}
	entry := pages.HistoryEntry{
		Time: pages.At(spec.Time.Time), Action: lang.Or(did, string(spec.Action)),
		Refused: spec.Outcome == v1alpha1.OutcomeRefused, Who: spec.Actor.Name, Where: spec.Client.Address, Rule: spec.Rule,
	}
	if spec.Actor.Kind == v1alpha1.ActorAnonymous {
		entry.Who = lang.T("somebody")
	}
	if spec.Actor.Kind == v1alpha1.ActorController {
		entry.Who = lang.T("reelkeeperItself")
	}
	return entry
}

// number is a count as pages write it.
func number(n int) string { return strconv.Itoa(n) }
