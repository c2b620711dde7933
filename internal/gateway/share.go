// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/access"
	"github.com/reelkeeper/reelkeeper/internal/credentials"
	"github.com/reelkeeper/reelkeeper/internal/gateway/identity"
	"github.com/reelkeeper/reelkeeper/internal/gateway/pages"
	"github.com/reelkeeper/reelkeeper/internal/gateway/session"
	"github.com/reelkeeper/reelkeeper/internal/governance"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

// shareKinds are whom the page shares with, by what stands in the form, in its order.
var shareKinds = []struct {
	name string
	kind v1alpha1.SubjectKind
}{
	{"person", v1alpha1.SubjectUser}, {"department", v1alpha1.SubjectDepartment}, {"group", v1alpha1.SubjectGroup},
}

// shareDays are for how long, in days. Without an end is for kubectl: what people forget should end by itself.
var shareDays = []string{"1", "3", "7", "30", "90"}

// maxName bounds the name of whom something is shared with, in bytes; so does the schema.
const maxName = 254

// draft is a grant that somebody wants to make in the page, as the form says it.
type draft struct {
	kind  string
	name  string
	wish  string
	days  string
	named bool
}

func draftOf(r *http.Request) draft {
	name := strings.TrimSpace(r.PostFormValue("name"))
	return draft{
		kind: r.PostFormValue("kind"), name: name, wish: r.PostFormValue("what"), days: r.PostFormValue("days"),
		named: name != "" && len(name) <= maxName,
	}
}

// grantOf is the grant that a draft means, or nothing for what no form offers.
func (d *dossier) grantOf(asked draft) *v1alpha1.AccessGrant {
	permissions, known := wishes[asked.wish]
	days, err := strconv.Atoi(asked.days)
	if !known || err != nil || !slices.Contains(shareDays, asked.days) {
		return nil
	}
	grant := &v1alpha1.AccessGrant{}
	grant.Namespace, grant.CreationTimestamp = d.recording.Namespace, metav1.NewTime(d.now)
	grant.Spec = v1alpha1.AccessGrantSpec{
		RecordingRef: v1alpha1.RecordingReference{Name: d.recording.Name}, Permissions: permissions,
		ExpiresAt: metav1.NewTime(access.GrantEnd(d.rules, time.Duration(days)*24*time.Hour, d.now)),
	}
	for _, offered := range shareKinds {
		if offered.name == asked.kind {
			grant.Spec.Subjects = []v1alpha1.GrantSubject{{Kind: offered.kind, Name: asked.name}}
			return grant
		}
	}
	return nil
}

// once is a value for a form that is to count once.
func once() string {
	value := make([]byte, 12)
	// crypto/rand.Read never returns an error: it ends the program when the system has no randomness.
	_, _ = rand.Read(value)
	return base64.RawURLEncoding.EncodeToString(value)
}

// checkGrant says whether the policies let a grant count. Its link gets a password where the policies want one.
func (s *Server) checkGrant(d *dossier, grant *v1alpha1.AccessGrant) access.Verdict {
	facts := access.FactsOfGrant(grant, false)
	facts.Password = d.rules.Sharing.Links.Value == v1alpha1.LinksPasswordRequired
	return access.CheckGrant(d.rules, access.Proposal{Grant: facts, Recording: access.FactsOf(d.recording), Outsider: s.outsider})
}

// outsider says whether an address belongs to nobody in the organisation.
func (s *Server) outsider(email string) bool {
	someone := &identity.Person{Email: strings.ToLower(email), Verified: true}
	return !slices.ContainsFunc(s.gate.organisation.Issuers, func(issuer string) bool {
		someone.Issuer = issuer
		return identity.Internal(someone, s.gate.organisation)
	})
}

