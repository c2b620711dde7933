// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"strings"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

// Kinds of objects that rules come from.
const (
	// KindCluster is the kind of the organisation's policies.
	KindCluster = "ClusterRecordingPolicy"
	// KindNamespace is the kind of a department's policies.
	KindNamespace = "RecordingPolicy"
	// KindRecording is the kind of a single recording, which may choose its own time to live.
	KindRecording = "MeetingRecording"
)

// Provenance says where the value of a field comes from: which field of which object, as of which generation.
type Provenance struct {
	// Kind, Namespace and Name are the policy object. Kind is empty for the built-in profile, which no policy chose.
	Kind, Namespace, Name string
	// Field is the path in that object, such as spec.access.audience; spec.profile where a profile supplied the value.
	Field string
	// Generation is the object's metadata.generation when it was read.
	Generation int64
	// Profile is the preset that supplied the value, empty where the policy gave the value itself.
	Profile v1alpha1.Profile
	// Preset is the path of the value within the profile, such as access.audience. It is set together with Profile.
	Preset string
}

// String returns the provenance in words, such as
// "RecordingPolicy finance/board spec.access.audience (generation 3)". It is empty for the zero value.
func (p Provenance) String() string {
	switch {
	case p.Kind == "" && p.Profile == "":
		return ""
	case p.Kind == "":
		return strings.TrimSpace(fmt.Sprintf("built-in profile %s %s", p.Profile, p.Preset))
	case p.Profile == "":
		return p.object() + fmt.Sprintf(" %s (generation %d)", p.Field, p.Generation)
	default:
		preset := strings.TrimSpace(fmt.Sprintf("profile %s %s", p.Profile, p.Preset))
		return fmt.Sprintf("%s, chosen by %s %s (generation %d)", preset, p.object(), p.Field, p.Generation)
	}
}

// Place returns the object and field in words, such as "RecordingPolicy finance/board spec.access.audience". It leaves the
// generation out: what is written down with it does not change because something else in the object did.
func (p Provenance) Place() string {
	switch {
	case p.Kind == "":
		return p.String()
	case p.Profile == "":
		return p.object() + " " + p.Field
	default:
		return fmt.Sprintf("%s, chosen by %s %s", strings.TrimSpace(fmt.Sprintf("profile %s %s", p.Profile, p.Preset)), p.object(), p.Field)
	}
}

// object returns the kind and name of the policy.
func (p Provenance) object() string {
	if p.Namespace == "" {
		return p.Kind + " " + p.Name
	}
	return p.Kind + " " + p.Namespace + "/" + p.Name
}

// Problem is something in a policy that could not be understood, and what was made of it.
type Problem struct {
	// From is the object and field.
	From Provenance
	// Message says what is wrong, what it means until it is put right, and what to write instead.
	Message string
}

// String returns the problem with its place.
func (p Problem) String() string { return p.From.String() + ": " + p.Message }
