// SPDX-License-Identifier: Apache-2.0

//go:build unix

package gatewaytest

import (
	"bytes"
	"context"
	"io"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/credentials"
	"github.com/reelkeeper/reelkeeper/internal/keys"
	"github.com/reelkeeper/reelkeeper/internal/manifests"
	"github.com/reelkeeper/reelkeeper/internal/media"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

// Recording makes a recording of a meeting that People had, with media that plays, and returns it and the file that a download
// has to be equal to.
func (w *World) Recording(t testing.TB, namespace, name string) (*v1alpha1.MeetingRecording, []byte) {
	t.Helper()
	return w.recordingOf(t, namespace, name, v1alpha1.DefaultStore, w.clip)
}

// DirectRecording is Recording in a store whose media players fetch from the object store itself.
func (w *World) DirectRecording(t testing.TB, namespace, name string) (*v1alpha1.MeetingRecording, []byte) {
	t.Helper()
	return w.recordingOf(t, namespace, name, directStore, w.clip)
}

// LongRecording is Recording with media that plays for ten minutes.
func (w *World) LongRecording(t testing.TB, namespace, name string) (*v1alpha1.MeetingRecording, []byte) {
	t.Helper()
	return w.recordingOf(t, namespace, name, v1alpha1.DefaultStore, w.longClip)
}

// RecordingOf is Recording with a video of one's own: fragmented MP4 that has a fragment for every key frame.
func (w *World) RecordingOf(t testing.TB, namespace, name string, fragmented []byte, length time.Duration) (*v1alpha1.MeetingRecording, []byte) {
	t.Helper()
	return w.recordingOf(t, namespace, name, v1alpha1.DefaultStore, func() (*clip, error) { return &clip{fragmented: fragmented, length: length}, nil })
}

func (w *World) recordingOf(t testing.TB, namespace, name, store string, source func() (*clip, error)) (*v1alpha1.MeetingRecording, []byte) {
	t.Helper()
	played, err := source()
	if err != nil {
		t.Fatal(err)
	}
	recording := &v1alpha1.MeetingRecording{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1alpha1.MeetingRecordingSpec{
			Meeting: v1alpha1.MeetingFacts{
				ID: "872-114", Title: "Q3 review – 季度回顾", Department: "finance", StartedAt: metav1.Now(),
				Creator: People["creator"].Email, Hosts: []string{People["host"].Email},
				Participants: []string{People["participant"].Email, People["guest"].Email},
			},
			Source:   v1alpha1.MediaSource{Upload: &v1alpha1.UploadSource{}},
			StoreRef: v1alpha1.StoreReference{Name: store},
		},
	}
	if err := w.Admin.Create(t.Context(), recording); err != nil {
		t.Fatalf("create a recording: %v", err)
	}
	file, err := w.storeClip(t.Context(), recording, played)
	if err != nil {
		t.Fatalf("store the recording's media: %v", err)
	}
	w.Seen(t, recording)
	return recording, file
}

// Grant makes an AccessGrant and gives it the status that its controller would give it, as that controller does not run here.
// It returns the link's token.
func (w *World) Grant(t testing.TB, grant *v1alpha1.AccessGrant, password string) string {
	t.Helper()
	if err := w.Admin.Create(t.Context(), grant); err != nil {
		t.Fatalf("create a grant: %v", err)
	}
	token := credentials.NewToken()
	grant.Status.TokenHash = credentials.HashToken(token)
	if password != "" {
		hash, err := credentials.HashPassword(password)
		if err != nil {
			t.Fatal(err)
		}
		grant.Status.PasswordHash = hash
	}
	ready(&grant.Status.Conditions, v1alpha1.ReasonGranted, grant.Generation)
	if err := w.Admin.Status().Update(t.Context(), grant); err != nil {
		t.Fatalf("set a grant's status: %v", err)
	}
	w.Seen(t, grant)
	return token
}

// GrantOf is a grant of permissions on a recording to a subject.
func GrantOf(recording *v1alpha1.MeetingRecording, name string, kind v1alpha1.SubjectKind, subject string, permissions ...v1alpha1.Permission) *v1alpha1.AccessGrant {
	return &v1alpha1.AccessGrant{
		ObjectMeta: metav1.ObjectMeta{Namespace: recording.Namespace, Name: name},
		Spec: v1alpha1.AccessGrantSpec{
			RecordingRef: v1alpha1.RecordingReference{Name: recording.Name},
			Subjects:     []v1alpha1.GrantSubject{{Kind: kind, Name: subject}},
			Permissions:  permissions,
			ExpiresAt:    metav1.NewTime(Wall.Now().Add(24 * time.Hour)),
		},
	}
}

// Seen waits until the gateway's cache holds an object as it was last written.
func (w *World) Seen(t testing.TB, object client.Object) {
	t.Helper()
	cached := object.DeepCopyObject().(client.Object)
	err := wait.PollUntilContextTimeout(t.Context(), 5*time.Millisecond, 30*time.Second, true, func(ctx context.Context) (bool, error) {
		err := w.Options.Reader.Get(ctx, client.ObjectKeyFromObject(object), cached)
		return err == nil && cached.GetResourceVersion() == object.GetResourceVersion(), client.IgnoreNotFound(err)
	})
	if err != nil {
		t.Fatalf("waiting for the gateway to see %T %s: %v", object, object.GetName(), err)
	}
}

// Gone waits until the gateway's cache no longer holds an object that was deleted.
func (w *World) Gone(t testing.TB, object client.Object) {
	t.Helper()
	cached := object.DeepCopyObject().(client.Object)
	err := wait.PollUntilContextTimeout(t.Context(), 5*time.Millisecond, 30*time.Second, true, func(ctx context.Context) (bool, error) {
		err := w.Options.Reader.Get(ctx, client.ObjectKeyFromObject(object), cached)
		return apierrors.IsNotFound(err), client.IgnoreNotFound(err)
	})
	if err != nil {
		t.Fatalf("waiting for the gateway to see that %T %s is gone: %v", object, object.GetName(), err)
	}
}

// Events returns the audit events of a namespace.
func (w *World) Events(t testing.TB, namespace string) []v1alpha1.AuditEvent {
	t.Helper()
	var events v1alpha1.AuditEventList
	if err := w.Admin.List(t.Context(), &events, client.InNamespace(namespace)); err != nil {
		t.Fatal(err)
	}
	return events.Items
}

func setAvailable(recording *v1alpha1.MeetingRecording, bucket string, names objectstore.Recording, manifest *media.Manifest) {
	recording.Status.Media = manifests.Facts(manifest)
	recording.Status.Storage = v1alpha1.StorageLocation{Bucket: bucket, Key: names.MediaKey(1), ManifestKey: names.ManifestKey(1)}
	ready(&recording.Status.Conditions, v1alpha1.ReasonAvailable, recording.Generation)
}

func ready(conditions *[]metav1.Condition, reason string, generation int64) {
	meta.SetStatusCondition(conditions, metav1.Condition{
		Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: reason, Message: "Set by a test", ObservedGeneration: generation,
	})
}

// inMemory is a stored object that a test holds itself.
type inMemory []byte

// ReadRange implements media.Ranger.
func (m inMemory) ReadRange(_ context.Context, off, n int64) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(m[off : off+n])), nil
}

func decrypt(ctx context.Context, manifest *media.Manifest, stored []byte, dataKey keys.DataKey) ([]byte, error) {
	salt := manifest.Key.Salt
	reader := media.NewReader(manifest, dataKey.Unit(salt), inMemory(stored), nil)
	stream, err := reader.Plaintext(ctx, dataKey.Media(salt), 0, reader.Size())
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	return io.ReadAll(stream)
}
