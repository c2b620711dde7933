// SPDX-License-Identifier: Apache-2.0

package pages

import (
	"encoding/json"
	"strconv"
	"strings"

	"golang.org/x/text/language"
)

// Language is one of the languages that pages come in.
type Language struct {
	tag language.Tag
	// name is what its speakers call it.
	name  string
	texts map[string]string
	// reasons are translations of what other packages say in English.
	reasons map[string]string
}

// English comes first: it is what those get who asked for something else.
var languages = []Language{
	{language.English, "English", english, nil},
	{language.SimplifiedChinese, "简体中文", chinese, chineseReasons},
}

var matcher = language.NewMatcher([]language.Tag{language.English, language.SimplifiedChinese})

// Choose returns the best language for an Accept-Language header.
func Choose(acceptLanguage string) Language {
	_, index := language.MatchStrings(matcher, acceptLanguage)
	return languages[index]
}

// Named returns the language with that value of Lang.
func Named(lang string) (Language, bool) {
	for _, l := range languages {
		if l.Lang() == lang {
			return l, true
		}
	}
	return Language{}, false
}

// Languages are all that there are, for the switch.
func (l Language) Languages() []Language { return languages }

// Name is what the language's speakers call it.
func (l Language) Name() string { return l.name }

// Tag is the language for what orders or formats by it.
func (l Language) Tag() language.Tag { return l.tag }

// Lang is the value of the HTML attribute of that name.
func (l Language) Lang() string { return l.tag.String() }

// rightToLeft are the scripts that are written so.
var rightToLeft = map[string]bool{"Arab": true, "Hebr": true, "Thaa": true, "Syrc": true, "Nkoo": true}

// Dir is the direction of writing: ltr or rtl.
func (l Language) Dir() string {
	script, _ := l.tag.Script()
	if rightToLeft[script.String()] {
		return "rtl"
	}
	return "ltr"
}

// T returns a text by its key. Where there is none it returns the key, which a test does not let happen.
func (l Language) T(key string) string {
	if text, found := l.texts[key]; found {
		return text
	}
	return key
}

// Fill returns a text by its key, in which {1}, {2} and so on stand for the values.
func (l Language) Fill(key string, values ...string) string {
	text := l.T(key)
	for i, value := range values {
		text = strings.ReplaceAll(text, "{"+strconv.Itoa(i+1)+"}", value)
	}
	return text
}

// PlayerWords are the texts of the player's controls as JSON, for the script that makes them.
func (l Language) PlayerWords() (string, error) {
	words := map[string]string{}
	for key, text := range l.texts {
		if name, found := strings.CutPrefix(key, "player."); found {
			words[name] = text
		}
	}
	encoded, err := json.Marshal(words)
	return string(encoded), err
}

// Or returns the text of a key, or the alternative where this language has none: for what is English elsewhere, and for what
// not every value has words.
func (l Language) Or(key, alternative string) string {
	for _, texts := range []map[string]string{l.texts, l.reasons} {
		if text, found := texts[key]; found {
			return text
		}
	}
	return alternative
}
