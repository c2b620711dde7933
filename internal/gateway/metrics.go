// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/reelkeeper/reelkeeper/internal/access"
	"github.com/reelkeeper/reelkeeper/internal/gateway/peers"
)

// What operators see of all gateways of a process. No label has to do with a person or a recording: all are from short lists of ours.
var (
	answered = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "reelkeeper_gateway_requests_total", Help: "Requests that were answered, by the class of their route and by status; 0 where the connection went first.",
	}, []string{"class", "status"})
	durations = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "reelkeeper_gateway_request_duration_seconds", Help: "How long answers took to their last byte, by the class of the route.",
		Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 60, 600},
	}, []string{"class"})
	sentBytes = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "reelkeeper_gateway_sent_bytes_total", Help: "Bytes of answers that were handed to the network, by the class of the route.",
	}, []string{"class"})
	refusals = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "reelkeeper_gateway_refusals_total",
		Help: "Requests that were refused, by the code of why: of a decision, or NotReady, Unrecorded, Broken, TooMany or Busy.",
	}, []string{"reason"})
	fetches = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "reelkeeper_gateway_store_fetches", Help: "Byte ranges that are being read from object stores (Running), or wait for their turn (Waiting).",
	}, []string{"state"})
	fetchesWaiting, fetchesRunning = fetches.WithLabelValues("Waiting"), fetches.WithLabelValues("Running")
	fetchesRefused                 = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "reelkeeper_gateway_store_fetches_refused_total",
		Help: "Byte ranges that were not read because their turn did not come in time, by whose limit was reached: that of the Person, or of the Replica.",
	}, []string{"limit"})
	paceCounted = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "reelkeeper_gateway_pace_total",
		Help: "What was counted of the pace of watching, with several replicas: Here, by this one as the person's home; at the Home; or Alone, by this one because the home did not answer.",
	}, []string{"counted"})
)

// init registers what is counted. What alerts look at begins with zero: the growth of a counter that was not there before is not seen.
func init() {
	metrics.Registry.MustRegister(answered, durations, sentBytes, refusals, fetches, fetchesRefused, paceCounted)
	for _, reason := range faultReasons {
		refusals.WithLabelValues(string(reason))
	}
	for _, limit := range []string{limitOfPerson, limitOfReplica} {
		fetchesRefused.WithLabelValues(limit)
	}
	for _, where := range []string{peers.Here, peers.Home, peers.Alone} {
		paceCounted.WithLabelValues(where)
	}
}

// What bounds how much is read from object stores.
const limitOfPerson, limitOfReplica = "Person", "Replica"

// missed counts a turn that did not come in time. Whoever went away was not refused.
func missed(ctx context.Context, limit string) {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		fetchesRefused.WithLabelValues(limit).Inc()
	}
}

var (
	viewAge = prometheus.NewDesc("reelkeeper_gateway_view_age_seconds",
		"How old the gateway's view of policies, grants and recordings may be. With more than 5 it refuses everything.", nil, nil)
	mediaMemory = prometheus.NewDesc("reelkeeper_gateway_media_memory_bytes", "How much of the memory for media that several people watch is in use.", nil, nil)
	unitsRead   = prometheus.NewDesc("reelkeeper_gateway_segments_total", "Segments that were sent, by where they came from: Memory, or the object Store.", []string{"from"}, nil)
	replicas    = prometheus.NewDesc("reelkeeper_gateway_replicas", "How many replicas that are ready the gateway knows of, with which it counts the pace of watching.", nil, nil)
	viewsOpen   = prometheus.NewDesc("reelkeeper_gateway_views", "Views whose player asked for something within the last minute.", nil, nil)
)

// Describe implements prometheus.Collector.
func (s *Server) Describe(descriptions chan<- *prometheus.Desc) {
	descriptions <- viewAge
	descriptions <- viewsOpen
	descriptions <- mediaMemory
	descriptions <- unitsRead
	descriptions <- replicas
}

