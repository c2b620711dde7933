// SPDX-License-Identifier: Apache-2.0

//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

// grantEnd is the date that the samples' grants carry; in the story it is tomorrow.
const grantEnd = "2026-10-08T18:00:00Z"

func (s *story) applySamples(ctx context.Context) error {
	for _, file := range []string{"namespaces.yaml", "recordingstore.yaml", "clusterrecordingpolicy.yaml", "recordingpolicy.yaml", "meetingrecording.yaml"} {
		if err := s.apply(ctx, file); err != nil {
			return err
		}
	}
	s.claim("the store makes its key and its bucket, and is Ready",
		s.kubectl(ctx, "wait", "recordingstore/default", "--for=condition=Ready", "--timeout=60s"))
	return s.kubectl(ctx, "get", "recordingstore,clusterrecordingpolicy,recordingpolicy", "-A")
}

// apply applies one of config/samples.
func (s *story) apply(ctx context.Context, file string) error {
	s.say("$ kubectl apply -f config/samples/%s", file)
	text, err := s.stage.Sample(file)
	if err != nil {
		return err
	}
	text = strings.ReplaceAll(text, grantEnd, time.Now().Add(24*time.Hour).UTC().Format(time.RFC3339))
	_, err = s.stage.KubectlInput(ctx, text, "apply", "--server-side", "-f", "-")
	return err
}

func (s *story) upload(ctx context.Context) error {
	var r v1alpha1.MeetingRecording
	err := until(ctx, "the Secret with the upload's URL", patience, func() (bool, error) {
		err := s.get(ctx, recording, &r)
		return r.Status.Upload.SecretRef.Name != "", err
	})
	if err != nil {
		return err
	}
	if err := s.kubectl(ctx, "get", "mrec", "-n", namespace); err != nil {
		return err
	}
	s.claim("the recording waits for its upload", wantReason(&r, v1alpha1.ReasonUploading))
	var secret corev1.Secret
	if err := s.get(ctx, r.Status.Upload.SecretRef.Name, &secret); err != nil {
		return err
	}
	s.say("$ curl --upload-file %s <the URL in Secret %s>", s.video, secret.Name)
	s.claim("whoever holds the URL can send the file, without credentials", put(ctx, string(secret.Data["url"]), s.video))
	return nil
}

// put sends a file with one PUT request.
func put(ctx context.Context, url, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, url, file)
	if err != nil {
		return err
	}
	request.ContentLength = info.Size()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the object store answers %s", response.Status)
	}
	return nil
}

// process shows the state whenever it changes, as `kubectl get --watch` does.
func (s *story) process(ctx context.Context) error {
	carol, err := signIn(ctx, s.stage.URL, "carol@example.com")
	if err != nil {
		return err
	}
	var shown string
	var r v1alpha1.MeetingRecording
	err = until(ctx, recording+" becomes available", patience, func() (bool, error) {
		if err := s.get(ctx, recording, &r); err != nil {
			return false, err
		}
		ready := meta.FindStatusCondition(r.Status.Conditions, v1alpha1.ConditionReady)
		if state := strings.TrimSpace(ready.Reason + " " + r.Status.Progress); state != shown {
			shown = state
			s.say("%s  STATE %s%s", s.clock(), state, onThePage(ctx, carol))
		}
		switch ready.Reason {
		case v1alpha1.ReasonFailed, v1alpha1.ReasonNotAVideo, v1alpha1.ReasonTruncated, v1alpha1.ReasonEmpty, v1alpha1.ReasonTooLarge, v1alpha1.ReasonEncrypted:
			return false, fmt.Errorf("processing failed: %s: %s", ready.Reason, ready.Message)
		}
		return ready.Reason == v1alpha1.ReasonAvailable, nil
	})
	if err != nil {
		return err
	}
	if err := s.kubectl(ctx, "get", "events", "-n", namespace, "--field-selector=involvedObject.name="+recording,
		"-o=custom-columns=REASON:.reason,MESSAGE:.message"); err != nil {
		return err
	}
	if err := s.kubectl(ctx, "get", "mrec", "-n", namespace, "-o=wide"); err != nil {
		return err
	}
	s.claim("it is available, with a link", wantLink(&r, s.stage.URL))
	s.claim("it has an end: the policy's 90 days", wantSpan("expiresAt", r.Status.AvailableAt.Time, r.Status.ExpiresAt.Time, 90*24*time.Hour))
	return nil
}

