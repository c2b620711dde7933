// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"hash/maphash"
	"sync"
)

// Claims keep one part of the process from removing for good what another is just bringing back. Both run on the leader only, and
// both ask the API server while they hold the claim, so that whoever comes second sees what the first has done. The zero value
// is ready for use.
type Claims struct {
	stripes [64]sync.Mutex
}

var seed = maphash.MakeSeed()

// Take waits until nobody else has a claim on the recording with this storage UID, and returns what gives the claim back. Some
// recordings share a claim: whoever has one must not take another.
func (c *Claims) Take(uid string) (giveBack func()) {
	stripe := &c.stripes[maphash.String(seed, uid)%uint64(len(c.stripes))]
	stripe.Lock()
	return stripe.Unlock
}
