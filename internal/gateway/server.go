// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/internal/audit"
	"github.com/reelkeeper/reelkeeper/internal/credentials"
	"github.com/reelkeeper/reelkeeper/internal/gateway/config"
	"github.com/reelkeeper/reelkeeper/internal/gateway/ended"
	"github.com/reelkeeper/reelkeeper/internal/gateway/pages"
	"github.com/reelkeeper/reelkeeper/internal/gateway/peers"
	"github.com/reelkeeper/reelkeeper/internal/gateway/playback"
	"github.com/reelkeeper/reelkeeper/internal/gateway/session"
	"github.com/reelkeeper/reelkeeper/internal/gateway/signin"
	"github.com/reelkeeper/reelkeeper/internal/gateway/throttle"
	"github.com/reelkeeper/reelkeeper/internal/media"
	"github.com/reelkeeper/reelkeeper/internal/requests/desk"
	"github.com/reelkeeper/reelkeeper/web"
)

// Options are what a gateway is made of.
type Options struct {
	// Config is the configuration file.
	Config *config.Config
	// PublicURL is where browsers reach the gateway, without a path: https, or http on this machine.
	PublicURL string
	// OperatorNamespace is the gateway's own, where attempts at what does not exist are written down.
	OperatorNamespace string
	// Namespaces are those whose recordings the gateway sees. Empty is all.
	Namespaces []string
	// Reader is a cache of our kinds, with the indexes of AddIndexes.
	Reader client.Reader
	// Governance gathers what decisions need, from the same cache.
	Governance Governance
	// Recorder writes audit events.
	Recorder audit.Recorder
	// Uses counts uses of grants.
	Uses UseCounter
	// Tries counts wrong passwords of links.
	Tries TryCounter
	// RefusalsPerMinute and StartsPerMinute bound how many records one person makes. Zero is 60 and 120.
	RefusalsPerMinute, StartsPerMinute int
	// EndingsPerHour bounds how often one person ends sessions. Zero is 60.
	EndingsPerHour int
	// Writer writes what people do in the pages, in their name: requests and answers, grants, the trash. It also reads the access
	// log, of which no cache is kept.
	Writer client.Client
	// Activity counts what the access log says of all recordings together, for the overview.
	Activity Activity
	// Ended says which sessions were ended before their time.
	Ended *ended.Ledger
	// Stores opens RecordingStores.
	Stores playback.Stores
	// Synced reports whether the cache is filled. Before, the gateway is not ready.
	Synced func() bool
	// Age is how old what Reader returns may be. With more than maxAge nothing is decided.
	Age func() time.Duration
	// Tracing makes the spans of requests; nil for none.
	Tracing trace.TracerProvider
	// DrainDelay is how long the gateway goes on answering after it has said that it is not ready any more, so that whoever sends it
	// requests learns of it first. Zero is for tests.
	DrainDelay time.Duration
	// MediaMemory is how many bytes of media are kept in memory that several people watch; zero is none.
	MediaMemory int64
	// Peers are the replicas with which this one counts how fast people are given what they watch; see ServePeers. Nil is for a gateway that runs
	// alone.
	Peers *peers.Ring
	// Clock is the time that decisions and sessions go by.
	Clock clock.PassiveClock
	// Log is for whoever runs the gateway.
	Log logr.Logger
}

// Server is the gateway.
type Server struct {
	gate     *gate
	damage   *damage
	pace     *pace
	peers    *peers.Ledger
	pressure *pressure
	viewing  *viewing
	// draining says that the gateway is about to end.
	draining   atomic.Bool
	drainDelay time.Duration
	tracing    trace.TracerProvider
	// deliveries write down how downloads ended.
	deliveries *deliveries
	reader     client.Reader
	writer     client.Client
	desk       *desk.Desk
	activity   Activity
	sessions   *session.Store
	flow       *signin.Flow
	endings    *endings
	media      *playback.Opener
	units      *media.UnitCache
	passwords  *throttle.Throttle
	tries      TryCounter
	hashing    chan struct{}
	// nobodysHash is the hash of a password that nobody has.
	nobodysHash string
	pages       *pages.Renderer
	assets      web.Assets
	packed      map[string][]byte
	config      *config.Config
	// providers are those of the configuration, by which every request's session is judged.
	providers []config.Provider
	https     bool
	synced    func() bool
	// public is the gateway's own address, with which links begin.
	public string
	clock  clock.PassiveClock
	log    logr.Logger
}

// hashesAtOnce bounds how many passwords are hashed at the same time: each takes 19 MiB and 50 ms of a core.
const hashesAtOnce = 4

