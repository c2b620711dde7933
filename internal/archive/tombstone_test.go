// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/objectstore/s3test"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func mustRecording(t interface{ Fatal(...any) }, namespace, uid string) objectstore.Recording {
	recording, err := objectstore.NewRecording(namespace, uid)
	if err != nil {
		t.Fatal(err)
	}
	return recording
}

func newBucket(t *testing.T) (*objectstore.Client, string) {
	t.Helper()
	return s3test.Start(t, s3test.Options{}).Bucket(t, "recordings"), "recordings"
}

func TestTombstonesAreReadAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	objects, bucket := newBucket(t)
	want := Tombstone{
		Version: 1, Namespace: "finance", Name: "q3-review", UID: "uid-1", DeletedAt: noon.Add(-time.Hour), PurgeAt: noon,
		MediaKey: "media/finance/uid-1/1.mp4", ManifestKey: "manifests/finance/uid-1/1.json", Holds: []string{"case-2026-14"},
	}
	if err := WriteTombstone(t.Context(), objects, bucket, want); err != nil {
		t.Fatal(err)
	}
	key := mustRecording(t, "finance", "uid-1").TombstoneKey(noon)
	got, err := ReadTombstone(t.Context(), objects, bucket, key)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v, tombstone (-want +got):\n%s", err, diff)
	}
}

func TestTombstonesThatDoNotFitTheirKeyAreNotBelieved(t *testing.T) {
	t.Parallel()
	objects, bucket := newBucket(t)
	key := mustRecording(t, "finance", "uid-1").TombstoneKey(noon)
	for name, content := range map[string]string{
		"damaged":           `{"version":1,`,
		"another version":   `{"version":2}`,
		"another recording": `{"version":1,"namespace":"finance","uid":"uid-2","purgeAt":"2026-03-04T12:00:00Z"}`,
		"another date":      `{"version":1,"namespace":"finance","uid":"uid-1","purgeAt":"2027-03-04T12:00:00Z"}`,
	} {
		if _, err := objects.Put(t.Context(), bucket, key, strings.NewReader(content), int64(len(content)), objectstore.PutOptions{}); err != nil {
			t.Fatal(err)
		}
		if got, err := ReadTombstone(t.Context(), objects, bucket, key); err == nil {
			t.Errorf("%s: ReadTombstone = %+v", name, got)
		}
	}
}

func TestR26ATombstoneTellsHoldsFromAPolicyThatCannotBeUnderstood(t *testing.T) {
	t.Parallel()
	objects, bucket := newBucket(t)
	const policy = "RecordingPolicy finance/rules spec.selector cannot be understood"
	for name, written := range map[string]*Pause{"as it is written now": {By: policy, Labels: map[string]string{"team": "a"}}, "of a release that knew no pause": nil} {
		tombstone := Tombstone{
			Namespace: "finance", Name: "q3-review", UID: "uid-1", DeletedAt: noon, PurgeAt: noon, Holds: []string{"case-7", policy}, Paused: written,
		}
		if err := WriteTombstone(t.Context(), objects, bucket, tombstone); err != nil {
			t.Fatal(err)
		}
		got, err := ReadTombstone(t.Context(), objects, bucket, mustRecording(t, "finance", "uid-1").TombstoneKey(noon))
		if err != nil || got.Paused == nil || got.Paused.By != policy {
			t.Fatalf("%s: %v, paused by %+v", name, err, got.Paused)
		}
		if diff := cmp.Diff([]string{"case-7"}, got.LegalHolds()); diff != "" {
			t.Errorf("%s: legal holds (-want +got):\n%s", name, diff)
		}
		if dated := got.Dated(noon.Add(time.Hour)); dated.Paused != nil || !dated.PurgeAt.Equal(noon.Add(time.Hour)) || len(dated.Holds) != 1 {
			t.Errorf("%s: with its date it is %+v", name, dated)
		}
	}
}
