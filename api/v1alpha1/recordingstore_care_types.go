// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// IntegritySpec says how stored recordings are compared with their manifests.
//
// +kubebuilder:validation:MinProperties=1
type IntegritySpec struct {
	// scrubEvery is within how much time every recording is read in full and checked once; Never checks only what people ask
	// for with `kubectl reelkeeper scrub`. It is at least 1h. Absent is 30d.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self == 'Never' || self.contains('d') || self.contains('h')",message="write at least an hour, such as 30d or 12h, or Never"
	ScrubEvery DurationOrNever `json:"scrubEvery,omitempty"`

	// bytesPerSecond bounds how fast the check reads from the store. Where that is too slow to read everything within scrubEvery,
	// recordings are checked less often, and the metric reelkeeper_scrub_lag_seconds says by how much. Absent is 10Mi.
	// +optional
	// +kubebuilder:validation:XValidation:rule="quantity(string(self)).compareTo(quantity('64Ki')) >= 0",message="write at least 64Ki"
	BytesPerSecond *resource.Quantity `json:"bytesPerSecond,omitempty"`
}

// KeysStatus says how far the keys of recordings follow the key-encryption keyset.
//
// +kubebuilder:validation:MinProperties=1
type KeysStatus struct {
	// generation is the spec.encryption.keyGeneration that has been carried out: every recording's key is wrapped with its key, but
	// for those that the condition KeysRotated names.
	// +optional
	// +kubebuilder:validation:Minimum=1
	Generation int64 `json:"generation,omitempty"`

	// primaryKeyID names the key of that generation.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	PrimaryKeyID string `json:"primaryKeyID,omitempty"`

	// rotation is the rotation that is under way; absent without one.
	// +optional
	Rotation KeyRotation `json:"rotation,omitempty,omitzero"`

	// keys are those that the keyset has to hold. One that is Removing may be missing; without any other, the store is
	// KeysetInvalid.
	// +optional
	// +listType=map
	// +listMapKey=id
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Keys []KeyStatus `json:"keys,omitempty"`

	// lastRotationTime is when a rotation was last carried out.
	// +optional
	LastRotationTime metav1.Time `json:"lastRotationTime,omitempty,omitzero"`
}

// KeyRotation is a rotation that is under way.
type KeyRotation struct {
	// generation is the key generation that it leads to.
	// +required
	// +kubebuilder:validation:Minimum=1
	Generation int64 `json:"generation,omitempty"`

	// keyID names the new key.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	KeyID string `json:"keyID,omitempty"`

	// stage is Distributing, while every component gets to see the new key, or Rewrapping.
	// +required
	Stage RotationStage `json:"stage,omitempty"`

	// rewrapped is how many recordings' keys have been wrapped with the new key, brought up to date every half minute.
	// +required
	// +kubebuilder:validation:Minimum=0
	Rewrapped *int64 `json:"rewrapped,omitempty"`

	// startedAt is when it began.
	// +required
	StartedAt metav1.Time `json:"startedAt,omitempty,omitzero"`
}

// RotationStage is how far a rotation is.
//
// +kubebuilder:validation:Enum=Distributing;Rewrapping
type RotationStage string

const (
	// RotationDistributing waits until every component has the new key, before anything is wrapped with it.
	RotationDistributing RotationStage = "Distributing"
	// RotationRewrapping wraps the recordings' keys with the new key.
	RotationRewrapping RotationStage = "Rewrapping"
)

// KeyStatus is one key of the keyset.
type KeyStatus struct {
	// id names the key.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	ID string `json:"id,omitempty"`

	// state is what the key is for.
	// +required
	State KeyState `json:"state,omitempty"`

	// since is when the controller saw the key in this state for the first time.
	// +required
	Since metav1.Time `json:"since,omitempty,omitzero"`
}

// KeyState is what a key of the keyset is for.
//
// +kubebuilder:validation:Enum=Primary;Enabled;Disabled;Removing
type KeyState string

const (
	// KeyPrimary wraps, and unwraps what it wrapped.
	KeyPrimary KeyState = "Primary"
	// KeyEnabled unwraps what it wrapped.
	KeyEnabled KeyState = "Enabled"
	// KeyDisabled is not used, and still there: nothing is known to need it.
	KeyDisabled KeyState = "Disabled"
	// KeyRemoving is about to be removed from the keyset.
	KeyRemoving KeyState = "Removing"
)
