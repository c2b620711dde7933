// SPDX-License-Identifier: Apache-2.0

//go:build unix

package delivery

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/reelkeeper/reelkeeper/internal/testenv/measure"
)

const (
	// connections ask at the same time, each as soon as it has its answer.
	connections = 8
	// rounds are measured in turn, so that what else the machine does strikes all alike; the median counts.
	rounds   = 3
	roundFor = 3 * time.Second
	// aloneFor is how long one connection asks by itself, for the time to the first byte.
	aloneFor = time.Second
)

// subject is something to fetch, from the gateway or from nginx.
type subject struct {
	name string
	// server is the name of the program that serves it.
	server string
	// of says what the given connection asks for as its i-th request.
	of func(connection, i int) (address string, span segment)

	crew  []*connection
	rates []float64 // per second, by round: bytes, or requests where those are counted
	alone []time.Duration
	busy  []time.Duration
	spent usage
	bytes int64
	count int
	took  time.Duration
}

// loads fetches as fast as can be, from the gateway and from nginx in turn.
func (d *delivery) loads() {
	d.b.Helper()
	crew, views := d.crew()
	defer func() {
		for _, c := range crew {
			c.close()
		}
	}()
	anywhere := func(connection, i int) segment {
		return d.segments[(connection*len(d.segments)/connections+i)%len(d.segments)]
	}
	whole := func(address string) func(int, int) (string, segment) {
		return func(int, int) (string, segment) { return address, segment{} }
	}
	part := func(address string) func(int, int) (string, segment) {
		return func(connection, i int) (string, segment) { return address, anywhere(connection, i) }
	}
	of := func(name, server string, of func(int, int) (string, segment)) *subject {
		return &subject{name: name, server: server, of: of, crew: crew, spent: usage{}}
	}

	segments := d.compare("segments", []*subject{
		of("gateway", "reelkeeper", func(connection, i int) (string, segment) { return views[connection] + "media", anywhere(connection, i) }),
		of("nginx proxying the object store", "nginx", part(d.nginx+"/proxied")),
		of("nginx with the plain file", "nginx", part(d.nginx+"/file")),
	})
	downloads := d.compare("download", []*subject{
		of("gateway", "reelkeeper", whole(d.page(d.open)+"/download")),
		of("nginx with the plain file", "nginx", whole(d.nginx+"/file")),
		of("nginx proxying the object store", "nginx", whole(d.nginx+"/proxied")),
	})
	d.compare("playlist", []*subject{
		of("gateway", "reelkeeper", func(connection, _ int) (string, segment) { return views[connection] + "playlist.m3u8", segment{} }),
		of("nginx with a file", "nginx", whole(d.nginx+"/playlist")),
	})
	measure.Judge(d.b, segments >= leastSegments, "segments: %.2f of the throughput of nginx that proxies the same object store, at least %.2f", segments, leastSegments)
	measure.Judge(d.b, downloads >= leastDownload, "download with decryption: %.2f of the throughput of nginx with the plain file, at least %.2f", downloads, leastDownload)
}

// crew are connections of different people, and their views of the recording.
func (d *delivery) crew() (crew []*connection, views []string) {
	d.b.Helper()
	for i := range connections {
		c := d.connection(d.cookie(fmt.Sprintf("crew-%d", i)))
		view, err := d.view(d.b.Context(), c, d.open)
		if err != nil {
			d.b.Fatal(err)
		}
		crew, views = append(crew, c), append(views, view)
	}
	return crew, views
}

// compare measures the first of the subjects beside the others, prints how, and returns how its throughput is to that of the second.
func (d *delivery) compare(what string, subjects []*subject) float64 {
	d.b.Helper()
	for _, one := range subjects {
		d.run(one, 1, aloneFor, &one.alone)
	}
	for round := range rounds {
		for _, one := range subjects {
			one.measure(d, fmt.Sprintf("%s-%s", what, one.server), round)
		}
	}
	for _, one := range subjects {
		one.tell(what)
	}
	first := subjects[0]
	for _, other := range subjects[1:] {
		measure.Say("     %s: %.2f of %s; first byte after %.2f of its time alone, %.2f busy; CPU %.2f of its",
			what, first.over(other), other.name, over(first.alone, other.alone), over(first.busy, other.busy), first.cost()/other.cost())
	}
	d.b.ReportMetric(first.over(subjects[1]), what+"/nginx")
	return first.over(subjects[1])
}

// over is the median of the rounds' ratios.
func (s *subject) over(other *subject) float64 {
	var ratios []float64
	for i := range s.rates {
		ratios = append(ratios, s.rates[i]/other.rates[i])
	}
	return median(ratios)
}

func over(ours, theirs []time.Duration) float64 {
	return quantile(ours, 0.5).Seconds() / quantile(theirs, 0.5).Seconds()
}

// cost is the seconds of CPU of the server for a gigabyte.
func (s *subject) cost() float64 { return s.spent[s.server].Seconds() / (float64(s.bytes) / 1e9) }

// tell prints what was measured.
func (s *subject) tell(what string) {
	measure.Say("     %-8s %-33s %7.1f MB/s %8.0f requests/s; first byte p50 %v, p99 %v alone, p50 %v, p99 %v busy; %.2f s of its CPU a gigabyte; cores: %s",
		what, s.name, median(s.rates)/1e6, float64(s.count)/s.took.Seconds(), rounded(s.alone, 0.5), rounded(s.alone, 0.99), rounded(s.busy, 0.5), rounded(s.busy, 0.99),
		s.cost(), s.spent.shares(s.took))
}

func rounded(times []time.Duration, share float64) time.Duration {
	return quantile(times, share).Round(10 * time.Microsecond)
}

func (s *subject) measure(d *delivery, profile string, round int) {
	d.b.Helper()
	before := d.used()
	var bytes int64
	var took time.Duration
	measured := func() { bytes, took = d.run(s, connections, roundFor, &s.busy) }
	if round == 0 {
		d.profiled(profile, measured)
	} else {
		measured()
	}
	s.spent.add(d.used().since(before))
	s.rates = append(s.rates, float64(bytes)/took.Seconds())
	s.bytes, s.took = s.bytes+bytes, s.took+took
}

// run has so many connections fetch for a while. What they have begun they finish.
func (d *delivery) run(s *subject, crew int, lasting time.Duration, first *[]time.Duration) (bytes int64, took time.Duration) {
	d.b.Helper()
	var mutex sync.Mutex
	begun := time.Now()
	group, ctx := errgroup.WithContext(d.b.Context())
	for n, c := range s.crew[:crew] {
		group.Go(func() error {
			for i := 0; time.Since(begun) < lasting; i++ {
				got, err := s.fetch(ctx, c, n, i)
				if err != nil {
					return err
				}
				mutex.Lock()
				bytes += got.bytes
				s.count++
				*first = append(*first, got.first)
				mutex.Unlock()
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		d.b.Fatalf("%s: %v", s.name, err)
	}
	slices.Sort(*first)
	return bytes, time.Since(begun)
}

func (s *subject) fetch(ctx context.Context, c *connection, n, i int) (fetched, error) {
	address, span := s.of(n, i)
	return c.get(ctx, address, span)
}
