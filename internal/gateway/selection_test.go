// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/gateway/pages"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

// shelf is a few recordings that somebody may view.
func shelf() []*dossier {
	day := func(n int) time.Time { return time.Date(2026, time.July, n, 9, 0, 0, 0, time.UTC) }
	film := func(name, title, department string, held, expires time.Time, length v1alpha1.Duration) *dossier {
		r := &v1alpha1.MeetingRecording{ObjectMeta: metav1.ObjectMeta{Name: name}}
		r.Spec.Meeting = v1alpha1.MeetingFacts{Title: title, Department: department, StartedAt: metav1.NewTime(held)}
		r.Status.Media.Duration, r.Status.ExpiresAt = length, metav1.NewTime(expires)
		return &dossier{recording: r, exists: true, rules: policy.Resolve(policy.Input{})}
	}
	return []*dossier{
		film("b", "Budget", "finance", day(2), day(30), "30m"),
		film("a", "apples and pears", "sales", day(3), time.Time{}, "2h"),
		film("c", "季度回顾", "finance", day(1), day(20), "45s"),
	}
}

func TestASelectionNarrowsAndOrders(t *testing.T) {
	cases := map[string]struct {
		query string
		want  []string
	}{
		"nothing asked is the newest first":        {"", []string{"a", "b", "c"}},
		"the oldest first":                         {"sort=oldest", []string{"c", "b", "a"}},
		"by title, as people order":                {"sort=title", []string{"a", "b", "c"}},
		"the longest first":                        {"sort=longest", []string{"a", "b", "c"}},
		"the soonest to expire, without end last":  {"sort=ending", []string{"c", "b", "a"}},
		"an order that does not exist":             {"sort=random", []string{"a", "b", "c"}},
		"a word, whatever its case":                {"q=BUDGET", []string{"b"}},
		"every word counts":                        {"q=pears+apples", []string{"a"}},
		"words that do not stand together":         {"q=pears+budget", nil},
		"a word in Chinese":                        {"q=%E5%9B%9E%E9%A1%BE", []string{"c"}},
		"a date":                                   {"q=2026-07-02", []string{"b"}},
		"a department":                             {"department=finance", []string{"b", "c"}},
		"what may be downloaded, which is nothing": {"download=1", nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			query, err := url.ParseQuery(tc.query)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, d := range selectionOf(query).of(pages.Choose("en"), shelf()) {
				got = append(got, d.recording.Name)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("recordings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAListHasPages(t *testing.T) {
	const found = 2*listed + 1
	cases := map[string]struct {
		page               string
		wantFrom, wantTo   int
		previous, nextPage string
	}{
		"the first":             {"1", 0, listed, "", "/?page=2&q=x"},
		"the middle":            {"2", listed, 2 * listed, "/?q=x", "/?page=3&q=x"},
		"the last":              {"3", 2 * listed, found, "/?page=2&q=x", ""},
		"past the end":          {"99", 2 * listed, found, "/?page=2&q=x", ""},
		"a number out of place": {"-5", 0, listed, "", "/?page=2&q=x"},
		"no number":             {"two", 0, listed, "", "/?page=2&q=x"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := selectionOf(url.Values{"q": {"x"}, "page": {tc.page}})
			from, to := s.window(found)
			paging := s.pages(pages.Choose("en"), found)
			got := fmt.Sprint(from, to, paging.Previous, paging.Next)
			if want := fmt.Sprint(tc.wantFrom, tc.wantTo, tc.previous, tc.nextPage); got != want {
				t.Errorf("shows %s, want %s", got, want)
			}
		})
	}
	if selectionOf(nil).pages(pages.Choose("en"), listed) != nil {
		t.Error("one page has neighbours")
	}
}
