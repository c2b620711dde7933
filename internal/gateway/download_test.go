// SPDX-License-Identifier: Apache-2.0

//go:build unix

package gateway_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"testing"

	"github.com/reelkeeper/reelkeeper/internal/gateway/gatewaytest"
)

func TestDownloadServesAnyRange(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	recording, file := w.Recording(t, env.Namespace(t), "review")
	browser := w.SignIn(t, "host")
	path := pageOf(recording) + "/download"
	etag := browser.Do(t, http.MethodHead, path, nil).Header.Get("ETag")
	size := len(file)
	cases := map[string]struct {
		headers []string
		status  int
		from    int
		to      int
	}{
		"the whole":                       {nil, 200, 0, size},
		"from the start":                  {[]string{"Range", "bytes=0-"}, 206, 0, size},
		"one byte":                        {[]string{"Range", "bytes=0-0"}, 206, 0, 1},
		"not on a cipher block":           {[]string{"Range", "bytes=7-1000003"}, 206, 7, min(1000004, size)},
		"across segments":                 {[]string{"Range", fmt.Sprintf("bytes=%d-%d", size/5, size*4/5)}, 206, size / 5, size*4/5 + 1},
		"the last bytes":                  {[]string{"Range", "bytes=-10"}, 206, size - 10, size},
		"beyond the end":                  {[]string{"Range", fmt.Sprintf("bytes=%d-%d", size-1, size+100)}, 206, size - 1, size},
		"several ranges are the whole":    {[]string{"Range", "bytes=0-1,4-5"}, 200, 0, size},
		"nonsense is the whole":           {[]string{"Range", "bytes=b-a"}, 200, 0, size},
		"resuming the same file":          {[]string{"Range", "bytes=100-", "If-Range", etag}, 206, 100, size},
		"resuming a file that changed":    {[]string{"Range", "bytes=100-", "If-Range", `"other"`}, 200, 0, size},
		"behind the end cannot be served": {[]string{"Range", fmt.Sprintf("bytes=%d-", size)}, 416, 0, 0},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer := browser.Get(t, path, tc.headers...)
			if answer.Status != tc.status || answer.Err != nil {
				t.Fatalf("status %d, want %d (%v)", answer.Status, tc.status, answer.Err)
			}
			if tc.status == 416 {
				if got, want := answer.Header.Get("Content-Range"), fmt.Sprintf("bytes */%d", size); got != want {
					t.Errorf("Content-Range %q, want %q", got, want)
				}
				return
			}
			if !bytes.Equal(answer.Body, file[tc.from:tc.to]) {
				t.Errorf("%d bytes, which are not bytes %d to %d of the file", len(answer.Body), tc.from, tc.to)
			}
			checkHead(t, browser, path, tc.headers, answer)
		})
	}
}

// checkHead compares the headers alone with those that came with the bytes.
func checkHead(t *testing.T, browser *gatewaytest.Browser, path string, headers []string, get gatewaytest.Answer) {
	t.Helper()
	head := browser.Do(t, http.MethodHead, path, nil, headers...)
	if head.Status != get.Status || len(head.Body) != 0 {
		t.Errorf("HEAD answers %d with %d bytes, GET %d", head.Status, len(head.Body), get.Status)
	}
	for _, name := range []string{"Content-Length", "Content-Range", "Content-Type", "Content-Disposition", "ETag", "Accept-Ranges"} {
		if head.Header.Get(name) != get.Header.Get(name) {
			t.Errorf("%s is %q for HEAD, %q for GET", name, head.Header.Get(name), get.Header.Get(name))
		}
	}
	if want := strconv.Itoa(len(get.Body)); get.Header.Get("Content-Length") != want {
		t.Errorf("Content-Length %s, want %s", get.Header.Get("Content-Length"), want)
	}
}

func TestR29TheFirstByteIsNoWayAroundTheRecord(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	namespace := env.Namespace(t)
	recording, _ := w.Recording(t, namespace, "review")
	browser := w.SignIn(t, "host")
	for range 3 {
		browser.Get(t, pageOf(recording)+"/download", "Range", "bytes=1-")
	}
	if got := len(w.Events(t, namespace)); got != 1 {
		t.Errorf("three parts of one download are %d records, want 1", got)
	}
}

// The status of a short job goes from Uploading to Available; what the worker says is seen all the same.
func TestR6ProgressOfTheWorkerIsVisibleBeforeTheStatusTells(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	recording, _ := w.Recording(t, env.Namespace(t), "review")
	recording.Status.Conditions[0].Status, recording.Status.Conditions[0].Reason = "False", "Uploading"
	if err := w.Admin.Status().Update(t.Context(), recording); err != nil {
		t.Fatal(err)
	}
	w.Seen(t, recording)
	if err := w.Report(t.Context(), recording, 73); err != nil {
		t.Fatal(err)
	}
	answer := w.SignIn(t, "host").Get(t, pageOf(recording)+"/state")
	if !bytes.Contains(answer.Body, []byte(`"percent":73`)) || !bytes.Contains(answer.Body, []byte("Being processed")) {
		t.Errorf("the state is %s", answer.Body)
	}
}

// R6: what lies between the meeting and the link is seen, and gives nothing away.
func TestR6ProcessingIsVisibleAndPlaysNothing(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	recording, _ := w.Recording(t, env.Namespace(t), "review")
	recording.Status.Conditions[0].Status, recording.Status.Conditions[0].Reason = "False", "Processing"
	recording.Status.Progress = "40%"
	if err := w.Admin.Status().Update(t.Context(), recording); err != nil {
		t.Fatal(err)
	}
	w.Seen(t, recording)
	browser := w.SignIn(t, "host")
	if answer := browser.Get(t, pageOf(recording)); !bytes.Contains(answer.Body, []byte("Being processed")) || !bytes.Contains(answer.Body, []byte(`value="40"`)) {
		t.Errorf("the page does not tell of the processing:\n%s", answer.Body)
	}
	if answer := browser.Get(t, pageOf(recording)+"/state"); !bytes.Contains(answer.Body, []byte(`"percent":40`)) {
		t.Errorf("the state is %s", answer.Body)
	}
	for name, answer := range map[string]gatewaytest.Answer{
		"watching":    browser.Post(t, pageOf(recording)+"/sessions", nil),
		"downloading": browser.Get(t, pageOf(recording)+"/download"),
	} {
		if answer.Status != http.StatusConflict {
			t.Errorf("%s answers %d, want 409", name, answer.Status)
		}
	}
}
