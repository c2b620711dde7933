// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/collate"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/gateway/overview"
	"github.com/reelkeeper/reelkeeper/internal/gateway/pages"
)

const (
	// listed is how many recordings one page of the list shows.
	listed = 24
	// maxQuery bounds what is searched for, in bytes.
	maxQuery = 256
)

// selection is what somebody wants to see of the recordings that they may view. It stands in the address of the page.
type selection struct {
	query, department string
	downloadable      bool
	order             string
	page              int
}

// The ways to order recordings, the first one if nothing else was asked for.
var listOrders = []string{"newest", "oldest", "title", "longest", "ending"}

func selectionOf(query url.Values) selection {
	s := selection{
		query: strings.TrimSpace(query.Get("q")), department: query.Get("department"),
		downloadable: query.Get("download") != "", order: query.Get("sort"),
	}
	if len(s.query) > maxQuery {
		s.query = strings.ToValidUTF8(s.query[:maxQuery], "")
	}
	if !slices.Contains(listOrders, s.order) {
		s.order = listOrders[0]
	}
	if page, err := strconv.Atoi(query.Get("page")); err == nil {
		s.page = max(page-1, 0)
	}
	return s
}

// narrows reports whether it leaves anything out.
func (s selection) narrows() bool { return s.query != "" || s.department != "" || s.downloadable }

// of returns those of the recordings that are wanted, in the order that is.
func (s selection) of(lang pages.Language, visible []*dossier) []*dossier {
	var matching []*dossier
	words := strings.Fields(strings.ToLower(s.query))
	for _, d := range visible {
		if s.matches(lang, d, words) {
			matching = append(matching, d)
		}
	}
	slices.SortFunc(matching, s.comparison(lang))
	return matching
}

// matches finds every word somewhere: in the title, the department or the date.
func (s selection) matches(lang pages.Language, d *dossier, words []string) bool {
	meeting := &d.recording.Spec.Meeting
	if s.department != "" && meeting.Department != s.department {
		return false
	}
	if s.downloadable && !d.decide(v1alpha1.PermissionDownload).Allowed() {
		return false
	}
	if len(words) == 0 {
		return true
	}
	text := strings.ToLower(strings.Join([]string{
		titleOf(lang, d.recording), meeting.Department, overview.Held(d.recording).UTC().Format(time.DateOnly),
	}, " "))
	return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(text, word) })
}

func (s selection) comparison(lang pages.Language) func(a, b *dossier) int {
	byTime := func(a, b *dossier) int {
		return cmp.Or(overview.Held(b.recording).Compare(overview.Held(a.recording)), cmp.Compare(a.recording.Namespace, b.recording.Namespace),
			cmp.Compare(a.recording.Name, b.recording.Name))
	}
	switch s.order {
	case "oldest":
		return func(a, b *dossier) int { return byTime(b, a) }
	case "title":
		keys, titles, room := map[*dossier]string{}, collate.New(lang.Tag(), collate.IgnoreCase), &collate.Buffer{}
		// A key takes as long to make as a few comparisons take, and each recording is compared many times.
		key := func(d *dossier) string {
			made, found := keys[d]
			if !found {
				made = string(titles.KeyFromString(room, titleOf(lang, d.recording)))
				keys[d] = made
				room.Reset()
			}
			return made
		}
		return func(a, b *dossier) int { return cmp.Or(cmp.Compare(key(a), key(b)), byTime(a, b)) }
	case "longest":
		return func(a, b *dossier) int { return cmp.Or(cmp.Compare(lengthOf(b), lengthOf(a)), byTime(a, b)) }
	case "ending":
		return func(a, b *dossier) int { return cmp.Or(endOf(a).Compare(endOf(b)), byTime(a, b)) }
	}
	return byTime
}

// lengthOf is how long a recording plays, zero while that is not known.
func lengthOf(d *dossier) time.Duration {
	length, err := d.recording.Status.Media.Duration.Parse()
	if err != nil {
		return 0
	}
	return length
}

// endOf is when a recording expires; one without an end comes after all that have one.
func endOf(d *dossier) time.Time {
	if end := d.recording.Status.ExpiresAt.Time; !end.IsZero() {
		return end
	}
	return time.Unix(1<<40, 0)
}

// last is the last page of so many recordings, from 0.
func last(found int) int { return max(found-1, 0) / listed }

// window says which of the matching recordings the page shows. Past the end it shows the last page.
func (s selection) window(found int) (from, to int) {
	from = min(s.page, last(found)) * listed
	return from, min(from+listed, found)
}

// address is the page of the list with another number, from 0.
func (s selection) address(page int) string {
	query := url.Values{}
	for name, value := range map[string]string{"q": s.query, "department": s.department} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if s.downloadable {
		query.Set("download", "1")
	}
	if s.order != listOrders[0] {
		query.Set("sort", s.order)
	}
	if page > 0 {
		query.Set("page", strconv.Itoa(page+1))
	}
	return "/?" + query.Encode()
}

// pages are the ways to the neighbouring pages; nil where there is but one.
func (s selection) pages(lang pages.Language, found int) *pages.Paging {
	if found <= listed {
		return nil
	}
	at := min(s.page, last(found))
	paging := &pages.Paging{Position: lang.Fill("pageOf", strconv.Itoa(at+1), strconv.Itoa(last(found)+1))}
	if at > 0 {
		paging.Previous = s.address(at - 1)
	}
	if at < last(found) {
		paging.Next = s.address(at + 1)
	}
	return paging
}

func (s selection) orders(lang pages.Language) []pages.Choice {
	var choices []pages.Choice
	for _, order := range listOrders {
		choices = append(choices, pages.Choice{Value: order, Name: lang.T("sort." + order), Chosen: order == s.order})
	}
	return choices
}

// departmentsOf are those of recordings that somebody may view anyway.
func departmentsOf(visible []*dossier) []string {
	var departments []string
	for _, d := range visible {
		if department := d.recording.Spec.Meeting.Department; department != "" && !slices.Contains(departments, department) {
			departments = append(departments, department)
		}
	}
	slices.Sort(departments)
	return departments
}
