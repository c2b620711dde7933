// SPDX-License-Identifier: Apache-2.0

package session

import (
	"bytes"
	"fmt"
	"os"
	"sync"
	"time"

	"k8s.io/utils/clock"
)

const (
	// lookEvery is how often the key file is looked at, when keys are needed.
	lookEvery = 10 * time.Second
	// settling is how long a file has to have been as it is before its first key is used: by then every replica has read it.
	// Until then the second one is, which they all know.
	settling = 5 * time.Minute
)

// Ring is a key file that is read again when it changes, so that keys can be changed without signing anybody out.
type Ring struct {
	path  string
	clock clock.PassiveClock
	// failed is told when the file cannot be read. The keys stay those that were read before.
	failed func(error)

	mutex         sync.Mutex
	keys, settled *Keys
	content       []byte
	since, looked time.Time
}

// LoadRing reads a key file.
func LoadRing(path string, clock clock.PassiveClock, failed func(error)) (*Ring, error) {
	ring := &Ring{path: path, clock: clock, failed: failed}
	err := ring.read()
	return ring, err
}

// current returns the keys to use now.
func (r *Ring) current() *Keys {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	now := r.clock.Now()
	if now.Sub(r.looked) >= lookEvery {
		if err := r.read(); err != nil {
			r.failed(err)
		}
	}
	if now.Sub(r.since) >= settling {
		return r.settled
	}
	return r.keys
}

// Derive is Keys.Derive with the keys to use now.
func (r *Ring) Derive(purpose string) [][]byte { return r.current().Derive(purpose) }

func (r *Ring) read() error {
	r.looked = r.clock.Now()
	content, err := os.ReadFile(r.path)
	if err != nil {
		return fmt.Errorf("read session.keyFile (`reelkeeper gateway session-key` makes its content): %w", err)
	}
	if r.settled != nil && bytes.Equal(content, r.content) {
		return nil
	}
	settled, err := ParseKeys(content)
	if err != nil {
		return fmt.Errorf("session.keyFile %s: %w", r.path, err)
	}
	unsettled := *settled
	unsettled.sealing = min(1, len(settled.codecs)-1)
	r.keys, r.settled, r.content, r.since = &unsettled, settled, content, r.looked
	return nil
}
