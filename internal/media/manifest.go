// SPDX-License-Identifier: Apache-2.0

package media

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Bounds of what a manifest may hold. A day of recording has about 22,000 segments and a manifest of 3 MB.
const (
	// ManifestVersion is the version of the format that this code writes. It reads all from 1 on.
	ManifestVersion = 3
	// MaxSegments bounds the segments of one recording: more than 60 hours of four seconds each.
	MaxSegments = 1 << 16
	// MaxManifestBytes bounds a manifest as it is stored.
	MaxManifestBytes = 12 << 20
	// MaxObjectBytes bounds a media object: what S3 takes in one multipart upload.
	MaxObjectBytes = 5 << 40

	// SaltBytes is the length of the salt of the derived keys.
	SaltBytes = 32

	maxDuration  = 7 * 24 * time.Hour
	maxSpecBytes = 1 << 20
	maxLabels    = 1024
	maxTextBytes = 1024
	maxSide      = 1 << 16 // pixels
	minInitBytes = 16
	maxWrapped   = 4 << 10
	blockBytes   = 16

	maxLabelBytes = 512

	// versionWithTags is the first in which units have tags.
	versionWithTags = 2
	// versionWithPreviews is the first that may have previews and captions.
	versionWithPreviews = 3
)

// Manifest is the map of one media object and everything else that is needed to bring its recording back: the bucket is
// enough to rebuild the cluster. docs/media-format.md defines it field by field.
type Manifest struct {
	// Version is ManifestVersion, or an earlier one.
	Version int `json:"version"`
	// CreatedAt is when packaging ended, in UTC, to the second.
	CreatedAt time.Time `json:"createdAt"`
	// Recording says whose media this is.
	Recording Recording `json:"recording"`
	// Key is what the media key is made from.
	Key WrappedKey `json:"key"`
	// Source is the raw input that was packaged.
	Source SourceFacts `json:"source"`
	// Media is the packaged object.
	Media MediaFacts `json:"media"`
	// Init is the first unit of the object: the boxes ftyp and moov.
	Init Unit `json:"init"`
	// Segments follow the init without gaps, each starting with a key frame.
	Segments []Segment `json:"segments"`
	// Previews are sealed; nil where there are none.
	Previews *Previews `json:"previews,omitempty"`
	// Captions are sealed, in the order of the source; none where there are none.
	Captions []Captions `json:"captions,omitempty"`
}

// Recording identifies a MeetingRecording and carries what is needed to create it again.
type Recording struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	UID       string `json:"uid"`
	// Attempt numbers the processing attempts of one recording, from 1.
	Attempt int64 `json:"attempt"`
	// Labels are the labels of the MeetingRecording.
	Labels map[string]string `json:"labels,omitempty"`
	// Spec is the spec of the MeetingRecording, as JSON.
	Spec json.RawMessage `json:"spec"`
}

// WrappedKey is what the media key is made from: unwrap the data key with the keyset, then derive with the salt.
type WrappedKey struct {
	// ID names the keyset's key that wrapped the data key.
	ID string `json:"id"`
	// Wrapped is the encrypted data key; base64 in JSON.
	Wrapped []byte `json:"wrapped"`
	// Salt is made anew by every packaging attempt; base64 in JSON.
	Salt []byte `json:"salt"`
}

// SourceFacts are about the raw input, which is deleted once its packaged form has been verified.
type SourceFacts struct {
	Bytes  int64  `json:"bytes"`
	SHA256 Digest `json:"sha256"`
	// DurationMillis is what the input's header claimed; zero where it claimed nothing. Much more than the media's own
	// duration means that the input was cut off.
	DurationMillis int64 `json:"durationMs"`
}

