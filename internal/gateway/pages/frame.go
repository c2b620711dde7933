// SPDX-License-Identifier: Apache-2.0

package pages

// Theme is light or dark; empty is what the browser prefers.
type Theme string

// The themes.
const (
	Automatic Theme = ""
	Light     Theme = "light"
	Dark      Theme = "dark"
)

// Frame is what stands around the content of every page.
type Frame struct {
	Language
	// Person is who is signed in, or empty.
	Person string
	// Theme is what the person chose.
	Theme Theme
	// Path is the page to come back to after choosing a language or a theme.
	Path string
	// Overview offers the administrator's overview.
	Overview bool
}

// Place is an entry of the navigation.
type Place struct {
	// Path is where it leads, Name the key of what it is called.
	Path, Name string
	// Current says that it is this page.
	Current bool
}

// Places are the entries of the navigation, for somebody who is signed in.
func (f Frame) Places() []Place {
	if f.Person == "" {
		return nil
	}
	places := []Place{{Path: "/", Name: "listTitle"}, {Path: "/inbox", Name: "inboxTitle"}, {Path: "/trash", Name: "trashTitle"}}
	if f.Overview {
		places = append(places, Place{Path: "/overview", Name: "overviewTitle"})
	}
	for i := range places {
		places[i].Current = places[i].Path == f.Path
	}
	return places
}

// ThemeChoice is one of the themes to choose from.
type ThemeChoice struct {
	Theme Theme
	// Name is the key of what it is called.
	Name string
	// Chosen says that it is the one.
	Chosen bool
}

// Themes are the themes to choose from.
func (f Frame) Themes() []ThemeChoice {
	choices := []ThemeChoice{{Theme: Automatic, Name: "themeAutomatic"}, {Theme: Light, Name: "themeLight"}, {Theme: Dark, Name: "themeDark"}}
	for i := range choices {
		choices[i].Chosen = choices[i].Theme == f.Theme
	}
	return choices
}
