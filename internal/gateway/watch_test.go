// SPDX-License-Identifier: Apache-2.0

//go:build unix

package gateway_test

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/gateway/gatewaytest"
)

func TestR8ViewIsNotDownload(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	recording, file := w.Recording(t, env.Namespace(t), "review")
	viewer := w.SignIn(t, "participant")
	view := beginView(t, viewer, recording)

	key := viewer.Get(t, view+"key")
	whole := viewer.Get(t, view+"media")
	got := map[string]gatewaytest.Answer{
		"the playlist":            viewer.Get(t, view+"playlist.m3u8"),
		"the key":                 key,
		"the media":               whole,
		"the media from 0":        viewer.Get(t, view+"media", "Range", "bytes=0-"),
		"the media but one byte":  viewer.Get(t, view+"media", "Range", "bytes=1-"),
		"the media's first part":  viewer.Get(t, view+"media", "Range", "bytes=0-65535"),
		"the media as a download": viewer.Get(t, view+"media?download=1", "Accept", "video/mp4"),
		"the download":            viewer.Get(t, pageOf(recording)+"/download"),
		"a part of the download":  viewer.Get(t, pageOf(recording)+"/download", "Range", "bytes=0-65535"),
		"the download's headers":  viewer.Do(t, http.MethodHead, pageOf(recording)+"/download", nil),
		"the page":                viewer.Get(t, pageOf(recording)),
		"the state":               viewer.Get(t, pageOf(recording)+"/state"),
	}
	for name, answer := range got {
		if isVideo(t, answer.Body) {
			t.Errorf("%s is accepted as a video", name)
		}
		if len(answer.Body) > 64 && bytes.Contains(file, answer.Body[:64]) {
			t.Errorf("%s begins with bytes of the file", name)
		}
		if strings.Contains(answer.Header.Get("Content-Disposition"), "attachment") {
			t.Errorf("%s is offered as a file", name)
		}
	}
	if status := got["the download"].Status; status != http.StatusForbidden {
		t.Errorf("the download answers %d, want 403", status)
	}

	block, err := aes.NewCipher(key.Body)
	if err != nil {
		t.Fatalf("the key: %v", err)
	}
	plain := make([]byte, len(whole.Body))
	cipher.NewCTR(block, make([]byte, aes.BlockSize)).XORKeyStream(plain, whole.Body)
	if !bytes.Equal(plain, file) || !isVideo(t, plain) {
		t.Error("the test is blind: key and media together are not the file that a download would be")
	}
}

func TestR8TheFileIsThereForWhoMayDownload(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	recording, file := w.Recording(t, env.Namespace(t), "review")
	answer := w.SignIn(t, "host").Get(t, pageOf(recording)+"/download")
	if answer.Status != http.StatusOK || !bytes.Equal(answer.Body, file) {
		t.Fatalf("status %d, %d bytes; want 200 and the file of %d", answer.Status, len(answer.Body), len(file))
	}
	if !isVideo(t, answer.Body) {
		t.Error("the file is not accepted as a video")
	}
	want := `attachment; filename="Q3 review _ ____.mp4"; filename*=UTF-8''Q3%20review%20%E2%80%93%20%E5%AD%A3%E5%BA%A6%E5%9B%9E%E9%A1%BE.mp4`
	if got := answer.Header.Get("Content-Disposition"); got != want {
		t.Errorf("Content-Disposition %s, want %s", got, want)
	}
}

func TestR8TamperedMediaBreaksOff(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	recording, file := w.Recording(t, env.Namespace(t), "review")
	if err := w.Tamper(t.Context(), recording, len(file)-100); err != nil {
		t.Fatal(err)
	}
	host := w.SignIn(t, "host")
	view := beginView(t, host, recording)
	for name, path := range map[string]string{"download": pageOf(recording) + "/download", "media": view + "media"} {
		if answer := host.Get(t, path); answer.Err == nil {
			t.Errorf("%s ended well: status %d, %d bytes", name, answer.Status, len(answer.Body))
		}
	}
}

// revocations take away what participant may do with a recording.
var revocations = map[string]struct {
	prepare func(t *testing.T, w *gatewaytest.World, recording *v1alpha1.MeetingRecording)
	revoke  func(ctx context.Context, w *gatewaytest.World, recording *v1alpha1.MeetingRecording) error
	who     string
}{
	"a deleted grant": {
		who: "internal",
		prepare: func(t *testing.T, w *gatewaytest.World, recording *v1alpha1.MeetingRecording) {
			t.Helper()
			w.Grant(t, gatewaytest.GrantOf(recording, "dave", v1alpha1.SubjectUser, gatewaytest.People["internal"].Email, v1alpha1.PermissionView), "")
		},
		revoke: func(ctx context.Context, w *gatewaytest.World, recording *v1alpha1.MeetingRecording) error {
			return w.Admin.Delete(ctx, &v1alpha1.AccessGrant{ObjectMeta: metav1.ObjectMeta{Namespace: recording.Namespace, Name: "dave"}})
		},
	},
	"a new policy": {
		who: "participant",
		revoke: func(ctx context.Context, w *gatewaytest.World, recording *v1alpha1.MeetingRecording) error {
			policy := &v1alpha1.RecordingPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: recording.Namespace, Name: "closed"}}
			policy.Spec.Access.Roles = []v1alpha1.RolePermissions{{Role: v1alpha1.RoleParticipant, Permissions: []v1alpha1.Permission{}}}
			return w.Admin.Create(ctx, policy)
		},
	},
	"a recording in the trash": {
		who: "participant",
		revoke: func(ctx context.Context, w *gatewaytest.World, recording *v1alpha1.MeetingRecording) error {
			recording.Spec.State = v1alpha1.StateTrashed
			return w.Admin.Update(ctx, recording)
		},
	},
	"a deleted recording": {
		who: "participant",
		revoke: func(ctx context.Context, w *gatewaytest.World, recording *v1alpha1.MeetingRecording) error {
			return w.Admin.Delete(ctx, recording)
		},
	},
}

