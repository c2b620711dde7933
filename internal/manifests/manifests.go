// SPDX-License-Identifier: Apache-2.0

// Package manifests opens stored manifests with a store's keyset, and wraps their data keys anew when the keyset rotates.
//
//	stored bytes + keyset + whose it is  →  authentic manifest, data key
package manifests

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/reelkeeper/reelkeeper/internal/keys"
	"github.com/reelkeeper/reelkeeper/internal/media"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

// Objects is what of an object store reading a manifest needs. *objectstore.Client is one.
type Objects interface {
	Get(ctx context.Context, bucket, key string, opts objectstore.GetOptions) (io.ReadCloser, objectstore.ObjectInfo, error)
}

// Read fetches a manifest, or one version of it. What is too large for a manifest is cut off, which Open refuses.
func Read(ctx context.Context, objects Objects, bucket, key, version string) ([]byte, objectstore.ObjectInfo, error) {
	body, info, err := objects.Get(ctx, bucket, key, objectstore.GetOptions{VersionID: version})
	if err != nil {
		return nil, objectstore.ObjectInfo{}, err
	}
	defer body.Close()
	// One byte more than allowed is enough for the decoder to refuse it.
	stored, err := io.ReadAll(io.LimitReader(body, media.MaxManifestBytes+1))
	if err != nil {
		return nil, objectstore.ObjectInfo{}, fmt.Errorf("read %s/%s: the connection broke, try again: %w", bucket, key, err)
	}
	return stored, info, nil
}

// Open authenticates a manifest as that of the owner and returns it with its data key. Whose it is says the caller and not the
// manifest: the wrapped key of another recording does not unwrap. The error is a keys.ErrUnwrap where no key of the keyset
// opens the manifest, a media.ErrManifestForged where it was changed.
func Open(stored []byte, keyset *keys.Keyset, owner objectstore.Recording) (*media.Manifest, keys.DataKey, error) {
	var dataKey keys.DataKey
	manifest, err := media.DecodeManifest(stored, func(unverified *media.Manifest) (media.Key, error) {
		var err error
		dataKey, err = keyset.Unwrap(unverified.Key.Wrapped, keys.RecordingAD(owner.Namespace(), owner.UID()))
		return dataKey.Manifest(unverified.Key.Salt), err
	})
	if err != nil {
		return nil, keys.DataKey{}, err
	}
	return manifest, dataKey, nil
}

// WrappedBy tells which key of a keyset a manifest needs, without opening it. It is a claim of whoever wrote the manifest.
func WrappedBy(stored []byte) (keyID string, err error) {
	_, err = media.DecodeManifest(stored, func(unverified *media.Manifest) (media.Key, error) {
		var err error
		keyID, err = keys.WrappedBy(unverified.Key.Wrapped)
		return media.Key{}, err
	})
	if keyID != "" {
		return keyID, nil // that no MAC fits a key of zeros is no error here
	}
	return "", err
}

// Rewrap returns a manifest with its data key wrapped by the primary key of the keyset. Nothing else of it changes: not the
// data key, and so not one byte of media. The result is opened again before it is returned, for it takes the place of what
// opened.
func Rewrap(stored []byte, keyset *keys.Keyset, owner objectstore.Recording) ([]byte, error) {
	manifest, dataKey, err := Open(stored, keyset, owner)
	if err != nil {
		return nil, err
	}
	wrapped, err := keyset.Wrap(dataKey, keys.RecordingAD(owner.Namespace(), owner.UID()))
	if err != nil {
		return nil, err
	}
	manifest.Key.ID, manifest.Key.Wrapped = keyset.KeyID(), wrapped
	rewrapped, err := media.EncodeManifest(manifest, dataKey.Manifest(manifest.Key.Salt))
	if err != nil {
		return nil, err
	}
	if _, same, err := Open(rewrapped, keyset, owner); err != nil || same != dataKey {
		return nil, fmt.Errorf("the rewrapped manifest does not open: %w", err)
	}
	return rewrapped, nil
}

// Lacks tells, for an error of Open, which key of the keyset is missing or disabled. It is empty where it is not for want of a key.
func Lacks(stored []byte, keyset *keys.Keyset) (keyID string) {
	keyID, err := WrappedBy(stored)
	if err != nil || slices.Contains(keyset.Keys(), keys.KeyInfo{ID: keyID, Enabled: true}) {
		return ""
	}
	return keyID
}
