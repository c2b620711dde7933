// SPDX-License-Identifier: Apache-2.0

//go:build unix

package gateway_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/gateway"
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
	sum := sha256.Sum256(file)
	digest := "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
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
		"too many ranges are the whole":   {[]string{"Range", "bytes=0-0" + strings.Repeat(",2-2", 16)}, 200, 0, size},
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
			for name, want := range map[string]string{"Content-Length": strconv.Itoa(tc.to - tc.from), "Repr-Digest": digest} {
				if got := answer.Header.Get(name); got != want {
					t.Errorf("%s %q, want %q", name, got, want)
				}
			}
			if got := answer.Header.Get("Content-Digest"); (got == digest) != (tc.status == 200) {
				t.Errorf("status %d with the Content-Digest %q", tc.status, got)
			}
		})
	}
}

func TestTheHeadersAloneDescribeTheWholeFile(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	namespace := env.Namespace(t)
	recording, _ := w.Recording(t, namespace, "review")
	browser := w.SignIn(t, "host")
	path := pageOf(recording) + "/download"
	head := browser.Do(t, http.MethodHead, path, nil, "Range", "bytes=0-1")
	if events := w.Events(t, namespace); len(events) > 0 {
		t.Errorf("asking for the headers is written down: %+v", events)
	}
	get := browser.Get(t, path)
	if head.Status != http.StatusOK || len(head.Body) != 0 {
		t.Errorf("HEAD answers %d with %d bytes", head.Status, len(head.Body))
	}
	for _, name := range []string{"Content-Length", "Content-Range", "Content-Type", "Content-Disposition", "ETag", "Accept-Ranges", "Repr-Digest"} {
		if head.Header.Get(name) != get.Header.Get(name) {
			t.Errorf("%s is %q for HEAD, %q for GET", name, head.Header.Get(name), get.Header.Get(name))
		}
	}
	for name, tc := range map[string]struct {
		header string
		want   int
	}{"the file that I have": {"If-None-Match", http.StatusNotModified}, "the file that I have, to go on": {"If-Match", http.StatusOK}} {
		if answer := browser.Get(t, path, tc.header, head.Header.Get("ETag")); answer.Status != tc.want {
			t.Errorf("%s answers %d, want %d", name, answer.Status, tc.want)
		}
	}
}

func TestDownloadServesSeveralRanges(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	recording, file := w.Recording(t, env.Namespace(t), "review")
	answer := w.SignIn(t, "host").Get(t, pageOf(recording)+"/download", "Range", fmt.Sprintf("bytes=7-100,%d-%d,-9", len(file)/3, len(file)/2))
	kind, parameters, err := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/byteranges" || answer.Status != http.StatusPartialContent {
		t.Fatalf("status %d, type %s: %v", answer.Status, kind, err)
	}
	if got := answer.Header.Get("Content-Length"); got != strconv.Itoa(len(answer.Body)) {
		t.Errorf("%d bytes, and Content-Length %s", len(answer.Body), got)
	}
	reader := multipart.NewReader(bytes.NewReader(answer.Body), parameters["boundary"])
	for _, want := range [][2]int{{7, 101}, {len(file) / 3, len(file)/2 + 1}, {len(file) - 9, len(file)}} {
		part, err := reader.NextRawPart()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(part)
		if err != nil || !bytes.Equal(content, file[want[0]:want[1]]) {
			t.Errorf("a part of %d bytes is not bytes %d to %d: %v", len(content), want[0], want[1], err)
		}
		if got, want := part.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-%d/%d", want[0], want[1]-1, len(file)); got != want {
			t.Errorf("Content-Range %s, want %s", got, want)
		}
	}
	if _, err := reader.NextRawPart(); err != io.EOF {
		t.Errorf("there is more: %v", err)
	}
}