func TestRevocationStopsPlayingWithinTwoSeconds(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	for name, tc := range revocations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			recording, _ := w.Recording(t, env.Namespace(t), "review")
			if tc.prepare != nil {
				tc.prepare(t, w, recording)
			}
			viewer := w.SignIn(t, tc.who)
			view := beginView(t, viewer, recording)
			routes := []string{"playlist.m3u8", "key", "media"}
			for _, route := range routes {
				if answer := viewer.Get(t, view+route); answer.Status != http.StatusOK {
					t.Fatalf("%s before: status %d", route, answer.Status)
				}
			}
			if err := tc.revoke(t.Context(), w, recording); err != nil {
				t.Fatal(err)
			}
			revoked := gatewaytest.Wall.Now()
			for _, route := range routes {
				err := wait.PollUntilContextTimeout(t.Context(), 10*time.Millisecond, 2*time.Second, true, func(context.Context) (bool, error) {
					return viewer.Get(t, view+route, "Range", "bytes=0-15").Status == http.StatusNotFound, nil
				})
				if err != nil {
					t.Fatalf("%s is still given out after %s", route, gatewaytest.Wall.Since(revoked))
				}
			}
			if since := gatewaytest.Wall.Since(revoked); since > 2*time.Second {
				t.Errorf("playing stopped after %s, want at most 2 s", since)
			}
		})
	}
}

func TestAViewIsGoodOnlyInItsOwnSession(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	recording, _ := w.Recording(t, env.Namespace(t), "review")
	view := beginView(t, w.SignIn(t, "host"), recording)
	others := map[string]*gatewaytest.Browser{
		"nobody":                          w.Anonymous(t),
		"somebody else who may view":      w.SignIn(t, "participant"),
		"the same person somewhere else":  w.SignIn(t, "host"),
		"somebody who may not know of it": w.SignIn(t, "external"),
	}
	for name, browser := range others {
		for _, route := range []string{"playlist.m3u8", "key", "media"} {
			if answer := browser.Get(t, view+route); answer.Status != http.StatusNotFound {
				t.Errorf("%s: %s answers %d, want 404", name, route, answer.Status)
			}
		}
	}
}

// R29: who, which recording, what, when, from which device and address, under which rule.
func TestR29ViewsAndDownloadsAreWrittenDown(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	namespace := env.Namespace(t)
	recording, _ := w.Recording(t, namespace, "review")
	host, viewer := w.SignIn(t, "host"), w.SignIn(t, "participant")
	beginView(t, viewer, recording)
	host.Get(t, pageOf(recording)+"/download", "User-Agent", "test browser")
	viewer.Get(t, pageOf(recording)+"/download")

	var got []string
	for _, event := range w.Events(t, namespace) {
		if event.Spec.Recording.UID != string(recording.UID) || event.Spec.Client.Address == "" || event.Spec.Actor.Issuer != w.Config.SignIn.Issuer {
			t.Errorf("an event lacks what it is about: %+v", event.Spec)
		}
		got = append(got, strings.Join([]string{event.Spec.Actor.Name, string(event.Spec.Action), string(event.Spec.Outcome), event.Spec.Reason}, " "))
	}
	want := []string{
		"bob@example.com Delivered Allowed Finished",
		"bob@example.com Downloaded Allowed PermittedByRole",
		"carol@example.com Downloaded Refused NotPermitted",
		"carol@example.com Viewed Allowed PermittedByRole",
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("written down: %q, want %q", got, want)
	}
}

func TestAPolicyInDryRunIsWrittenDownAndRefusesNothing(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	namespace := env.Namespace(t)
	recording, _ := w.Recording(t, namespace, "review")
	policy := &v1alpha1.RecordingPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "closed"}}
	policy.Spec.Enforcement = v1alpha1.EnforcementDryRun
	policy.Spec.Access.Roles = []v1alpha1.RolePermissions{{Role: v1alpha1.RoleParticipant, Permissions: []v1alpha1.Permission{}}}
	if err := w.Admin.Create(t.Context(), policy); err != nil {
		t.Fatal(err)
	}
	w.Seen(t, policy)
	beginView(t, w.SignIn(t, "participant"), recording)
	events := w.Events(t, namespace)
	if len(events) != 1 || events[0].Spec.Outcome != v1alpha1.OutcomeAllowed || len(events[0].Spec.Evidence) != 1 ||
		!strings.Contains(events[0].Spec.Evidence[0], "RecordingPolicy "+namespace+"/closed spec.access.roles") {
		t.Errorf("written down: %+v", events)
	}
}
