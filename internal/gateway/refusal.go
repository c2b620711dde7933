// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/access"
	"github.com/reelkeeper/reelkeeper/internal/gateway/pages"
	"github.com/reelkeeper/reelkeeper/internal/gateway/playback"
	"github.com/reelkeeper/reelkeeper/internal/gateway/session"
)

// refusalKind is how a request ends that gets nothing.
type refusalKind int

const (
	// absent: there is no such thing, or they may not know. Nothing in the answer depends on which of the two.
	absent refusalKind = iota
	// forbidden: they may know, and are told why not.
	forbidden
	// notReady: they may, but there is nothing yet.
	notReady
	// unrecorded: the audit record could not be written, so nothing happens.
	unrecorded
	// broken: the cluster or the store does not answer.
	broken
	// tooMany: one record too many was to be written. Nothing in the answer depends on what was asked for.
	tooMany
	// busy: more is asked for at the same time than is read from object stores.
	busy
)

// refusal is why a request gets nothing.
type refusal struct {
	kind     refusalKind
	decision access.Decision
	// dossier is what the decision was made from; nil where there was none.
	dossier *dossier
	// wait is how long to wait before trying again; zero where that would not help.
	wait time.Duration
	// err is for the log.
	err error
}

// refused is the refusal that follows from a decision.
func refused(decision access.Decision) *refusal {
	if decision.MayKnow {
		return &refusal{kind: forbidden, decision: decision}
	}
	return &refusal{kind: absent, decision: decision}
}

// notSignedIn is the refusal of somebody of whom nothing is known. It does not look at what was asked for.
func notSignedIn() *refusal {
	return &refusal{kind: absent, decision: access.Unknown(access.Subject{Anonymous: true}, "")}
}

// faulty is the refusal that follows from an error of the store.
func faulty(err error) *refusal {
	if errors.Is(err, playback.ErrNotAvailable) {
		return &refusal{kind: notReady}
	}
	return &refusal{kind: broken, err: err}
}

var refusalStatus = map[refusalKind]int{
	absent: http.StatusNotFound, forbidden: http.StatusForbidden, notReady: http.StatusConflict,
	unrecorded: http.StatusServiceUnavailable, broken: http.StatusServiceUnavailable,
	tooMany: http.StatusTooManyRequests, busy: http.StatusServiceUnavailable,
}

// faultTexts are the keys of what pages say about faults: title, text, remedy.
var faultTexts = map[refusalKind][3]string{
	notReady:   {"notReadyTitle", "notReadyText", "faultRemedy"},
	unrecorded: {"auditTitle", "auditText", "auditRemedy"},
	broken:     {"faultTitle", "faultText", "faultRemedy"},
	busy:       {"faultTitle", "faultText", "faultRemedy"},
	tooMany:    {"tooManyTitle", "tooManyText", "tooManyRemedy"},
}

// words says what a person is told, in their language.
func (f *refusal) words(lang pages.Language) (title, message, remedy string) {
	if texts, isFault := faultTexts[f.kind]; isFault {
		return lang.T(texts[0]), lang.T(texts[1]), lang.T(texts[2])
	}
	title = lang.T("absentTitle")
	if f.kind == forbidden {
		title = lang.T("refusedTitle")
	}
	message, remedy = explain(lang, f.decision)
	return title, message, remedy
}

// logRefusal counts a refusal and writes down what the person is not told. Refusals are no faults: they stand in the audit log.
func (s *Server) logRefusal(f *refusal) {
	countRefusal(f)
	if f.err != nil {
		s.log.Error(f.err, "Refusing because something is broken", "status", refusalStatus[f.kind])
	}
}

// refusePage answers with a page. Next is where to come back to after signing in with another account.
func (s *Server) refusePage(w http.ResponseWriter, r *http.Request, current *session.Session, f *refusal, next string) {
	s.logRefusal(f)
	lang := language(r)
	f.waitHeader(w.Header())
	title, message, remedy := f.words(lang)
	content := pages.RefusalContent{Title: title, Message: message}
	if remedy != "" {
		content.Remedies = []string{remedy}
	}
	if f.kind == absent || f.kind == forbidden && accountsDiffer(f.decision.Reason) {
		content.SwitchPath = "/signin?" + url.Values{"switch": {"1"}, "next": {next}}.Encode()
		content.Account = s.accountOf(lang, current)
	}
	content.Ask = s.offerToAsk(lang, current, f, next)
	if f.kind == forbidden && f.dossier != nil && f.dossier.trashed() && f.dossier.decide(v1alpha1.PermissionRestore).Allowed() {
		content.RestorePath = pathOf(f.dossier.recording) + "/restore"
	}
	s.page(w, r, refusalStatus[f.kind], pages.Refusal, current, content)
}

// accountsDiffer says that another account of the same person may be allowed what this one is not.
func accountsDiffer(reason access.Reason) bool {
	return slices.Contains([]access.Reason{
		access.NotInternal, access.Unverified, access.ExternalForbidden, access.NotInvited, access.OtherDepartment,
	}, reason)
}

// refuseScript answers a script of our own pages.
func (s *Server) refuseScript(w http.ResponseWriter, r *http.Request, f *refusal) {
	s.logRefusal(f)
	f.waitHeader(w.Header())
	_, message, remedy := f.words(language(r))
	writeJSON(w, refusalStatus[f.kind], map[string]string{"message": message, "remedy": remedy})
}

// refusePlayer answers a player, which shows nobody anything: every refusal looks the same.
func (s *Server) refusePlayer(w http.ResponseWriter, f *refusal) {
	s.logRefusal(f)
	f.waitHeader(w.Header())
	status := refusalStatus[f.kind]
	if f.kind == forbidden {
		status = http.StatusNotFound
	}
	http.Error(w, http.StatusText(status), status)
}

// writeJSON answers a script. Values are maps of strings, numbers and booleans, which always can be encoded.
func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Add("Vary", "Accept-Language")
	w.WriteHeader(status)
	// The status is sent; what can still fail is the connection, which the reader notices.
	_ = json.NewEncoder(w).Encode(value) //nolint:errchkjson // see above
}