// onThePage is what the page of the recording says of its progress at the moment, in words, where it has any.
func onThePage(ctx context.Context, who *person) string {
	got, err := who.get(ctx, "/r/"+path+"/state")
	var state struct{ Percent int }
	if err != nil || json.Unmarshal(got.body, &state) != nil || state.Percent == 0 {
		return ""
	}
	return fmt.Sprintf(" (the page, which asks the worker's own progress: %d%%)", state.Percent)
}

func (s *story) inspectBucket(ctx context.Context) error {
	var r v1alpha1.MeetingRecording
	if err := s.get(ctx, recording, &r); err != nil {
		return err
	}
	var keys []string
	var stored int64
	for object, err := range s.bucket.List(ctx, r.Status.Storage.Bucket, "") {
		if err != nil {
			return err
		}
		keys = append(keys, object.Key)
		if strings.HasPrefix(object.Key, "media/") {
			stored += object.Size
		}
		s.say("%12d  %s", object.Size, object.Key)
	}
	s.claim("there are the media, its manifest and its state, and the store's marker; the raw upload is gone", wantCount(len(keys), 4))
	s.claim(fmt.Sprintf("one copy: %d bytes stored for %d bytes of media", stored, r.Status.Media.Bytes), wantAtMost(stored, r.Status.Media.Bytes))
	body, _, err := s.bucket.Get(ctx, r.Status.Storage.Bucket, r.Status.Storage.Key, objectstore.GetOptions{})
	if err != nil {
		return err
	}
	defer body.Close()
	var media bytes.Buffer
	if _, err := media.ReadFrom(body); err != nil {
		return err
	}
	s.claim("what is stored is noise to ffprobe", notAVideo(ctx, media.Bytes()))
	return nil
}

// probe asks ffprobe what it makes of some bytes.
func probe(ctx context.Context, media []byte) (string, error) {
	cmd := exec.CommandContext(ctx, "ffprobe", "-v", "error", "-show_entries", "stream=codec_name:format=duration", "-of", "csv=p=0", "-")
	cmd.Stdin = bytes.NewReader(media)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%w: %s", err, strings.TrimSpace(stderr.String()))
	}
	return strings.Join(strings.Fields(stdout.String()), " "), nil
}

// aVideo is nil when ffprobe takes the bytes for a video with a picture and a duration.
func aVideo(ctx context.Context, media []byte) error {
	facts, err := probe(ctx, media)
	if err == nil && !strings.Contains(facts, "h264") && !strings.Contains(facts, "av1") && !strings.Contains(facts, "aac") && !strings.Contains(facts, "opus") {
		err = fmt.Errorf("ffprobe finds only %q", facts)
	}
	return err
}

// notAVideo is nil unless ffprobe finds in the bytes what recordings consist of. Most noise it refuses, and one in a hundred it takes for H.263,
// which has next to no marks of its own.
func notAVideo(ctx context.Context, media []byte) error {
	if aVideo(ctx, media) == nil {
		return errors.New("ffprobe takes it for a video")
	}
	return nil
}

// reason is the state that people see.
func reason(r *v1alpha1.MeetingRecording) string {
	if ready := meta.FindStatusCondition(r.Status.Conditions, v1alpha1.ConditionReady); ready != nil {
		return ready.Reason
	}
	return ""
}

func wantReason(r *v1alpha1.MeetingRecording, want string) error {
	if got := reason(r); got != want {
		return fmt.Errorf("its state is %s, not %s", got, want)
	}
	return nil
}

func wantLink(r *v1alpha1.MeetingRecording, gateway string) error {
	if want := gateway + "/r/" + client.ObjectKeyFromObject(r).String(); r.Status.Link != want {
		return fmt.Errorf("the link is %q, not %q", r.Status.Link, want)
	}
	return nil
}

// wantSpan allows for the whole seconds that dates in Kubernetes have.
func wantSpan(what string, from, to time.Time, want time.Duration) error {
	if got := to.Sub(from); got < want-time.Second || got > want+time.Second {
		return fmt.Errorf("%s is %s after, not %s", what, got, want)
	}
	return nil
}

func wantCount(got, want int) error {
	if got != want {
		return fmt.Errorf("there are %d, not %d", got, want)
	}
	return nil
}

// wantAtMost allows a hundredth more.
func wantAtMost(got, of int64) error {
	if of == 0 || got*100 > of*101 {
		return fmt.Errorf("%d is more than 1.01 times %d", got, of)
	}
	return nil
}
