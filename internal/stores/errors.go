// SPDX-License-Identifier: Apache-2.0

package stores

import (
	"errors"
	"fmt"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

// Error says why a store cannot be used, in words for the person who runs it.
type Error struct {
	// Reason is one of the reasons of a RecordingStore's conditions.
	Reason string
	// Message says what is wrong and what to do. It holds nothing secret.
	Message string
}

// Error is the message.
func (e *Error) Error() string { return e.Message }

func failure(reason, format string, args ...any) *Error {
	return &Error{Reason: reason, Message: fmt.Sprintf(format, args...)}
}

// ErrNoKeyset is returned for a store that has no keyset because it never had one. It is the only case in which one is made.
var ErrNoKeyset = failure(v1alpha1.ReasonKeysetInvalid, "The store has no key-encryption keyset yet: it is made when the store is set up")

// reasonsOfObjectStore says under which condition reason each failure of the object store is shown. What is not listed is a
// StoreError.
var reasonsOfObjectStore = map[objectstore.ErrorReason]string{
	objectstore.ReasonBadCredentials:        v1alpha1.ReasonBadCredentials,
	objectstore.ReasonForbidden:             v1alpha1.ReasonForbidden,
	objectstore.ReasonNoSuchHost:            v1alpha1.ReasonNoSuchHost,
	objectstore.ReasonConnectionRefused:     v1alpha1.ReasonUnreachable,
	objectstore.ReasonTimeout:               v1alpha1.ReasonUnreachable,
	objectstore.ReasonTLS:                   v1alpha1.ReasonTLS,
	objectstore.ReasonWrongRegion:           v1alpha1.ReasonWrongRegion,
	objectstore.ReasonObjectLockUnsupported: v1alpha1.ReasonObjectLockUnsupported,
	objectstore.ReasonBucketTaken:           v1alpha1.ReasonBucketTaken,
}

// Reason returns the reason of a condition that shows err: that of an Error, or that of a failure of the object store. It is
// empty for other errors, those of the Kubernetes API among them: they are for a retry, not for a person.
func Reason(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Reason
	}
	e, ok := errors.AsType[*objectstore.Error](err)
	if !ok {
		return ""
	}
	if reason, ok := reasonsOfObjectStore[e.Reason]; ok {
		return reason
	}
	return v1alpha1.ReasonStoreError
}
