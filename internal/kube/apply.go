// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"encoding/json"
	"fmt"
)

// ApplyConfiguration says a part of an object, such as its status, in the type that server-side apply takes for it. What the
// part leaves out, the configuration leaves out.
func ApplyConfiguration[T any](part any) (*T, error) {
	encoded, err := json.Marshal(part)
	if err != nil {
		return nil, fmt.Errorf("encode a %T: %w", part, err)
	}
	configuration := new(T)
	if err := json.Unmarshal(encoded, configuration); err != nil {
		return nil, fmt.Errorf("decode a %T: %w", configuration, err)
	}
	return configuration, nil
}
