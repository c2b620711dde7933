// SPDX-License-Identifier: Apache-2.0

// Package worker is what a processing Job runs: it turns one raw recording into one encrypted media object and its
// manifest. It holds presigned URLs for that one recording and nothing else: no credentials of the object store, no token
// for the Kubernetes API. Where the recording is fetched from elsewhere, it also holds that address, and what that server
// asks for.
//
//	download raw → inspect and probe → plan → convert, package, encrypt and upload in one stream → read back and verify → manifest
//
// The manifest is written last; that it exists means that the attempt succeeded. Everything before it can be thrown away.
package worker

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/reelkeeper/reelkeeper/internal/keys"
	"github.com/reelkeeper/reelkeeper/internal/media"
)

// Spec is the whole input of a worker, a JSON file that is mounted from a Secret. Every URL in it is a secret too.
type Spec struct {
	// RawURL takes GETs of the raw recording. It is empty where the recording is fetched from elsewhere.
	RawURL string `json:"rawURL,omitempty"`
	// Fetch says where the raw recording is fetched from, absent where it lies in the object store.
	Fetch *Fetch `json:"fetch,omitempty"`
	// MaxBytes is the largest raw recording that is accepted.
	MaxBytes int64 `json:"maxBytes"`
	// Processing is what the effective policy says about the media.
	Processing Processing `json:"processing"`
	// DataKey is the recording's data key, 32 bytes, and WrappedKey the same under the keyset's key KeyID.
	DataKey    Secret `json:"dataKey"`
	WrappedKey []byte `json:"wrappedKey"`
	KeyID      string `json:"keyID"`
	// Recording goes into the manifest as it is.
	Recording media.Recording `json:"recording"`
	// Media is where the object goes.
	Media Target `json:"media"`
	// ManifestURL takes a PUT of the manifest; ManifestKey is its key in the bucket, for logs.
	ManifestURL string `json:"manifestURL"`
	ManifestKey string `json:"manifestKey"`
	// ProgressURL takes PUTs of small JSON documents; empty for none.
	ProgressURL string `json:"progressURL,omitempty"`
	// CABundle is PEM: the authorities to trust, in place of the system's. Empty is the system's.
	CABundle string `json:"caBundle,omitempty"`
	// Timeout is how long the whole may take; zero for no limit.
	Timeout Duration `json:"timeout,omitzero"`
}

// Fetch is an address that somebody chose, and how far it is trusted.
type Fetch struct {
	// URL is an https address.
	URL string `json:"url"`
	// Authorization is the header of that name, sent to CredentialsHost alone; empty for none.
	Authorization   Secret `json:"authorization,omitempty"`
	CredentialsHost string `json:"credentialsHost,omitempty"`
	// SHA256 is the digest that the file must have, in hexadecimal; empty for any.
	SHA256 string `json:"sha256,omitempty"`
	// Hosts are those that may be called; empty is all of them.
	Hosts []string `json:"hosts,omitempty"`
	// PrivateAddresses lets them have private addresses.
	PrivateAddresses bool `json:"privateAddresses,omitempty"`
	// CABundle is PEM: the authorities to trust, in place of the system's. Empty is the system's.
	CABundle string `json:"caBundle,omitempty"`
}

// Format prints a placeholder, whatever the verb: the address can be a secret too.
func (Fetch) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[redacted]") }

// Processing is what the effective policy says about the media.
type Processing struct {
	// MaxHeight is the largest height of the picture in pixels; zero for no limit.
	MaxHeight int `json:"maxHeight,omitempty"`
	// Thumbnails asks for previews of the recording.
	Thumbnails bool `json:"thumbnails,omitempty"`
}

// Target is one multipart upload that the controller has begun.
type Target struct {
	// Key is the object's key in the bucket.
	Key string `json:"key"`
	// PartSize is how many bytes each part but the last has, at least 5 MiB. Three of them are held in memory.
	PartSize int64 `json:"partSize"`
	// PartURLs take a PUT each. PartSize times their number is all the room that there is.
	PartURLs []string `json:"partURLs"`
	// CompleteURL takes a POST that makes the parts the object, AbortURL a DELETE that discards them.
	CompleteURL string `json:"completeURL"`
	AbortURL    string `json:"abortURL,omitempty"`
	// GetURL takes GETs of the finished object.
	GetURL string `json:"getURL"`
}

// room is how large the object may become.
func (t Target) room() int64 { return t.PartSize * int64(len(t.PartURLs)) }

// Secret is bytes that do not print. In JSON they are base64.
type Secret []byte

// Format prints a placeholder, whatever the verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[redacted]") }

// Duration is a length of time that JSON writes like "1h30m0s".
type Duration time.Duration

// MarshalText writes the duration as time.Duration prints it.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads what time.ParseDuration reads.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = Duration(parsed)
	return err
}

// Format prints which recording the spec is for, and none of its keys and URLs.
func (s Spec) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "spec of %s/%s attempt %d", s.Recording.Namespace, s.Recording.Name, s.Recording.Attempt)
}

const (
	maxSpecBytes = 8 << 20 // ten thousand part URLs of 500 bytes are 5 MB
	minPartSize  = 5 << 20 // S3's bound for all parts but the last
	maxPartSize  = 128 << 20
)

// LoadSpec reads and validates a spec file. Errors never carry its content.
func LoadSpec(path string) (Spec, error) {
	file, err := os.Open(path) //nolint:gosec // the path is the operator's own flag
	if err != nil {
		return Spec{}, fmt.Errorf("opening the spec: %w", err)
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxSpecBytes+1))
	if err != nil {
		return Spec{}, fmt.Errorf("reading the spec: %w", err)
	}
	return ParseSpec(content)
}

// ParseSpec reads and validates the JSON of a spec. Unknown fields are refused: manager and worker come from one image.
func ParseSpec(content []byte) (Spec, error) {
	if len(content) > maxSpecBytes {
		return Spec{}, fmt.Errorf("the spec is larger than %d bytes", maxSpecBytes)
	}
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields()
	var spec Spec
	if err := decoder.Decode(&spec); err != nil {
		return Spec{}, fmt.Errorf("the spec is not the JSON that this release of the worker reads: %w", err)
	}
	return spec, spec.validate()
}

func (s Spec) validate() error {
	var faults []error
	for field, value := range map[string]string{
		"keyID": s.KeyID, "manifestURL": s.ManifestURL,
		"media.key": s.Media.Key, "media.completeURL": s.Media.CompleteURL, "media.getURL": s.Media.GetURL,
		"recording.namespace": s.Recording.Namespace, "recording.name": s.Recording.Name, "recording.uid": s.Recording.UID,
	} {
		if value == "" {
			faults = append(faults, fmt.Errorf("spec.%s is empty", field))
		}
	}
	if (s.RawURL == "") == (s.Fetch == nil) {
		faults = append(faults, errors.New("spec needs either rawURL or fetch"))
	}
	if len(s.DataKey) != keys.KeySize {
		faults = append(faults, fmt.Errorf("spec.dataKey has %d bytes, not %d", len(s.DataKey), keys.KeySize))
	}
	if s.MaxBytes <= 0 {
		faults = append(faults, errors.New("spec.maxBytes must be positive"))
	}
	if s.Media.PartSize < minPartSize || s.Media.PartSize > maxPartSize {
		faults = append(faults, fmt.Errorf("spec.media.partSize is %d, not %d to %d", s.Media.PartSize, minPartSize, maxPartSize))
	}
	if len(s.Media.PartURLs) == 0 {
		faults = append(faults, errors.New("spec.media.partURLs is empty"))
	}
	return errors.Join(faults...)
}
