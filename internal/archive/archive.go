// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"bytes"
	"context"
	"crypto/hmac"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/reelkeeper/reelkeeper/internal/effect"
	"github.com/reelkeeper/reelkeeper/internal/keys"
	"github.com/reelkeeper/reelkeeper/internal/manifests"
	"github.com/reelkeeper/reelkeeper/internal/media"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

// Objects is what of an object store is needed. *objectstore.Client is one.
type Objects interface {
	Putter
	Getter
	Head(ctx context.Context, bucket, key string) (objectstore.ObjectInfo, error)
	List(ctx context.Context, bucket, prefix string) iter.Seq2[objectstore.ObjectInfo, error]
}

// Archive is what a bucket says of one recording.
type Archive struct {
	Objects Objects
	Keys    *keys.Keyset
	Bucket  string
	// Names are the names of the recording's objects.
	Names objectstore.Recording
}

// Sealed is an authentic manifest, together with the key to what is said of the recording beside it.
type Sealed struct {
	Manifest *media.Manifest
	StateKey
}

// StateKey is the key to what is said of a recording beside its manifest, made from that.
type StateKey struct {
	// Attempt is the processing attempt that made the manifest.
	Attempt int
	key     media.Key
}

// Copy is all that a bucket has of a recording which can be brought back.
type Copy struct {
	*Sealed
	// State is authentic. Where nothing was written but the manifest, it is what that says.
	State State
}

var (
	// ErrUnusable says that there is a manifest and that it is of no use: it is not authentic, or its media is not there.
	ErrUnusable = errors.New("unusable manifest")
	// ErrKeyMissing says that there is a manifest and that the keyset lacks the key for it. Nothing is known of the recording then, and
	// nothing may follow from that: the keyset can be put back.
	ErrKeyMissing = errors.New("the key that its data key is wrapped with is missing from the store's keyset: restore the keyset")
	// ErrNothing says that the bucket has no manifest of the recording.
	ErrNothing = errors.New("the bucket has no manifest of the recording")
)

// Absent says that there is no such object, be it for want of its bucket.
func Absent(err error) bool {
	return objectstore.IsNotFound(err) || objectstore.Reason(err) == objectstore.ReasonNoSuchBucket
}

// Attempts lists the attempts that have a manifest, in ascending order.
func (a Archive) Attempts(ctx context.Context) ([]int, error) {
	var attempts []int
	for object, err := range a.Objects.List(ctx, a.Bucket, a.Names.ManifestPrefix()) {
		if Absent(err) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		if attempt := objectstore.AttemptOf(object.Key); attempt > 0 {
			attempts = append(attempts, attempt)
		}
	}
	slices.Sort(attempts)
	return attempts, nil
}

