// SPDX-License-Identifier: Apache-2.0

package objectstore_test

import (
	"bytes"
	"crypto/sha256"
	"io"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

func TestPutAndGetGiveTheSameBytes(t *testing.T) {
	t.Parallel()
	bodies := map[string]func(content []byte) io.Reader{
		"a body that can seek":  func(b []byte) io.Reader { return bytes.NewReader(b) },
		"a body read only once": func(b []byte) io.Reader { return iotest.OneByteReader(bytes.NewReader(b)) },
		"a body that starts later": func(b []byte) io.Reader {
			r := bytes.NewReader(append([]byte("skip"), b...))
			_, _ = r.Seek(4, io.SeekStart)
			return r
		},
	}
	contents := map[string][]byte{"empty": {}, "short": []byte("hello"), "binary": bytes.Repeat([]byte{0, 1, 254, 255}, 50_000)}
	for serverName, client := range everyServer(t) {
		t.Run(serverName, func(t *testing.T) {
			t.Parallel()
			bucket := newBucket(t, client, objectstore.BucketOptions{})
			for bodyName, body := range bodies {
				for contentName, content := range contents {
					t.Run(bodyName+", "+contentName, func(t *testing.T) {
						key := "a/" + strings.ReplaceAll(bodyName+contentName, " ", "-")
						info, err := client.Put(t.Context(), bucket, key, body(content), int64(len(content)), objectstore.PutOptions{ContentType: "text/plain"})
						if err != nil {
							t.Fatal(err)
						}
						got, gotInfo := get(t, client, bucket, key)
						if !bytes.Equal(got, content) {
							t.Errorf("read %d bytes back, want the %d that were put", len(got), len(content))
						}
						if gotInfo.Size != int64(len(content)) || gotInfo.ETag != info.ETag || gotInfo.ContentType != "text/plain" || gotInfo.LastModified.IsZero() {
							t.Errorf("info = %+v after putting %+v", gotInfo, info)
						}
					})
				}
			}
		})
	}
}

func TestPutLongBodyThatCannotSeek(t *testing.T) {
	t.Parallel()
	for serverName, client := range everyServer(t) {
		t.Run(serverName, func(t *testing.T) {
			t.Parallel()
			bucket := newBucket(t, client, objectstore.BucketOptions{})
			const size = 9 << 20
			if _, err := client.Put(t.Context(), bucket, "long", io.LimitReader(zeros{}, size), size, objectstore.PutOptions{}); err != nil {
				t.Fatal(err)
			}
			got, _ := get(t, client, bucket, "long")
			if sha256.Sum256(got) != sha256.Sum256(make([]byte, size)) {
				t.Error("the object differs from what was put")
			}
		})
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestPutRefusesBytesThatDoNotMatchTheirHash(t *testing.T) {
	t.Parallel()
	for serverName, client := range everyServer(t) {
		t.Run(serverName, func(t *testing.T) {
			t.Parallel()
			bucket := newBucket(t, client, objectstore.BucketOptions{})
			wrong := sha256.Sum256([]byte("something else"))
			_, err := client.Put(t.Context(), bucket, "k", strings.NewReader("hello"), 5, objectstore.PutOptions{SHA256: wrong[:]})
			wantReason(t, err, objectstore.ReasonChecksumMismatch)
			_, err = client.Head(t.Context(), bucket, "k")
			wantReason(t, err, objectstore.ReasonNotFound)
		})
	}
}

func TestPutRefusesABodyShorterThanItsSize(t *testing.T) {
	client := connect(t, versioned.Config())
	bucket := newBucket(t, client, objectstore.BucketOptions{})
	for name, body := range map[string]io.Reader{"seekable": strings.NewReader("four"), "read once": io.LimitReader(strings.NewReader("four"), 4)} {
		if _, err := client.Put(t.Context(), bucket, "k", body, 5, objectstore.PutOptions{}); err == nil {
			t.Errorf("%s: four bytes were accepted as five", name)
		}
	}
}

func TestGetRange(t *testing.T) {
	t.Parallel()
	const content = "0123456789"
	cases := map[string]struct {
		opts       objectstore.GetOptions
		want       string
		wantReason objectstore.ErrorReason
	}{
		"everything":            {want: content},
		"the first three":       {opts: objectstore.GetOptions{Length: 3}, want: "012"},
		"the middle":            {opts: objectstore.GetOptions{Offset: 4, Length: 2}, want: "45"},
		"from an offset on":     {opts: objectstore.GetOptions{Offset: 7}, want: "789"},
		"the last byte":         {opts: objectstore.GetOptions{Offset: 9, Length: 1}, want: "9"},
		"beyond the end":        {opts: objectstore.GetOptions{Offset: 8, Length: 100}, want: "89"},
		"starting at the end":   {opts: objectstore.GetOptions{Offset: 10}, wantReason: objectstore.ReasonInvalidRange},
		"a negative offset":     {opts: objectstore.GetOptions{Offset: -1}, wantReason: objectstore.ReasonInvalidRange},
		"a negative length":     {opts: objectstore.GetOptions{Length: -1}, wantReason: objectstore.ReasonInvalidRange},
		"another ETag demanded": {opts: objectstore.GetOptions{IfMatch: "0123"}, wantReason: objectstore.ReasonPreconditionFailed},
	}
	for serverName, client := range everyServer(t) {
		t.Run(serverName, func(t *testing.T) {
			t.Parallel()
			bucket := newBucket(t, client, objectstore.BucketOptions{})
			put(t, client, bucket, "k", content)
			for name, tc := range cases {
				t.Run(name, func(t *testing.T) {
					body, info, err := client.Get(t.Context(), bucket, "k", tc.opts)
					wantReason(t, err, tc.wantReason)
					if err != nil {
						return
					}
					defer func() { _ = body.Close() }()
					got, err := io.ReadAll(body)
					if err != nil || string(got) != tc.want {
						t.Errorf("read %q, %v; want %q", got, err, tc.want)
					}
					if info.Size != int64(len(content)) {
						t.Errorf("size = %d, want that of the whole object, %d", info.Size, len(content))
					}
				})
			}
		})
	}
}

func TestConditionalPut(t *testing.T) {
	t.Parallel()
	for serverName, client := range everyServer(t) {
		t.Run(serverName, func(t *testing.T) {
			t.Parallel()
			bucket := newBucket(t, client, objectstore.BucketOptions{})
			try := func(content string, opts objectstore.PutOptions) (objectstore.ObjectInfo, error) {
				return client.Put(t.Context(), bucket, "k", strings.NewReader(content), int64(len(content)), opts)
			}
			first, err := try("one", objectstore.PutOptions{IfAbsent: true})
			if err != nil {
				t.Fatal(err)
			}
			_, err = try("two", objectstore.PutOptions{IfAbsent: true})
			wantReason(t, err, objectstore.ReasonPreconditionFailed)
			second, err := try("three", objectstore.PutOptions{IfMatch: first.ETag})
			if err != nil || second.ETag == first.ETag {
				t.Fatalf("put with the right ETag = %+v, %v", second, err)
			}
			_, err = try("four", objectstore.PutOptions{IfMatch: first.ETag})
			wantReason(t, err, objectstore.ReasonPreconditionFailed)
			if !objectstore.IsPreconditionFailed(err) {
				t.Error("IsPreconditionFailed = false")
			}
			if got, _ := get(t, client, bucket, "k"); string(got) != "three" {
				t.Errorf("object = %q, want that of the one who was allowed", got)
			}
		})
	}
}

func TestHeadListAndDelete(t *testing.T) {
	t.Parallel()
	for serverName, client := range everyServer(t) {
		t.Run(serverName, func(t *testing.T) {
			t.Parallel()
			bucket := newBucket(t, client, objectstore.BucketOptions{})
			_, err := client.Head(t.Context(), bucket, "a/1")
			wantReason(t, err, objectstore.ReasonNotFound)
			_, _, err = client.Get(t.Context(), bucket, "a/1", objectstore.GetOptions{})
			wantReason(t, err, objectstore.ReasonNotFound)
			for _, key := range []string{"a/2", "a/1", "a/sub/3", "b/4", "ab"} {
				put(t, client, bucket, key, "content of "+key)
			}
			if diff := cmp.Diff([]string{"a/1", "a/2", "a/sub/3"}, list(t, client, bucket, "a/")); diff != "" {
				t.Errorf("keys under a/ (-want +got):\n%s", diff)
			}
			if info, err := client.Head(t.Context(), bucket, "a/1"); err != nil || info.Size != 14 || info.Key != "a/1" {
				t.Errorf("Head = %+v, %v", info, err)
			}
			for range 2 { // the second deletion finds nothing, which is no error
				if err := client.Delete(t.Context(), bucket, "a/1"); err != nil {
					t.Error(err)
				}
			}
			if diff := cmp.Diff([]string{"a/2", "a/sub/3"}, list(t, client, bucket, "a/")); diff != "" {
				t.Errorf("keys after the deletion (-want +got):\n%s", diff)
			}
		})
	}
}

func TestListWalksAllPages(t *testing.T) {
	t.Parallel()
	client := connect(t, unversioned.Config())
	bucket := newBucket(t, client, objectstore.BucketOptions{})
	const objects = 1005 // one more page than S3 returns at once
	for i := range objects {
		put(t, client, bucket, "k/"+strconv.Itoa(i), "")
	}
	if got := len(list(t, client, bucket, "k/")); got != objects {
		t.Errorf("listed %d objects, want %d", got, objects)
	}
	removed, err := client.DeleteAllVersionsUnder(t.Context(), bucket, "k/")
	if err != nil || len(removed) != objects {
		t.Errorf("removed %d objects, %v; want %d", len(removed), err, objects)
	}
}

func get(t *testing.T, client *objectstore.Client, bucket, key string) ([]byte, objectstore.ObjectInfo) {
	t.Helper()
	body, info, err := client.Get(t.Context(), bucket, key, objectstore.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = body.Close() }()
	content, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return content, info
}

func list(t *testing.T, client *objectstore.Client, bucket, prefix string) []string {
	t.Helper()
	var keys []string
	for object, err := range client.List(t.Context(), bucket, prefix) {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, object.Key)
	}
	return keys
}
