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
)

//go:embed templates/*.html
var templates embed.FS

// Name is one of the pages.
type Name string

// The pages, and what Page.Content they need.
const (
	// Welcome greets somebody who has not signed in. Content: AccountsContent.
	Welcome Name = "welcome"
	// List shows the recordings that somebody may view. Content: ListContent.
	List Name = "list"
	// Recording shows one recording. Content: RecordingContent.
	Recording Name = "recording"
	// Refusal says why not, and what to do. Content: RefusalContent.
	Refusal Name = "refusal"
	// Notice says what became of something. Content: NoticeContent.
	Notice Name = "notice"
	// Inbox shows the requests that somebody may answer. Content: InboxContent.
	Inbox Name = "inbox"
	// Trash shows what somebody may restore. Content: TrashContent.
	Trash Name = "trash"
	// History shows the access log of a recording. Content: HistoryContent.
	History Name = "history"
	// Overview shows numbers about all recordings. Content: OverviewContent.
	Overview Name = "overview"
	// Accounts asks whether, and with which of several accounts, to sign in. Content: AccountsContent.
	Accounts Name = "accounts"
	// Leaving goes on to an identity provider. Content: LeavingContent.
	Leaving Name = "leaving"
	// Shared shows a link that was made, once. Content: SharedContent.
	Shared Name = "shared"
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
	for _, name := range []Name{Welcome, List, Recording, Refusal, Notice, Inbox, Trash, History, Overview, Accounts, Leaving, Shared, Password} {
		parsed, err := template.ParseFS(templates, "templates/layout.html", "templates/ask.html", "templates/signin.html", "templates/"+string(name)+".html")
		if err != nil {
			return nil, fmt.Errorf("parse the page %s: %w", name, err)
		}
		renderer.pages[name] = parsed
	}
	return renderer, nil
}

// Page is everything that a template sees.
type Page struct {
	Frame
	// Script and Style are what the page loads.
	Script, Style string
	// Content is the page's own.
	Content any
}

// Part is a part of a page and what it shows.
type Part struct {
	Page Page
	Form any
}

// With hands a part of the page to a template that several pages share.
func (p Page) With(form any) Part { return Part{p, form} }

// Render answers with a page. Nothing is sent before the whole page is there, so that an error can still become a status.
func (r *Renderer) Render(w http.ResponseWriter, status int, name Name, frame Frame, content any) error {
	page := Page{Frame: frame, Script: r.script, Style: r.style, Content: content}
	var body bytes.Buffer
	if err := r.pages[name].ExecuteTemplate(&body, "layout.html", page); err != nil {
		return fmt.Errorf("render the page %s: %w", name, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", frame.Lang())
	w.Header().Add("Vary", "Accept-Language, Cookie")
	w.Header().Set("Content-Length", strconv.Itoa(body.Len()))
	w.WriteHeader(status)
	_, err := w.Write(body.Bytes())
	return err
}
