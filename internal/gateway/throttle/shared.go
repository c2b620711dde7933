// SPDX-License-Identifier: Apache-2.0

package throttle

import (
	"slices"
	"time"
)

// Others is the key under which all are counted for whom there is no room.
const Others = "others"

// sharedKeys is how many keys are counted by themselves in a list that replicas share.
const sharedKeys = 31

// Count is how many wrong tries were made under a key, and when the last one was.
type Count struct {
	Key   string
	Wrong int
	Last  time.Time
}

// Wait is how long to wait before the next try under the keys, by a list that replicas share.
func Wait(counts []Count, now time.Time, keys ...string) time.Duration {
	var wait time.Duration
	for _, key := range keys {
		if i := find(counts, now, key); i >= 0 {
			wait = max(wait, counts[i].Last.Add(delay(counts[i].Wrong)).Sub(now))
		}
	}
	return wait
}

// Wrong returns the list with one more wrong try under the keys, and without what is too old to count. The list never grows beyond a bound:
// when it is full, the keys that are new count together, so that nobody makes room for guesses of their own by coming from many addresses.
func Wrong(counts []Count, now time.Time, keys ...string) []Count {
	counts = recent(counts, now)
	tried := map[int]bool{}
	for _, key := range keys {
		i := find(counts, now, key)
		if i < 0 {
			i = len(counts)
			counts = append(counts, Count{Key: keyIn(counts, key)})
			counts[i].Last = now
		}
		tried[i] = true // once, also where two keys are counted together
	}
	for i := range tried {
		counts[i].Wrong, counts[i].Last = counts[i].Wrong+1, now
	}
	return counts
}

// Right returns the list without the keys, and without what is too old to count; changed says that they were in it.
func Right(counts []Count, now time.Time, keys ...string) (left []Count, changed bool) {
	theirs := func(c Count) bool { return slices.Contains(keys, c.Key) }
	return slices.DeleteFunc(recent(counts, now), theirs), slices.ContainsFunc(counts, theirs)
}

func recent(counts []Count, now time.Time) []Count {
	return slices.DeleteFunc(slices.Clone(counts), func(c Count) bool { return now.Sub(c.Last) >= memory })
}

// find returns where a key is counted: by itself, or with others where there is no room for it; -1 for nowhere.
func find(counts []Count, now time.Time, key string) int {
	at := func(key string) int {
		return slices.IndexFunc(counts, func(c Count) bool { return c.Key == key && now.Sub(c.Last) < memory })
	}
	if i := at(key); i >= 0 {
		return i
	}
	return at(keyIn(recent(counts, now), key))
}

// keyIn is the key under which one that has no entry yet is counted.
func keyIn(counts []Count, key string) string {
	own := len(counts)
	if slices.ContainsFunc(counts, func(c Count) bool { return c.Key == Others }) {
		own--
	}
	if own >= sharedKeys {
		return Others
	}
	return key
}