// offerToShare is the form by which somebody who may share does so. It offers nothing that the policies would refuse whoever it is
// for; nil is nothing at all.
func (s *Server) offerToShare(lang pages.Language, d *dossier) *pages.ShareForm {
	form := &pages.ShareForm{Path: pathOf(d.recording) + "/grants", Once: once()}
	member := "somebody@" + s.gate.organisation.Domains[0]
	allowed := func(kind, wish, days string) bool {
		grant := d.grantOf(draft{kind: kind, name: member, wish: wish, days: days})
		return grant != nil && s.checkGrant(d, grant).Allowed()
	}
	for _, offered := range shareKinds {
		if allowed(offered.name, wishNames[0], shareDays[0]) {
			form.Kinds = append(form.Kinds, pages.Choice{Value: offered.name, Name: lang.T("with." + offered.name), Chosen: len(form.Kinds) == 0})
		}
	}
	if len(form.Kinds) == 0 {
		return nil
	}
	for _, wish := range wishNames {
		if allowed(form.Kinds[0].Value, wish, shareDays[0]) {
			form.What = append(form.What, pages.Choice{Value: wish, Name: lang.T("give." + wish), Chosen: len(form.What) == 0})
		}
	}
	form.Days = daysChoices(lang, d.daysWithin(), "7")
	form.Password = d.rules.Sharing.Links.Value == v1alpha1.LinksPasswordRequired
	return form
}

// daysWithin are the days that the policy does not cut; the shortest always is among them.
func (d *dossier) daysWithin() []string {
	most := d.rules.Sharing.MaxTTL.Value
	return slices.DeleteFunc(slices.Clone(shareDays), func(n string) bool {
		days, err := strconv.Atoi(n)
		return err != nil || n != shareDays[0] && most != v1alpha1.Forever && time.Duration(days)*24*time.Hour > most
	})
}

// share makes a grant in the name of somebody who may share the recording.
func (s *Server) share(w http.ResponseWriter, r *http.Request) {
	current := s.sessions.Get(r)
	if nobody(current) {
		s.askToSignIn(w, r, "/")
		return
	}
	v := visitOf(r, current, v1alpha1.PermissionShare, v1alpha1.AuditGranted)
	admitted, turned := s.gate.enter(v)
	if turned != nil {
		s.refusePage(w, r, current, turned, "/")
		return
	}
	page := pathOf(admitted.recording)
	asked := draftOf(r)
	grant := admitted.grantOf(asked)
	if grant == nil || !asked.named || asked.kind == "person" && !isAddress(asked.name) {
		s.notice(w, r, http.StatusUnprocessableEntity, current, "shareWrongTitle", "shareWrongText", page)
		return
	}
	grant.Name, grant.CreationTimestamp = grantName(current, cmp.Or(r.PostFormValue("once"), once())), metav1.Time{}
	grant.Annotations = map[string]string{v1alpha1.AnnotationGrantedBy: admitted.subject.Name}
	made, err := newLink(grant, admitted.rules.Sharing.Links.Value == v1alpha1.LinksPasswordRequired || r.PostFormValue("password") != "")
	if err != nil {
		s.refusePage(w, r, current, &refusal{kind: broken, err: err}, page)
		return
	}
	v.grant, v.evidence = grant.Name, evidenceOf(grant)
	check := grant.DeepCopy()
	check.CreationTimestamp = metav1.NewTime(admitted.now)
	if verdict := s.checkGrant(admitted.dossier, check); !verdict.Allowed() {
		decision := access.Decision{Effect: access.Deny, Reason: verdict.Reason, Rule: verdict.Rule, Permission: verdict.Permission, When: verdict.When, MayKnow: true}
		s.refusePage(w, r, current, s.gate.turnAway(v, admitted.dossier, decision), page)
		return
	}
	s.makeGrant(w, r, v, grant, made)
}

// shown is a link as whoever made it sees it, once.
type shown struct{ token, password string }

// newLink makes the link of a grant, which keeps by what it is known.
func newLink(grant *v1alpha1.AccessGrant, withPassword bool) (shown, error) {
	made := shown{token: credentials.NewToken()}
	grant.Spec.Link.TokenHash = credentials.HashToken(made.token)
	if !withPassword {
		return made, nil
	}
	var err error
	made.password = credentials.NewPassword()
	grant.Spec.Link.PasswordHash, err = credentials.HashPassword(made.password)
	return made, err
}

