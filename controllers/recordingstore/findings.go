// SPDX-License-Identifier: Apache-2.0

package recordingstore

import (
	"errors"
	"strings"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/stores"
)

// findings are what a look at a store has found. The conditions follow from them and from nothing else.
type findings struct {
	// endpoint: credentials were found, and the server takes them and keeps what is written.
	endpoint finding
	// buckets: every bucket that is needed is there and set up as the spec says.
	buckets finding
	// keyset: the keyset is there, can be read, and is the one of the store's recordings.
	keyset finding

	// capabilities, keyID and count are valid where the finding that they belong to is good.
	capabilities []v1alpha1.StoreCapability
	keyID        string
	// location is where the store was recognised, or marked.
	location v1alpha1.StoreLocation
	count    int32
	// orphans are what does not fit together, nil where that was not found out.
	orphans *v1alpha1.StoreOrphans
	// unreadable are the deleted recordings that are due and that nobody can judge.
	unreadable Unreadable
}

// Unreadable counts the deleted recordings of a store that are due and that cannot be purged, because their key is not in the keyset.
type Unreadable struct {
	// Recordings is how many there are, Example one of them: its namespace and name.
	Recordings int
	Example    string
}

// finding is the answer to one question.
type finding struct {
	// verdict is unknown where something else had to be known first.
	verdict verdict
	// reason and message say what is wrong; they are empty where all is well.
	reason, message string
}

type verdict int

const (
	unknown verdict = iota
	good
	bad
)

// judge turns the outcome of a step into a finding. Errors that are not for people (those of the Kubernetes API) are
// returned: the pass ends and is tried again.
func judge(err error) (finding, error) {
	if err == nil {
		return finding{verdict: good}, nil
	}
	reason := stores.Reason(err)
	if reason == "" {
		return finding{}, err
	}
	return finding{verdict: bad, reason: reason, message: message(err)}, nil
}

// message leaves out the key of the probe's object, which is another one at each try.
func message(err error) string {
	e, ok := errors.AsType[*objectstore.Error](err)
	if !ok {
		return err.Error()
	}
	shown := *e
	shown.Key = ""
	text := shown.Error()
	return strings.ToUpper(text[:1]) + text[1:]
}

// concernsBucket tells failures that are about a bucket from those that are about the server: with these, the server has
// answered and knows us.
func concernsBucket(f finding) bool {
	switch f.reason {
	case v1alpha1.ReasonBucketTaken, v1alpha1.ReasonObjectLockUnsupported, v1alpha1.ReasonWrongBucket, v1alpha1.ReasonClaimedElsewhere:
		return true
	}
	return false
}

// capabilitiesOf names what a probe has seen to work.
func capabilitiesOf(seen objectstore.Capabilities) []v1alpha1.StoreCapability {
	var names []v1alpha1.StoreCapability
	for _, c := range []struct {
		name v1alpha1.StoreCapability
		seen []objectstore.Support
	}{
		{v1alpha1.CapabilityCORS, []objectstore.Support{seen.CORS}},
		{v1alpha1.CapabilityChecksums, []objectstore.Support{seen.Checksums}},
		{v1alpha1.CapabilityConditionalWrites, []objectstore.Support{seen.ConditionalCreate, seen.ConditionalReplace}},
		{v1alpha1.CapabilityLifecycle, []objectstore.Support{seen.Lifecycle}},
		{v1alpha1.CapabilityObjectLock, []objectstore.Support{seen.ObjectLock}},
		{v1alpha1.CapabilityTagging, []objectstore.Support{seen.Tagging}},
		{v1alpha1.CapabilityVersioning, []objectstore.Support{seen.Versioning}},
	} {
		works := true
		for _, support := range c.seen {
			works = works && support == objectstore.Supported
		}
		if works {
			names = append(names, c.name)
		}
	}
	return names
}

// missing finds what the store needs and its server cannot do.
func missing(store *v1alpha1.RecordingStore, seen objectstore.Capabilities) (endpoint, buckets finding) {
	endpoint, buckets = finding{verdict: good}, finding{verdict: good}
	if seen.Multipart != objectstore.Supported {
		endpoint = finding{bad, v1alpha1.ReasonStoreError, "The server does not take multipart uploads, which recordings are stored by: use another server"}
	}
	if mode := store.Spec.Buckets.ObjectLock; mode != "" && mode != v1alpha1.ObjectLockNone && seen.ObjectLock != objectstore.Supported {
		buckets = finding{bad, v1alpha1.ReasonObjectLockUnsupported,
			"The server does not keep locked objects from being deleted: use another server, or a store with spec.buckets.objectLock None"}
	}
	return endpoint, buckets
}
