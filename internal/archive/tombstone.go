// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"

	"github.com/reelkeeper/reelkeeper/internal/effect"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

// tombstoneVersion is the version of the format that this code writes.
const tombstoneVersion = 1

// maxTombstone bounds what is read as a tombstone, in bytes. One with 32 holds has about 2 KiB; the labels of a paused one are bounded by
// what the API server stores of an object.
const maxTombstone = 4 << 20

// Tombstone says what a deleted MeetingRecording left in its bucket.
type Tombstone struct {
	// Version is 1.
	Version int `json:"version"`
	// Namespace, Name and UID are those of the MeetingRecording.
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	UID       string `json:"uid"`
	// DeletedAt is when the MeetingRecording was deleted.
	DeletedAt time.Time `json:"deletedAt"`
	// PurgeAt is when the media may go. The tombstone's key says the same.
	PurgeAt time.Time `json:"purgeAt"`
	// MediaKey and ManifestKey are empty where the recording was deleted before it was processed.
	MediaKey    string `json:"mediaKey,omitempty"`
	ManifestKey string `json:"manifestKey,omitempty"`
	// RawKey is the raw upload of a recording that was deleted before it was processed.
	RawKey string `json:"rawKey,omitempty"`
	// Holds names what kept the recording: legal holds, and a policy that could not be understood. While there is one, nothing is purged.
	Holds []string `json:"holds,omitempty"`
	// Paused tells which of them is the policy. Nil where there was none.
	Paused *Pause `json:"paused,omitempty"`
	// RequestedBy is who asked for the purge before its time, empty where nobody did.
	RequestedBy string `json:"requestedBy,omitempty"`
}

// Pause is what a tombstone says that was written while a policy could not be understood, and so without a date. It is enough to ask
// again, also when the namespace is gone.
type Pause struct {
	// By is the entry of Holds that names the policy; see Misunderstood.
	By string `json:"by"`
	// Labels and NamespaceLabels are those of the recording and of its namespace when it was deleted.
	Labels          map[string]string `json:"labels,omitempty"`
	NamespaceLabels map[string]string `json:"namespaceLabels,omitempty"`
}

// notUnderstood ends the entry of Holds that names a policy. No name of a hold has a space.
const notUnderstood = " cannot be understood"

// Misunderstood is the entry of Holds for a policy that cannot be understood.
func Misunderstood(policy fmt.Stringer) string { return policy.String() + notUnderstood }

// LegalHolds are the entries of Holds that are no policy.
func (t *Tombstone) LegalHolds() []string {
	var names []string
	for _, name := range t.Holds {
		if t.Paused == nil || name != t.Paused.By {
			names = append(names, name)
		}
	}
	return names
}

// Dated returns the tombstone with the date that it has once the policies are understood.
func (t *Tombstone) Dated(purgeAt time.Time) Tombstone {
	dated := *t
	dated.Holds, dated.Paused, dated.PurgeAt = t.LegalHolds(), nil, purgeAt.UTC()
	return dated
}

// recall sets Paused in a tombstone of a release that wrote only Holds. Its labels are not known.
func (t *Tombstone) recall() {
	for _, name := range t.Holds {
		if t.Paused == nil && strings.HasSuffix(name, notUnderstood) {
			t.Paused = &Pause{By: name}
		}
	}
}

// Putter writes objects. *objectstore.Client does.
type Putter interface {
	Put(ctx context.Context, bucket, key string, body io.Reader, size int64, opts objectstore.PutOptions) (objectstore.ObjectInfo, error)
}

// Getter reads objects. *objectstore.Client does.
type Getter interface {
	Get(ctx context.Context, bucket, key string, opts objectstore.GetOptions) (io.ReadCloser, objectstore.ObjectInfo, error)
}

// Lister lists objects. *objectstore.Client does.
type Lister interface {
	List(ctx context.Context, bucket, prefix string) iter.Seq2[objectstore.ObjectInfo, error]
}

// Buried tells which recordings have a tombstone in a bucket, without reading it. In a bucket that was never made, none has.
func Buried(ctx context.Context, objects Lister, bucket string) (map[objectstore.Recording]bool, error) {
	buried := map[objectstore.Recording]bool{}
	for object, err := range objects.List(ctx, bucket, objectstore.TrashRoot) {
		if Absent(err) {
			break
		}
		if err != nil {
			return nil, err
		}
		if names, _, err := objectstore.ParseTombstone(object.Key); err == nil {
			buried[names] = true
		}
	}
	return buried, nil
}

// WriteTombstone stores a tombstone under the key that belongs to its recording and purge date. Writing the same one twice does no harm.
func WriteTombstone(ctx context.Context, objects Putter, bucket string, tombstone Tombstone) error {
	tombstone.Version = tombstoneVersion
	recording, err := objectstore.NewRecording(tombstone.Namespace, tombstone.UID)
	if err != nil {
		return fmt.Errorf("name the tombstone of recording %s/%s: %w", tombstone.Namespace, tombstone.Name, err)
	}
	encoded, err := json.Marshal(tombstone)
	if err != nil {
		return fmt.Errorf("encode the tombstone of recording %s/%s: %w", tombstone.Namespace, tombstone.Name, err)
	}
	return effect.Do(ctx, "trash: write the tombstone", func() error {
		_, err := objects.Put(ctx, bucket, recording.TombstoneKey(tombstone.PurgeAt), bytes.NewReader(encoded), int64(len(encoded)),
			objectstore.PutOptions{ContentType: "application/json"})
		return err
	})
}

// ReadTombstone fetches the tombstone with this key and checks that it speaks of the recording and the date in the key.
func ReadTombstone(ctx context.Context, objects Getter, bucket, key string) (Tombstone, error) {
	recording, purgeAt, err := objectstore.ParseTombstone(key)
	if err != nil {
		return Tombstone{}, err
	}
	stored, err := ReadSmall(ctx, objects, bucket, key, maxTombstone)
	if err != nil {
		return Tombstone{}, err
	}
	var tombstone Tombstone
	if err := json.Unmarshal(stored, &tombstone); err != nil {
		return Tombstone{}, fmt.Errorf("read tombstone %s/%s: it is damaged, restore an earlier version of it, or delete it to keep the media: %w", bucket, key, err)
	}
	if tombstone.Version != tombstoneVersion {
		return Tombstone{}, fmt.Errorf("read tombstone %s/%s: it has version %d and this release reads %d: use the release that wrote it", bucket, key, tombstone.Version, tombstoneVersion)
	}
	if tombstone.Namespace != recording.Namespace() || tombstone.UID != recording.UID() || !tombstone.PurgeAt.Equal(purgeAt) {
		return Tombstone{}, fmt.Errorf("read tombstone %s/%s: it speaks of another recording or date than its key: restore an earlier version of it, or delete it to keep the media", bucket, key)
	}
	tombstone.recall()
	return tombstone, nil
}
