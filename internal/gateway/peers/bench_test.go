// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/reelkeeper/reelkeeper/internal/gateway/pacing"
)

// BenchmarkSegment is what is counted for one segment of a player, by this replica and by another one, one after the other and by many at once. Both
// ends of the connection are in this process.
func BenchmarkSegment(b *testing.B) {
	for name, home := range map[string]int{"here": 1, "at the home": 0} {
		b.Run(name, func(b *testing.B) {
			n := newNetwork(b, 2)
			viewer, asked := n.atHome(home), n.replicas[1]
			count(b, asked, viewer, 0)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				count(b, asked, viewer, i)
			}
		})
		b.Run(name+" by many", func(b *testing.B) {
			n := newNetwork(b, 2)
			viewer, asked := n.atHome(home), n.replicas[1]
			count(b, asked, viewer, 0)
			var next atomic.Int64
			b.SetParallelism(64)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					count(b, asked, viewer, int(next.Add(1)))
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "segments/s")
		})
	}
}

func count(b *testing.B, at *replica, viewer string, i int) {
	b.Helper()
	admitted := at.Admit(viewer, pacing.Visit{Player: "player", MaxRequests: 1 << 30, MaxPlayers: 5})
	bought, _ := at.Take(viewer, fmt.Sprint("recording ", i/40), standard, segments(i%40, i%40))
	if admitted != (pacing.Admission{}) || bought == nil || at.count(Alone) > 0 {
		b.Fatalf("%+v, %v", admitted, bought)
	}
}
