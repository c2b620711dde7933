// SPDX-License-Identifier: Apache-2.0

package keys

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// Keyset holds the key-encryption keys of one store: one primary, which wraps, and any number of older ones, which still
// unwrap what they wrapped. It is safe for concurrent use and does not print its keys.
type Keyset struct {
	aead    tink.AEAD
	primary uint32
	keys    []KeyInfo
}

// NewKeyset returns a keyset with one new AES256-GCM key, as the JSON that Load reads. It is secret: whoever has it and a
// manifest reads the recording; when it is lost, so is every recording of the store.
func NewKeyset() ([]byte, error) {
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("make a key-encryption keyset: %w", err)
	}
	return encode(handle)
}

var errUnreadable = errors.New("the key-encryption keyset is not a valid Tink JSON keyset: restore the Secret from a backup, do not make a new one")

// Load reads a keyset in Tink's JSON format, as made by NewKeyset or by the tool tinkey. Its errors never quote the input.
func Load(json []byte) (*Keyset, error) {
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(json)))
	if err != nil {
		// The parser's error is dropped on purpose: it may quote key material.
		return nil, errUnreadable
	}
	primary, err := primaryOf(handle.KeysetInfo())
	if err != nil {
		return nil, err
	}
	primitive, err := aead.New(handle)
	if err != nil {
		return nil, errors.New("the key-encryption keyset holds keys of another kind: Reelkeeper needs AEAD keys, such as AES256_GCM")
	}
	return &Keyset{aead: primitive, primary: primary, keys: infosOf(handle.KeysetInfo())}, nil
}

// primaryOf finds the key that wraps. It must mark its output with its ID, so that a wrapped key names the key it needs.
func primaryOf(info *tink_go_proto.KeysetInfo) (uint32, error) {
	for _, key := range info.GetKeyInfo() {
		if key.GetKeyId() != info.GetPrimaryKeyId() {
			continue
		}
		if key.GetOutputPrefixType() != tink_go_proto.OutputPrefixType_TINK {
			return 0, fmt.Errorf("the primary key %d of the key-encryption keyset does not mark what it encrypts: use a key with the output prefix TINK", key.GetKeyId())
		}
		return key.GetKeyId(), nil
	}
	return 0, errors.New("the key-encryption keyset names no primary key: choose one with `tinkey promote-key`")
}

// KeyID is the ID of the key that Wrap uses now.
func (k *Keyset) KeyID() string { return formatKeyID(k.primary) }

// String never prints keys.
func (k *Keyset) String() string { return "[keyset, primary key " + k.KeyID() + "]" }

// GoString never prints keys.
func (k *Keyset) GoString() string { return k.String() }

// Wrap encrypts a data key with the primary key. Unwrap needs the same associated data; see RecordingAD.
func (k *Keyset) Wrap(key DataKey, ad []byte) ([]byte, error) {
	wrapped, err := k.aead.Encrypt(key[:], ad)
	if err != nil {
		return nil, fmt.Errorf("wrap a data key with key %s: %w", k.KeyID(), err)
	}
	return wrapped, nil
}

// ErrUnwrap is returned for a wrapped key that no key of the keyset opens with the given associated data.
var ErrUnwrap = errors.New("the data key cannot be unwrapped")

// Unwrap decrypts what Wrap made. The error says which key is needed and is an ErrUnwrap.
func (k *Keyset) Unwrap(wrapped, ad []byte) (DataKey, error) {
	plaintext, err := k.aead.Decrypt(wrapped, ad)
	if err == nil && len(plaintext) == KeySize {
		return DataKey(plaintext), nil
	}
	needed, err := WrappedBy(wrapped)
	if err != nil {
		return DataKey{}, err
	}
	return DataKey{}, fmt.Errorf("%w: it was wrapped with key %s (the primary key is now %s): check that the keyset still holds that key, and that the wrapped key belongs to this recording",
		ErrUnwrap, needed, k.KeyID())
}

// Tink's output starts with a version byte and the big-endian ID of the key.
const (
	tinkVersion    = 0x01
	tinkPrefixSize = 5
)

// WrappedBy returns the ID of the key that wrapped a data key. A keyset whose KeyID differs has been rotated since.
func WrappedBy(wrapped []byte) (string, error) {
	if len(wrapped) <= tinkPrefixSize || wrapped[0] != tinkVersion {
		return "", fmt.Errorf("%w: it is damaged or was not made by Reelkeeper", ErrUnwrap)
	}
	return formatKeyID(binary.BigEndian.Uint32(wrapped[1:tinkPrefixSize])), nil
}

func formatKeyID(id uint32) string { return strconv.FormatUint(uint64(id), 10) }
