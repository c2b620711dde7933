// SPDX-License-Identifier: Apache-2.0

package trash

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	clocktesting "k8s.io/utils/clock/testing"
	"pgregory.net/rapid"

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

// listing yields keys in their order, as an object store does.
func listing(keys ...string) iter.Seq2[objectstore.ObjectInfo, error] {
	slices.Sort(keys)
	return func(yield func(objectstore.ObjectInfo, error) bool) {
		for _, key := range keys {
			if !yield(objectstore.ObjectInfo{Key: key}, nil) {
				return
			}
		}
	}
}

func failing(err error) iter.Seq2[objectstore.ObjectInfo, error] {
	return func(yield func(objectstore.ObjectInfo, error) bool) { yield(objectstore.ObjectInfo{}, err) }
}

func TestDueTombstones(t *testing.T) {
	key := func(at time.Time) string { return mustRecording(t, "finance", "uid-1").TombstoneKey(at) }
	broken := errors.New("broken")
	cases := map[string]struct {
		listing  iter.Seq2[objectstore.ObjectInfo, error]
		wantDue  []string
		wantNext time.Time
		wantErr  error
	}{
		"an empty trash":                     {listing(), nil, time.Time{}, nil},
		"R26 due exactly now":                {listing(key(noon)), []string{key(noon)}, time.Time{}, nil},
		"a second early":                     {listing(key(noon.Add(time.Second))), nil, noon.Add(time.Second), nil},
		"some due, the next is the earliest": {listing(key(noon.Add(2*time.Hour)), key(noon.Add(-time.Hour)), key(noon.Add(time.Hour))), []string{key(noon.Add(-time.Hour))}, noon.Add(time.Hour), nil},
		"what is no tombstone is left alone": {listing("trash/README", key(noon)), []string{key(noon)}, time.Time{}, nil},
		"a bucket that was never made":       {failing(objectstore.NewResponseError("list", 404, "NoSuchBucket", "")), nil, time.Time{}, nil},
		"a listing that fails":               {failing(broken), nil, time.Time{}, broken},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			due, next, err := DueTombstones(tc.listing, noon)
			if diff := cmp.Diff(tc.wantDue, due); diff != "" || !next.Equal(tc.wantNext) || !errors.Is(err, tc.wantErr) {
				t.Errorf("next = %s, %v; want %s, %v; due (-want +got):\n%s", next, err, tc.wantNext, tc.wantErr, diff)
			}
		})
	}
}

func TestR26NoTombstoneIsDueEarlyAndNoneIsForgotten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		offsets := rapid.SliceOfDistinct(rapid.IntRange(-1000, 1000), rapid.ID[int]).Draw(t, "offsets")
		var keys []string
		wantDue := 0
		for _, offset := range offsets {
			keys = append(keys, mustRecording(t, "finance", "uid-1").TombstoneKey(noon.Add(time.Duration(offset)*time.Second)))
			if offset <= 0 {
				wantDue++
			}
		}
		due, next, err := DueTombstones(listing(keys...), noon)
		if err != nil || len(due) != wantDue || next.IsZero() != (wantDue == len(keys)) || !next.IsZero() && !next.After(noon) {
			t.Fatalf("%d due, next %s, %v; want %d of %d", len(due), next, err, wantDue, len(keys))
		}
	})
}

func newBucket(t *testing.T) (*objectstore.Client, string) {
	t.Helper()
	return s3test.Start(t, s3test.Options{}).Bucket(t, "recordings"), "recordings"
}

