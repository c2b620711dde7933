// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/access"
	"github.com/reelkeeper/reelkeeper/internal/audit"
	"github.com/reelkeeper/reelkeeper/internal/gateway/config"
	"github.com/reelkeeper/reelkeeper/internal/gateway/identity"
	"github.com/reelkeeper/reelkeeper/internal/gateway/session"
)

// subjectOf says who a session is to a decision about a recording of this namespace.
func subjectOf(current *session.Session, organisation config.Organisation, links []string) access.Subject {
	if current == nil || current.Person == nil {
		return access.Subject{Anonymous: true, Links: links}
	}
	person := current.Person
	return access.Subject{
		Name: person.Email, Verified: person.Verified, Issuer: person.Issuer,
		Internal:    identity.Internal(person, organisation),
		Departments: person.Departments, Groups: person.Groups, Labels: person.Labels,
		Links: links,
	}
}

// actorOf says who a session is in the audit log. An address that nobody verified is not passed off as one that is.
func actorOf(current *session.Session) v1alpha1.AuditActor {
	if current == nil || current.Person == nil {
		return audit.Anonymous()
	}
	person := current.Person
	if person.Email == "" || !person.Verified {
		return audit.User("subject "+person.Subject, person.Issuer)
	}
	return audit.User(person.Email, person.Issuer)
}

// linksOf returns the grants of a namespace whose links were followed in this session and still stand as they stood then.
func linksOf(ctx context.Context, reader client.Reader, current *session.Session, namespace string) ([]string, error) {
	if current == nil {
		return nil, nil
	}
	var links []string
	for _, opened := range current.Opened {
		if opened.Namespace != namespace {
			continue
		}
		grant := &v1alpha1.AccessGrant{}
		err := reader.Get(ctx, client.ObjectKey{Namespace: namespace, Name: opened.Name}, grant)
		if client.IgnoreNotFound(err) != nil {
			return nil, err
		}
		if err == nil && opened.Proof == proofOf(grant) {
			links = append(links, grant.Name)
		}
	}
	return links, nil
}

func proofOf(grant *v1alpha1.AccessGrant) string {
	return session.Proof(grant.UID, grant.Status.TokenHash, grant.Status.PasswordHash)
}
