// SPDX-License-Identifier: Apache-2.0

//go:build unix

// Package gatewaytest runs a gateway for tests with everything real around it: an API server, where it holds nothing but the
// rights that config/rbac ships, an S3 server with encrypted media, and an OpenID provider with people in it.
package gatewaytest

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/gateway"
	"github.com/reelkeeper/reelkeeper/internal/gateway/config"
	"github.com/reelkeeper/reelkeeper/internal/gateway/peers"
	"github.com/reelkeeper/reelkeeper/internal/gateway/session"
	"github.com/reelkeeper/reelkeeper/internal/keys"
	"github.com/reelkeeper/reelkeeper/internal/kube"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/objectstore/s3test"
	"github.com/reelkeeper/reelkeeper/internal/stores"
	"github.com/reelkeeper/reelkeeper/internal/testenv"
	"github.com/reelkeeper/reelkeeper/internal/testenv/oidctest"
	"github.com/reelkeeper/reelkeeper/internal/testenv/process"
)

// Wall is the clock that everything in a world goes by, the API server and the OpenID provider too.
var Wall clock.RealClock

// OperatorNamespace is the gateway's own, as config/rbac names it.
const OperatorNamespace = "reelkeeper-system"

// EnvOptions are what the API server of a world has to serve.
func EnvOptions() testenv.Options {
	return testenv.Options{CRDs: []string{"config/crd"}, Manifests: []string{"config/namespace", "config/rbac", "config/admission/requests.yaml", "config/admission/gateway-writes.yaml", "config/admission/ended-sessions.yaml", "config/admission/grant-uses.yaml"}}
}

// World is a running gateway and what is around it. Tests share one and keep apart by namespace.
type World struct {
	// Env is the API server, Admin an administrator's client of it.
	Env   *testenv.Env
	Admin client.Client
	// URL is where the gateway answers: http://localhost:<port>.
	URL string
	// Options are what the gateway was made of, for tests that need another one with the same people and recordings.
	Options gateway.Options
	// Config is the gateway's configuration.
	Config *config.Config

	// Log is what the gateway tells whoever runs it.
	Log Log

	// S3 is the object store, and Keyset the stored form of the keyset to it: what is left when a cluster is lost.
	S3     *s3test.Server
	Keyset []byte

	// store is the store called default, direct the other.
	store, direct *stores.Store

	keyset *keys.Keyset
	// clip and longClip are what is played, made when they are first needed.
	clip, longClip func() (*clip, error)
}

// Start starts a world that lasts as long as the process: nothing of it outlives that.
func Start(t testing.TB, env *testenv.Env) *World {
	t.Helper()
	ctrl.SetLogger(logr.Discard())
	world := &World{Env: env, Admin: env.Client(t, kube.Scheme()), clip: sync.OnceValues(makeClip), longClip: sync.OnceValues(makeLongClip)}
	if err := world.start(t); err != nil {
		t.Fatal(err)
	}
	return world
}

// Over starts a world in another cluster over the object store of this one, with its keyset. Nothing else is the same.
func (w *World) Over(t testing.TB, env *testenv.Env) *World {
	t.Helper()
	world := &World{Env: env, Admin: env.Client(t, kube.Scheme()), S3: w.S3, Keyset: w.Keyset, clip: w.clip, longClip: w.longClip}
	if err := world.start(t); err != nil {
		t.Fatal(err)
	}
	return world
}

func (w *World) start(t testing.TB) error {
	t.Helper()
	// It outlives the test that happens to come first, and goes with this process.
	dir, err := process.TempDir("gatewaytest-")
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	w.URL = fmt.Sprintf("http://localhost:%d", listener.Addr().(*net.TCPAddr).Port)
	if err := w.startStore(t.Context()); err != nil {
		return err
	}
	provider, err := startProvider(t.Context(), dir, w.URL+"/signin/callback")
	if err != nil {
		return err
	}
	if w.Config, err = configure(dir, provider); err != nil {
		return err
	}
	api, _ := w.Env.KubeconfigFor(t, OperatorNamespace, "reelkeeper-gateway")
	ctx := context.WithoutCancel(t.Context())
	cluster, err := gateway.Connect(ctx, api, OperatorNamespace, nil)
	if err != nil {
		return err
	}
	go func() { _ = cluster.Run(ctx) }()
	w.Options = cluster.Complete(gateway.Options{
		Config: w.Config, PublicURL: w.URL, OperatorNamespace: OperatorNamespace, Log: w.Log.logger(),
		MediaMemory: 64 << 20,
		// Tests share few people, who do more together than one would.
		RefusalsPerMinute: 1 << 20, StartsPerMinute: 1 << 20, EndingsPerHour: 1 << 20,
	})
	server, err := gateway.New(w.Options)
	if err != nil {
		return err
	}
	go func() { _ = server.Serve(ctx, listener) }()
	if err := w.open(t.Context()); err != nil {
		return err
	}
	return wait.PollUntilContextTimeout(t.Context(), 20*time.Millisecond, time.Minute, true, func(context.Context) (bool, error) {
		return cluster.Synced(), nil
	})
}

// configure writes the files of a configuration and reads it back, as the program does.
func configure(dir string, provider *oidctest.Provider) (*config.Config, error) {
	files := map[string]string{
		"client-secret": provider.ClientSecret + "\n",
		"session-keys":  session.NewKey() + "\n",
		"gateway.yaml": fmt.Sprintf(`
signIn:
  issuer: %s
  clientID: %s
  clientSecretFile: %s
organisation:
  domains: [example.com]
administrators:
  groups: [recording-admins]
session:
  keyFile: %s
`, provider.Issuer, provider.ClientID, filepath.Join(dir, "client-secret"), filepath.Join(dir, "session-keys")),
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			return nil, err
		}
	}
	return config.Load(filepath.Join(dir, "gateway.yaml"))
}