func TestR26PurgeLeavesNoVersionAndTouchesNothingElse(t *testing.T) {
	t.Parallel()
	objects, bucket := newBucket(t)
	mine, neighbour := mustRecording(t, "finance", "uid-1"), mustRecording(t, "finance", "uid-10")
	put := func(key string) {
		if _, err := objects.Put(t.Context(), bucket, key, bytes.NewReader([]byte("x")), 1, objectstore.PutOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	for _, recording := range []objectstore.Recording{mine, neighbour} {
		for range 2 {
			put(recording.RawKey())
			put(recording.MediaKey(1))
			put(recording.ManifestKey(1))
		}
	}
	if _, err := objects.CreateMultipart(t.Context(), bucket, mine.MediaKey(2), ""); err != nil {
		t.Fatal(err)
	}
	if err := objects.Delete(t.Context(), bucket, mine.RawKey()); err != nil { // leaves a delete marker
		t.Fatal(err)
	}

	evidence, err := Purge(t.Context(), objects, bucket, mine)
	if err != nil || len(evidence) != 4 || !strings.HasPrefix(evidence[0], "removed 6 versions and 1 delete markers") {
		t.Errorf("evidence of 6 versions and a delete marker: %q, %v", evidence, err)
	}
	left := map[string]bool{}
	for object, err := range objects.List(t.Context(), bucket, "") {
		if err != nil {
			t.Fatal(err)
		}
		left[object.Key] = true
	}
	want := map[string]bool{neighbour.RawKey(): true, neighbour.MediaKey(1): true, neighbour.ManifestKey(1): true}
	if diff := cmp.Diff(want, left); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
	for upload, err := range objects.Uploads(t.Context(), bucket, "") {
		t.Errorf("upload %v is left, %v", upload, err)
	}
	if evidence, err = Purge(t.Context(), objects, bucket, mine); err != nil || len(evidence) != 1 || !strings.HasPrefix(evidence[0], "nothing was found") {
		t.Errorf("a second purge: %v, %v", evidence, err)
	}
}

// lateWriter is a bucket into which somebody writes once more, under a prefix that has been emptied.
type lateWriter struct {
	*objectstore.Client
	key string
}

func (w *lateWriter) DeleteAllVersionsUnder(ctx context.Context, bucket, prefix string, known ...string) ([]objectstore.RemovedVersion, error) {
	gone, err := w.Client.DeleteAllVersionsUnder(ctx, bucket, prefix, known...)
	if strings.HasPrefix(w.key, prefix) && err == nil {
		_, err = w.Put(ctx, bucket, w.key, bytes.NewReader([]byte("x")), 1, objectstore.PutOptions{})
	}
	return gone, err
}

func TestR26WhatComesBackIsNotReportedPurged(t *testing.T) {
	t.Parallel()
	objects, bucket := newBucket(t)
	recording := mustRecording(t, "finance", "uid-1")
	for _, key := range []string{recording.RawKey(), recording.MediaKey(1), recording.ManifestKey(1)} {
		evidence, err := Purge(t.Context(), &lateWriter{objects, key}, bucket, recording)
		if err == nil || !strings.Contains(err.Error(), "1 versions have come back") {
			t.Errorf("%s was written meanwhile, and the purge says %q, %v", key, evidence, err)
		}
		if _, err := Purge(t.Context(), objects, bucket, recording); err != nil {
			t.Error(err)
		}
	}
}

func TestTheSweeperSleepsUntilTheDateAndNoLonger(t *testing.T) {
	t.Parallel()
	clock := clocktesting.NewFakeClock(noon)
	sweeper := NewSweeper(Options{Clock: clock})
	woke := make(chan bool)
	go func() { woke <- sweeper.sleepUntil(t.Context(), noon.Add(time.Hour)) }()

	// Two notes before anybody listens are one; the earlier one counts.
	sweeper.Note(noon.Add(30 * time.Minute))
	sweeper.Note(noon.Add(20 * time.Minute))
	sweeper.Note(noon.Add(50 * time.Minute))
	for clock.Now().Before(noon.Add(20 * time.Minute)) {
		select {
		case <-woke:
			t.Fatalf("woke early, at %s", clock.Now())
		default:
		}
		clock.Step(time.Minute)
	}
	// A sweeper that oversleeps what was noted keeps this waiting until the test's own deadline.
	if again := <-woke; !again {
		t.Error("the sweeper ended")
	}
}
