// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// PurgeGuardSpec keeps a wrong rule from emptying the store: recordings that leave the trash faster than this allows wait until
// a person has looked. Going to the trash and coming back are never held up, nor is what a person purges by name.
//
// +kubebuilder:validation:MinProperties=1
type PurgeGuardSpec struct {
	// percentPerHour is the share of the store's recordings, those in the trash and those that were deleted and can still be restored
	// included, that may be purged within any sixty minutes. 100 switches the guard off. Absent is 5.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	PercentPerHour int32 `json:"percentPerHour,omitempty"`

	// alwaysAllowed is how many recordings may be purged within any sixty minutes however few the store has. Absent is 10.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000000
	AlwaysAllowed *int32 `json:"alwaysAllowed,omitempty"`

	// approvedUntil lets everything that is due be purged until then: set it once you have looked at what waits. Absent, or a
	// time that has passed, approves nothing.
	// +optional
	ApprovedUntil metav1.Time `json:"approvedUntil,omitempty,omitzero"`
}

// PurgesStopped is what the purge guard saw when it stopped purging, and what it compares later settings with.
type PurgesStopped struct {
	// at is when it was.
	// +required
	At metav1.Time `json:"at,omitzero"`

	// purged is how many recordings had been purged in the hour before.
	// +required
	// +kubebuilder:validation:Minimum=0
	Purged *int32 `json:"purged,omitempty"`

	// recordings is how many recordings the store had, the deleted ones that could still be restored included.
	// +required
	// +kubebuilder:validation:Minimum=0
	Recordings *int32 `json:"recordings,omitempty"`

	// allowed is how many purges an hour the settings allowed. Settings that allow more let purging go on.
	// +required
	// +kubebuilder:validation:Minimum=0
	Allowed *int32 `json:"allowed,omitempty"`
}
