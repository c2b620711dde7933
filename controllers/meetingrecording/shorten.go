// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"crypto/sha256"
	"encoding/hex"
)

// maxName is the longest name that a Kubernetes object may have.
const maxName = 253

// shorten appends a suffix to a name. A name that gets too long loses its end to a hash of the whole, so that different names
// stay different.
func shorten(name, suffix string) string {
	if len(name)+len(suffix) <= maxName {
		return name + suffix
	}
	sum := sha256.Sum256([]byte(name))
	hash := "-" + hex.EncodeToString(sum[:6])
	return name[:maxName-len(hash)-len(suffix)] + hash + suffix
}
