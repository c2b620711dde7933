// SPDX-License-Identifier: Apache-2.0

//go:build unix

// Package delivery measures how recordings get to people: segments through the gateway, downloads that it decrypts, and playlists, each
// beside nginx in the same run, with the same client, connections, certificate and disk; and a thousand people who watch at once. The gateway is
// the program that is shipped, in a process of its own. Of the people, only their cookies are made here, with the gateway's own key: signing
// in a thousand of them would measure the OpenID provider.
//
//	DELIVERY_PHASES=viewers,load   which phases; both of them without it
//	DELIVERY_VIEWERS=200           how many watch at once; 1,000 without it
//	DELIVERY_MEDIA_MEMORY=0        the gateway's --media-memory: with 0 everything comes from the object store
//	DELIVERY_PROFILE=directory     the gateway runs within the test; how it spends CPU under each load is left there for go tool pprof
package delivery

import (
	"os"
	"runtime"
	"strconv"
	"testing"

	"github.com/reelkeeper/reelkeeper/internal/gateway/gatewaytest"
	"github.com/reelkeeper/reelkeeper/internal/testenv"
	"github.com/reelkeeper/reelkeeper/internal/testenv/measure"
)

var env *testenv.Env

func TestMain(m *testing.M) { testenv.Main(m, gatewaytest.EnvOptions(), &env) }

// The limits that the project has set itself.
const (
	leastSegments   = 0.95 // of nginx, which proxies the same object store
	leastDownload   = 0.7  // of nginx, which serves the plain file
	viewers         = 1000
	maxViewerMemory = 64 << 10
)

// BenchmarkDelivery is one run. It takes four minutes.
func BenchmarkDelivery(b *testing.B) {
	for b.Loop() {
		d := newDelivery(b)
		measure.Say("     %d cores; a recording of %v with %d segments, %.2f Mbit/s", runtime.NumCPU(), length, len(d.segments), d.bitrate()/1e6)
		// First, so that the gateway's memory holds nothing else.
		if measure.Chosen("DELIVERY_PHASES", "viewers") {
			d.watchers(viewerCount(b))
		}
		if measure.Chosen("DELIVERY_PHASES", "load") {
			d.loads()
		}
	}
}

func viewerCount(b *testing.B) int {
	b.Helper()
	text := os.Getenv("DELIVERY_VIEWERS")
	if text == "" {
		return viewers
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// bitrate is how many bits of the recording play in a second.
func (d *delivery) bitrate() float64 { return float64(len(d.file)*8) / length.Seconds() }
