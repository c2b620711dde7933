// SPDX-License-Identifier: Apache-2.0

//go:build unix

package gateway_test

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/reelkeeper/reelkeeper/internal/gateway/gatewaytest"
)

var presigned = regexp.MustCompile(`http://localhost:\d+/direct/[^"\s]+`)

// fetch asks an address outside the gateway, with no cookie.
func fetch(t *testing.T, address string, headers ...string) gatewaytest.Answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return gatewaytest.Answer{Status: response.StatusCode, Header: response.Header, Body: body, Err: err}
}

func TestR8DirectDeliveryGivesCiphertextOnlyAndOnlyForAWhile(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	recording, file := w.DirectRecording(t, env.Namespace(t), "review")
	viewer := w.SignIn(t, "participant")
	view := beginView(t, viewer, recording)
	playlist := viewer.Get(t, view+"playlist.m3u8")
	addresses := presigned.FindAllString(string(playlist.Body), -1)
	if playlist.Status != http.StatusOK || len(addresses) < 3 || strings.Contains(string(playlist.Body), `"media"`) {
		t.Fatalf("the playlist names no media in the object store: status %d\n%s", playlist.Status, playlist.Body)
	}
	signed, err := url.Parse(addresses[0])
	if err != nil {
		t.Fatal(err)
	}
	if seconds, err := strconv.Atoi(signed.Query().Get("X-Amz-Expires")); err != nil || seconds > 15*60 || seconds < 14*60 {
		t.Errorf("it lasts %d s (%v), want about 15 min, as the view does", seconds, err)
	}
	whole := fetch(t, addresses[0])
	if whole.Status != http.StatusOK || len(whole.Body) != len(file) || isVideo(t, whole.Body) || bytes.Contains(file, whole.Body[:64]) {
		t.Errorf("the object store answers %d with %d bytes that are not the ciphertext", whole.Status, len(whole.Body))
	}
	if whole.Header.Get("Content-Type") == "video/mp4" || whole.Header.Get("Cache-Control") != "private, no-store" {
		t.Errorf("it comes with the headers %v", whole.Header)
	}
	if part := fetch(t, addresses[0], "Range", "bytes=16-31"); part.Status != http.StatusPartialContent || !bytes.Equal(part.Body, whole.Body[16:32]) {
		t.Errorf("a range answers %d", part.Status)
	}
	other := *signed
	other.Path = strings.Replace(signed.Path, "media/", "manifests/", 1)
	for name, address := range map[string]string{"another object": other.String(), "no signature": "http://" + signed.Host + signed.Path} {
		if answer := fetch(t, address); answer.Status != http.StatusForbidden && answer.Status != http.StatusNotFound {
			t.Errorf("%s answers %d", name, answer.Status)
		}
	}
}

func TestOnlyThePageOfADirectRecordingReachesTheStore(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	namespace := env.Namespace(t)
	direct, _ := w.DirectRecording(t, namespace, "direct")
	proxied, _ := w.Recording(t, namespace, "proxied")
	viewer := w.SignIn(t, "participant")
	origin := strings.Replace(w.S3.Endpoint, "127.0.0.1", "localhost", 1)
	for path, want := range map[string]string{
		pageOf(direct):               "connect-src 'self' " + origin + ";",
		pageOf(proxied):              "connect-src 'self';",
		pageOf(direct) + "/state":    "connect-src 'self';",
		pageOf(direct) + "/download": "connect-src 'self';",
		"/":                          "connect-src 'self';",
	} {
		policy := viewer.Get(t, path).Header.Get("Content-Security-Policy")
		if !strings.Contains(policy, want) || strings.Count(policy, "http") != strings.Count(want, "http") {
			t.Errorf("%s: %s, want %s and no other host", path, policy, want)
		}
	}
	if answer := w.SignIn(t, "external").Get(t, pageOf(direct)); strings.Contains(answer.Header.Get("Content-Security-Policy"), "http") {
		t.Error("a refusal tells where the media is")
	}
	if answer := w.SignIn(t, "host").Get(t, pageOf(direct)+"/download"); !isVideo(t, answer.Body) {
		t.Errorf("a download answers %d, and is no video", answer.Status)
	}
}
