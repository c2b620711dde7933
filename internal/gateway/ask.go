// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/access"
	"github.com/reelkeeper/reelkeeper/internal/gateway/pages"
	"github.com/reelkeeper/reelkeeper/internal/gateway/session"
	"github.com/reelkeeper/reelkeeper/internal/requests/desk"
)

const (
	// maxReason bounds why somebody asks or answers, in characters; so does the schema.
	maxReason = 512
	// askedBlindly is how long an answer takes, always, to somebody who may not know whether the recording exists.
	askedBlindly = time.Second
)

// wishes are what people can ask for, by what stands in the form.
var wishes = map[string][]v1alpha1.Permission{
	"view":     {v1alpha1.PermissionView},
	"download": {v1alpha1.PermissionView, v1alpha1.PermissionDownload},
}

// wishNames are their order in forms.
var wishNames = []string{"view", "download"}

// wishDays are for how long people can ask, in days; the policy can make it less.
var wishDays = []string{"1", "7", "30"}

// ask passes on that somebody asks for access. To whoever may not know whether there is such a recording, the answer is the same,
// and takes the same time, as if there were none.
func (s *Server) ask(w http.ResponseWriter, r *http.Request) {
	current := s.sessions.Get(r)
	page := strings.TrimSuffix(r.URL.Path, "/requests")
	if nobody(current) {
		s.askToSignIn(w, r, page)
		return
	}
	v := visitOf(r, current, v1alpha1.PermissionView, v1alpha1.AuditRequested)
	d, err := s.gate.gather(r.Context(), current, v.namespace, v.name)
	if err != nil {
		s.refusePage(w, r, current, &refusal{kind: broken, err: err}, page)
		return
	}
	wish, ok := wishOf(r)
	switch {
	case !canAsk(current):
		s.refusePage(w, r, current, s.gate.turnAway(v, d, d.decide(v.permission)), page)
	case !ok:
		s.notice(w, r, http.StatusUnprocessableEntity, current, "askWrongTitle", "askWrongText", page)
	case d.decide(v.permission).MayKnow:
		s.askOpenly(w, r, v, d, wish, page)
	default:
		s.askBlindly(w, r, v, d, wish)
	}
}

// canAsk says whether there is a name to ask in.
func canAsk(current *session.Session) bool {
	return !nobody(current) && current.Person.Verified && current.Person.Email != ""
}

func wishOf(r *http.Request) (desk.Wish, bool) {
	permissions, known := wishes[r.PostFormValue("what")]
	days, reason := r.PostFormValue("days"), strings.TrimSpace(r.PostFormValue("reason"))
	fits := reason != "" && len([]rune(reason)) <= maxReason
	return desk.Wish{Permissions: permissions, Reason: reason, Duration: v1alpha1.Duration(days + "d")},
		known && fits && slices.Contains(wishDays, days)
}

// askOpenly tells somebody who may know what became of it.
func (s *Server) askOpenly(w http.ResponseWriter, r *http.Request, v visit, d *dossier, wish desk.Wish, page string) {
	_, verdict, err := s.desk.Ask(r.Context(), d.recording, &d.subject, s.gate.device(r, d), wish)
	switch {
	case errors.Is(err, desk.ErrTooMany):
		s.notice(w, r, http.StatusTooManyRequests, v.session, "askManyTitle", "askManyText", page)
	case err != nil:
		s.refusePage(w, r, v.session, &refusal{kind: broken, err: err}, page)
	case !verdict.Allowed():
		decision := access.Decision{Effect: access.Deny, Reason: verdict.Reason, Rule: verdict.Rule, Permission: verdict.Permission, When: verdict.When, MayKnow: true}
		s.refusePage(w, r, v.session, s.gate.turnAway(v, d, decision), page)
	default:
		s.notice(w, r, http.StatusOK, v.session, "askedTitle", "askedText", "/")
	}
}

// askBlindly answers after a time that depends on nothing, and says nothing that does.
func (s *Server) askBlindly(w http.ResponseWriter, r *http.Request, v visit, d *dossier, wish desk.Wish) {
	over := wall.NewTimer(askedBlindly)
	defer over.Stop()
	if turned := s.gate.turnAway(v, d, d.decide(v.permission)); turned.kind != absent {
		s.refusePage(w, r, v.session, turned, "/")
		return
	}
	if d.exists {
		ctx, cancel := context.WithTimeout(r.Context(), askedBlindly)
		defer cancel()
		if _, _, err := s.desk.Ask(ctx, d.recording, &d.subject, s.gate.device(r, d), wish); err != nil && !errors.Is(err, desk.ErrTooMany) {
			s.log.Error(err, "Passing on a request for access failed", "namespace", v.namespace, "name", v.name)
		}
	}
	select {
	case <-over.C():
	case <-r.Context().Done():
	}
	s.notice(w, r, http.StatusOK, v.session, "askedTitle", "askedBlindlyText", "/")
}

// offerToAsk is the form under a refusal. Under one that does not tell whether there is such a recording it always is the same.
func (s *Server) offerToAsk(lang pages.Language, current *session.Session, f *refusal, page string) *pages.AskForm {
	if !canAsk(current) || !strings.HasPrefix(page, "/r/") {
		return nil
	}
	switch {
	case f.kind == absent:
		return askForm(lang, page, wishNames)
	case f.kind == forbidden && f.dossier != nil && !f.dossier.trashed():
		return f.dossier.askForm(lang, page)
	}
	return nil
}

// askForm offers to ask for what could be granted; nil where that is nothing.
func (d *dossier) askForm(lang pages.Language, page string) *pages.AskForm {
	var grantable []string
	for _, name := range wishNames {
		verdict := access.CheckRequest(d.rules, access.Ask{
			Requester: d.subject, Known: true, Permissions: wishes[name], Duration: 24 * time.Hour,
			Recording: access.FactsOf(d.recording), Grants: d.grants, Now: d.now,
		})
		if verdict.Allowed() {
			grantable = append(grantable, name)
		}
	}
	if len(grantable) == 0 {
		return nil
	}
	return askForm(lang, page, grantable)
}

func askForm(lang pages.Language, page string, names []string) *pages.AskForm {
	form := &pages.AskForm{Path: page + "/requests"}
	for i, name := range names {
		form.What = append(form.What, pages.Choice{Value: name, Name: lang.T("want." + name), Chosen: i == 0})
	}
	form.Days = daysChoices(lang, wishDays, "7")
	return form
}

func daysChoices(lang pages.Language, days []string, chosen string) []pages.Choice {
	var choices []pages.Choice
	for _, n := range days {
		name := lang.Fill("days", n)
		if n == "1" {
			name = lang.T("oneDay")
		}
		choices = append(choices, pages.Choice{Value: n, Name: name, Chosen: n == chosen})
	}
	return choices
}

// notice answers with a few words and a way on.
func (s *Server) notice(w http.ResponseWriter, r *http.Request, status int, current *session.Session, title, text, next string) {
	lang := language(r)
	s.page(w, r, status, pages.Notice, current, pages.NoticeContent{Title: lang.T(title), Message: lang.T(text), Next: next})
}
