// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/cli"
	"github.com/reelkeeper/reelkeeper/internal/keys"
	"github.com/reelkeeper/reelkeeper/internal/manifests/manifesttest"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/objectstore/s3test"
	"github.com/reelkeeper/reelkeeper/internal/stores"
)

// vault is a store with one recording in it, on a server of its own.
type vault struct {
	client.Client
	server    *s3test.Server
	objects   *objectstore.Client
	store     *v1alpha1.RecordingStore
	recording *v1alpha1.MeetingRecording
	stored    *manifesttest.Recording
}

func newVault(t *testing.T, changes ...func(*vault)) *vault {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	v := &vault{Client: env.Client(t, scheme), server: s3test.Start(t, s3test.Options{})}
	namespace := env.Namespace(t)
	keyset, err := keys.NewKeyset()
	if err != nil {
		t.Fatal(err)
	}
	reference := func(name string) v1alpha1.SecretReference {
		return v1alpha1.SecretReference{Namespace: namespace, Name: name}
	}
	v.store = &v1alpha1.RecordingStore{
		ObjectMeta: metav1.ObjectMeta{Name: namespace},
		Spec: v1alpha1.RecordingStoreSpec{
			// Nothing listens there: the tests say where the server really is.
			S3:                v1alpha1.S3Endpoint{Endpoint: "http://127.0.0.1:1", CredentialsSecretRef: reference("s3")},
			Buckets:           v1alpha1.BucketLayoutSpec{Layout: v1alpha1.LayoutShared, Name: "recordings"},
			Encryption:        v1alpha1.EncryptionSpec{KeySecretRef: reference("kek")},
			AllowedNamespaces: &metav1.LabelSelector{},
		},
	}
	for _, change := range changes {
		change(v)
	}
	v.recording = &v1alpha1.MeetingRecording{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "q3-review"},
		Spec: v1alpha1.MeetingRecordingSpec{
			Meeting: v1alpha1.MeetingFacts{ID: "1", Creator: "alice@example.com"}, Source: v1alpha1.MediaSource{Upload: &v1alpha1.UploadSource{}},
			StoreRef: v1alpha1.StoreReference{Name: namespace},
		},
	}
	for _, object := range []client.Object{
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "s3"},
			StringData: map[string]string{stores.AccessKeyID: v.server.AccessKey, stores.SecretAccessKey: v.server.SecretKey}},
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "kek"}, Data: map[string][]byte{stores.KeysetKey: keyset}},
		v.store, v.recording,
	} {
		if err := v.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _ = v.Delete(context.WithoutCancel(t.Context()), v.store) })
	v.fill(t, keyset)
	return v
}

// fill stores the media of the recording.
func (v *vault) fill(t *testing.T, encoded []byte) {
	t.Helper()
	keyset, err := keys.Load(encoded)
	if err != nil {
		t.Fatal(err)
	}
	owner, err := objectstore.NewRecording(v.recording.Namespace, string(v.recording.UID))
	if err != nil {
		t.Fatal(err)
	}
	if v.stored, err = manifesttest.New(keyset, owner, v.recording.Name, 4); err != nil {
		t.Fatal(err)
	}
	v.objects = v.server.Bucket(t, "recordings")
	if err := v.stored.Put(t.Context(), v.objects, "recordings"); err != nil {
		t.Fatal(err)
	}
	v.recording.Status.Storage = v1alpha1.StorageLocation{Bucket: "recordings", Key: owner.MediaKey(1), ManifestKey: owner.ManifestKey(1)}
	if err := v.Status().Update(t.Context(), v.recording); err != nil {
		t.Fatal(err)
	}
}

// remembers has the status say what was written beside the manifest.
func (v *vault) remembers(t *testing.T, hash string) {
	t.Helper()
	v.recording.Status.Storage.StateHash = hash
	if err := v.Status().Update(t.Context(), v.recording); err != nil {
		t.Fatal(err)
	}
}

