// SPDX-License-Identifier: Apache-2.0

package fault

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/keys"
	"github.com/reelkeeper/reelkeeper/internal/manifests"
	"github.com/reelkeeper/reelkeeper/internal/media"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/stores"
)

// judge says what is wrong with the end of a plan.
func (p plan) judge(ctx context.Context, w *world) error {
	errs := []error{w.judgeStrays(ctx), w.judgeAudit(ctx, p)}
	recording := w.recording()
	keys, err := w.stored(ctx)
	errs = append(errs, err)
	tombstones := under(keys, "trash/")
	switch p.life.ends {
	case kept:
		if recording == nil {
			errs = append(errs, errors.New("the recording is lost"))
			break
		}
		storage := recording.Status.Storage
		if len(under(keys, "media/")) != 1 || len(under(keys, "manifests/")) != 2 || len(keys) != 3 {
			errs = append(errs, fmt.Errorf("want one media object, its manifest and its state in the bucket: %v", keys))
		}
		errs = append(errs, w.judgeMedia(ctx, recording.StorageUID(), storage.Key, storage.ManifestKey))
	case buried:
		if recording != nil || len(tombstones) != 1 || len(keys) != 4 {
			errs = append(errs, fmt.Errorf("want a tombstone, a media object, its manifest and its state, and no recording: %v, %s", keys, describe(recording)))
			break
		}
		uid := tombstones[0][strings.LastIndex(tombstones[0], "/")+1:]
		errs = append(errs, w.judgeMedia(ctx, uid, under(keys, "media/")[0], under(keys, "manifests/")[0]))
	case noise:
		left, err := w.versions(ctx)
		if recording == nil || len(under(keys, "media/")) != 1 || len(keys) != 1 || len(under(left, "manifests/")) > 0 {
			errs = append(errs, fmt.Errorf("want the media alone, and no version of a manifest: %v, %s", left, describe(recording)))
		}
		errs = append(errs, err)
	case gone:
		left, err := w.versions(ctx)
		if recording != nil || len(left) > 0 {
			errs = append(errs, fmt.Errorf("want nothing left: %v, %s", left, describe(recording)))
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// judgeStrays looks for what nobody will ever need again.
func (w *world) judgeStrays(ctx context.Context) error {
	var found []string
	for _, job := range w.now().jobs {
		found = append(found, "Job "+job.Name)
	}
	secrets, secretErr := w.secrets(ctx)
	for _, secret := range secrets {
		found = append(found, "Secret "+secret.Namespace+"/"+secret.Name)
	}
	var uploadErr error
	for upload, err := range w.objects.Uploads(ctx, w.bucket(), "") {
		if err != nil {
			uploadErr = ignoreNoBucket(err)
			break
		}
		found = append(found, "upload of "+upload.Key)
	}
	versions, versionErr := w.versions(ctx)
	for _, version := range versions {
		if strings.HasPrefix(version, "staging/") {
			found = append(found, version)
		}
	}
	if len(found) > 0 {
		return fmt.Errorf("left behind: %v", found)
	}
	return errors.Join(secretErr, uploadErr, versionErr)
}

// judgeAudit wants every step in the log exactly once. Where steps were not waited for, some may never have been seen; none
// may be there twice.
func (w *world) judgeAudit(ctx context.Context, p plan) error {
	if w.with["audit"] {
		return nil // its events are deleted
	}
	want := map[v1alpha1.AuditAction]int{}
	for _, step := range p.life.steps {
		for _, action := range step.recorded {
			want[action]++
		}
	}
	got, err := w.auditCounts(ctx)
	if err != nil {
		return err
	}
	if len(p.hasty) == 0 {
		if diff := cmp.Diff(want, got); diff != "" {
			return fmt.Errorf("audit events (-want +got):\n%s", diff)
		}
		return nil
	}
	for action, n := range got {
		if n > want[action] {
			return fmt.Errorf("%s is in the audit log %d times, want at most %d", action, n, want[action])
		}
	}
	return nil
}

func (w *world) auditCounts(ctx context.Context) (map[v1alpha1.AuditAction]int, error) {
	var list v1alpha1.AuditEventList
	if err := w.admin.List(ctx, &list, client.InNamespace(w.namespace)); err != nil {
		return nil, err
	}
	counts := map[v1alpha1.AuditAction]int{}
	for _, event := range list.Items {
		counts[event.Spec.Action]++
	}
	return counts, nil
}

// judgeMedia decrypts what is stored and compares it with what was recorded.
func (w *world) judgeMedia(ctx context.Context, uid, mediaKey, manifestKey string) error {
	stored, err := w.read(ctx, manifestKey)
	if err != nil {
		return err
	}
	keyset, err := w.keyset(ctx)
	if err != nil {
		return err
	}
	owner, err := objectstore.NewRecording(w.namespace, uid)
	if err != nil {
		return err
	}
	manifest, dataKey, err := manifests.Open(stored, keyset, owner)
	if err != nil {
		return fmt.Errorf("read the manifest: %w", err)
	}
	object, err := w.read(ctx, mediaKey)
	if err != nil {
		return err
	}
	plain, err := plaintext(ctx, manifest, dataKey, object)
	if err == nil && !bytes.Equal(plain, w.plain) {
		err = errors.New("the media is not what was recorded")
	}
	return err
}

func (w *world) keyset(ctx context.Context) (*keys.Keyset, error) {
	var secret corev1.Secret
	if err := w.admin.Get(ctx, client.ObjectKey{Namespace: operatorNamespace, Name: "kek-" + w.namespace}, &secret); err != nil {
		return nil, err
	}
	return keys.Load(secret.Data[stores.KeysetKey])
}

func (w *world) read(ctx context.Context, key string) ([]byte, error) {
	body, _, err := w.objects.Get(ctx, w.bucket(), key, objectstore.GetOptions{})
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(body)
}

// stored lists the objects in the bucket.
func (w *world) stored(ctx context.Context) ([]string, error) {
	var found []string
	for object, err := range w.objects.List(ctx, w.bucket(), "") {
		if err != nil {
			return nil, ignoreNoBucket(err)
		}
		// What tells whose bucket it is, or was left by a probe, is the store's own business.
		if !strings.HasPrefix(object.Key, "reelkeeper-") {
			found = append(found, object.Key)
		}
	}
	return found, nil
}

// versions lists every version of everything and all delete markers.
func (w *world) versions(ctx context.Context) ([]string, error) {
	found, err := w.objects.Versions(ctx, w.bucket(), "")
	if err != nil {
		return nil, ignoreNoBucket(err)
	}
	var described []string
	for _, version := range found {
		if strings.HasPrefix(version.Key, "reelkeeper-") {
			continue
		}
		described = append(described, fmt.Sprintf("%s version %s", version.Key, version.VersionID))
	}
	return described, nil
}

func ignoreNoBucket(err error) error {
	if objectstore.Reason(err) == objectstore.ReasonNoSuchBucket {
		return nil
	}
	return err
}

func under(keys []string, prefix string) []string {
	var found []string
	for _, key := range keys {
		if strings.HasPrefix(key, prefix) {
			found = append(found, key)
		}
	}
	return found
}

func describe(recording *v1alpha1.MeetingRecording) string {
	if recording == nil {
		return "gone"
	}
	ready := meta.FindStatusCondition(recording.Status.Conditions, v1alpha1.ConditionReady)
	status, err := json.Marshal(recording.Status.Storage)
	if ready == nil || err != nil {
		return "without a status"
	}
	return fmt.Sprintf("%s (%s), state %q, storage %s, deleted at %v", ready.Reason, ready.Message, recording.Spec.State, status, recording.DeletionTimestamp)
}

func digestOf(content []byte) media.Digest { return sha256.Sum256(content) }