// New returns a gateway. It reads the files that the configuration names.
func New(options Options) (*Server, error) {
	public, err := publicURL(options.PublicURL)
	if err != nil {
		return nil, err
	}
	keys, err := session.LoadRing(options.Config.Session.KeyFile, options.Clock, func(err error) { options.Log.Error(err, "Keeping the session keys as they were") })
	if err != nil {
		return nil, err
	}
	assets, err := web.Load()
	if errors.Is(err, web.ErrNotBuilt) {
		options.Log.Error(err, "Serving pages without scripts and styles")
	} else if err != nil {
		return nil, err
	}
	packed, err := pack(assets.Files)
	if err != nil {
		return nil, err
	}
	renderer, err := pages.New(assets.Script, assets.Style)
	if err != nil {
		return nil, err
	}
	nobodysHash, err := credentials.HashPassword(credentials.NewPassword())
	if err != nil {
		return nil, err
	}
	https := public.Scheme == "https"
	units := media.NewUnitCache(options.MediaMemory, options.Clock)
	server := &Server{
		gate:     newGate(options),
		reader:   options.Reader,
		writer:   options.Writer,
		desk:     &desk.Desk{Reader: options.Reader, Writer: options.Writer, Governance: options.Governance, Clock: options.Clock},
		activity: options.Activity,
		sessions: session.NewStore(keys, options.Clock, https),
		viewing:  newViewing(options.Clock),
		pressure: newPressure(fetchesAtOnce, fetchesEach), drainDelay: options.DrainDelay, tracing: options.Tracing,
		media: playback.NewOpener(options.Stores, units, options.Clock), units: units,
		endings:   newEndings(options.Ended, options.Clock, cmp.Or(options.EndingsPerHour, endingsPerHour)),
		passwords: throttle.New(options.Clock), tries: options.Tries,
		hashing: make(chan struct{}, hashesAtOnce), nobodysHash: nobodysHash,
		pages: renderer, assets: assets, packed: packed,
		config: options.Config, https: https, public: public.String(),
		synced: options.Synced, clock: options.Clock, log: options.Log,
	}
	server.preparePace(options, keys)
	server.deliveries = newDeliveries(server.gate, options.Log)
	if server.tracing == nil {
		server.tracing = noop.NewTracerProvider()
	}
	server.sessions.Idle, server.sessions.Over = options.Config.Session.Idle.Duration, server.over
	server.damage = newDamage(server.gate, options.Log, options.Clock)
	err = server.prepareSignIn(public.String())
	return server, err
}

func newGate(options Options) *gate {
	return &gate{
		age: options.Age, reader: options.Reader, ended: options.Ended, governance: options.Governance, recorder: options.Recorder, uses: options.Uses,
		flood: newFlood(options.Clock, cmp.Or(options.RefusalsPerMinute, refusalsPerMinute), cmp.Or(options.StartsPerMinute, startsPerMinute)),
		clock: options.Clock, namespace: options.OperatorNamespace, namespaces: options.Namespaces,
		organisation: options.Config.Organisation, proxies: options.Config.Proxies(),
	}
}

func publicURL(address string) (*url.URL, error) {
	address = strings.TrimSuffix(address, "/")
	if problem := config.CheckURL(address); problem != "" {
		return nil, fmt.Errorf("--public-url %q: %s", address, problem)
	}
	public, err := url.Parse(address)
	if err != nil || public.Path != "" {
		return nil, fmt.Errorf("--public-url %q: leave out the path; the gateway needs a host name of its own", address)
	}
	return public, nil
}

// Limits on what a client may cost before it is known. What is sent has its own deadlines, write by write.
const (
	headerTimeout = 5 * time.Second
	idleTimeout   = 2 * time.Minute
	maxHeader     = 32 << 10
	// drainTimeout is how long running answers may take to end when the gateway stops.
	drainTimeout = 20 * time.Second
)

// Serve answers on the listener until ctx ends, then lets running answers finish within a bound.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{
		Handler: s.Handler(), ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHeader, BaseContext: func(net.Listener) context.Context { return logr.NewContext(context.Background(), s.log) },
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	return s.drain(server)
}

// drain says that the gateway is not ready any more, waits until that is known, and lets running answers finish within a bound. What
// they were is written down.
func (s *Server) drain(server *http.Server) error {
	s.draining.Store(true)
	s.log.Info("Draining", "delay", s.drainDelay.String(), "bound", drainTimeout.String())
	if s.drainDelay > 0 {
		<-wall.After(s.drainDelay)
	}
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	err := server.Shutdown(ctx)
	if err != nil {
		s.log.Info("Breaking off what did not finish in time")
		err = server.Close()
	}
	s.deliveries.close()
	return err
}

// page answers with a page, or breaks off where that fails.
func (s *Server) page(w http.ResponseWriter, r *http.Request, status int, name pages.Name, current *session.Session, content any) {
	if err := s.pages.Render(w, status, name, s.frame(r, current), content); err != nil && r.Context().Err() == nil {
		s.log.Error(err, "Breaking off a page")
		panic(http.ErrAbortHandler)
	}
}