func TestR7ScrubFindsDamageAndSaysSoByItsExitCode(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	name := v.recording.Namespace + "/q3-review"
	scrub := func(args ...string) (string, string, int) {
		t.Helper()
		return run(t, "", append([]string{"scrub", "--store", v.store.Name, "--endpoint", v.server.Endpoint}, args...)...)
	}
	if out, errs, code := scrub(name, "--rate", "100Mi"); code != cli.ExitYes || !strings.Contains(out, "1 recordings of RecordingStore "+v.store.Name+" checked") {
		t.Fatalf("exit code %d: %s%s", code, out, errs)
	}
	v.remembers(t, "0123456789abcdef") // and the bucket says nothing
	if out, errs, code := scrub(name); code != cli.ExitNo || !strings.Contains(out, v1alpha1.ReasonStateNotWritten) || !strings.Contains(out, v.stored.Owner.StateKey()) {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
	v.remembers(t, "")
	flipped := slices.Clone(v.stored.Media)
	flipped[9000] ^= 1
	if _, err := v.objects.Put(t.Context(), "recordings", v.stored.Owner.MediaKey(1), bytes.NewReader(flipped), int64(len(flipped)), objectstore.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	out, errs, code := scrub("-o", "json") // the whole store
	var report struct {
		Checked  int
		Findings []struct{ Recording, Reason, Message string }
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil || code != cli.ExitNo || report.Checked != 1 || len(report.Findings) != 1 {
		t.Fatalf("exit code %d, %v: %s%s", code, err, out, errs)
	}
	if found := report.Findings[0]; found.Recording != name || found.Reason != v1alpha1.ReasonDamaged || !strings.Contains(found.Message, "segment 1 ") || !strings.Contains(found.Message, "put it back") {
		t.Errorf("finding %+v", found)
	}
}

// TestEndpointReachesAStoreWhoseBucketIsADrivers has a BucketInfo Secret that says another address than the one from here.
func TestEndpointReachesAStoreWhoseBucketIsADrivers(t *testing.T) {
	t.Parallel()
	v := newVault(t, func(v *vault) {
		namespace := v.store.Spec.S3.CredentialsSecretRef.Namespace
		info := map[string]any{"spec": map[string]any{"bucketName": "recordings", "authenticationType": "Key", "protocols": []string{"S3"}, "secretS3": map[string]string{
			"endpoint": "http://127.0.0.1:1", "region": "us-east-1", "accessKeyID": v.server.AccessKey, "accessSecretKey": v.server.SecretKey,
		}}}
		encoded, err := json.Marshal(info)
		if err != nil {
			t.Fatal(err)
		}
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "bucket-info"}, Data: map[string][]byte{stores.BucketInfoKey: encoded}}
		if err := v.Create(t.Context(), secret); err != nil {
			t.Fatal(err)
		}
		v.store.Spec.S3 = v1alpha1.S3Endpoint{BucketInfoSecretRef: v1alpha1.SecretReference{Namespace: namespace, Name: secret.Name}}
		v.store.Spec.Buckets.Name = ""
	})
	args := []string{"scrub", "--store", v.store.Name, v.recording.Namespace + "/q3-review"}
	if out, errs, code := run(t, "", args...); code != cli.ExitError {
		t.Errorf("where nothing listens: exit code %d: %s%s", code, out, errs)
	}
	if out, errs, code := run(t, "", append(args, "--endpoint", v.server.Endpoint)...); code != cli.ExitYes || !strings.Contains(out, "1 recordings of RecordingStore "+v.store.Name+" checked") {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
}

func TestScrubGivesNoAnswerWhereThereIsNone(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	cases := map[string]struct {
		args []string
		want string
	}{
		"no such store":       {[]string{"--store", "none"}, "there is no RecordingStore none"},
		"nobody at home":      {[]string{"--store", v.store.Name}, "1 recordings could not be read"},
		"no such recording":   {[]string{"--store", v.store.Name, v.recording.Namespace + "/none"}, "not found"},
		"of another store":    {[]string{v.recording.Namespace + "/q3-review"}, "give --store " + v.store.Name},
		"a rate that is none": {[]string{"--store", v.store.Name, "--rate", "fast"}, "write 20Mi, for example"},
	}
	for name, tc := range cases {
		if _, errs, code := run(t, "", append([]string{"scrub"}, tc.args...)...); code != cli.ExitError || !strings.Contains(errs, tc.want) {
			t.Errorf("%s: exit code %d, %s", name, code, errs)
		}
	}
}

// TestKeysRotateAsksOnceAndTellsWhenItIsDone plays the manager, which this test does without.
func TestKeysRotateAsksOnceAndTellsWhenItIsDone(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	progress := func(generation int64, rotation v1alpha1.KeyRotation, status metav1.ConditionStatus, reason, message string) {
		t.Helper()
		if err := v.Get(t.Context(), client.ObjectKeyFromObject(v.store), v.store); err != nil {
			t.Fatal(err)
		}
		since := metav1.NewTime(time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC))
		v.store.Status.Keys = v1alpha1.KeysStatus{Generation: generation, PrimaryKeyID: "7", Rotation: rotation, Keys: []v1alpha1.KeyStatus{{ID: "7", State: v1alpha1.KeyPrimary, Since: since}}}
		meta.SetStatusCondition(&v.store.Status.Conditions, metav1.Condition{Type: v1alpha1.ConditionKeysRotated, Status: status, Reason: reason, Message: message})
		if err := v.Status().Update(t.Context(), v.store); err != nil {
			t.Fatal(err)
		}
	}
	keysCommand := func(args ...string) (string, string, int) {
		t.Helper()
		return run(t, "", append(append([]string{"keys"}, args...), "--store", v.store.Name)...)
	}
	progress(1, v1alpha1.KeyRotation{}, metav1.ConditionTrue, v1alpha1.ReasonAvailable, "All is well")
	if out, errs, code := keysCommand("status"); code != cli.ExitYes || !strings.Contains(out, "Primary") || !strings.Contains(out, "All is well.") {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
	for _, want := range []string{"key generation 2 is asked for", "a rotation to key generation 2 is under way already"} {
		if out, errs, code := keysCommand("rotate"); code != cli.ExitYes || !strings.Contains(errs, want) {
			t.Errorf("exit code %d: %s%s; want %q", code, out, errs, want)
		}
	}
	rotation := v1alpha1.KeyRotation{Generation: 2, KeyID: "8", Stage: v1alpha1.RotationRewrapping, Rewrapped: new(int64(5)), StartedAt: metav1.Now()}
	progress(1, rotation, metav1.ConditionFalse, v1alpha1.ReasonRotating, "Under way")
	if out, errs, code := keysCommand("status"); code != cli.ExitNo || !strings.Contains(out, "5 recordings' keys wrapped with key 8") {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
	progress(2, v1alpha1.KeyRotation{}, metav1.ConditionFalse, v1alpha1.ReasonRotationIncomplete, "One is damaged")
	if out, errs, code := keysCommand("status", "-o", "json"); code != cli.ExitNo || !strings.Contains(out, `"state": "RotationIncomplete"`) {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
	// A store that was made anew around a keyset with a history.
	progress(7, v1alpha1.KeyRotation{}, metav1.ConditionTrue, v1alpha1.ReasonAvailable, "All is well")
	if out, errs, code := keysCommand("rotate"); code != cli.ExitYes || !strings.Contains(errs, "key generation 8 is asked for") {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
}