// MediaFacts are about the packaged object.
type MediaFacts struct {
	// Key is the object's key in the bucket that the manifest lies in.
	Key string `json:"key"`
	// Bytes is the object's size; ciphertext and plaintext are equally long.
	Bytes int64 `json:"bytes"`
	// SHA256 is of the whole object as it is stored, that is encrypted.
	SHA256 Digest `json:"sha256"`
	// PlainSHA256 is of the whole file as a download gives it; zero where it was packaged before that was known.
	PlainSHA256    Digest `json:"plainSHA256,omitzero"`
	DurationMillis int64  `json:"durationMs"`
	// Codecs as RFC 6381 writes them, such as "avc1.64001f,mp4a.40.2".
	Codecs string `json:"codecs"`
	// Width and Height of the picture in pixels; zero in a recording of sound only.
	Width  int `json:"width"`
	Height int `json:"height"`
}

// Unit is a run of whole cipher blocks of the object that is verified as one.
type Unit struct {
	// Bytes is a multiple of 16.
	Bytes int64 `json:"bytes"`
	// SHA256 is of the unit as it is stored, that is encrypted.
	SHA256 Digest `json:"sha256"`
	// Tag is of the unit as it is stored, too; zero before version 2.
	Tag Tag `json:"tag,omitzero"`
}

// Segment is a unit that plays by itself after the init. In JSON it is an array, [bytes, durationMs, "sha256", "tag"], because
// a long recording has tens of thousands; its offset is the sum of all lengths before it and so cannot be wrong. Before version 2
// there is no tag.
type Segment struct {
	Unit
	// DurationMillis of all segments add up to the media's.
	DurationMillis int64
}

// MarshalJSON writes the array.
func (s Segment) MarshalJSON() ([]byte, error) {
	row := []any{s.Bytes, s.DurationMillis, s.SHA256, s.Tag}
	if s.Tag == (Tag{}) {
		row = row[:3]
	}
	return json.Marshal(row)
}

// UnmarshalJSON reads exactly the array of three or four.
func (s *Segment) UnmarshalJSON(data []byte) error {
	var row []json.RawMessage
	if err := json.Unmarshal(data, &row); err != nil {
		return err
	}
	if len(row) != 3 && len(row) != 4 {
		return fmt.Errorf("a segment has 4 values, or 3 in an old manifest, not %d", len(row))
	}
	for i, into := range []any{&s.Bytes, &s.DurationMillis, &s.SHA256, &s.Tag}[:len(row)] {
		if err := json.Unmarshal(row[i], into); err != nil {
			return err
		}
	}
	return nil
}

// validate checks every bound, so that nothing that uses a manifest has to.
func (m *Manifest) validate() error {
	if m.Version < 1 || m.Version > ManifestVersion {
		return fmt.Errorf("manifest version %d is not 1 to %d; use a release of Reelkeeper that reads it", m.Version, ManifestVersion)
	}
	return errors.Join(m.Recording.validate(), m.Key.validate(), m.Source.validate(), m.validateMedia(), m.Previews.validate(m.Version), m.validateCaptions(), m.validateUnits())
}

func (r Recording) validate() error {
	if r.Attempt < 1 {
		return fmt.Errorf("recording.attempt %d is less than 1", r.Attempt)
	}
	if len(r.Labels) > maxLabels {
		return fmt.Errorf("recording.labels has %d entries, more than %d", len(r.Labels), maxLabels)
	}
	for key, value := range r.Labels {
		if len(key) > maxLabelBytes || len(value) > maxLabelBytes {
			return fmt.Errorf("recording.labels has an entry longer than %d bytes", maxLabelBytes)
		}
	}
	if len(r.Spec) > maxSpecBytes {
		return fmt.Errorf("recording.spec has %d bytes, more than %d", len(r.Spec), maxSpecBytes)
	}
	if len(r.Spec) == 0 || r.Spec[0] != '{' {
		return errors.New("recording.spec is no JSON object")
	}
	return errors.Join(text("recording.namespace", r.Namespace), text("recording.name", r.Name), text("recording.uid", r.UID))
}

