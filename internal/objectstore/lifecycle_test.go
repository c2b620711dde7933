// SPDX-License-Identifier: Apache-2.0

package objectstore_test

import (
	"encoding/xml"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

// fakeLifecycle stands in for a server with lifecycle rules, which neither of those that can be run in tests has in full. It keeps
// what is put, as text.
type fakeLifecycle struct {
	rules string
	puts  int
}

func (f *fakeLifecycle) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case !r.URL.Query().Has("lifecycle"):
		w.WriteHeader(http.StatusNotImplemented)
	case r.Method == http.MethodPut:
		body, _ := io.ReadAll(r.Body)
		f.rules, f.puts = string(body), f.puts+1
	case f.rules == "":
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `<Error><Code>NoSuchLifecycleConfiguration</Code></Error>`)
	default:
		_, _ = io.WriteString(w, f.rules)
	}
}

func TestUnfinishedUploadsAreTheServersToDiscard(t *testing.T) {
	t.Parallel()
	fake := &fakeLifecycle{}
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)
	client, err := objectstore.New(objectstore.Config{Endpoint: server.URL, AccessKey: "key", SecretKey: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	ensure := func(days, wantPuts int) {
		t.Helper()
		if err := client.EnsureUploadsExpire(t.Context(), "recordings", days); err != nil || fake.puts != wantPuts {
			t.Errorf("%v, %d writes, want %d; rules: %s", err, fake.puts, wantPuts, fake.rules)
		}
	}
	ensure(8, 1)
	ensure(8, 1) // nothing differs
	ensure(9, 2)
	// Somebody else's rule stays.
	fake.rules = strings.Replace(fake.rules, "</LifecycleConfiguration>", `<Rule><ID>theirs</ID><Status>Enabled</Status><Filter><Prefix>logs/</Prefix></Filter>`+
		`<Expiration><Days>1</Days></Expiration></Rule></LifecycleConfiguration>`, 1)
	ensure(9, 2)
	ensure(8, 3)
	var read struct {
		Rules []struct {
			ID     string
			Filter struct{ Prefix string }
			Abort  struct{ DaysAfterInitiation int } `xml:"AbortIncompleteMultipartUpload"`
		} `xml:"Rule"`
	}
	if err := xml.Unmarshal([]byte(fake.rules), &read); err != nil || len(read.Rules) != 3 || read.Rules[0].ID != "theirs" ||
		read.Rules[1].Abort.DaysAfterInitiation != 8 || read.Rules[1].Filter.Prefix != "media/" || read.Rules[2].Filter.Prefix != "staging/" {
		t.Errorf("%v; rules: %+v", err, read.Rules)
	}
	if strings.Contains(fake.rules, "staging/</Prefix></Filter><Expiration>") {
		t.Error("raw recordings expire, which may wait for room or lie in the trash")
	}
}
