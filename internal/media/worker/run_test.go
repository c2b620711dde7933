// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reelkeeper/reelkeeper/internal/keys"
	"github.com/reelkeeper/reelkeeper/internal/media"
	"github.com/reelkeeper/reelkeeper/internal/media/mediatest"
)

func TestR7RunStoresOneEncryptedObjectAndItsManifest(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.put(mediatest.MP4(t))
	written, err := b.run(b.spec(4))
	if err != nil {
		t.Fatal(err)
	}
	stored := b.get(mediaKey)
	if whole := media.Digest(sha256.Sum256(stored)); whole != written.Media.SHA256 {
		t.Errorf("the object's hash is %s, the manifest says %s", whole, written.Media.SHA256)
	}
	if int64(len(stored)) != written.Media.Bytes {
		t.Errorf("the object has %d bytes, the manifest says %d", len(stored), written.Media.Bytes)
	}
	decoded, err := media.DecodeManifest(b.get(manifestKey), func(unverified media.WrappedKey) (media.Key, error) {
		return b.dataKey.Manifest(unverified.Salt), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(written, decoded); diff != "" {
		t.Errorf("the stored manifest differs from the written one (-written +stored):\n%s", diff)
	}
	if left := b.uploads(); len(left) > 0 {
		t.Errorf("uploads left unfinished: %v", left)
	}
	var progress Progress
	if err := json.Unmarshal(b.get(progressKey), &progress); err != nil || progress != (Progress{Percent: 100, Stage: Done}) {
		t.Errorf("progress is %+v (%v), want 100 percent, Done", progress, err)
	}
	if strings.Contains(string(stored), "ftyp") || strings.Contains(string(stored), "moof") {
		t.Error("the stored object has readable boxes")
	}
}

func TestEveryAttemptHasItsOwnMediaKey(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.put(mediatest.MP4(t))
	first, err := b.run(b.spec(4))
	if err != nil {
		t.Fatal(err)
	}
	one := b.get(mediaKey)
	second, err := b.run(b.spec(4))
	if err != nil {
		t.Fatal(err)
	}
	two := b.get(mediaKey)
	if string(first.Key.Salt) == string(second.Key.Salt) {
		t.Error("two attempts share a salt")
	}
	if string(one[:64]) == string(two[:64]) {
		t.Error("two attempts share a key stream")
	}
}

func TestLargeRecordingTakesManyParts(t *testing.T) {
	t.Parallel()
	path := mediatest.Make(t, "noise.mp4", "-f", "lavfi", "-i", "nullsrc=size=640x360:rate=15:duration=6,geq=random(1)*255:128:128",
		"-c:v", "libx264", "-preset", "ultrafast", "-qp", "10", "-g", "15", "-pix_fmt", "yuv420p")
	b := newBench(t)
	b.put(path)
	manifest, err := b.run(b.spec(8))
	if err != nil {
		t.Fatal(err)
	}
	if manifest.Media.Bytes < 2*minPartSize {
		t.Fatalf("the object has %d bytes, too few to be a test of parts", manifest.Media.Bytes)
	}
	if got := len(b.get(mediaKey)); int64(got) != manifest.Media.Bytes {
		t.Errorf("the object has %d bytes, want %d", got, manifest.Media.Bytes)
	}
	if _, err := b.run(b.spec(1)); Describe(err).Reason != string(media.TooLarge) {
		t.Errorf("with room for one part: %v, want TooLarge", err)
	}
}

func TestStreamsThatCannotBeCopiedAreTranscodedInASecondPass(t *testing.T) {
	t.Parallel()
	// One key frame in 70 seconds: no player could seek in that.
	path := mediatest.Make(t, "sparse.mp4", "-f", "lavfi", "-i", "testsrc2=size=160x90:rate=4:duration=70",
		"-c:v", "libx264", "-preset", "ultrafast", "-g", "1000", "-pix_fmt", "yuv420p", "-sc_threshold", "0")
	b := newBench(t)
	b.put(path)
	manifest, err := b.run(b.spec(4))
	if err != nil {
		t.Fatal(err)
	}
	if got := len(manifest.Segments); got < 15 {
		t.Errorf("%d segments of 70 s, want one about every 4 s", got)
	}
}

func TestFailuresAreDescribedForTheController(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		input  []byte
		change func(*Spec)
		want   Failure // the message only has to contain Message
	}{
		"an empty upload": {
			input: []byte{}, want: Failure{Reason: "Empty", Message: "no bytes", Terminal: true},
		},
		"a text file": {
			input: []byte("minutes of the meeting"), want: Failure{Reason: "NotAVideo", Message: "MP4", Terminal: true},
		},
		"an upload over the limit": {
			input: make([]byte, 2000), change: func(s *Spec) { s.MaxBytes = 1999 },
			want: Failure{Reason: "TooLarge", Message: "1999", Terminal: true},
		},
		"an upload that is gone": {
			want: Failure{Reason: SourceUnreachable, Message: "reading the raw recording"},
		},
		"an attempt that takes too long": {
			input: []byte("anything"), change: func(s *Spec) { s.Timeout = 1 },
			want: Failure{Reason: Timeout, Message: "raise the processing timeout"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			if tc.input != nil {
				path := t.TempDir() + "/input"
				if err := os.WriteFile(path, tc.input, 0o600); err != nil {
					t.Fatal(err)
				}
				b.put(path)
			}
			spec := b.spec(2)
			if tc.change != nil {
				tc.change(&spec)
			}
			_, err := b.run(spec)
			if err == nil {
				t.Fatal("the worker succeeded")
			}
			got := Describe(err)
			if got.Reason != tc.want.Reason || got.Terminal != tc.want.Terminal || !strings.Contains(got.Message, tc.want.Message) {
				t.Errorf("failure %+v, want %+v", got, tc.want)
			}
			if line := got.Line(); len(line) > 2000 || strings.Contains(line, "X-Amz") || strings.Contains(line, "\n") {
				t.Errorf("the failure's line is too long, has a URL or breaks: %s", line)
			}
			if left := b.uploads(); len(left) > 0 {
				t.Errorf("uploads left unfinished: %v", left)
			}
			if b.get(manifestKey) != nil {
				t.Error("there is a manifest although the attempt failed")
			}
		})
	}
}

func TestObjectThatIsNotWhatWasWrittenFailsVerification(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.put(mediatest.MP4(t))
	spec := b.spec(4)
	other := b.presign("GET", rawKey) // another object than the one that was written
	spec.Media.GetURL = other
	_, err := b.run(spec)
	if got := Describe(err); got.Reason != VerificationFailed || got.Terminal {
		t.Errorf("failure %+v (%v), want VerificationFailed, not terminal", got, err)
	}
	if b.get(manifestKey) != nil {
		t.Error("there is a manifest although verification failed")
	}
}

// stalledStore is the real store on a day when it takes no parts and gives no answer.
type stalledStore struct{ Store }

func (stalledStore) PutPart(ctx context.Context, _ string, _ int, _ []byte) (string, error) {
	<-ctx.Done()
	return "", ctx.Err()
}

func TestAttemptThatTakesTooLongEndsAndLeavesNoUpload(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.put(mediatest.MP4(t))
	spec := b.spec(20)
	spec.Timeout = Duration(2 * time.Second)
	_, err := b.run(spec, func(env *Environment) { env.Store = stalledStore{env.Store} })
	if got := Describe(err); got.Reason != Timeout || got.Terminal {
		t.Errorf("failure %+v (%v), want Timeout", got, err)
	}
	if left := b.uploads(); len(left) > 0 {
		t.Errorf("uploads left unfinished: %v", left)
	}
}

func TestSpecDoesNotPrintItsSecrets(t *testing.T) {
	t.Parallel()
	dataKey := keys.NewDataKey()
	spec := Spec{RawURL: "https://s3/raw?X-Amz-Signature=abc", DataKey: dataKey[:]}
	for _, text := range []string{fmtAll(spec), fmtAll(&spec), fmtAll(spec.DataKey)} {
		if strings.Contains(text, "X-Amz") || strings.Contains(text, string(dataKey[:8])) {
			t.Errorf("the spec prints as %q", text)
		}
	}
	if err := spec.validate(); err == nil || strings.Contains(err.Error(), "X-Amz") {
		t.Errorf("validation said %v", err)
	}
	if _, err := ParseSpec([]byte(`{"unknown":1}`)); err == nil {
		t.Error("an unknown field was accepted")
	}
}

func fmtAll(v any) string { return fmt.Sprintf("%v %+v %#v %s %x", v, v, v, v, v) }
