// SPDX-License-Identifier: Apache-2.0

// Package attachment names downloaded files after what people called a recording. It is pure.
package attachment

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxFileName is what file systems take, in bytes, less room for a browser's "(1)".
const maxFileName = 200

const fileExtension = ".mp4"

// Header is the value of Content-Disposition (RFC 6266) that saves a recording under its title: once in ASCII for old programs,
// once in UTF-8 (RFC 8187) for all others.
func Header(title string) string {
	name := fileName(title)
	ascii := strings.Map(func(r rune) rune {
		if r > '~' || r == '"' || r == '\\' || r == '%' {
			return '_'
		}
		return r
	}, name)
	return `attachment; filename="` + ascii + `"; filename*=UTF-8''` + encode(name)
}

// fileName makes a title a name that every file system takes and no program takes for anything else: no separators, no
// control characters or marks that turn the direction of writing around to disguise an ending.
func fileName(title string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError || !unicode.IsPrint(r):
			return -1
		case strings.ContainsRune(`/\:*?"<>|`, r):
			return '-'
		}
		return r
	}, title)
	name = strings.Trim(cut(name, maxFileName), " .-")
	if name == "" {
		name = "recording"
	}
	return name + fileExtension
}

// cut shortens text to so many bytes without breaking a character.
func cut(text string, limit int) string {
	for len(text) > limit {
		_, size := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-size]
	}
	return text
}

// encode is the percent-encoding of RFC 8187, which leaves fewer characters as they are than a path does.
func encode(name string) string {
	return strings.NewReplacer("+", "%20", "*", "%2A", "'", "%27", "(", "%28", ")", "%29").Replace(url.QueryEscape(name))
}
