// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"strings"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

// PermissionSet is a set of permissions, one bit each. The zero value is empty.
type PermissionSet uint16

// permissions gives every permission its bit, in the order in which people read them.
var permissions = [...]v1alpha1.Permission{
	v1alpha1.PermissionView,
	v1alpha1.PermissionDownload,
	v1alpha1.PermissionShare,
	v1alpha1.PermissionTrash,
	v1alpha1.PermissionRestore,
	v1alpha1.PermissionPurge,
	v1alpha1.PermissionHold,
	v1alpha1.PermissionStart,
	v1alpha1.PermissionStop,
	v1alpha1.PermissionApprove,
}

// AllPermissions holds every permission there is.
const AllPermissions = PermissionSet(1<<len(permissions) - 1)

// Permissions returns the set of the given permissions. Permissions that this version does not know are left out: what
// is not understood is not allowed.
func Permissions(list ...v1alpha1.Permission) PermissionSet {
	var set PermissionSet
	for _, p := range list {
		set |= bit(p)
	}
	return set
}

// bit returns the set of p alone, the empty set for a permission that is not known.
func bit(p v1alpha1.Permission) PermissionSet {
	for i := range permissions {
		if permissions[i] == p {
			return 1 << i
		}
	}
	return 0
}

// Has says whether p is in the set. No set has a permission that is not known.
func (s PermissionSet) Has(p v1alpha1.Permission) bool { return s&bit(p) != 0 }

// Includes says whether every permission of other is in the set.
func (s PermissionSet) Includes(other PermissionSet) bool { return other&^s == 0 }

// List returns the permissions of the set, in the order in which people read them: View, Download, Share, Trash, …
func (s PermissionSet) List() []v1alpha1.Permission {
	list := make([]v1alpha1.Permission, 0, len(permissions))
	for i, p := range permissions {
		if s&(1<<i) != 0 {
			list = append(list, p)
		}
	}
	return list
}

// String returns the names of the permissions, separated by blanks, and "nothing" for the empty set.
func (s PermissionSet) String() string {
	if s == 0 {
		return "nothing"
	}
	var names []string
	for _, p := range s.List() {
		names = append(names, string(p))
	}
	return strings.Join(names, " ")
}
