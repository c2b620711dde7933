// SPDX-License-Identifier: Apache-2.0

//go:build unix

package delivery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/testenv/measure"
)

const (
	// arrival is over how long the viewers come, patience how much longer all of them may take to begin, and watching how long they all watch
	// after that.
	arrival  = 20 * time.Second
	patience = 30 * time.Second
	watching = 60 * time.Second
	// leastRate is the share of the bit rate of all viewers that has to come to them: who gets nothing would not be seen to stall.
	leastRate = 0.95
	// buffered is how much a player keeps ahead of what it shows.
	buffered = 10 * time.Second
)

// audience is everybody who watches at the same time.
type audience struct {
	mutex sync.Mutex
	// spare is how long before its time each segment came; times is how long each took.
	spare, times []time.Duration
	bytes        int64
	stalls       int
	failed       []error
	begun        atomic.Int64
}

// watchers has many people watch at the bit rate of the recording, and looks at stalls and at the gateway's memory.
func (d *delivery) watchers(count int) {
	d.b.Helper()
	d.warmUp()
	empty := d.resident()
	ctx, end := context.WithCancel(d.b.Context())
	defer end()
	var crowd audience
	var seats sync.WaitGroup
	for n := range count {
		c := d.connection(d.cookie(fmt.Sprintf("viewer-%d", n)))
		seats.Go(func() {
			defer c.close()
			if pause(ctx, arrival*time.Duration(n)/time.Duration(count)) {
				crowd.note(d.watch(ctx, c, n, &crowd))
			}
		})
	}
	opened := time.Now()
	for int(crowd.begun.Load()) < count && time.Since(opened) < arrival+patience {
		pause(ctx, 100*time.Millisecond)
	}
	measure.Judge(d.b, int(crowd.begun.Load()) == count, "viewers: %d of %d, who came within %v, had begun after %v", crowd.begun.Load(), count, arrival, time.Since(opened).Round(100*time.Millisecond))
	before := d.used()
	crowd.forget()
	full := d.largest(ctx, watching)
	spent := d.used().since(before)
	end()
	seats.Wait()
	d.sayAudience(&crowd, count, spent)
	each := (full - empty) / int64(count)
	measure.Judge(d.b, len(crowd.failed) == 0, "viewers: %d of %d failed%s", len(crowd.failed), count, firstOf(crowd.failed))
	rate := float64(crowd.bytes) * 8 / watching.Seconds() / (d.bitrate() * float64(count))
	measure.Judge(d.b, rate >= leastRate, "viewers: %.2f of the bit rate of all viewers came to them, at least %.2f", rate, leastRate)
	measure.Judge(d.b, crowd.stalls == 0, "viewers: %d stalls of %d viewers, who watched for %v with %v in the buffer", crowd.stalls, count, watching, buffered)
	measure.Judge(d.b, each < maxViewerMemory, "viewers: the gateway has %d MiB with %d and %d MiB with one and the recording in memory, %.1f kB for each, less than %d", full>>20, count, empty>>20, float64(each)/1024, maxViewerMemory>>10)
	d.b.ReportMetric(float64(each)/1024, "kB/viewer")
}

// warmUp brings the gateway to what it needs at work: all of the recording is watched twice, by people who watch a little each, so that what many
// watch is in memory, which --media-memory bounds; and then somebody asks often enough for the heap to have its room.
func (d *delivery) warmUp() {
	d.b.Helper()
	const little, often = 10, 5000
	for n := range 2 * (len(d.segments)/little + 1) {
		d.visit(fmt.Sprintf("first-%d", n), d.paced, 1, n*little, little)
	}
	d.visit("often", d.open, often, 0, 0)
}