func (k WrappedKey) validate() error {
	if len(k.Salt) != SaltBytes {
		return fmt.Errorf("key.salt has %d bytes, not %d", len(k.Salt), SaltBytes)
	}
	if len(k.Wrapped) == 0 || len(k.Wrapped) > maxWrapped {
		return fmt.Errorf("key.wrapped has %d bytes, not 1 to %d", len(k.Wrapped), maxWrapped)
	}
	return text("key.id", k.ID)
}

func (s SourceFacts) validate() error {
	return errors.Join(within("source.bytes", s.Bytes, 1, MaxObjectBytes), within("source.durationMs", s.DurationMillis, 0, maxDuration.Milliseconds()))
}

func (m *Manifest) validateMedia() error {
	return errors.Join(
		text("media.key", m.Media.Key),
		text("media.codecs", m.Media.Codecs),
		within("media.bytes", m.Media.Bytes, 1, MaxObjectBytes),
		within("media.durationMs", m.Media.DurationMillis, 0, maxDuration.Milliseconds()),
		within("media.width", int64(m.Media.Width), 0, maxSide),
		within("media.height", int64(m.Media.Height), 0, maxSide),
		within("the number of segments", int64(len(m.Segments)), 1, MaxSegments),
	)
}

// validateUnits checks that the units tile the object. It stops at the first fault: there may be thousands.
func (m *Manifest) validateUnits() error {
	if err := m.Init.validate("init", m.Version); err != nil {
		return err
	}
	end, millis := m.Init.Bytes, int64(0)
	for i, segment := range m.Segments {
		if err := segment.validate(fmt.Sprintf("segments[%d]", i), m.Version); err != nil {
			return err
		}
		if err := within(fmt.Sprintf("segments[%d].durationMs", i), segment.DurationMillis, 0, maxDuration.Milliseconds()); err != nil {
			return err
		}
		end, millis = end+segment.Bytes, millis+segment.DurationMillis
		if end > m.Media.Bytes {
			break
		}
	}
	if end != m.Media.Bytes {
		return fmt.Errorf("init and segments add up to %d bytes, media.bytes is %d", end, m.Media.Bytes)
	}
	if millis != m.Media.DurationMillis {
		return fmt.Errorf("segments add up to %d ms, media.durationMs is %d", millis, m.Media.DurationMillis)
	}
	return nil
}

// unit returns a unit by its number: 0 is the init, n is segment n-1.
func (m *Manifest) unit(n int) Unit {
	if n == 0 {
		return m.Init
	}
	return m.Segments[n-1].Unit
}

// ends returns the offset behind each unit.
func (m *Manifest) ends() []int64 {
	ends, end := make([]int64, 0, len(m.Segments)+1), int64(0)
	for n := range len(m.Segments) + 1 {
		end += m.unit(n).Bytes
		ends = append(ends, end)
	}
	return ends
}

func (u Unit) validate(name string, version int) error {
	if err := within(name+".bytes", u.Bytes, minInitBytes, MaxObjectBytes); err != nil {
		return err
	}
	if u.Bytes%blockBytes != 0 {
		return fmt.Errorf("%s.bytes is %d, not a multiple of %d", name, u.Bytes, blockBytes)
	}
	if tagged := u.Tag != (Tag{}); tagged != (version >= versionWithTags) {
		return fmt.Errorf("%s has a tag: %t; units have one from version %d on, and this is version %d", name, tagged, versionWithTags, version)
	}
	return nil
}

func text(name, value string) error {
	if len(value) == 0 || len(value) > maxTextBytes {
		return fmt.Errorf("%s has %d bytes, not 1 to %d", name, len(value), maxTextBytes)
	}
	return nil
}

func within(name string, value, least, most int64) error {
	if value < least || value > most {
		return fmt.Errorf("%s is %d, not %d to %d", name, value, least, most)
	}
	return nil
}
