// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/controllers"
	"github.com/reelkeeper/reelkeeper/internal/kube"
)

// managerFlags are the flags of the manager as they were typed.
type managerFlags struct {
	kubeconfig        string
	operatorNamespace string
	gatewayURL        string
	workerImage       string
	workerScheduler   string
	namespaces        []string
	webhookSecret     string
	leaderElect       bool
	metricsAddress    string
	healthAddress     string
	auditMaxAge       string
	auditMaxCount     int
	log               logFlags
}

func newManagerCommand() *cobra.Command {
	var flags managerFlags
	cmd := &cobra.Command{
		Use:   "manager",
		Short: "Run the controllers",
		Long: `The manager runs the controllers: it sets up stores, processes recordings, lets grants begin and end, expires
recordings and purges what has been in the trash for long enough.

It needs the CRDs and the rights in config/rbac, and any number of replicas may run: one works, the others stand by. It
reads Secrets in its own namespace only; there it looks for the credentials and keysets that RecordingStores name, and there
it makes the Jobs that process recordings.

It serves /healthz and /readyz for the kubelet, and /metrics for whoever the API server says may read them.`,
		Example: `  # in a Pod, with its ServiceAccount
  reelkeeper manager --gateway-url https://recordings.example.com --worker-image ghcr.io/reelkeeper/reelkeeper:v0.1.0

  # on a desk, against the cluster of a kubeconfig, for two namespaces only
  reelkeeper manager --kubeconfig ~/.kube/config --operator-namespace reelkeeper-system --leader-elect=false \
    --namespaces finance,legal --gateway-url http://localhost:8080 --worker-image reelkeeper:dev --metrics-bind-address 0`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			options, err := flags.options()
			if err != nil {
				return err
			}
			return runManager(cmd.Context(), flags, options)
		},
	}
	flags.bind(cmd)
	return cmd
}

func (f *managerFlags) bind(cmd *cobra.Command) {
	set := cmd.Flags()
	set.StringVar(&f.kubeconfig, "kubeconfig", "", "how to reach the API server; without it, $KUBECONFIG, then the Pod's ServiceAccount")
	set.StringVar(&f.operatorNamespace, "operator-namespace", os.Getenv("POD_NAMESPACE"), "the namespace of the stores' Secrets and the processing Jobs; $POD_NAMESPACE if not given")
	set.StringVar(&f.gatewayURL, "gateway-url", "", "the public address of the gateway, which links start with (required)")
	set.StringVar(&f.workerImage, "worker-image", "", "the image that processes recordings, usually the manager's own (required)")
	set.StringVar(&f.workerScheduler, "worker-scheduler", "", "the scheduler of the Pods that process recordings; without it, the cluster's own")
	set.StringSliceVar(&f.namespaces, "namespaces", nil, "work on the recordings of these namespaces only; without it, of all")
	set.StringVar(&f.webhookSecret, "webhook-secret", "", "the Secret in the operator's namespace with the url and the signing secret of the webhook that tells people of requests and downloads; without it, nobody is told")
	set.BoolVar(&f.leaderElect, "leader-elect", true, "work only while holding the lease, so that several replicas can run")
	set.StringVar(&f.metricsAddress, "metrics-bind-address", ":8443", "where to serve metrics over TLS to those whom the API server lets get /metrics; 0 serves none")
	set.StringVar(&f.healthAddress, "health-probe-bind-address", ":8081", "where to serve /healthz and /readyz; 0 serves none")
	set.StringVar(&f.auditMaxAge, "audit-event-max-age", "30d", "how long AuditEvents are kept as objects, such as 30d or 12h")
	set.IntVar(&f.auditMaxCount, "audit-events-per-namespace", 2000, "how many AuditEvents a namespace keeps as objects; the oldest go first")
	f.log.bind(set)
}