// ends are the records of how downloads ended, without who and when.
func ends(t *testing.T, w *gatewaytest.World, namespace string, count int) []string {
	t.Helper()
	var found []string
	err := wait.PollUntilContextTimeout(t.Context(), 20*time.Millisecond, 20*time.Second, true, func(context.Context) (bool, error) {
		found = nil
		for _, event := range w.Events(t, namespace) {
			if event.Spec.Action == v1alpha1.AuditDelivered {
				found = append(found, event.Spec.Reason+" "+strings.Join(event.Spec.Evidence, " "))
			}
		}
		return len(found) >= count, nil
	})
	if err != nil {
		t.Fatalf("%d ends are written down, want %d: %q", len(found), count, found)
	}
	return found
}

func TestR29HowADownloadEndedIsWrittenDown(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	t.Run("it was finished", func(t *testing.T) {
		t.Parallel()
		namespace := env.Namespace(t)
		recording, file := w.Recording(t, namespace, "review")
		w.SignIn(t, "host").Get(t, pageOf(recording)+"/download")
		want := fmt.Sprintf("Finished %d bytes of %d in 1 requests", len(file), len(file))
		if got := ends(t, w, namespace, 1); got[0] != want {
			t.Errorf("written down: %q, want %q", got, want)
		}
	})
	t.Run("parts are put together", func(t *testing.T) {
		t.Parallel()
		namespace := env.Namespace(t)
		recording, file := w.Recording(t, namespace, "review")
		host := w.SignIn(t, "host")
		for i := range 5 {
			host.Get(t, pageOf(recording)+"/download", "Range", fmt.Sprintf("bytes=%d-%d", 1+100*i, 100*(i+1)))
		}
		want := fmt.Sprintf("InParts 500 bytes of %d in 5 requests", len(file))
		if got := ends(t, w, namespace, 1); len(got) != 1 || got[0] != want {
			t.Errorf("written down: %q, want %q", got, want)
		}
	})
	t.Run("who asked went away", func(t *testing.T) {
		t.Parallel()
		namespace := env.Namespace(t)
		recording, file := w.Recording(t, namespace, "review")
		server, err := gateway.New(w.Options)
		if err != nil {
			t.Fatal(err)
		}
		gone := &leaving{ResponseRecorder: httptest.NewRecorder()}
		if !serve(server.Handler(), gone, w.SignIn(t, "host").Cookies(t), pageOf(recording)+"/download") {
			t.Error("the answer ended well")
		}
		want := fmt.Sprintf("BrokenOff %d bytes of %d in 1 requests", gone.Body.Len(), len(file))
		if got := ends(t, w, namespace, 1); got[0] != want || gone.Body.Len() == 0 {
			t.Errorf("written down: %q, want %q", got, want)
		}
	})
}

// leaving is somebody who goes away after the first piece.
type leaving struct{ *httptest.ResponseRecorder }

func (l *leaving) Write(data []byte) (int, error) {
	if l.Body.Len() > 0 {
		return 0, io.ErrClosedPipe
	}
	return l.ResponseRecorder.Write(data)
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

func TestR29TheRecordsOfADownloadSayWhichItIs(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	namespace := env.Namespace(t)
	recording, _ := w.Recording(t, namespace, "review")
	for _, browser := range []*gatewaytest.Browser{w.SignIn(t, "host"), w.SignIn(t, "host")} {
		browser.Get(t, pageOf(recording)+"/download")
		browser.Get(t, pageOf(recording)+"/download", "Range", "bytes=1-")
	}
	ends(t, w, namespace, 4)
	found := map[string][]string{}
	for _, event := range w.Events(t, namespace) {
		id := event.Annotations[v1alpha1.AnnotationDownload]
		found[id] = append(found[id], string(event.Spec.Action)+event.Annotations[v1alpha1.AnnotationResumed])
	}
	for id, got := range found {
		slices.Sort(got)
		if want := []string{"Delivered", "Delivered", "Downloaded", "Downloadedtrue"}; id == "" || !slices.Equal(got, want) {
			t.Errorf("the records of download %q are %q, want %q", id, got, want)
		}
	}
	if len(found) != 2 {
		t.Errorf("two sessions have %d downloads", len(found))
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
