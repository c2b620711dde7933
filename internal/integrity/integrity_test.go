// SPDX-License-Identifier: Apache-2.0

package integrity_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/integrity"
	"github.com/reelkeeper/reelkeeper/internal/keys"
	"github.com/reelkeeper/reelkeeper/internal/manifests/manifesttest"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/objectstore/s3test"
)

const bucket = "recordings"

// bench is a bucket with versions and two recordings in it.
type bench struct {
	t            *testing.T
	objects      *objectstore.Client
	keyset       *keys.Keyset
	mine, theirs *manifesttest.Recording
}

func newBench(t *testing.T, versioning bool) *bench {
	t.Helper()
	b := &bench{t: t}
	var err error
	if b.objects, err = objectstore.New(s3test.Start(t, s3test.Options{}).Config()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.objects.Close)
	if _, err := b.objects.EnsureBucket(t.Context(), bucket, objectstore.BucketOptions{Versioning: versioning}); err != nil {
		t.Fatal(err)
	}
	b.keyset = newKeyset(t)
	b.mine, b.theirs = b.store("u1"), b.store("u2")
	return b
}

func newKeyset(t *testing.T) *keys.Keyset {
	t.Helper()
	json, err := keys.NewKeyset()
	if err != nil {
		t.Fatal(err)
	}
	keyset, err := keys.Load(json)
	if err != nil {
		t.Fatal(err)
	}
	return keyset
}

func (b *bench) store(uid string) *manifesttest.Recording {
	b.t.Helper()
	owner, err := objectstore.NewRecording("finance", uid)
	if err != nil {
		b.t.Fatal(err)
	}
	recording, err := manifesttest.New(b.keyset, owner, "q3-review", 5)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := recording.Put(b.t.Context(), b.objects, bucket); err != nil {
		b.t.Fatal(err)
	}
	return recording
}

func (b *bench) put(key string, content []byte) {
	b.t.Helper()
	if _, err := b.objects.Put(b.t.Context(), bucket, key, bytes.NewReader(content), int64(len(content)), objectstore.PutOptions{}); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) delete(key string) {
	b.t.Helper()
	if err := b.objects.Delete(b.t.Context(), bucket, key); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) target() integrity.Target {
	owner := b.mine.Owner
	return integrity.Target{Bucket: bucket, Owner: owner, ManifestKey: owner.ManifestKey(1), MediaKey: owner.MediaKey(1)}
}

func flipped(content []byte, at int) []byte {
	content = slices.Clone(content)
	content[at] ^= 4
	return content
}

