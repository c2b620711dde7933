// SPDX-License-Identifier: Apache-2.0

package pages

import "time"

// Moment is a time as machines and as people write it.
type Moment struct {
	Machine, Human string
}

// At returns a Moment, or nil for the zero time.
func At(t time.Time) *Moment {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &Moment{Machine: t.Format(time.RFC3339), Human: t.Format("2006-01-02 15:04 UTC")}
}

// Choice is one of several to choose from.
type Choice struct {
	Value, Name string
	Chosen      bool
}

// Paging leads to neighbouring pages of a list.
type Paging struct {
	// Position says which page of how many this is.
	Position string
	// Previous and Next are addresses; empty where there is none.
	Previous, Next string
}

// ListContent is the page List.
type ListContent struct {
	Recordings []ListEntry
	// Query, Department and Downloadable are what the list was narrowed by; Filtered says that it was.
	Query, Department      string
	Downloadable, Filtered bool
	// Departments and Orders are what to choose from.
	Departments []string
	Orders      []Choice
	// Found is how many recordings there are on all pages.
	Found int
	// Pages is nil where there is but one.
	Pages *Paging
}

// ListEntry is one recording in the list.
type ListEntry struct {
	Path, Title, Department string
	// PosterPath is a picture of it, empty without one.
	PosterPath string
	// State is what became of one that cannot be played, Duration how long the others are.
	State, Duration string
	// Rights are what the person may do.
	Rights               []string
	StartedAt, ExpiresAt *Moment
	// Soon says that it expires soon.
	Soon bool
}

// RecordingContent is the page Recording.
type RecordingContent struct {
	Title string
	// State is what became of it, for one that cannot be played.
	State string
	// Playable says that there is something to watch.
	Playable bool
	// Processing says that there will be; Percent is how far it is, zero for unknown.
	Processing bool
	Percent    int
	// SessionsPath, StatePath and DownloadPath are what the page's controls use; DownloadPath is empty for who may not.
	SessionsPath, StatePath, DownloadPath string
	// PosterPath is the picture in the player before it plays, empty without one.
	PosterPath string
	Facts      []Fact
	Rights     []Right
	// Ask is the form to ask for more; nil where nothing could be granted.
	Ask *AskForm
	// TrashPath deletes the recording, HistoryPath is its access log; empty for who may not.
	TrashPath, HistoryPath string
	// Share is the form to share with others, Audience who has access; nil for who may not share.
	Share    *ShareForm
	Audience *Audience
}

// Fact is one line about a recording.
type Fact struct {
	Name, Text string
	Time       *Moment
}

// Right is one thing that somebody may do, or why not.
type Right struct {
	Name    string
	Allowed bool
	Why     string
}

// RefusalContent is the page Refusal.
type RefusalContent struct {
	Title, Message string
	// Remedies are what the person can do, a sentence each.
	Remedies []string
	// Account says as whom the reader is signed in, and SwitchPath signs in with another account; empty where that cannot help.
	Account    string
	SwitchPath string
	// Ask is the form to ask for access; nil where that cannot help.
	Ask *AskForm
	// RestorePath takes the recording out of the trash; empty for who may not.
	RestorePath string
}

// AccountsContent is the page Accounts, and Welcome.
type AccountsContent struct {
	// Providers are what to choose from.
	Providers []Choice
	// Next is the page to go on to, Again says that another account is wanted.
	Next  string
	Again bool
}

// PasswordContent is the page Password.
type PasswordContent struct {
	// Open says that there is no password: the page only asks whether to go on.
	Open bool
	// Message says what was wrong with the last try.
	Message string
}
