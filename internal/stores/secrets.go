// SPDX-License-Identifier: Apache-2.0

package stores

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/credentials"
	"github.com/reelkeeper/reelkeeper/internal/keys"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

// Keys of a Secret with the credentials of a store.
const (
	// AccessKeyID is who Reelkeeper is to the object store.
	AccessKeyID = "accessKeyID"
	// SecretAccessKey proves it.
	SecretAccessKey = "secretAccessKey"
	// SessionToken belongs to temporary credentials; it may be absent.
	SessionToken = "sessionToken"
)

// KeysetKey is the key of a Secret that holds a key-encryption keyset in Tink's JSON format.
const KeysetKey = "keyset.json"

// configure says how to talk to a store.
func configure(store *v1alpha1.RecordingStore, secret *corev1.Secret) (objectstore.Config, error) {
	s3 := store.Spec.S3
	config := objectstore.Config{
		Endpoint:     s3.Endpoint,
		Region:       s3.Region,
		Addressing:   objectstore.Addressing(s3.Addressing),
		AccessKey:    credentials.Pasted(secret.Data[AccessKeyID]),
		SecretKey:    credentials.Pasted(secret.Data[SecretAccessKey]),
		SessionToken: credentials.Pasted(secret.Data[SessionToken]),
		CABundle:     []byte(s3.CABundle),
		Checksums:    checksums(store),
	}
	if IsProvided(store) {
		info, err := readBucketInfo(store, secret)
		config.AccessKey, config.SecretKey, config.SessionToken = info.Spec.SecretS3.AccessKeyID, info.Spec.SecretS3.AccessSecretKey, ""
		return config, err
	}
	for _, part := range []struct {
		key, value string
		optional   bool
	}{{AccessKeyID, config.AccessKey, false}, {SecretAccessKey, config.SecretKey, false}, {SessionToken, config.SessionToken, true}} {
		switch {
		case part.value == "" && !part.optional:
			return objectstore.Config{}, failure(v1alpha1.ReasonCredentialsNotFound, "Secret %s/%s has no key %s, or nothing in it: add it", secret.Namespace, secret.Name, part.key)
		case credentials.Unprintable(part.value):
			return objectstore.Config{}, failure(v1alpha1.ReasonBadCredentials, "Secret %s/%s: %s %s", secret.Namespace, secret.Name, part.key, unprintable)
		}
	}
	return config, nil
}

// unprintable is what to do about a value that no header can carry.
const unprintable = "has a line break within, or another character that cannot be printed: put it in again in one line, as UTF-8"

// checksums sends them unless the spec forbids it or a probe has shown that the server refuses them.
func checksums(store *v1alpha1.RecordingStore) objectstore.Checksums {
	probed := len(store.Status.Capabilities) > 0
	if store.Spec.S3.Checksums == v1alpha1.ChecksumsOff || probed && !Can(store, v1alpha1.CapabilityChecksums) {
		return objectstore.ChecksumsOff
	}
	return objectstore.ChecksumsAuto
}

// loadKeyset reads a keyset. A Secret that is there but unreadable is never replaced: behind it may be every recording.
func loadKeyset(secret *corev1.Secret) (*keys.Keyset, error) {
	encoded := secret.Data[KeysetKey]
	if len(encoded) == 0 {
		return nil, failure(v1alpha1.ReasonKeysetInvalid, "Secret %s/%s has no key %s: restore it from your backup; if it never was a keyset, delete the Secret and one is made",
			secret.Namespace, secret.Name, KeysetKey)
	}
	keyset, err := keys.Load(encoded)
	if err != nil {
		return nil, failure(v1alpha1.ReasonKeysetInvalid, "Secret %s/%s: %v", secret.Namespace, secret.Name, err)
	}
	return keyset, nil
}

// knowsKeys refuses a keyset that cannot belong to the store's recordings: one without a key that they may be wrapped with. That is
// the key that wrapped the last of them, and every key that the keyset was seen to hold and is not about to lose.
func knowsKeys(secret *corev1.Secret, keyset *keys.Keyset, status *v1alpha1.RecordingStoreStatus) error {
	var needed []string
	if status.KeyID != "" {
		needed = append(needed, status.KeyID)
	}
	for _, key := range status.Keys.Keys {
		if key.State != v1alpha1.KeyRemoving && !slices.Contains(needed, key.ID) {
			needed = append(needed, key.ID)
		}
	}
	var missing []string
	for _, id := range needed {
		if !slices.ContainsFunc(keyset.Keys(), func(key keys.KeyInfo) bool { return key.ID == id }) {
			missing = append(missing, id)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return failure(v1alpha1.ReasonKeysetInvalid, "Secret %s/%s holds another keyset, or an older backup of it: key %s, which recordings of the store are encrypted with, is not in it. "+
		"Restore the Secret from your latest backup; a rotated keyset keeps its old keys", secret.Namespace, secret.Name, strings.Join(missing, ", "))
}