// directStore is the store, and its bucket, from which players fetch by themselves.
const directStore = "direct"

// startStore starts an S3 server, unless there is one, and describes it to the cluster: two RecordingStores and their Secrets.
func (w *World) startStore(ctx context.Context) (err error) {
	if w.S3 == nil {
		if w.S3, err = s3test.Run(ctx, s3test.Options{}); err != nil {
			return err
		}
		if w.Keyset, err = keys.NewKeyset(); err != nil {
			return err
		}
	}
	server := w.S3
	if w.keyset, err = keys.Load(w.Keyset); err != nil {
		return err
	}
	reference := func(name string) v1alpha1.SecretReference {
		return v1alpha1.SecretReference{Namespace: OperatorNamespace, Name: name}
	}
	store := &v1alpha1.RecordingStore{
		ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.DefaultStore},
		Spec: v1alpha1.RecordingStoreSpec{
			S3:                v1alpha1.S3Endpoint{Endpoint: server.Endpoint, Region: server.Region, CredentialsSecretRef: reference("s3")},
			Buckets:           v1alpha1.BucketLayoutSpec{Layout: v1alpha1.LayoutShared, Name: "recordings"},
			Encryption:        v1alpha1.EncryptionSpec{KeySecretRef: reference("kek")},
			AllowedNamespaces: &metav1.LabelSelector{},
		},
	}
	direct := store.DeepCopy()
	direct.Name, direct.Spec.Buckets.Name, direct.Spec.Delivery = directStore, directStore, v1alpha1.DeliveryDirect
	direct.Spec.S3.PublicEndpoint = strings.Replace(server.Endpoint, "127.0.0.1", "localhost", 1)
	direct.Spec.S3.CORS.AllowedOrigins = []string{w.URL}
	objects := []client.Object{
		secret("s3", map[string]string{stores.AccessKeyID: server.AccessKey, stores.SecretAccessKey: server.SecretKey}),
		secret("kek", map[string]string{stores.KeysetKey: string(w.Keyset)}),
		store, direct,
	}
	for _, object := range objects {
		if err := w.Admin.Create(ctx, object); err != nil {
			return fmt.Errorf("describe the store: %w", err)
		}
	}
	return nil
}

// open opens the store as an administrator, to put media into it.
func (w *World) open(ctx context.Context) error {
	resolver := stores.NewResolver(w.Admin, OperatorNamespace)
	store, err := resolver.Open(ctx, v1alpha1.DefaultStore)
	if err != nil {
		return err
	}
	w.store = store
	if _, err = store.Objects.EnsureBucket(ctx, "recordings", objectstore.BucketOptions{}); err != nil {
		return err
	}
	if w.direct, err = resolver.Open(ctx, directStore); err != nil {
		return err
	}
	if _, err = w.direct.EnsureBucket(ctx, OperatorNamespace); err != nil {
		return err
	}
	// Tests share few people, who watch more together than one would.
	crowded := &v1alpha1.ClusterRecordingPolicy{ObjectMeta: metav1.ObjectMeta{Name: "crowded"}}
	crowded.Spec.Defaults.Playback = v1alpha1.PlaybackRules{MaxViews: 1000, MaxRequests: 100000}
	return w.Admin.Create(ctx, crowded)
}

func secret(name string, data map[string]string) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: OperatorNamespace, Name: name}, StringData: data}
}

// Serve runs another gateway over the same cluster, with the same people and sessions, but changed, for one test. It returns
// its URL; see Browser.At.
func (w *World) Serve(t testing.TB, change func(*gateway.Options)) string {
	t.Helper()
	return w.ServeAt(t, func(_ string, options *gateway.Options) { change(options) })
}

// ServeAt is Serve for a change that depends on the URL, such as another PublicURL.
func (w *World) ServeAt(t testing.TB, change func(url string, options *gateway.Options)) string {
	t.Helper()
	return w.serve(t, nil, change)
}

// serve is ServeAt for a gateway that answers other replicas on a listener of its own, if there is one.
func (w *World) serve(t testing.TB, toPeers net.Listener, change func(url string, options *gateway.Options)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := fmt.Sprintf("http://localhost:%d", listener.Addr().(*net.TCPAddr).Port)
	options := w.Options
	change(url, &options)
	server, err := gateway.New(options)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	running, ctx := errgroup.WithContext(ctx)
	running.Go(func() error { return server.Serve(ctx, listener) })
	if toPeers != nil {
		running.Go(func() error { return server.ServePeers(ctx, toPeers) })
	}
	t.Cleanup(func() {
		stop()
		if err := running.Wait(); err != nil {
			t.Error(err)
		}
	})
	return url
}

// Replicas runs several gateways as Serve does, which count together how fast people are given what they watch. It returns their URLs, and how to
// take one of them from the others, as one that is not ready any more.
func (w *World) Replicas(t testing.TB, count int, change func(*gateway.Options)) (urls []string, drain func(replica int)) {
	t.Helper()
	var rings []*peers.Ring
	var addresses []string
	for range count {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		// Patient, so that on a slow machine nothing is counted by one of them alone.
		ring := peers.NewRing(listener.Addr().String(), time.Minute)
		rings, addresses = append(rings, ring), append(addresses, listener.Addr().String())
		urls = append(urls, w.serve(t, listener, func(_ string, options *gateway.Options) {
			change(options)
			options.Peers = ring
		}))
	}
	tell := func() {
		for _, ring := range rings {
			ring.Set(addresses)
		}
	}
	tell()
	return urls, func(replica int) {
		at := rings[replica]
		addresses = slices.DeleteFunc(slices.Clone(addresses), func(address string) bool { return address == at.Self() })
		tell()
	}
}