// Collect implements prometheus.Collector, for what is so at the moment.
func (s *Server) Collect(values chan<- prometheus.Metric) {
	values <- prometheus.MustNewConstMetric(viewAge, prometheus.GaugeValue, s.gate.age().Seconds())
	values <- prometheus.MustNewConstMetric(viewsOpen, prometheus.GaugeValue, float64(s.viewing.count()))
	bytes, found, missed := s.units.Counts()
	values <- prometheus.MustNewConstMetric(mediaMemory, prometheus.GaugeValue, float64(bytes))
	values <- prometheus.MustNewConstMetric(unitsRead, prometheus.CounterValue, float64(found), "Memory")
	values <- prometheus.MustNewConstMetric(unitsRead, prometheus.CounterValue, float64(missed), "Store")
	if s.peers != nil {
		values <- prometheus.MustNewConstMetric(replicas, prometheus.GaugeValue, float64(s.peers.Ring.Len()))
	}
}

// classes are the classes of routes that are none by their first part. What matches no route is of none.
var classes = map[string]string{
	"/v/{session}/playlist.m3u8": "playlist", "/v/{session}/key": "key", "/v/{session}/media": "media",
	"/v/{session}/captions/{track}": "captions", "/v/{session}/previews": "preview", "/r/{namespace}/{name}/poster": "preview",
	"/r/{namespace}/{name}/download": "download", "/r/{namespace}/{name}/sessions": "view",
	"/assets/*": "asset", "/healthz": "probe", "/readyz": "probe",
}

// classOf is the class of a route: of those that show or change something in pages, page and action.
func classOf(method, pattern string) string {
	class := classes[pattern]
	switch {
	case class != "":
	case pattern == "", pattern == "/*":
		class = "none"
	case strings.HasPrefix(pattern, "/signin"), strings.HasPrefix(pattern, "/signout"):
		class = "signin"
	case strings.HasPrefix(pattern, "/g/"):
		class = "link"
	case method == http.MethodPost:
		class = "action"
	default:
		class = "page"
	}
	return class
}

// observe counts an answer.
func observe(class string, status int, bytes int64, took time.Duration) {
	answered.WithLabelValues(class, strconv.Itoa(status)).Inc()
	durations.WithLabelValues(class).Observe(took.Seconds())
	sentBytes.WithLabelValues(class).Add(float64(bytes))
}

// faultReasons are what refusals are counted as that follow from no decision.
var faultReasons = map[refusalKind]access.Reason{
	absent: access.NotFound, forbidden: access.NotPermitted, notReady: "NotReady", unrecorded: "Unrecorded", broken: "Broken", tooMany: "TooMany", busy: "Busy",
}

func countRefusal(f *refusal) {
	reason := faultReasons[f.kind]
	if f.kind <= forbidden {
		reason = cmp.Or(f.decision.Reason, reason)
	}
	refusals.WithLabelValues(string(reason)).Inc()
}

const (
	// viewedFor is how long after its last request a view counts as open, viewsKept how many are counted.
	viewedFor = time.Minute
	viewsKept = 1 << 16
)

// viewing counts the views that are open.
type viewing struct {
	clock clock.PassiveClock
	mutex sync.Mutex
	seen  map[string]time.Time
	swept time.Time
}

func newViewing(clock clock.PassiveClock) *viewing {
	return &viewing{clock: clock, seen: map[string]time.Time{}}
}

// saw notes that the player of a view asked for something.
func (v *viewing) saw(view string) {
	now := v.clock.Now()
	v.mutex.Lock()
	defer v.mutex.Unlock()
	if now.Sub(v.swept) > viewedFor {
		v.sweep(now)
	}
	if _, known := v.seen[view]; known || len(v.seen) < viewsKept {
		v.seen[view] = now
	}
}

func (v *viewing) count() int {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	v.sweep(v.clock.Now())
	return len(v.seen)
}

func (v *viewing) sweep(now time.Time) {
	v.swept = now
	for view, last := range v.seen {
		if now.Sub(last) > viewedFor {
			delete(v.seen, view)
		}
	}
}
