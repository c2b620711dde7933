// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"sync"
	"time"
)

// once lets something happen once in a while.
type once struct {
	every time.Duration

	mutex sync.Mutex
	last  time.Time
}

// now says whether it is time.
func (o *once) now(now time.Time) bool {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if !o.last.IsZero() && now.Sub(o.last) < o.every {
		return false
	}
	o.last = now
	return true
}
