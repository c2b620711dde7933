// SPDX-License-Identifier: Apache-2.0

package objectstore_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

func TestLayoutOfOneRecording(t *testing.T) {
	recording, err := objectstore.NewRecording("finance", "0d6f3a52-8f3c-4f6e-9a55-1f8a7c1f2b3d")
	if err != nil {
		t.Fatal(err)
	}
	purgeAt := time.Date(2026, 3, 4, 6, 7, 8, 999, time.FixedZone("CET", 3600))
	got := []string{
		recording.RawKey(), recording.ProgressKey(), recording.MediaKey(2), recording.ManifestKey(2), recording.TombstoneKey(purgeAt),
	}
	want := []string{
		"staging/finance/0d6f3a52-8f3c-4f6e-9a55-1f8a7c1f2b3d/raw",
		"staging/finance/0d6f3a52-8f3c-4f6e-9a55-1f8a7c1f2b3d/progress",
		"media/finance/0d6f3a52-8f3c-4f6e-9a55-1f8a7c1f2b3d/2.mp4",
		"manifests/finance/0d6f3a52-8f3c-4f6e-9a55-1f8a7c1f2b3d/2.json",
		"trash/2026-03-04T05:07:08Z/finance/0d6f3a52-8f3c-4f6e-9a55-1f8a7c1f2b3d",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
}

func TestNewRecordingRefusesWhatCouldEscapeItsPrefix(t *testing.T) {
	cases := map[string]struct{ namespace, uid string }{
		"empty namespace":          {"", "u1"},
		"empty UID":                {"ns", ""},
		"parent directory":         {"..", "u1"},
		"slash in the UID":         {"ns", "u1/../u2"},
		"backslash":                {"ns", `u1\u2`},
		"encoded slash":            {"ns", "u1%2Fu2"},
		"dot":                      {"ns", "u1.mp4"},
		"leading dash":             {"-ns", "u1"},
		"line feed":                {"ns", "u1\n"},
		"letter outside ASCII":     {"ns", "ü"},
		"longer than a namespace":  {strings.Repeat("a", 64), "u1"},
		"NUL":                      {"ns", "u\x00"},
		"space":                    {"ns", "u 1"},
		"UID that is only a slash": {"ns", "/"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := objectstore.NewRecording(tc.namespace, tc.uid); err == nil {
				t.Errorf("NewRecording(%q, %q) was accepted", tc.namespace, tc.uid)
			}
		})
	}
}

func TestKeysNeverEscapeTheirRecording(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		namespace, uid := rapid.String().Draw(t, "namespace"), rapid.String().Draw(t, "uid")
		if rapid.Bool().Draw(t, "plausible") {
			namespace = rapid.StringMatching(`[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?`).Draw(t, "namespace")
			uid = rapid.StringMatching(`[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?`).Draw(t, "uid")
		}
		recording, err := objectstore.NewRecording(namespace, uid)
		if err != nil {
			return
		}
		attempt := rapid.IntRange(1, 1000).Draw(t, "attempt")
		for _, key := range []string{recording.RawKey(), recording.ProgressKey(), recording.MediaKey(attempt), recording.ManifestKey(attempt)} {
			parts := strings.Split(key, "/")
			if len(parts) != 4 || parts[1] != namespace || parts[2] != uid {
				t.Fatalf("key %q is not <root>/%s/%s/<object>", key, namespace, uid)
			}
		}
	})
}

func TestTombstonesAreReadBackAndSortByTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		recording, err := objectstore.NewRecording("ns", "u1")
		if err != nil {
			t.Fatal(err)
		}
		seconds := rapid.Int64Range(0, 253402300799) // to the end of the year 9999
		early := time.Unix(seconds.Draw(t, "a"), 0)
		late := time.Unix(seconds.Draw(t, "b"), 0)
		if late.Before(early) {
			early, late = late, early
		}
		if recording.TombstoneKey(early) > recording.TombstoneKey(late) {
			t.Fatalf("tombstone of %s sorts after that of %s", early, late)
		}
		gotRecording, gotTime, err := objectstore.ParseTombstone(recording.TombstoneKey(early))
		if err != nil || gotRecording != recording || !gotTime.Equal(early) {
			t.Fatalf("ParseTombstone = %v, %v, %v; want %v, %v", gotRecording, gotTime, err, recording, early)
		}
	})
}

func TestParseTombstoneRefusesOtherKeys(t *testing.T) {
	for _, key := range []string{"", "trash/", "media/2026-01-01T00:00:00Z/ns/u1", "trash/yesterday/ns/u1", "trash/2026-01-01T00:00:00Z/ns/../u1", "trash/2026-01-01T00:00:00Z/ns/"} {
		if _, _, err := objectstore.ParseTombstone(key); err == nil {
			t.Errorf("ParseTombstone(%q) was accepted", key)
		}
	}
}

func TestNamespaceBucket(t *testing.T) {
	if got, want := objectstore.NamespaceBucket("recordings", "finance"), "recordings-finance"; got != want {
		t.Errorf("bucket = %q, want %q", got, want)
	}
	rapid.Check(t, func(t *rapid.T) {
		base := rapid.StringMatching(`[a-z0-9]{3,40}`).Draw(t, "base")
		label := rapid.StringMatching(`[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?`)
		a, b := label.Draw(t, "a"), label.Draw(t, "b")
		bucketA, bucketB := objectstore.NamespaceBucket(base, a), objectstore.NamespaceBucket(base, b)
		if len(bucketA) > 63 || strings.HasSuffix(bucketA, "-") {
			t.Fatalf("%q is not a bucket name", bucketA)
		}
		if a != b && bucketA == bucketB {
			t.Fatalf("namespaces %q and %q share the bucket %q", a, b, bucketA)
		}
	})
}

func TestPrefixesOfSimilarNamesKeepApart(t *testing.T) {
	// Few letters make names that begin alike: team, team-a, team-a-b.
	alike := rapid.StringMatching(`[ab](-?[ab]){0,4}`)
	rapid.Check(t, func(t *rapid.T) {
		recording := func(who string) objectstore.Recording {
			made, err := objectstore.NewRecording(alike.Draw(t, who+"'s namespace"), alike.Draw(t, who+"'s UID"))
			if err != nil {
				t.Fatal(err)
			}
			return made
		}
		mine, theirs := recording("mine"), recording("theirs")
		if mine == theirs {
			return // which shares everything with itself
		}
		at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
		keys := func(of objectstore.Recording) []string {
			return []string{of.RawKey(), of.ProgressKey(), of.MediaKey(1), of.ManifestKey(1), of.StateKey(), of.TombstoneKey(at)}
		}
		for _, key := range keys(theirs) {
			for _, prefix := range []string{mine.StagingPrefix(), mine.MediaPrefix(), mine.ManifestPrefix()} {
				if strings.HasPrefix(key, prefix) {
					t.Fatalf("%s of %v lies under %s of %v", key, theirs, prefix, mine)
				}
			}
			if slices.Contains(keys(mine), key) {
				t.Fatalf("%v and %v share %s", mine, theirs, key)
			}
		}
	})
}
