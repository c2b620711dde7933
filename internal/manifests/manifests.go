// SPDX-License-Identifier: Apache-2.0

// Package manifests opens stored manifests with a store's keyset, and wraps their data keys anew when the keyset rotates.
//
//	stored bytes + keyset + whose it is  →  authentic manifest, data key
package manifests

import (
	"bytes"
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
	stored := bytes.NewBuffer(make([]byte, 0, min(info.Size, media.MaxManifestBytes)+bytes.MinRead))
	if _, err := stored.ReadFrom(io.LimitReader(body, media.MaxManifestBytes+1)); err != nil {
		return nil, objectstore.ObjectInfo{}, fmt.Errorf("read %s/%s: the connection broke, try again: %w", bucket, key, err)
	}
	return stored.Bytes(), info, nil
}

// Open authenticates a manifest as that of the owner and returns it with its data key. Whose it is says the caller and not the
// manifest: the wrapped key of another recording does not unwrap. The error is a keys.ErrUnwrap where no key of the keyset
// opens the manifest, a media.ErrManifestForged where it was changed.
func Open(stored []byte, keyset *keys.Keyset, owner objectstore.Recording) (*media.Manifest, keys.DataKey, error) {
	door := door{keyset: keyset, owner: owner}
	manifest, err := media.DecodeManifest(stored, door.unwrap)
	if err != nil {
		return nil, keys.DataKey{}, err
	}
	return manifest, door.dataKey, nil
}

// OpenKey authenticates a manifest as Open does, and makes nothing of it but its data key and the salt that keys are derived with.
func OpenKey(stored []byte, keyset *keys.Keyset, owner objectstore.Recording) (dataKey keys.DataKey, salt []byte, err error) {
	door := door{keyset: keyset, owner: owner}
	wrapped, err := media.AuthenticateManifest(stored, door.unwrap)
	if err != nil {
		return keys.DataKey{}, nil, err
	}
	return door.dataKey, wrapped.Salt, nil
}

// door remembers the data key that it has unwrapped.
type door struct {
	keyset  *keys.Keyset
	owner   objectstore.Recording
	dataKey keys.DataKey
}

func (d *door) unwrap(unverified media.WrappedKey) (media.Key, error) {
	var err error
	d.dataKey, err = d.keyset.Unwrap(unverified.Wrapped, keys.RecordingAD(d.owner.Namespace(), d.owner.UID()))
	return d.dataKey.Manifest(unverified.Salt), err
}

// WrappedBy tells which key of a keyset a manifest needs, without opening it. It is a claim of whoever wrote the manifest.
func WrappedBy(stored []byte) (keyID string, err error) {
	unverified, err := media.UnverifiedKey(stored)
	if err != nil {
		return "", err
	}
	return keys.WrappedBy(unverified.Wrapped)
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
