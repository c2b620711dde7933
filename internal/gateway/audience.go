// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/access"
	"github.com/reelkeeper/reelkeeper/internal/gateway/pages"
	"github.com/reelkeeper/reelkeeper/internal/governance"
)

// maxPeople bounds how many participants a page names.
const maxPeople = 50

// audience is who has access, for those who may share: the people of the meeting, as access decides about them, and the grants.
func (s *Server) audience(ctx context.Context, lang pages.Language, d *dossier) (*pages.Audience, error) {
	meeting := &d.recording.Spec.Meeting
	found := &pages.Audience{People: []pages.Attendee{s.attendee(lang, d, meeting.Creator, "role.creator")}}
	for _, host := range meeting.Hosts {
		found.People = append(found.People, s.attendee(lang, d, host, "role.host"))
	}
	shown := min(len(meeting.Participants), maxPeople)
	for _, participant := range meeting.Participants[:shown] {
		found.People = append(found.People, s.attendee(lang, d, participant, "role.participant"))
	}
	found.More = len(meeting.Participants) - shown
	var err error
	found.Grants, err = s.grantsShown(ctx, lang, d)
	return found, err
}

// attendee asks about somebody of whom only the address is known: departments, groups and labels are known when they sign in.
func (s *Server) attendee(lang pages.Language, d *dossier, email, role string) pages.Attendee {
	about := *d
	about.subject = access.Subject{Name: email, Verified: true, Internal: !s.outsider(email)}
	person := pages.Attendee{Name: email, Role: lang.T(role), Outsider: !about.subject.Internal}
	for _, permission := range []v1alpha1.Permission{v1alpha1.PermissionView, v1alpha1.PermissionDownload, v1alpha1.PermissionShare} {
		if about.decide(permission).Allowed() {
			person.May = append(person.May, lang.T("may."+string(permission)))
		}
	}
	return person
}

// grantsShown are the grants that are about the recording, the latest first. Those that have ended are left out.
func (s *Server) grantsShown(ctx context.Context, lang pages.Language, d *dossier) ([]pages.GrantEntry, error) {
	var list v1alpha1.AccessGrantList
	if err := s.reader.List(ctx, &list, client.InNamespace(d.recording.Namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil, err
	}
	slices.SortFunc(list.Items, func(a, b v1alpha1.AccessGrant) int {
		return cmp.Or(b.CreationTimestamp.Compare(a.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name))
	})
	var shown []pages.GrantEntry
	for i := range list.Items {
		grant := &list.Items[i]
		end := grant.Spec.ExpiresAt.Time
		if grant.DeletionTimestamp.IsZero() && governance.Concerns(grant, d.recording) && (end.IsZero() || d.now.Before(end)) {
			shown = append(shown, grantEntry(lang, grant, d))
		}
	}
	return shown, nil
}

func grantEntry(lang pages.Language, grant *v1alpha1.AccessGrant, d *dossier) pages.GrantEntry {
	var names []string
	for _, subject := range grant.Spec.Subjects {
		names = append(names, lang.T("subject."+string(subject.Kind))+subject.Name)
	}
	entry := pages.GrantEntry{
		Whom: strings.Join(names, ", "), What: permissionsIn(lang, grant.Spec.Permissions), Until: pages.At(grant.Spec.ExpiresAt.Time),
		By: grant.Annotations[v1alpha1.AnnotationGrantedBy], Counts: governance.Accepted(grant), Password: grant.Status.PasswordHash != "",
	}
	if madeInPage(grant) {
		entry.RevokePath = pathOf(d.recording) + "/grants/" + grant.Name + "/revoke"
	}
	return entry
}

// permissionsIn names permissions, in one line.
func permissionsIn(lang pages.Language, permissions []v1alpha1.Permission) string {
	var names []string
	for _, permission := range permissions {
		names = append(names, lang.T("may."+string(permission)))
	}
	return strings.Join(names, " · ")
}

// durationIn names a duration in days, or in hours where that is less than one.
func durationIn(lang pages.Language, duration v1alpha1.Duration) string {
	length, err := duration.Parse()
	switch {
	case err != nil:
		return string(duration)
	case length == 24*time.Hour:
		return lang.T("oneDay")
	case length%(24*time.Hour) == 0:
		return lang.Fill("days", number(int(length/(24*time.Hour))))
	}
	return lang.Fill("hours", number(int((length+time.Hour-1)/time.Hour)))
}
