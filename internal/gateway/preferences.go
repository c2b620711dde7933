// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"net/http"
	"time"

	"github.com/reelkeeper/reelkeeper/internal/gateway/pages"
	"github.com/reelkeeper/reelkeeper/internal/gateway/session"
	"github.com/reelkeeper/reelkeeper/internal/gateway/signin"
)

// The cookies of what somebody likes to see. They hold no secret, and whatever else stands in them counts for nothing.
const (
	languageCookie = "reelkeeper-language"
	themeCookie    = "reelkeeper-theme"
	// hostPrefix makes browsers take a cookie from this host alone, and with https alone.
	hostPrefix = "__Host-"
	// preferencesKept is how long a browser remembers them.
	preferencesKept = 365 * 24 * time.Hour
)

// language is the one that somebody chose, or else the one that their browser asks for.
func language(r *http.Request) pages.Language {
	if chosen, found := pages.Named(preference(r, languageCookie)); found {
		return chosen
	}
	return pages.Choose(r.Header.Get("Accept-Language"))
}

func theme(r *http.Request) pages.Theme { return themeNamed(preference(r, themeCookie)) }

// preference returns the value of a cookie, under the name that it has with https or else without.
func preference(r *http.Request, name string) string {
	for _, name := range []string{hostPrefix + name, name} {
		if cookie, err := r.Cookie(name); err == nil {
			return cookie.Value
		}
	}
	return ""
}

func themeNamed(name string) pages.Theme {
	switch chosen := pages.Theme(name); chosen {
	case pages.Light, pages.Dark:
		return chosen
	default:
		return pages.Automatic
	}
}

// prefer remembers a language or a theme in the browser, and goes back to the page where it was chosen. It needs no signing in.
func (s *Server) prefer(w http.ResponseWriter, r *http.Request) {
	if chosen, found := pages.Named(r.PostFormValue("language")); found {
		s.rememberPreference(w, languageCookie, chosen.Lang())
	}
	if r.PostForm.Has("theme") {
		s.rememberPreference(w, themeCookie, string(themeNamed(r.PostFormValue("theme"))))
	}
	http.Redirect(w, r, signin.SafeNext(r.PostFormValue("next")), http.StatusSeeOther) //nolint:gosec // SafeNext leads to pages of ours alone
}

func (s *Server) rememberPreference(w http.ResponseWriter, name, value string) {
	if s.https {
		name = hostPrefix + name
	}
	cookie := &http.Cookie{ //nolint:gosec // Secure follows the gateway's own address
		Name: name, Value: value, Path: "/", MaxAge: int(preferencesKept.Seconds()),
		HttpOnly: true, Secure: s.https, SameSite: http.SameSiteLaxMode,
	}
	if value == "" {
		cookie.MaxAge = -1
	}
	http.SetCookie(w, cookie)
}

// frame is what stands around a page.
func (s *Server) frame(r *http.Request, current *session.Session) pages.Frame {
	frame := pages.Frame{Language: language(r), Theme: theme(r), Path: "/", Overview: s.administers(current)}
	if !nobody(current) {
		frame.Person = current.Person.Display()
	}
	if r.Method == http.MethodGet {
		frame.Path = r.URL.Path
	}
	return frame
}
