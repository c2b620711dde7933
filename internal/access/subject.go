// SPDX-License-Identifier: Apache-2.0

package access

import (
	"slices"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

// Subject is who asks, as the identity provider describes them, and which links they hold. The zero value is somebody
// who has not signed in.
type Subject struct {
	// Name is the e-mail address.
	Name string
	// Verified says that the identity provider vouches for Name. A name that is not verified counts for nothing.
	Verified bool
	// Issuer is the identity provider. It is for the record: nothing is decided by it.
	Issuer string
	// Internal says that they are a member of the organisation.
	Internal bool
	// Departments, Groups and Labels are what they belong to, exactly as the identity provider spells it.
	Departments, Groups, Labels []string
	// Anonymous says that they have not signed in, whatever the other fields say.
	Anonymous bool
	// Links are the names of the grants whose link they hold: whoever fills this in has checked the link's token, and its
	// password if it has one.
	Links []string
}

// known says whether there is a name to go by.
func (s *Subject) known() bool { return !s.Anonymous && s.Verified && s.Name != "" }

// member says whether they are known to belong to the organisation.
func (s *Subject) member() bool { return s.known() && s.Internal }

// holds says whether they hold the link of the grant.
func (s *Subject) holds(grant string) bool { return slices.Contains(s.Links, grant) }

// is says whether a grant's subject means them. Anyone means those who hold the link.
func (s *Subject) is(subject *v1alpha1.GrantSubject, grant string) bool {
	switch subject.Kind {
	case v1alpha1.SubjectUser:
		return s.known() && policy.SamePerson(subject.Name, s.Name)
	case v1alpha1.SubjectGroup:
		return s.known() && slices.Contains(s.Groups, subject.Name)
	case v1alpha1.SubjectDepartment:
		return s.member() && slices.Contains(s.Departments, subject.Name)
	case v1alpha1.SubjectLabel:
		return s.member() && slices.Contains(s.Labels, subject.Name)
	case v1alpha1.SubjectAnyone:
		return s.holds(grant)
	}
	return false
}

// ofPerson returns what a table, whose names are in lower case, holds of the person. Most names come in lower case.
func ofPerson[T any](table map[string]T, name string) T {
	if found, ok := table[name]; ok {
		return found
	}
	return table[lowerCase(name)]
}

// lowerCase returns the one spelling of an e-mail address that stands for all that policy.SamePerson takes for the same.
func lowerCase(name string) string {
	for i := range len(name) {
		if 'A' <= name[i] && name[i] <= 'Z' {
			return string(lowered(name))
		}
	}
	return name
}

func lowered(name string) []byte {
	bytes := []byte(name)
	for i := range bytes {
		bytes[i] = policy.Lower(bytes[i])
	}
	return bytes
}

// among says whether the person is in the list.
func among(list []string, person string) bool {
	for i := range list {
		if policy.SamePerson(list[i], person) {
			return true
		}
	}
	return false
}
