// SPDX-License-Identifier: Apache-2.0

//go:build unix

package node

import (
	"cmp"
	"slices"
	"strings"
)

// mount says where the files of a container's mount path really are.
type mount struct {
	path string // in the container, without a slash at its end
	host string // on this machine
}

// mounts are a container's, the longest path first, so that a mount inside another one wins.
type mounts []mount

func newMounts(unsorted ...mount) mounts {
	sorted := make(mounts, 0, len(unsorted))
	for _, m := range unsorted {
		m.path = strings.TrimRight(m.path, "/")
		if m.path != "" { // nothing can stand in for the whole file system
			sorted = append(sorted, m)
		}
	}
	slices.SortStableFunc(sorted, func(a, b mount) int { return cmp.Compare(len(b.path), len(a.path)) })
	return sorted
}

// rewrite replaces every mount path in text by its real place, where it stands as a whole path or begins one: in
// "--out=/scratch/x,/scratch" it replaces both, in "/other/scratch" and "/scratchy" neither.
func (m mounts) rewrite(text string) string {
	var out strings.Builder
	for i := 0; i < len(text); {
		found, ok := m.at(text, i)
		if !ok {
			out.WriteByte(text[i])
			i++
			continue
		}
		out.WriteString(found.host)
		i += len(found.path)
	}
	return out.String()
}

// at finds the mount whose path stands at text[i:].
func (m mounts) at(text string, i int) (mount, bool) {
	if text[i] != '/' || i > 0 && inName(text[i-1]) {
		return mount{}, false
	}
	for _, candidate := range m {
		rest, found := strings.CutPrefix(text[i:], candidate.path)
		if found && (rest == "" || rest[0] == '/' || !inName(rest[0])) {
			return candidate, true
		}
	}
	return mount{}, false
}

// inName says whether c continues a path rather than separating it from its surroundings.
func inName(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c >= 0x80:
		return true
	default:
		return strings.IndexByte("/._-~", c) >= 0
	}
}

// expand replaces $(NAME) by the value that lookup finds, as Kubernetes does in commands, arguments and environment values:
// an unknown name stays as it is written, and $$ is a dollar sign that begins no reference.
func expand(text string, lookup func(name string) (string, bool)) string {
	var out strings.Builder
	for {
		before, after, found := strings.Cut(text, "$")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		text = after
		if escaped, found := strings.CutPrefix(after, "$"); found {
			out.WriteByte('$')
			text = escaped
			continue
		}
		name, rest, closed := strings.Cut(strings.TrimPrefix(after, "("), ")")
		value, known := "", false
		if closed && strings.HasPrefix(after, "(") {
			value, known = lookup(name)
		}
		if !known {
			out.WriteByte('$')
			continue
		}
		out.WriteString(value)
		text = rest
	}
}
