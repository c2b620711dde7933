// SPDX-License-Identifier: Apache-2.0

package pages

// AskForm asks for access to a recording.
type AskForm struct {
	// Path is where the form goes.
	Path string
	// What and Days are what to choose from.
	What, Days []Choice
}

// ShareForm shares a recording with others.
type ShareForm struct {
	Path string
	// Kinds are whom with, What is what they may do, Days for how long.
	Kinds, What, Days []Choice
	// Once makes the form count once, however often it is sent.
	Once string
	// Password says that what is shared has a password, because the policy wants one.
	Password bool
}

// Audience is who has access to a recording.
type Audience struct {
	People []Attendee
	// More is how many participants are not named.
	More   int
	Grants []GrantEntry
}

// Attendee is somebody who was in the meeting.
type Attendee struct {
	Name, Role string
	// Outsider says that they do not belong to the organisation.
	Outsider bool
	// May is what they may do; nobody may anything by having attended.
	May []string
}

// GrantEntry is a grant that is about the recording.
type GrantEntry struct {
	Whom, What, By string
	Until          *Moment
	// Counts says that the policies let it count, Password that its link has one.
	Counts, Password bool
	// RevokePath ends it; empty for one that was not made in the pages.
	RevokePath string
}

// SharedContent is the page Shared.
type SharedContent struct {
	RecordingPath, Title string
	Grant                GrantEntry
	// Link and Password are for whom it was shared with; Password is empty where there is none.
	Link, Password string
}

// NoticeContent is the page Notice.
type NoticeContent struct {
	Title, Message string
	// Next is the page to go on to.
	Next string
}

// LeavingContent is the page Leaving.
type LeavingContent struct {
	Title string
	// To is where the browser goes on to, Provider what that is called.
	To, Provider string
}

// InboxContent is the page Inbox.
type InboxContent struct {
	// Problem is what was wrong with the last answer, or empty.
	Problem  string
	Requests []InboxEntry
}

// InboxEntry is a request that waits for an answer.
type InboxEntry struct {
	// ID tells the entry apart on the page, Path is where the answer goes.
	ID, Path string
	// Title names the recording, RecordingPath is its page; empty for who may not watch it.
	Title, RecordingPath string
	// Who asks, from which departments, for what, why and for how long.
	Who, Departments, What, Reason, For string
	// Outsider says that they do not belong to the organisation.
	Outsider bool
	// Asked is when, Until when the request ends or goes to somebody else.
	Asked, Until *Moment
}

// TrashContent is the page Trash.
type TrashContent struct {
	Recordings []TrashEntry
}

// TrashEntry is a recording in the trash.
type TrashEntry struct {
	Title, Department  string
	StartedAt, PurgeAt *Moment
	RestorePath        string
}

// HistoryContent is the page History.
type HistoryContent struct {
	RecordingPath, Title string
	Entries              []HistoryEntry
}

// HistoryEntry is one fact of the access log.
type HistoryEntry struct {
	Time                     *Moment
	Action, Who, Where, Rule string
	Refused                  bool
}