// makeGrant writes down who shares, then does it, and shows the link. The same form sent twice makes one grant, whose link is not
// shown again.
func (s *Server) makeGrant(w http.ResponseWriter, r *http.Request, v visit, grant *v1alpha1.AccessGrant, made shown) {
	v.started = true
	v.step, v.since = func(*dossier) string { return "shared/" + grant.Name }, s.clock.Now().Truncate(time.Hour)
	admitted, turned := s.gate.enter(v)
	if turned != nil {
		s.refusePage(w, r, v.session, turned, "/")
		return
	}
	page := pathOf(admitted.recording)
	switch err := s.writer.Create(r.Context(), grant); {
	case apierrors.IsAlreadyExists(err):
		http.Redirect(w, r, page+"#sharing", http.StatusSeeOther)
		return
	case err != nil:
		s.refusePage(w, r, v.session, &refusal{kind: broken, err: fmt.Errorf("create AccessGrant %s/%s: %w", grant.Namespace, grant.Name, err)}, page)
		return
	}
	s.settle(r.Context(), client.ObjectKeyFromObject(grant), grant, func(found bool) bool { return found })
	lang := language(r)
	s.page(w, r, http.StatusCreated, pages.Shared, v.session, pages.SharedContent{
		RecordingPath: page, Title: titleOf(lang, admitted.recording), Grant: grantEntry(lang, grant, admitted.dossier),
		Link: s.public + "/g/" + made.token, Password: made.password,
	})
}

// isAddress says whether a name can be an e-mail address that somebody signs in with.
func isAddress(name string) bool {
	before, after, found := strings.Cut(name, "@")
	return found && before != "" && after != "" && !strings.ContainsAny(name, " \t\r\n<>,;\"") && !strings.Contains(after, "@")
}

// grantName is the same for a form that is sent twice in one session, and cannot be guessed by others.
func grantName(current *session.Session, once string) string {
	sum := sha256.Sum256([]byte(current.ID + " " + once))
	return "share-" + hex.EncodeToString(sum[:10])
}

func evidenceOf(grant *v1alpha1.AccessGrant) []string {
	proofs := []string{"permissions: " + policy.Permissions(grant.Spec.Permissions...).String(), "until: " + grant.Spec.ExpiresAt.UTC().Format(time.RFC3339)}
	for _, subject := range grant.Spec.Subjects {
		proofs = append(proofs, fmt.Sprintf("subject: %s %s", subject.Kind, subject.Name))
	}
	return proofs
}

// revoke deletes a grant that was made in the page, in the name of somebody who may share the recording.
func (s *Server) revoke(w http.ResponseWriter, r *http.Request) {
	current := s.sessions.Get(r)
	if nobody(current) {
		s.askToSignIn(w, r, "/")
		return
	}
	v := visitOf(r, current, v1alpha1.PermissionShare, v1alpha1.AuditRevoked)
	grant := &v1alpha1.AccessGrant{}
	err := s.reader.Get(r.Context(), client.ObjectKey{Namespace: v.namespace, Name: chi.URLParam(r, "grant")}, grant)
	if client.IgnoreNotFound(err) != nil {
		s.refusePage(w, r, current, &refusal{kind: broken, err: err}, "/")
		return
	}
	v.grant, v.started = grant.Name, true
	v.accept = func(d *dossier) bool {
		return grant.Name != "" && madeInPage(grant) && governance.Concerns(grant, d.recording)
	}
	admitted, turned := s.gate.enter(v)
	if turned != nil {
		s.refusePage(w, r, current, turned, "/")
		return
	}
	if err := s.writer.Delete(r.Context(), grant, client.Preconditions{UID: &grant.UID}); err != nil && !apierrors.IsNotFound(err) {
		s.refusePage(w, r, current, &refusal{kind: broken, err: fmt.Errorf("delete AccessGrant %s/%s: %w", grant.Namespace, grant.Name, err)}, "/")
		return
	}
	cached := &v1alpha1.AccessGrant{}
	s.settle(r.Context(), client.ObjectKeyFromObject(grant), cached, func(found bool) bool { return !found || !cached.DeletionTimestamp.IsZero() })
	http.Redirect(w, r, pathOf(admitted.recording)+"#sharing", http.StatusSeeOther)
}

// madeInPage says whether a grant was made here, which its link tells. Others come from Git, from kubectl or from requests: what is
// deleted here would come back, or be missed there.
func madeInPage(grant *v1alpha1.AccessGrant) bool { return grant.Spec.Link.TokenHash != "" }