func TestR7WhateverBecomesOfTheObjectsIsFound(t *testing.T) {
	t.Parallel()
	mediaKey := func(b *bench) string { return b.mine.Owner.MediaKey(1) }
	manifestKey := func(b *bench) string { return b.mine.Owner.ManifestKey(1) }
	cases := map[string]struct {
		spoil      func(b *bench)
		wantReason string
		wantSays   string
		// wantNoWay says that versions are of no help.
		wantNoWay bool
	}{
		"nothing": {spoil: func(*bench) {}},
		"a flipped bit": {
			func(b *bench) { b.put(mediaKey(b), flipped(b.mine.Media, 3*4096+7)) },
			v1alpha1.ReasonDamaged, "1 of 6 segments differ: segment 2 (bytes 12288 to 16383)", false,
		},
		"a truncated object": {
			func(b *bench) { b.put(mediaKey(b), b.mine.Media[:5*4096]) },
			v1alpha1.ReasonDamaged, "it has 20480 bytes instead of 24576; 1 of 6 segments differ: segment 4", false,
		},
		"a missing object":   {func(b *bench) { b.delete(mediaKey(b)) }, v1alpha1.ReasonMediaMissing, "is gone", false},
		"a swapped object":   {func(b *bench) { b.put(mediaKey(b), b.theirs.Media) }, v1alpha1.ReasonDamaged, "6 of 6 segments differ", false},
		"an empty object":    {func(b *bench) { b.put(mediaKey(b), nil) }, v1alpha1.ReasonDamaged, "it has 0 bytes", false},
		"a garbled manifest": {func(b *bench) { b.put(manifestKey(b), flipped(b.mine.Stored, 300)) }, v1alpha1.ReasonDamaged, "is damaged", false},
		"another's manifest": {func(b *bench) { b.put(manifestKey(b), b.theirs.Stored) }, v1alpha1.ReasonDamaged, "is damaged", false},
		"a missing manifest": {func(b *bench) { b.delete(manifestKey(b)) }, v1alpha1.ReasonMediaMissing, "is gone", false},
		"a lost key":         {func(b *bench) { b.keyset = newKeyset(b.t) }, v1alpha1.ReasonKeyMissing, "restore the keyset from a backup", true},
		"damage twice over": {func(b *bench) {
			b.put(mediaKey(b), flipped(b.mine.Media, 1))
			b.put(mediaKey(b), flipped(b.mine.Media, 2))
		}, v1alpha1.ReasonDamaged, "the init", false},
	}
	for name, tc := range cases {
		for kind, versioning := range map[string]bool{"with versions": true, "without": false} {
			t.Run(name+" "+kind, func(t *testing.T) {
				t.Parallel()
				b := newBench(t, versioning)
				wrapped := b.keyset.KeyID()
				tc.spoil(b)
				verdict, err := integrity.Checker{Objects: b.objects, Keys: b.keyset}.Check(t.Context(), b.target())
				if err != nil || verdict.Reason != tc.wantReason || !strings.Contains(verdict.Message, tc.wantSays) {
					t.Fatalf("%+v, %v; want %s with %q", verdict, err, tc.wantReason, tc.wantSays)
				}
				if tc.wantReason == v1alpha1.ReasonKeyMissing && !strings.Contains(verdict.Message, wrapped) {
					t.Errorf("the message does not name key %s: %s", wrapped, verdict.Message)
				}
				if tc.wantReason == "" || tc.wantNoWay {
					return
				}
				if offered := strings.Contains(verdict.Message, "is whole: if that is the right one, put it back"); offered != versioning {
					t.Errorf("an earlier version is offered: %t, want %t: %s", offered, versioning, verdict.Message)
				}
				if verdict.Intact() {
					t.Error("it passes for intact")
				}
			})
		}
	}
}

// A status that was changed by hand would have another object checked than the one that the manifest describes.
func TestAStatusThatNamesAnotherObjectIsFound(t *testing.T) {
	t.Parallel()
	b := newBench(t, false)
	b.put(b.mine.Owner.MediaKey(2), b.mine.Media)
	target := b.target()
	target.MediaKey = b.mine.Owner.MediaKey(2)
	verdict, err := integrity.Checker{Objects: b.objects, Keys: b.keyset}.Check(t.Context(), target)
	if err != nil || verdict.Reason != v1alpha1.ReasonDamaged || !strings.Contains(verdict.Message, "the status was changed by hand") {
		t.Errorf("%+v, %v", verdict, err)
	}
}

func TestWhatCannotBeReachedIsNoVerdict(t *testing.T) {
	t.Parallel()
	server := s3test.Start(t, s3test.Options{})
	objects, err := objectstore.New(server.Config())
	if err != nil {
		t.Fatal(err)
	}
	server.Close()
	owner, err := objectstore.NewRecording("finance", "u1")
	if err != nil {
		t.Fatal(err)
	}
	verdict, err := integrity.Checker{Objects: objects, Keys: newKeyset(t)}.Check(t.Context(),
		integrity.Target{Bucket: bucket, Owner: owner, ManifestKey: owner.ManifestKey(1), MediaKey: owner.MediaKey(1)})
	if err == nil || verdict.Reason != "" {
		t.Errorf("%+v, %v", verdict, err)
	}
}
