// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"errors"
	"testing"

	"github.com/reelkeeper/reelkeeper/internal/keys"
	"github.com/reelkeeper/reelkeeper/internal/manifests/manifesttest"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/objectstore/s3fault"
	"github.com/reelkeeper/reelkeeper/internal/objectstore/s3test"
)

func TestAManifestIsUnusableOnlyWhereItIsDamagedInTheBucket(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		reads   int
		wantErr error
	}{
		"R27 one bit turned on the way": {1, nil},
		"a bit turned in every read":    {100, ErrUnusable},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			archive, proxy := storedBehindProxy(t)
			var read int
			for what, open := range map[string]func() error{
				"Manifest": func() error { _, err := archive.Manifest(t.Context(), 1); return err },
				"StateKey": func() error { _, err := archive.StateKey(t.Context(), 1); return err },
			} {
				proxy.Arm(s3fault.Fault{Kind: s3fault.FlippedBit, Nth: 1, Times: tc.reads})
				if err := open(); !errors.Is(err, tc.wantErr) {
					t.Errorf("%s: %v, want %v", what, err, tc.wantErr)
				}
				if struck := proxy.Struck()[s3fault.FlippedBit]; struck <= read {
					t.Errorf("%s: no bit was turned", what)
				} else {
					read = struck
				}
			}
		})
	}
}

// A state is read to find out whether the bucket says the truth, and what it says goes by no second look.
func TestAStateIsOfNoUseOnlyWhereItIsDamagedInTheBucket(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		kind   s3fault.Kind
		reads  int
		wantOK bool
	}{
		"R27 one bit turned on the way":    {s3fault.FlippedBit, 1, true},
		"R27 a connection broke once":      {s3fault.HalfAnswer, 1, true},
		"a bit turned in every read":       {s3fault.FlippedBit, 100, false},
		"the connection breaks every time": {s3fault.HalfAnswer, 100, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			archive, proxy := storedBehindProxy(t)
			key, err := archive.StateKey(t.Context(), 1)
			if err != nil {
				t.Fatal(err)
			}
			if err := archive.WriteState(t.Context(), key, State{Version: StateVersion, Namespace: "finance", Name: "q3-review", UID: "uid-1"}); err != nil {
				t.Fatal(err)
			}
			proxy.Arm(s3fault.Fault{Kind: tc.kind, Nth: 1, Times: tc.reads})
			state, _, err := archive.State(t.Context())
			if tc.wantOK != (err == nil && state != nil && state.Name == "q3-review") {
				t.Errorf("State = %+v, %v", state, err)
			}
			if proxy.Struck()[tc.kind] == 0 {
				t.Error("nothing was spoiled")
			}
		})
	}
}

// storedBehindProxy stores a recording and returns what reads it through a proxy.
func storedBehindProxy(t *testing.T) (Archive, *s3fault.Proxy) {
	t.Helper()
	server := s3test.Start(t, s3test.Options{})
	direct := server.Bucket(t, "recordings")
	encoded, err := keys.NewKeyset()
	if err != nil {
		t.Fatal(err)
	}
	keyset, err := keys.Load(encoded)
	if err != nil {
		t.Fatal(err)
	}
	names := mustRecording(t, "finance", "uid-1")
	recording, err := manifesttest.New(keyset, names, "q3-review", 3)
	if err != nil {
		t.Fatal(err)
	}
	if err := recording.Put(t.Context(), direct, "recordings"); err != nil {
		t.Fatal(err)
	}
	proxy, err := s3fault.New(server.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Close)
	config := server.Config()
	config.Endpoint = proxy.URL()
	objects, err := objectstore.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(objects.Close)
	return Archive{Objects: objects, Keys: keyset, Bucket: "recordings", Names: names}, proxy
}
