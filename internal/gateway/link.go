// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/go-chi/chi/v5"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/credentials"
	"github.com/reelkeeper/reelkeeper/internal/gateway/overview"
	"github.com/reelkeeper/reelkeeper/internal/gateway/pages"
	"github.com/reelkeeper/reelkeeper/internal/gateway/session"
	"github.com/reelkeeper/reelkeeper/internal/governance"
)

// grantsByToken finds AccessGrants by the hash of their link's token.
const grantsByToken = "token"

// AddIndexes makes a cache find what the gateway looks for. Call it once, before the cache starts.
func AddIndexes(ctx context.Context, indexer client.FieldIndexer) error {
	err := indexer.IndexField(ctx, &v1alpha1.AccessGrant{}, grantsByToken, func(object client.Object) []string {
		if hash := object.(*v1alpha1.AccessGrant).Status.TokenHash; hash != "" {
			return []string{hash}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("index AccessGrants by their token: %w", err)
	}
	return nil
}

// invitation is a grant whose link was followed, and the recording to go on to.
type invitation struct {
	grant *v1alpha1.AccessGrant
	visit visit
	// next is the page to go on to: the recording, or the list where the grant is about several.
	next string
}

// invite finds out what a link is about. For a token that leads nowhere it returns a visit to nothing, so that the same
// work follows.
func (s *Server) invite(r *http.Request, current *session.Session) (*invitation, error) {
	i := &invitation{visit: visit{
		Request: r, session: current, permission: v1alpha1.PermissionView, action: v1alpha1.AuditViewed, asked: "a link that leads nowhere",
	}}
	grant, err := s.grantOf(r.Context(), chi.URLParam(r, "token"))
	if err != nil || grant == nil {
		return i, err
	}
	recording, err := s.recordingOf(r.Context(), grant)
	if err != nil || recording == nil {
		return i, err
	}
	i.grant, i.next = grant, pathOf(recording)
	if grant.Spec.RecordingSelector != nil {
		i.next = "/"
	}
	i.visit.namespace, i.visit.name, i.visit.link = recording.Namespace, recording.Name, grant.Name
	if !slices.Contains(grant.Spec.Permissions, v1alpha1.PermissionView) {
		i.visit.permission = grant.Spec.Permissions[0]
	}
	return i, nil
}

func (s *Server) grantOf(ctx context.Context, token string) (*v1alpha1.AccessGrant, error) {
	token, err := credentials.ParseToken(token)
	if err != nil {
		return nil, nil //nolint:nilerr // what cannot be a token leads nowhere, like any other that is wrong
	}
	var found v1alpha1.AccessGrantList
	if err := s.reader.List(ctx, &found, client.MatchingFields{grantsByToken: credentials.HashToken(token)}); err != nil {
		return nil, fmt.Errorf("find the grant of a link: %w", err)
	}
	if len(found.Items) != 1 || !found.Items[0].DeletionTimestamp.IsZero() {
		return nil, nil
	}
	return &found.Items[0], nil
}

// recordingOf returns the recording that a grant names, or the newest of those that it selects; nil for none.
func (s *Server) recordingOf(ctx context.Context, grant *v1alpha1.AccessGrant) (*v1alpha1.MeetingRecording, error) {
	var all v1alpha1.MeetingRecordingList
	if err := s.reader.List(ctx, &all, client.InNamespace(grant.Namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("find the recording of a link: %w", err)
	}
	var newest *v1alpha1.MeetingRecording
	for i := range all.Items {
		candidate := &all.Items[i]
		if governance.Concerns(grant, candidate) && (newest == nil || overview.Held(candidate).After(overview.Held(newest))) {
			newest = candidate
		}
	}
	return newest, nil
}

// forAnyone reports whether the link could be meant for people who have not signed in. Whether it may is for Decide to say.
func (i *invitation) forAnyone() bool {
	return i.grant != nil && slices.ContainsFunc(i.grant.Spec.Subjects, func(subject v1alpha1.GrantSubject) bool {
		return subject.Kind == v1alpha1.SubjectAnyone
	})
}

// arrive reads the link that a request is about. Where somebody has to sign in first, or something is broken, it answers
// that, and returns no invitation.
func (s *Server) arrive(w http.ResponseWriter, r *http.Request) (*invitation, *session.Session) {
	current := s.sessions.Get(r)
	i, err := s.invite(r, current)
	if err != nil {
		s.refusePage(w, r, current, &refusal{kind: broken, err: err}, r.URL.Path)
		return nil, current
	}
	if nobody(current) && !i.forAnyone() {
		s.askToSignIn(w, r, r.URL.Path)
		return nil, current
	}
	return i, current
}

// link follows a link: it leads to the recording, by way of signing in and of the link's password where there is one.
func (s *Server) link(w http.ResponseWriter, r *http.Request) {
	i, current := s.arrive(w, r)
	if i == nil {
		return
	}
	admitted, refused := s.gate.enter(i.visit)
	switch {
	case refused != nil && nobody(current) && refused.kind <= forbidden:
		s.askToSignIn(w, r, r.URL.Path)
	case refused != nil:
		s.refusePage(w, r, current, refused, r.URL.Path)
	case i.needsPassword(admitted.dossier):
		s.page(w, r, http.StatusOK, pages.Password, current, pages.PasswordContent{})
	case current == nil:
		// Chat programs follow links too, to show what is behind them. What is, takes a press of a button.
		s.page(w, r, http.StatusOK, pages.Password, current, pages.PasswordContent{Open: true})
	default:
		s.open(w, r, current, i)
	}
}

// linkHead answers whoever wants to know of a link without following it: the same for all links, and no more than that it is one.
func (s *Server) linkHead(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(http.StatusOK)
}

func nobody(current *session.Session) bool { return current == nil || current.Person == nil }

// needsPassword reports whether the password has to be asked for: there is one, and nothing else allows what the link is for.
func (i *invitation) needsPassword(d *dossier) bool {
	return i.grant.Status.PasswordHash != "" && !d.withoutLink(i.grant.Name).decide(i.visit.permission).Allowed()
}

// withoutLink is the dossier of somebody who does not hold the link of the grant; a link that was opened earlier stays open.
func (d *dossier) withoutLink(grant string) *dossier {
	if d.held {
		return d
	}
	without := *d
	without.subject.Links = slices.DeleteFunc(slices.Clone(d.subject.Links), func(link string) bool { return link == grant })
	return &without
}

// open remembers the link in the session and goes on to the recording.
func (s *Server) open(w http.ResponseWriter, r *http.Request, current *session.Session, i *invitation) {
	if current == nil {
		current = session.New(nil, s.clock.Now(), s.config.Session.Lifetime.Duration)
	}
	current.Open(session.Opened{Namespace: i.grant.Namespace, Name: i.grant.Name, Proof: proofOf(i.grant)})
	if err := s.sessions.Put(w, current); err != nil {
		s.refusePage(w, r, current, &refusal{kind: broken, err: err}, r.URL.Path)
		return
	}
	http.Redirect(w, r, i.next, http.StatusSeeOther) //nolint:gosec // a page of ours, made of a recording's escaped name
}
