// SPDX-License-Identifier: Apache-2.0

package stores_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/reelkeeper/reelkeeper/internal/stores"
)

func TestPublicURLsFollowTheStoreAndItsCredentials(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	presign := func() *url.URL {
		signed, err := w.open().PresignPublic(t.Context(), "recordings-finance", "media/a", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := url.Parse(signed)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	check := func(when, host, accessKey string) {
		t.Helper()
		for range 2 { // the second time by what was kept
			if got := presign(); got.Host != host || !strings.HasPrefix(got.Query().Get("X-Amz-Credential"), accessKey+"/") {
				t.Errorf("%s: signed for %s as %s, want %s as %s", when, got.Host, got.Query().Get("X-Amz-Credential"), host, accessKey)
			}
		}
	}
	check("at first", "127.0.0.1:1", "key")
	w.change(w.store, func() { w.store.Spec.S3.PublicEndpoint, w.store.Generation = "https://media.example.com", 2 })
	check("with an address for browsers", "media.example.com", "key")
	w.change(w.credentials, func() { w.credentials.Data[stores.AccessKeyID] = []byte("other") })
	check("with other credentials", "media.example.com", "other")
}
