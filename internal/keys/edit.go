// SPDX-License-Identifier: Apache-2.0

package keys

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"
)

// KeyInfo is what may be told of one key of a keyset.
type KeyInfo struct {
	// ID names the key.
	ID string
	// Enabled says that the key unwraps; a disabled one is only still there.
	Enabled bool
}

// Keys lists the keys of the keyset in their order.
func (k *Keyset) Keys() []KeyInfo { return k.keys }

func infosOf(info *tink_go_proto.KeysetInfo) []KeyInfo {
	var keys []KeyInfo
	for _, key := range info.GetKeyInfo() {
		keys = append(keys, KeyInfo{ID: formatKeyID(key.GetKeyId()), Enabled: key.GetStatus() == tink_go_proto.KeyStatusType_ENABLED})
	}
	return keys
}

// Add returns the keyset with a new key, which unwraps and does not wrap yet, and the key's ID.
func Add(json []byte) (changed []byte, id string, err error) {
	changed, err = edit(json, func(m *keyset.Manager) error {
		added, err := m.Add(aead.AES256GCMKeyTemplate())
		id = formatKeyID(added)
		return err
	})
	return changed, id, err
}

// Promote returns the keyset with this key as the one that wraps. A disabled one is enabled for it.
func Promote(json []byte, id string) ([]byte, error) {
	return editKeys(json, []string{id}, func(m *keyset.Manager, key uint32) error {
		return errors.Join(m.Enable(key), m.SetPrimary(key))
	})
}

// Enable returns the keyset with these keys unwrapping again.
func Enable(json []byte, ids ...string) ([]byte, error) {
	return editKeys(json, ids, (*keyset.Manager).Enable)
}

// Disable returns the keyset with these keys neither wrapping nor unwrapping. It fails for the one that wraps.
func Disable(json []byte, ids ...string) ([]byte, error) {
	return editKeys(json, ids, (*keyset.Manager).Disable)
}

// Remove returns the keyset without these keys. What they wrapped cannot be unwrapped any more. It fails for the one that
// wraps, so that a keyset is never left empty.
func Remove(json []byte, ids ...string) ([]byte, error) {
	return editKeys(json, ids, (*keyset.Manager).Delete)
}

func editKeys(json []byte, ids []string, change func(*keyset.Manager, uint32) error) ([]byte, error) {
	return edit(json, func(m *keyset.Manager) error {
		for _, id := range ids {
			key, err := strconv.ParseUint(id, 10, 32)
			if err != nil {
				return fmt.Errorf("%q is not the ID of a key", id)
			}
			if err := change(m, uint32(key)); err != nil {
				return fmt.Errorf("key %s: %w", id, err)
			}
		}
		return nil
	})
}

// edit changes a keyset that Load reads into another that Load reads.
func edit(json []byte, change func(*keyset.Manager) error) ([]byte, error) {
	if _, err := Load(json); err != nil {
		return nil, err
	}
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(json)))
	if err != nil {
		return nil, errUnreadable
	}
	manager := keyset.NewManagerFromHandle(handle)
	if err := change(manager); err != nil {
		return nil, fmt.Errorf("change the key-encryption keyset: %w", err)
	}
	if handle, err = manager.Handle(); err != nil {
		return nil, fmt.Errorf("change the key-encryption keyset: %w", err)
	}
	changed, err := encode(handle)
	if err != nil {
		return nil, err
	}
	_, err = Load(changed)
	return changed, err
}

// encode writes a keyset in cleartext by design: its protection is that of the Secret that holds it.
func encode(handle *keyset.Handle) ([]byte, error) {
	var buf bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&buf)); err != nil {
		return nil, fmt.Errorf("encode the key-encryption keyset: %w", err)
	}
	return buf.Bytes(), nil
}
