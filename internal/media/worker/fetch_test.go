// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/reelkeeper/reelkeeper/internal/media/mediatest"
)

// fetching turns a spec into one that fetches from a real server.
func fetching(t *testing.T, spec Spec, handler http.HandlerFunc) Spec {
	t.Helper()
	server := httptest.NewTLSServer(handler)
	t.Cleanup(server.Close)
	spec.RawURL = ""
	spec.Fetch = &Fetch{
		URL: server.URL + "/q3.mp4?secret=1", Authorization: Secret("Bearer secret"), CredentialsHost: "127.0.0.1",
		Hosts: []string{"127.0.0.1"}, PrivateAddresses: true,
		CABundle: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})),
	}
	return spec
}

func TestAFetchedRecordingIsPackagedLikeAnUploadedOne(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	path := mediatest.MP4(t)
	written, err := b.run(fetching(t, b.spec(4), func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer secret" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		http.ServeFile(w, r, path)
	}))
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || written.Source.Bytes != info.Size() || len(written.Segments) == 0 {
		t.Errorf("%v; source %+v of %d bytes in %d segments", err, written.Source, info.Size(), len(written.Segments))
	}
}

func TestWhyNothingWasFetchedIsSaid(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	cases := map[string]struct {
		change   func(*Spec)
		status   int
		want     string
		terminal bool
	}{
		"there is nothing":     {func(*Spec) {}, http.StatusNotFound, "SourceNotFound", true},
		"a private address":    {func(s *Spec) { s.Fetch.PrivateAddresses = false }, http.StatusOK, "AddressNotAllowed", true},
		"another host":         {func(s *Spec) { s.Fetch.Hosts = []string{"media.example.com"} }, http.StatusOK, "AddressNotAllowed", true},
		"another digest":       {func(s *Spec) { s.Fetch.SHA256 = strings.Repeat("0", 64) }, http.StatusOK, "ChecksumMismatch", true},
		"more than may come":   {func(s *Spec) { s.MaxBytes = 1 }, http.StatusOK, "TooLarge", true},
		"no certificate in it": {func(s *Spec) { s.Fetch.CABundle = "none" }, http.StatusOK, "Internal", false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec := fetching(t, b.spec(4), func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tc.status)
				_, _ = w.Write([]byte("media"))
			})
			tc.change(&spec)
			_, err := b.run(spec)
			if err == nil {
				t.Fatal("it went well")
			}
			failure := Describe(err)
			if failure.Reason != tc.want || failure.Terminal != tc.terminal || strings.Contains(failure.Message, "secret") {
				t.Errorf("%+v, want %s, terminal %v", failure, tc.want, tc.terminal)
			}
		})
	}
}

func TestASpecHasOneSourceAndDoesNotPrint(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	spec := b.spec(1)
	spec.Fetch = &Fetch{URL: "https://media.example.com/?secret=1", Authorization: Secret("secret")}
	if err := spec.validate(); err == nil {
		t.Error("two sources are accepted")
	}
	if spec.RawURL, spec.Fetch = "", nil; spec.validate() == nil {
		t.Error("no source is accepted")
	}
	if printed := fmt.Sprintf("%v %+v %#v", Fetch{URL: "secret"}, &Fetch{URL: "secret"}, Fetch{Authorization: Secret("secret")}); strings.Contains(printed, "secret") {
		t.Errorf("it prints %s", printed)
	}
}