// Manifest reads the manifest of an attempt and authenticates it with the recording's own key. What is wrong with the manifest
// itself is an ErrUnusable, what is wrong with the keyset an ErrKeyMissing; other errors are of the object store and may pass. One
// that does not open is read once more: what was damaged on its way here is not damaged there, and people lose recordings by what
// is decided upon an ErrUnusable.
func (a Archive) Manifest(ctx context.Context, attempt int) (*Sealed, error) {
	sealed := &Sealed{}
	err := a.open(ctx, attempt, func(stored []byte) error {
		manifest, dataKey, err := manifests.Open(stored, a.Keys, a.Names)
		if err != nil {
			return err
		}
		if manifest.Media.Key != a.Names.MediaKey(attempt) {
			return errors.New("it names media of another attempt")
		}
		sealed.Manifest, sealed.StateKey = manifest, StateKey{attempt, dataKey.State(manifest.Key.Salt)}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return sealed, nil
}

// StateKey authenticates the manifest of an attempt as Manifest does, with the same errors, and makes nothing of it but the key to the
// state. That is for those who write states by the thousand: a manifest has a line for every four seconds of a meeting.
func (a Archive) StateKey(ctx context.Context, attempt int) (key StateKey, err error) {
	err = a.open(ctx, attempt, func(stored []byte) error {
		dataKey, salt, err := manifests.OpenKey(stored, a.Keys, a.Names)
		key = StateKey{attempt, dataKey.State(salt)}
		return err
	})
	return key, err
}

// open reads the manifest of an attempt, has it opened, and says what an error means.
func (a Archive) open(ctx context.Context, attempt int, by func(stored []byte) error) error {
	err := a.openOnce(ctx, attempt, by)
	if errors.Is(err, ErrUnusable) || errors.Is(err, ErrKeyMissing) {
		return a.openOnce(ctx, attempt, by)
	}
	return err
}

func (a Archive) openOnce(ctx context.Context, attempt int, by func(stored []byte) error) error {
	stored, _, err := manifests.Read(ctx, a.Objects, a.Bucket, a.Names.ManifestKey(attempt), "")
	if Absent(err) {
		return fmt.Errorf("%w: it is gone", ErrUnusable)
	}
	if err != nil {
		return err
	}
	// Bound to this recording: a manifest copied from another one does not unwrap.
	err = by(stored)
	if err == nil {
		return nil
	}
	if keyID := manifests.Lacks(stored, a.Keys); keyID != "" {
		return fmt.Errorf("%w (key %s)", ErrKeyMissing, keyID)
	}
	return fmt.Errorf("%w: %w", ErrUnusable, err)
}

// Complete reads the manifest of an attempt and looks whether its media is there in full; if not, it is an ErrUnusable. The
// worker has read every byte back; here it is enough that the object has the length that the authentic manifest says.
func (a Archive) Complete(ctx context.Context, attempt int) (*Sealed, error) {
	sealed, err := a.Manifest(ctx, attempt)
	if err != nil {
		return nil, err
	}
	if err := a.complete(ctx, sealed); err != nil {
		return nil, err
	}
	return sealed, nil
}

// complete looks whether the media of an authentic manifest is there.
func (a Archive) complete(ctx context.Context, sealed *Sealed) error {
	info, err := a.Objects.Head(ctx, a.Bucket, sealed.Manifest.Media.Key)
	if Absent(err) || err == nil && info.Size != sealed.Manifest.Media.Bytes {
		return fmt.Errorf("%w: its media %s is not there in full", ErrUnusable, sealed.Manifest.Media.Key)
	}
	return err
}

// Open reads what can be brought back: the attempt that the state speaks of or, without a state, the newest that is complete. The
// error is ErrNothing, an ErrUnusable with every reason, ErrKeyMissing, ErrStateForged, or of the object store.
func (a Archive) Open(ctx context.Context) (*Copy, error) {
	state, sealed, err := a.State(ctx)
	if err != nil {
		return nil, err
	}
	if state != nil {
		if err := a.complete(ctx, sealed); err != nil {
			return nil, err
		}
		return &Copy{Sealed: sealed, State: *state}, nil
	}
	if sealed, err = a.newest(ctx); err != nil {
		return nil, err
	}
	of, err := stateOfManifest(sealed.Manifest)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	return &Copy{Sealed: sealed, State: of}, nil
}

func (a Archive) newest(ctx context.Context) (*Sealed, error) {
	attempts, err := a.Attempts(ctx)
	if err != nil {
		return nil, err
	}
	if len(attempts) == 0 {
		return nil, ErrNothing
	}
	var reasons []error
	for _, attempt := range slices.Backward(attempts) {
		sealed, err := a.Complete(ctx, attempt)
		if err == nil {
			return sealed, nil
		}
		if !errors.Is(err, ErrUnusable) {
			return nil, err
		}
		reasons = append(reasons, fmt.Errorf("%s: %w", a.Names.ManifestKey(attempt), err))
	}
	return nil, errors.Join(reasons...)
}

// State reads the state and authenticates it by the manifest that it names. It returns nils where there is no state, which is
// so until the first time that something was written, an ErrUnusable where the manifest is of no use, and ErrKeyMissing. One that is of no use
// is read once more, as Manifest does.
func (a Archive) State(ctx context.Context) (*State, *Sealed, error) {
	state, sealed, err := a.state(ctx)
	if _, ofStore := errors.AsType[*objectstore.Error](err); err != nil && !ofStore && ctx.Err() == nil {
		return a.state(ctx)
	}
	return state, sealed, err
}

func (a Archive) state(ctx context.Context) (*State, *Sealed, error) {
	stored, err := ReadSmall(ctx, a.Objects, a.Bucket, a.Names.StateKey(), maxState)
	if Absent(err) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	state, mac, payload, err := splitState(stored)
	if err != nil {
		return nil, nil, err
	}
	sealed, err := a.Manifest(ctx, state.Attempt)
	if err != nil {
		return nil, nil, err
	}
	if !hmac.Equal(mac, stateMAC(payload, sealed.key)) || state.Namespace != a.Names.Namespace() || state.UID != a.Names.UID() {
		return nil, nil, ErrStateForged
	}
	return state, sealed, nil
}

// WriteState stores the state of the recording whose manifest the key is from. Writing the same one twice does no harm.
func (a Archive) WriteState(ctx context.Context, with StateKey, state State) error {
	state.Attempt = with.Attempt
	encoded, err := encodeState(&state, with.key)
	if err != nil {
		return err
	}
	return effect.Do(ctx, "archive: write the state", func() error {
		_, err := a.Objects.Put(ctx, a.Bucket, a.Names.StateKey(), bytes.NewReader(encoded), int64(len(encoded)),
			objectstore.PutOptions{ContentType: "application/json"})
		return err
	})
}

// ReadSmall reads an object of at most limit bytes. Of a larger one it returns one byte more and no error.
func ReadSmall(ctx context.Context, objects Getter, bucket, key string, limit int64) ([]byte, error) {
	body, _, err := objects.Get(ctx, bucket, key, objectstore.GetOptions{})
	if err != nil {
		return nil, err
	}
	defer body.Close()
	content, err := io.ReadAll(io.LimitReader(body, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read object %s: the connection broke, it is tried again: %w", key, err)
	}
	return content, nil
}

// Why tells people why there is no copy, in one sentence without the name of the recording.
func Why(err error) string {
	switch {
	case errors.Is(err, ErrNothing):
		return "the bucket has no manifest of it"
	case errors.Is(err, ErrKeyMissing), errors.Is(err, keys.ErrUnwrap):
		return "its key does not open with the store's keyset: restore the keyset that it was stored with"
	default:
		return strings.ReplaceAll(err.Error(), "\n", "; ")
	}
}
