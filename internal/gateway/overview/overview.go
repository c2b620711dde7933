// SPDX-License-Identifier: Apache-2.0

// Package overview counts what an organisation has recorded. It is pure.
package overview

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

const (
	// Weeks is how many weeks back it counts what was recorded, this one included.
	Weeks = 12
	// Days is how many days back it counts refused attempts, today included.
	Days = 14
	// Soon is how long before its end a recording counts as ending soon.
	Soon = 7 * 24 * time.Hour
)

// Count is how many, or how much, there is of something.
type Count struct {
	// Name is a namespace, a store, or a day: 2026-07-01.
	Name string
	N    int64
}

// Sums are what there is.
type Sums struct {
	// Recordings is how many recordings there are, Bytes how much room their media take.
	Recordings int
	Bytes      int64
	// Weekly counts the meetings that were recorded in each of the last weeks, by the Monday with which it begins, the oldest first.
	Weekly []Count
	// Namespaces and Stores are how many bytes lie in each, the largest first.
	Namespaces, Stores []Count
	// Ending are the recordings that expire soon, the next one first.
	Ending []*v1alpha1.MeetingRecording
}

// Of counts recordings, of which it keeps some.
func Of(recordings []v1alpha1.MeetingRecording, now time.Time) Sums {
	sums := Sums{Recordings: len(recordings)}
	weeks, namespaces, stores := map[string]int64{}, map[string]int64{}, map[string]int64{}
	for i := range recordings {
		recording := &recordings[i]
		bytes := recording.Status.Media.Bytes
		sums.Bytes += bytes
		weeks[monday(Held(recording))]++
		namespaces[recording.Namespace] += bytes
		stores[recording.StoreName()] += bytes
		if end := recording.Status.ExpiresAt.Time; !end.IsZero() && end.Before(now.Add(Soon)) {
			sums.Ending = append(sums.Ending, recording)
		}
	}
	for back := Weeks - 1; back >= 0; back-- {
		week := monday(now.AddDate(0, 0, -7*back))
		sums.Weekly = append(sums.Weekly, Count{week, weeks[week]})
	}
	sums.Namespaces, sums.Stores = largestFirst(namespaces), largestFirst(stores)
	slices.SortFunc(sums.Ending, func(a, b *v1alpha1.MeetingRecording) int {
		return cmp.Or(a.Status.ExpiresAt.Compare(b.Status.ExpiresAt.Time), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return sums
}

// Daily are the counts of the last days, the oldest first.
func Daily(counts map[string]int, now time.Time) []Count {
	var days []Count
	for back := Days - 1; back >= 0; back-- {
		day := now.UTC().AddDate(0, 0, -back).Format(time.DateOnly)
		days = append(days, Count{day, int64(counts[day])})
	}
	return days
}

// Most are the recordings with the largest counts, which are given by UID. Recordings that are gone are left out.
func Most(recordings []v1alpha1.MeetingRecording, counts map[string]int, atMost int) []*v1alpha1.MeetingRecording {
	var found []*v1alpha1.MeetingRecording
	for i := range recordings {
		if counts[string(recordings[i].UID)] > 0 {
			found = append(found, &recordings[i])
		}
	}
	slices.SortFunc(found, func(a, b *v1alpha1.MeetingRecording) int {
		return cmp.Or(cmp.Compare(counts[string(b.UID)], counts[string(a.UID)]), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return found[:min(len(found), atMost)]
}

// Held is when the meeting was, or else when its recording was made.
func Held(recording *v1alpha1.MeetingRecording) time.Time {
	if started := recording.Spec.Meeting.StartedAt.Time; !started.IsZero() {
		return started
	}
	return recording.CreationTimestamp.Time
}

// monday is the day with which the week of t began, in UTC.
func monday(t time.Time) string {
	t = t.UTC()
	return t.AddDate(0, 0, -(int(t.Weekday())+6)%7).Format(time.DateOnly)
}

func largestFirst(sums map[string]int64) []Count {
	counts := make([]Count, 0, len(sums))
	for _, name := range slices.Sorted(maps.Keys(sums)) {
		counts = append(counts, Count{name, sums[name]})
	}
	slices.SortStableFunc(counts, func(a, b Count) int { return cmp.Compare(b.N, a.N) })
	return counts
}