// options checks the flags. Its errors say what to type.
func (f *managerFlags) options() (controllers.Options, error) {
	gateway, errGateway := parseGatewayURL(f.gatewayURL)
	maxAge, errAge := v1alpha1.Duration(f.auditMaxAge).Parse()
	if errAge != nil {
		errAge = fmt.Errorf("--audit-event-max-age: %w", errAge)
	}
	problems := []error{errGateway, errAge}
	if f.operatorNamespace == "" {
		problems = append(problems, errors.New("--operator-namespace is missing: name the namespace that holds the stores' Secrets, or set POD_NAMESPACE"))
	}
	if f.workerImage == "" {
		problems = append(problems, errors.New("--worker-image is missing: name the image that processes recordings, usually this one"))
	}
	if f.auditMaxCount < 1 {
		problems = append(problems, errors.New("--audit-events-per-namespace must be at least 1"))
	}
	return controllers.Options{
		OperatorNamespace: f.operatorNamespace,
		GatewayURL:        gateway,
		WorkerImage:       f.workerImage,
		WorkerScheduler:   f.workerScheduler,
		Namespaces:        f.namespaces,
		WebhookSecret:     f.webhookSecret,
		AuditMaxAge:       maxAge,
		AuditMaxCount:     f.auditMaxCount,
		Clock:             clock.RealClock{},
	}, errors.Join(problems...)
}

func parseGatewayURL(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return "", fmt.Errorf("--gateway-url %q is not the address of a gateway: write one such as https://recordings.example.com", text)
	}
	return strings.TrimRight(u.String(), "/"), nil
}

// shutdownTimeout is how long running passes may take to end: less than the 30 s that a Pod has by default.
const shutdownTimeout = 20 * time.Second

func runManager(ctx context.Context, flags managerFlags, options controllers.Options) error {
	if err := flags.log.setUp(os.Stderr); err != nil {
		return err
	}
	boundHeap()
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = flags.kubeconfig
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, nil).ClientConfig()
	if err != nil {
		return fmt.Errorf("find the API server: %w: give --kubeconfig, or run in a Pod with a ServiceAccount", err)
	}
	// How fast is for the API server to say, which knows what else is going on (priority and fairness).
	config.QPS = -1
	// What compressing thousands of recordings costs at both ends is more than what the network between them does.
	config.DisableCompression = true
	made := flags.managerOptions()
	options.Cards = kube.WithCards(&made)
	mgr, err := ctrl.NewManager(config, made)
	if err != nil {
		return fmt.Errorf("reach the API server at %s: %w", config.Host, err)
	}
	if err := addProbes(mgr); err != nil {
		return err
	}
	if err := controllers.Setup(ctx, mgr, options); err != nil {
		return err
	}
	return mgr.Start(ctx)
}

func (f *managerFlags) managerOptions() ctrl.Options {
	options := kube.ManagerOptions(f.operatorNamespace, f.namespaces)
	options.Metrics = metricsOptions(f.metricsAddress)
	options.HealthProbeBindAddress = cmp.Or(f.healthAddress, "0")
	options.GracefulShutdownTimeout = new(shutdownTimeout)
	options.LeaderElection = f.leaderElect
	options.LeaderElectionID = "manager.reelkeeper.io"
	options.LeaderElectionNamespace = f.operatorNamespace
	// The program ends as soon as the manager does, so nobody works after giving the lease back.
	options.LeaderElectionReleaseOnCancel = true
	return options
}

// metricsOptions serve metrics over TLS to those whom the API server lets get them.
func metricsOptions(address string) metricsserver.Options {
	return metricsserver.Options{BindAddress: address, SecureServing: true, FilterProvider: filters.WithAuthenticationAndAuthorization}
}

// addProbes makes a replica live while it answers, and ready once it has read what it works on.
func addProbes(mgr ctrl.Manager) error {
	synced := func(request *http.Request) error {
		if !mgr.GetCache().WaitForCacheSync(request.Context()) {
			return errors.New("the cache is not filled yet")
		}
		return nil
	}
	return errors.Join(mgr.AddHealthzCheck("ping", healthz.Ping), mgr.AddReadyzCheck("cache", synced))
}