// visit has somebody ask for the playlist so many times, and then for some segments.
func (d *delivery) visit(who string, recording *v1alpha1.MeetingRecording, playlists, first, segments int) {
	d.b.Helper()
	c := d.connection(d.cookie(who))
	defer c.close()
	view, err := d.view(d.b.Context(), c, recording)
	for i := 0; err == nil && i < playlists; i++ {
		_, err = c.get(d.b.Context(), view+"playlist.m3u8", segment{})
	}
	for i := first; err == nil && i < first+segments; i++ {
		_, err = c.get(d.b.Context(), view+"media", d.segments[i%len(d.segments)])
	}
	if err != nil {
		d.b.Fatal(err)
	}
}

// largest is the most memory that the gateway has in the given time.
func (d *delivery) largest(ctx context.Context, within time.Duration) (most int64) {
	d.b.Helper()
	for begun := time.Now(); time.Since(begun) < within; pause(ctx, time.Second) {
		most = max(most, d.resident())
	}
	return most
}

// watch is one viewer, who does what hls.js does: playlist, key and init once, then segment after segment, as soon as there is less than
// the wanted buffer. It begins somewhere, and after the end at the start.
func (d *delivery) watch(ctx context.Context, c *connection, n int, crowd *audience) error {
	view, err := d.view(ctx, c, d.paced)
	if err != nil {
		return err
	}
	for _, one := range []struct {
		path string
		span segment
	}{{"playlist.m3u8", segment{}}, {"key", segment{}}, {"media", segment{length: d.segments[0].offset}}} {
		if _, err := c.get(ctx, view+one.path, one.span); err != nil {
			return fmt.Errorf("%s: %w", one.path, err)
		}
	}
	plays := length / time.Duration(len(d.segments))
	var began time.Time // when the first segment was there, and the picture began
	for i := 0; ; i++ {
		due := began.Add(plays * time.Duration(i))
		if i > 0 && !pause(ctx, time.Until(due.Add(-buffered))) {
			return ctx.Err()
		}
		got, err := c.get(ctx, view+"media", d.segments[(n*7+i)%len(d.segments)])
		if err != nil && i > 0 && ctx.Err() != nil && time.Now().After(due) {
			crowd.arrived(got, time.Until(due)) // it was late already when the run ended
		}
		if err != nil {
			return fmt.Errorf("segment %d: %w", i, err)
		}
		now := time.Now()
		if i == 0 {
			began = now
			due = now
			crowd.begun.Add(1)
		}
		if late := now.Sub(due); crowd.arrived(got, -late) {
			began = began.Add(late) // the picture stood still for so long
		}
	}
}

// arrived notes a segment, and says whether the picture had to stop for it.
func (a *audience) arrived(got fetched, spare time.Duration) (stalled bool) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.spare, a.times = append(a.spare, spare), append(a.times, got.last)
	a.bytes += got.bytes
	if spare < 0 {
		a.stalls++
	}
	return spare < 0
}

// forget leaves out what came while the audience was still growing, but for its stalls.
func (a *audience) forget() {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.spare, a.times, a.bytes = nil, nil, 0
}

func (a *audience) note(err error) {
	if err == nil || errors.Is(err, context.Canceled) {
		return
	}
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.failed = append(a.failed, err)
}

func (d *delivery) sayAudience(crowd *audience, count int, spent usage) {
	d.b.Helper()
	slices.Sort(crowd.times)
	slices.Sort(crowd.spare)
	measure.Say("     viewers: %d segments, %.0f Mbit/s for %d viewers; a segment took p50 %v, p99 %v, at most %v; the last to come in time came %v before its time",
		len(crowd.times), float64(crowd.bytes)*8/1e6/watching.Seconds(), count, quantile(crowd.times, 0.5).Round(time.Millisecond),
		quantile(crowd.times, 0.99).Round(time.Millisecond), quantile(crowd.times, 1).Round(time.Millisecond), quantile(crowd.spare, 0).Round(time.Millisecond))
	measure.Say("     viewers: cores: %s", spent.shares(watching))
}

func firstOf(errs []error) string {
	if len(errs) == 0 {
		return ""
	}
	return ", such as: " + errs[0].Error()
}

// pause waits, and says whether the wait was not broken off; the system under test is another process, with a clock of its own.
func pause(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(max(wait, 0))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
