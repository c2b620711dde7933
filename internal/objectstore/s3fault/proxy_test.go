// SPDX-License-Identifier: Apache-2.0

package s3fault_test

import (
	"bytes"
	"context"
	"io"
	"testing"

	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/objectstore/s3fault"
	"github.com/reelkeeper/reelkeeper/internal/objectstore/s3test"
)

const bucket, key = "recordings", "media/finance/uid/1.mp4"

var content = bytes.Repeat([]byte("sixteen bytes of"), 64)

// through is a client whose requests pass through a proxy before a real server, and one whose do not.
func through(t *testing.T) (proxy *s3fault.Proxy, shaky, straight *objectstore.Client) {
	t.Helper()
	server := s3test.Start(t, s3test.Options{})
	proxy, err := s3fault.New(server.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Close)
	open := func(endpoint string) *objectstore.Client {
		config := server.Config()
		config.Endpoint = endpoint
		client, err := objectstore.New(config)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(client.Close)
		return client
	}
	straight = open(server.Endpoint)
	if _, err := straight.EnsureBucket(t.Context(), bucket, objectstore.BucketOptions{}); err != nil {
		t.Fatal(err)
	}
	return proxy, open(proxy.URL()), straight
}

func put(ctx context.Context, c *objectstore.Client) error {
	_, err := c.Put(ctx, bucket, key, bytes.NewReader(content), int64(len(content)), objectstore.PutOptions{})
	return err
}

func get(ctx context.Context, c *objectstore.Client) ([]byte, error) {
	body, _, err := c.Get(ctx, bucket, key, objectstore.GetOptions{})
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(body)
}

func list(ctx context.Context, c *objectstore.Client) (keys []string, err error) {
	for object, err := range c.List(ctx, bucket, "media/") {
		if err != nil {
			return nil, err
		}
		keys = append(keys, object.Key)
	}
	return keys, nil
}

func TestWithoutFaultsEverythingPasses(t *testing.T) {
	t.Parallel()
	proxy, shaky, _ := through(t)
	if err := put(t.Context(), shaky); err != nil {
		t.Fatal(err)
	}
	if got, err := get(t.Context(), shaky); err != nil || !bytes.Equal(got, content) {
		t.Errorf("Get = %d bytes, %v", len(got), err)
	}
	if keys, err := list(t.Context(), shaky); err != nil || len(keys) != 1 {
		t.Errorf("List = %v, %v", keys, err)
	}
	if writes := proxy.Writes(); len(writes) != 1 || writes[0] != "PUT /"+bucket+"/"+key {
		t.Errorf("writes = %v", writes)
	}
}

// A fault that goes on for longer than the client tries shows what each kind does.
func TestFaultsOfWrites(t *testing.T) {
	t.Parallel()
	const always = 100
	cases := map[s3fault.Kind]struct {
		wantStored bool
		wantReason objectstore.ErrorReason
	}{
		s3fault.SlowDown:    {wantReason: objectstore.ReasonSlowDown},
		s3fault.AnswerLost:  {wantStored: true, wantReason: objectstore.ReasonUnavailable},
		s3fault.Reset:       {wantReason: objectstore.ReasonUnavailable},
		s3fault.HalfRequest: {wantReason: objectstore.ReasonUnavailable},
		s3fault.ClockSkew:   {wantReason: objectstore.ReasonClockSkew},
	}
	for kind, tc := range cases {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			proxy, shaky, straight := through(t)
			proxy.Arm(s3fault.Fault{Kind: kind, Nth: 1, Times: always})
			if err := put(t.Context(), shaky); objectstore.Reason(err) != tc.wantReason {
				t.Errorf("Put = %v (%s), want %s", err, objectstore.Reason(err), tc.wantReason)
			}
			if _, err := get(t.Context(), straight); (err == nil) != tc.wantStored {
				t.Errorf("stored: %v, want %t", err, tc.wantStored)
			}
			if proxy.Struck()[kind] == 0 {
				t.Error("the fault did not strike")
			}
			proxy.Disarm()
			if err := put(t.Context(), shaky); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

func TestFaultsOfReads(t *testing.T) {
	t.Parallel()
	proxy, shaky, straight := through(t)
	if err := put(t.Context(), shaky); err != nil {
		t.Fatal(err)
	}
	if err := put(t.Context(), straight); err != nil {
		t.Fatal(err)
	}

	proxy.Arm(s3fault.Fault{Kind: s3fault.FlippedBit, Nth: 1, Times: 1})
	if got, err := get(t.Context(), shaky); err != nil || bytes.Equal(got, content) || len(got) != len(content) {
		t.Errorf("with a flipped bit: %d bytes, the same: %t, %v", len(got), bytes.Equal(got, content), err)
	}
	proxy.Arm(s3fault.Fault{Kind: s3fault.HalfAnswer, Nth: 1, Times: 1})
	if got, err := get(t.Context(), shaky); err == nil || len(got) == len(content) {
		t.Errorf("half an answer: %d bytes, %v", len(got), err)
	}
	proxy.Arm(s3fault.Fault{Kind: s3fault.StaleListing, Nth: 1, Times: 1})
	if keys, err := list(t.Context(), shaky); err != nil || len(keys) != 0 {
		t.Errorf("a stale listing shows %v, %v", keys, err)
	}
	if keys, err := list(t.Context(), shaky); err != nil || len(keys) != 1 {
		t.Errorf("the next listing shows %v, %v", keys, err)
	}
}
