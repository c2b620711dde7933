// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/certwatcher"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/reelkeeper/reelkeeper/internal/gateway"
	"github.com/reelkeeper/reelkeeper/internal/gateway/config"
	"github.com/reelkeeper/reelkeeper/internal/gateway/peers"
	"github.com/reelkeeper/reelkeeper/internal/gateway/session"
	"github.com/reelkeeper/reelkeeper/internal/gateway/tracing"
)

// gatewayFlags are the flags of the gateway as they were typed.
type gatewayFlags struct {
	kubeconfig        string
	operatorNamespace string
	namespaces        []string
	listenAddress     string
	publicURL         string
	config            string
	tlsCert, tlsKey   string
	metricsAddress    string
	peerAddress       string
	podIP             string
	mediaMemory       resource.QuantityValue
	log               logFlags
}

func newGatewayCommand() *cobra.Command {
	var flags gatewayFlags
	cmd := &cobra.Command{
		Use:   "gateway",
		Short: "Serve recordings to people's browsers",
		Long: `The gateway is what a person's browser talks to: it signs people in, shows the recordings that they may view, plays
them, and lets those download who may. Every request is decided by the policies and grants as they are at that moment, and
every access is written down before it happens.

It holds no state: any number of replicas may run, with the same configuration and session keys. docs/gateway.md explains
the configuration file.`,
		Example: `  # in a Pod, with its ServiceAccount, behind something that ends TLS
  reelkeeper gateway --public-url https://recordings.example.com --config /etc/reelkeeper/gateway.yaml

  # a new key for session.keyFile
  reelkeeper gateway session-key`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := flags.validate(); err != nil {
				return err
			}
			return runGateway(cmd.Context(), flags)
		},
	}
	flags.bind(cmd)
	cmd.AddCommand(newSessionKeyCommand())
	return cmd
}

func newSessionKeyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "session-key",
		Short: "Print a new key for session.keyFile",
		Long: `Prints one line for the file that session.keyFile names. The first line of the file protects new sessions, all of
them open those that exist: to change the key, put the new line first, and remove the old one a day later.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), session.NewKey())
			return err
		},
	}
}

func (f *gatewayFlags) bind(cmd *cobra.Command) {
	set := cmd.Flags()
	set.StringVar(&f.kubeconfig, "kubeconfig", "", "how to reach the API server; without it, $KUBECONFIG, then the Pod's ServiceAccount")
	set.StringVar(&f.operatorNamespace, "operator-namespace", os.Getenv("POD_NAMESPACE"), "the namespace of the stores' Secrets; $POD_NAMESPACE if not given")
	set.StringSliceVar(&f.namespaces, "namespaces", nil, "serve the recordings of these namespaces only; without it, of all")
	set.StringVar(&f.listenAddress, "listen-address", ":8080", "where to listen")
	set.StringVar(&f.publicURL, "public-url", "", "where browsers reach the gateway, without a path (required): https, or http on localhost")
	set.StringVar(&f.config, "config", "", "the configuration file (required)")
	set.StringVar(&f.tlsCert, "tls-cert", "", "serve TLS with this certificate, which is read again when it changes")
	set.StringVar(&f.tlsKey, "tls-key", "", "the key of --tls-cert")
	set.StringVar(&f.metricsAddress, "metrics-bind-address", "0", "where to serve metrics over TLS to those whom the API server lets get /metrics, such as :8443; 0 serves none")
	set.StringVar(&f.peerAddress, "peer-bind-address", "0", "where other replicas ask this one how fast somebody may be given what they watch, such as :8444, so that all count together; 0 counts alone")
	set.StringVar(&f.podIP, "pod-ip", os.Getenv("POD_IP"), "the address at which other replicas reach this one, for --peer-bind-address; $POD_IP if not given")
	f.mediaMemory = resource.QuantityValue{Quantity: resource.MustParse("128Mi")}
	set.Var(&f.mediaMemory, "media-memory", "how much media to keep in memory that several people watch, so that the object store sends it once a while; 0 keeps none")
	f.log.bind(set)
}

// validate checks the flags. Its errors say what to type.
func (f *gatewayFlags) validate() error {
	var problems []error
	if f.operatorNamespace == "" {
		problems = append(problems, errors.New("--operator-namespace is missing: name the namespace that holds the stores' Secrets, or set POD_NAMESPACE"))
	}
	if f.publicURL == "" {
		problems = append(problems, errors.New("--public-url is missing: write the address that browsers use, such as https://recordings.example.com"))
	}
	if f.config == "" {
		problems = append(problems, errors.New("--config is missing: name the configuration file; docs/gateway.md shows one"))
	}
	if (f.tlsCert == "") != (f.tlsKey == "") {
		problems = append(problems, errors.New("--tls-cert and --tls-key belong together: give both or none"))
	}
	if f.peerAddress != "0" && net.ParseIP(f.podIP) == nil {
		problems = append(problems, fmt.Errorf("--pod-ip %q is no address: --peer-bind-address needs it; set POD_IP from status.podIP, or leave both out for one replica", f.podIP))
	}
	if f.mediaMemory.Sign() < 0 {
		problems = append(problems, fmt.Errorf("--media-memory %s is negative: write a size such as 128Mi, or 0", &f.mediaMemory))
	}
	return errors.Join(problems...)
}

// drainDelay is how long Kubernetes may take to send nobody here any more once the gateway says that it is not ready. With the time that
// running answers are given to finish, it is less than the 30 s after which a Pod is killed.
const drainDelay = 5 * time.Second

func runGateway(ctx context.Context, flags gatewayFlags) error {
	if err := flags.log.setUp(os.Stderr); err != nil {
		return err
	}
	boundHeap()
	settings, err := config.Load(flags.config)
	if err != nil {
		return err
	}
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = flags.kubeconfig
	api, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, nil).ClientConfig()
	if err != nil {
		return fmt.Errorf("find the API server: %w: give --kubeconfig, or run in a Pod with a ServiceAccount", err)
	}
	cluster, err := gateway.Connect(ctx, api, flags.operatorNamespace, flags.namespaces)
	if err != nil {
		return err
	}
	traces, err := tracing.Setup(ctx)
	if err != nil {
		return err
	}
	toPeers, err := flags.listenToPeers(ctx)
	if err != nil {
		return err
	}
	server, err := gateway.New(cluster.Complete(gateway.Options{
		Peers: toPeers.ring, Config: settings, PublicURL: flags.publicURL, OperatorNamespace: flags.operatorNamespace, Log: ctrl.Log.WithName("gateway"),
		DrainDelay: drainDelay, Tracing: traces, MediaMemory: flags.mediaMemory.Value(),
	}))
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	listener, err := flags.listen(ctx, group)
	if err != nil {
		return err
	}
	if err := serveMetrics(ctx, group, metricsOptions(flags.metricsAddress), api, server); err != nil {
		return err
	}
	ctrl.Log.Info("Serving recordings", "address", listener.Addr().String(), "publicURL", flags.publicURL)
	// What is still being sent is decided about until its end, so the view of the cluster ends last.
	viewing, ended := context.WithCancel(context.WithoutCancel(ctx))
	group.Go(func() error { return cluster.Run(viewing) })
	toPeers.serve(viewing, group, api, flags.operatorNamespace, server)
	group.Go(func() error {
		defer ended()
		err := server.Serve(ctx, listener)
		return errors.Join(err, traces.Shutdown(viewing))
	})
	return group.Wait()
}

// replicas are the others, with which this gateway counts; nobody, where ring is nil.
type replicas struct {
	ring     *peers.Ring
	listener net.Listener
}

// listenToPeers opens the port for other replicas.
func (f *gatewayFlags) listenToPeers(ctx context.Context) (replicas, error) {
	if f.peerAddress == "0" {
		return replicas{}, nil
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", f.peerAddress)
	if err != nil {
		return replicas{}, fmt.Errorf("listen on --peer-bind-address %s: %w", f.peerAddress, err)
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		return replicas{}, errors.Join(fmt.Errorf("read the port of --peer-bind-address %s: %w", f.peerAddress, err), listener.Close())
	}
	return replicas{ring: peers.NewRing(net.JoinHostPort(f.podIP, port), peers.Patience), listener: listener}, nil
}

// serve answers them until ctx ends, and follows which there are.
func (r replicas) serve(ctx context.Context, group *errgroup.Group, api *rest.Config, namespace string, server *gateway.Server) {
	if r.ring == nil {
		return
	}
	group.Go(func() error { return server.ServePeers(ctx, r.listener) })
	group.Go(func() error { return peers.Follow(ctx, api, namespace, r.ring) })
}

// serveMetrics serves the metrics of the process, and those of the gateway, on an address of their own.
func serveMetrics(ctx context.Context, group *errgroup.Group, options metricsserver.Options, api *rest.Config, server *gateway.Server) error {
	if options.BindAddress == "0" {
		return nil
	}
	if err := metrics.Registry.Register(server); err != nil {
		return fmt.Errorf("register the gateway's metrics: %w", err)
	}
	client, err := rest.HTTPClientFor(api)
	if err != nil {
		return fmt.Errorf("reach the API server at %s: %w", api.Host, err)
	}
	serving, err := metricsserver.NewServer(options, api, client)
	if err != nil {
		return fmt.Errorf("serve metrics on --metrics-bind-address %s: %w", options.BindAddress, err)
	}
	group.Go(func() error { return serving.Start(ctx) })
	return nil
}

// listen opens the port, with TLS where there is a certificate.
func (f *gatewayFlags) listen(ctx context.Context, group *errgroup.Group) (net.Listener, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", f.listenAddress)
	if err != nil {
		return nil, fmt.Errorf("listen on --listen-address %s: %w", f.listenAddress, err)
	}
	if f.tlsCert == "" {
		return listener, nil
	}
	certificates, err := certwatcher.New(f.tlsCert, f.tlsKey)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read --tls-cert and --tls-key: %w", err), listener.Close())
	}
	group.Go(func() error { return certificates.Start(ctx) })
	return tls.NewListener(listener, &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}, GetCertificate: certificates.GetCertificate,
	}), nil
}
