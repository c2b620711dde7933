// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"errors"
	"net/http"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/access"
	"github.com/reelkeeper/reelkeeper/internal/gateway/pages"
	"github.com/reelkeeper/reelkeeper/internal/gateway/session"
	"github.com/reelkeeper/reelkeeper/internal/requests"
	"github.com/reelkeeper/reelkeeper/internal/requests/desk"
)

// inbox shows the requests that somebody may answer.
func (s *Server) inbox(w http.ResponseWriter, r *http.Request) {
	current := s.sessions.Get(r)
	if nobody(current) {
		s.askToSignIn(w, r, "/inbox")
		return
	}
	s.showInbox(w, r, current, http.StatusOK, "")
}

func (s *Server) showInbox(w http.ResponseWriter, r *http.Request, current *session.Session, status int, problem string) {
	content := pages.InboxContent{Problem: problem}
	someone := subjectOf(current, s.gate.organisation, nil)
	waiting, err := s.desk.Inbox(r.Context(), "", &someone)
	for i := 0; i < len(waiting) && err == nil; i++ {
		var d *dossier
		request := waiting[i].Request
		if d, err = s.gate.gather(r.Context(), current, request.Namespace, request.Spec.RecordingRef.Name); err == nil {
			content.Requests = append(content.Requests, inboxEntry(language(r), waiting[i], d))
		}
	}
	if err != nil {
		s.refusePage(w, r, current, &refusal{kind: broken, err: err}, "/inbox")
		return
	}
	s.page(w, r, status, pages.Inbox, current, content)
}

// inboxEntry names the meeting only to somebody who may watch it too.
func inboxEntry(lang pages.Language, item desk.Item, d *dossier) pages.InboxEntry {
	spec := &item.Request.Spec
	entry := pages.InboxEntry{
		ID: item.Request.Name, Path: "/inbox/" + item.Request.Namespace + "/" + item.Request.Name,
		Title: d.recording.Namespace + "/" + d.recording.Name,
		Who:   spec.Requester.Name, What: permissionsIn(lang, spec.Permissions), Reason: spec.Reason, For: durationIn(lang, spec.Duration),
		Departments: strings.Join(spec.Requester.Departments, ", "), Asked: pages.At(item.Request.CreationTimestamp.Time), Until: pages.At(item.Until),
		Outsider: spec.Requester.Membership == v1alpha1.MembershipExternal,
	}
	if d.decide(v1alpha1.PermissionView).Allowed() {
		entry.Title, entry.RecordingPath = titleOf(lang, d.recording), pathOf(d.recording)
	}
	return entry
}

// answer approves or denies a request.
func (s *Server) answer(w http.ResponseWriter, r *http.Request) {
	current := s.sessions.Get(r)
	if nobody(current) {
		s.askToSignIn(w, r, "/inbox")
		return
	}
	action, give := v1alpha1.AuditApproved, s.desk.Approve
	message := strings.TrimSpace(r.PostFormValue("message"))
	if r.PostFormValue("answer") != "approve" {
		action, give = v1alpha1.AuditDenied, s.desk.Deny
		if message == "" {
			s.showInbox(w, r, current, http.StatusUnprocessableEntity, language(r).T("denyNeedsReason"))
			return
		}
	}
	v := visitOf(r, current, v1alpha1.PermissionApprove, action)
	request := &v1alpha1.AccessRequest{}
	err := s.reader.Get(r.Context(), client.ObjectKey{Namespace: v.namespace, Name: v.name}, request)
	if err == nil {
		v.name = request.Spec.RecordingRef.Name
	} else if !apierrors.IsNotFound(err) {
		s.refusePage(w, r, current, &refusal{kind: broken, err: err}, "/inbox")
		return
	}
	found := err == nil
	d, err := s.gate.gather(r.Context(), current, v.namespace, v.name)
	if err != nil {
		s.refusePage(w, r, current, &refusal{kind: broken, err: err}, "/inbox")
		return
	}
	if !found || !d.exists {
		d.exists = false
		s.refusePage(w, r, current, s.gate.turnAway(v, d, access.Unknown(d.subject, v.permission)), "/inbox")
		return
	}
	d.subject.Links = nil
	decision, err := give(r.Context(), request.DeepCopy(), &d.subject, s.gate.device(r, d), shortened(message))
	switch {
	case errors.Is(err, desk.ErrOver) || apierrors.IsConflict(err):
		s.showInbox(w, r, current, http.StatusConflict, language(r).T("answeredAlready"))
	case err != nil:
		s.refusePage(w, r, current, &refusal{kind: broken, err: err}, "/inbox")
	case !decision.Allowed():
		s.refusePage(w, r, current, s.gate.turnAway(v, d, decision), "/inbox")
	default:
		s.settle(r.Context(), client.ObjectKeyFromObject(request), request, func(bool) bool { return requests.AnswerOf(request).Given() })
		http.Redirect(w, r, "/inbox", http.StatusSeeOther)
	}
}

// shortened keeps a message within what an answer can hold.
func shortened(message string) string {
	if runes := []rune(message); len(runes) > maxReason {
		return string(runes[:maxReason])
	}
	return message
}
