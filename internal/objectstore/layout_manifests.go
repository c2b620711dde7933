// SPDX-License-Identifier: Apache-2.0

package objectstore

import (
	"fmt"
	"strconv"
	"strings"
)

// ParseManifestKey tells whose manifest has this key. It refuses what else may lie among manifests.
func ParseManifestKey(key string) (Recording, error) {
	parts := strings.Split(key, "/")
	if len(parts) != 4 || parts[0] != manifestsRoot {
		return Recording{}, fmt.Errorf("%q is not a manifest: expected %s/<namespace>/<uid>/<attempt>.json", key, manifestsRoot)
	}
	recording, err := NewRecording(parts[1], parts[2])
	if err != nil {
		return Recording{}, fmt.Errorf("%q is not a manifest: %w", key, err)
	}
	number, isJSON := strings.CutSuffix(parts[3], ".json")
	if attempt, err := strconv.Atoi(number); !isJSON || err != nil || recording.ManifestKey(attempt) != key {
		return Recording{}, fmt.Errorf("%q is not a manifest: expected a number and .json at its end", key)
	}
	return recording, nil
}
