// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"strings"
	"unicode"
)

// Pasted is a key, a token or a name that somebody has put into a Secret, without the white space around it: kubectl create secret
// --from-file and echo | base64 take a line break along, which is part of none of them.
func Pasted(value []byte) string { return strings.TrimSpace(string(value)) }

// PastedPassword is a password that somebody has put into a Secret, without the line breaks at its end. It may begin and end with spaces.
func PastedPassword(value []byte) string { return strings.TrimRight(string(value), "\r\n") }

// Unprintable says that a key or token has a line break, or another character that nobody can have meant: that it was wrapped, or saved in
// another encoding than UTF-8. No header can carry it.
func Unprintable(value string) bool {
	return strings.ContainsFunc(value, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar })
}
