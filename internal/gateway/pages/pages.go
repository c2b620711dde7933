// SPDX-License-Identifier: Apache-2.0

// Package pages renders what people read, in their language. It decides nothing: what it is given, it shows.
package pages

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"strconv"

	"golang.org/x/text/language"
)

//go:embed templates/*.html
var templates embed.FS

// Name is one of the pages.
type Name string

// The pages, and what Page.Content they need.
const (
	// Welcome greets somebody who has not signed in. Content: nothing.
	Welcome Name = "welcome"
	// List shows the recordings that somebody may view. Content: ListContent.
	List Name = "list"
	// Recording shows one recording. Content: RecordingContent.
	Recording Name = "recording"
	// Refusal says why not, and what to do. Content: RefusalContent.
	Refusal Name = "refusal"
	// Password asks for a link's password. Content: PasswordContent.
	Password Name = "password"
)

// Renderer renders pages. It is safe for concurrent use.
type Renderer struct {
	pages         map[Name]*template.Template
	script, style string
}

// New parses the pages. Script and style are files under /assets/; empty where they were not built.
func New(script, style string) (*Renderer, error) {
	renderer := &Renderer{pages: map[Name]*template.Template{}, script: script, style: style}
	for _, name := range []Name{Welcome, List, Recording, Refusal, Password} {
		parsed, err := template.ParseFS(templates, "templates/layout.html", "templates/"+string(name)+".html")
		if err != nil {
			return nil, fmt.Errorf("parse the page %s: %w", name, err)
		}
		renderer.pages[name] = parsed
	}
	return renderer, nil
}

// Page is everything that a template sees.
type Page struct {
	Language
	// Person is who is signed in, or empty.
	Person string
	// Script and Style are what the page loads.
	Script, Style string
	// Content is the page's own.
	Content any
}

// Render answers with a page. Nothing is sent before the whole page is there, so that an error can still become a status.
func (r *Renderer) Render(w http.ResponseWriter, status int, name Name, lang Language, person string, content any) error {
	page := Page{Language: lang, Person: person, Script: r.script, Style: r.style, Content: content}
	var body bytes.Buffer
	if err := r.pages[name].ExecuteTemplate(&body, "layout.html", page); err != nil {
		return fmt.Errorf("render the page %s: %w", name, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", lang.Lang())
	w.Header().Add("Vary", "Accept-Language")
	w.Header().Set("Content-Length", strconv.Itoa(body.Len()))
	w.WriteHeader(status)
	_, err := w.Write(body.Bytes())
	return err
}

// Language is one of the languages that pages come in.
type Language struct {
	tag   language.Tag
	texts map[string]string
	// reasons are translations of what other packages say in English.
	reasons map[string]string
}

// English comes first: it is what those get who asked for something else.
var languages = []Language{
	{language.English, english, nil},
	{language.SimplifiedChinese, chinese, chineseReasons},
}

var matcher = language.NewMatcher([]language.Tag{language.English, language.SimplifiedChinese})

// Choose returns the best language for an Accept-Language header.
func Choose(acceptLanguage string) Language {
	_, index := language.MatchStrings(matcher, acceptLanguage)
	return languages[index]
}

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
