// SPDX-License-Identifier: Apache-2.0

//go:build unix

// Package stage runs all of Reelkeeper on one machine, as plain processes: a control plane, an S3 server, an OpenID
// provider, the manager, the gateway, and a development node on which the workers' Jobs run. The demo and the end-to-end
// tests stand on it.
//
// Manager and gateway get nothing but a token of their ServiceAccount, so that what works here works with the RBAC
// that is shipped. Nothing outlives the program that started the stage (see package process).
package stage

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/reelkeeper/reelkeeper/internal/objectstore/s3test"
	"github.com/reelkeeper/reelkeeper/internal/testenv/controlplane"
	"github.com/reelkeeper/reelkeeper/internal/testenv/oidctest"
	"github.com/reelkeeper/reelkeeper/internal/testenv/process"
)

// Namespace is the operator's own namespace on the stage.
const Namespace = "reelkeeper-system"

// scheduler is the name under which the development node takes the workers' Pods, and no others.
const scheduler = "reelkeeper-devnode"

// Options say what to run. The zero value runs everything on free ports.
type Options struct {
	// Dir keeps everything: buckets, logs, the control plane's state. Required.
	Dir string
	// Logs is the directory for the programs' logs, where they are to be kept. Empty means one in Dir.
	Logs string
	// Kubeconfig is a cluster to use in place of a control plane of our own.
	Kubeconfig string
	// AuditPolicy is the API server's, see controlplane.Options. It has no effect on a cluster that exists.
	AuditPolicy []byte
	// Accounts is the OpenID provider's file of people. Empty means the example company of hack/oidc.
	Accounts string
	// Progress is told what is being started; nil tells nobody.
	Progress func(what string)
}

// Stage is everything, running.
type Stage struct {
	// Config and Kubeconfig are a cluster administrator's access.
	Config     *rest.Config
	Kubeconfig string
	// AuditLog is the API server's audit log, where Options asked for one.
	AuditLog string
	// S3 is the object store.
	S3 *s3test.Server
	// Issuer is the OpenID provider's URL.
	Issuer string
	// URL is the gateway's, as people's browsers see it.
	URL string
	// Logs is the directory with a log per program.
	Logs string

	options Options
	root    string
	kubectl string
	plane   *controlplane.ControlPlane
	oidc    *oidctest.Provider
	ports   ports

	mu        sync.Mutex
	processes map[string]*process.Process
}

// ports are chosen once, so that a part that is started again is found where it was.
type ports struct{ gateway, gatewayHealth, managerHealth int }

// Start starts everything and returns when it can be used. ctx bounds the start alone. Call Stop when done.
func Start(ctx context.Context, options Options) (*Stage, error) {
	if options.Logs == "" {
		options.Logs = filepath.Join(options.Dir, "logs")
	}
	s := &Stage{options: options, Logs: options.Logs, processes: map[string]*process.Process{}}
	if err := s.prepare(); err != nil {
		return nil, err
	}
	steps := []struct {
		what string
		run  func(context.Context) error
	}{
		{"the Kubernetes API server", s.startCluster},
		{"the S3 server", s.startS3},
		{"the OpenID provider", s.startOIDC},
		{"kinds, rights and admission policies", s.install},
		{"Secrets for the object store and for signing in", s.writeSecrets},
		{"the development node", s.startNode},
		{"the manager", s.StartManager},
		{"the gateway", s.StartGateway},
	}
	for _, step := range steps {
		if options.Progress != nil {
			options.Progress(step.what)
		}
		if err := step.run(ctx); err != nil {
			return nil, errors.Join(fmt.Errorf("starting %s: %w", step.what, err), s.Stop())
		}
	}
	return s, nil
}

func (s *Stage) prepare() error {
	root, err := controlplane.Root()
	if err != nil {
		return err
	}
	s.root = root
	for _, program := range []string{"reelkeeper", "devnode"} {
		if _, err := os.Stat(s.binary(program)); err != nil {
			return fmt.Errorf("%s is not built: run `make build`", s.binary(program))
		}
	}
	for _, port := range []*int{&s.ports.gateway, &s.ports.gatewayHealth, &s.ports.managerHealth} {
		if *port, err = process.FreePort(); err != nil {
			return err
		}
	}
	// By name, because browsers decrypt media on https and on localhost alone.
	s.URL = fmt.Sprintf("http://localhost:%d", s.ports.gateway)
	return os.MkdirAll(s.Logs, 0o700)
}

func (s *Stage) binary(name string) string { return filepath.Join(s.root, "bin", name) }

func (s *Stage) startCluster(ctx context.Context) error {
	if s.options.Kubeconfig != "" {
		return s.useCluster()
	}
	plane, err := controlplane.Start(ctx, filepath.Join(s.options.Dir, "cluster"),
		controlplane.Options{ControllerManager: true, AuditPolicy: s.options.AuditPolicy})
	if err != nil {
		return err
	}
	s.plane, s.Config, s.Kubeconfig, s.AuditLog, s.kubectl = plane, plane.Config, plane.Kubeconfig, plane.AuditLog, plane.Binaries.Kubectl
	return nil
}

func (s *Stage) useCluster() error {
	config, err := clientcmd.BuildConfigFromFlags("", s.options.Kubeconfig)
	if err != nil {
		return fmt.Errorf("reading KUBECONFIG %s: %w", s.options.Kubeconfig, err)
	}
	if s.kubectl, err = exec.LookPath("kubectl"); err != nil {
		s.kubectl = filepath.Join(s.binary("controlplane"), "kubectl")
	}
	s.Config, s.Kubeconfig = config, s.options.Kubeconfig
	return nil
}

func (s *Stage) startS3(ctx context.Context) error {
	server, err := s3test.Run(ctx, s3test.Options{Dir: filepath.Join(s.options.Dir, "s3")})
	s.S3 = server
	return err
}

func (s *Stage) startNode(ctx context.Context) error {
	return s.start(ctx, process.Spec{
		Name: "devnode", Path: s.binary("devnode"),
		Args: []string{"--kubeconfig", s.Kubeconfig, "--scheduler", scheduler, "--command", "/reelkeeper=" + s.binary("reelkeeper")},
	})
}

// StartManager starts the manager, or starts it again after KillManager.
func (s *Stage) StartManager(ctx context.Context) error {
	kubeconfig, err := s.serviceAccountKubeconfig(ctx, "reelkeeper-manager")
	if err != nil {
		return err
	}
	health := fmt.Sprintf("127.0.0.1:%d", s.ports.managerHealth)
	return s.start(ctx, process.Spec{
		Name: "manager", Path: s.binary("reelkeeper"),
		Args: []string{
			"manager", "--kubeconfig", kubeconfig, "--operator-namespace", Namespace, "--gateway-url", s.URL,
			"--worker-image", "reelkeeper", "--worker-scheduler", scheduler, "--leader-elect=false", "--metrics-bind-address", "0", "--health-probe-bind-address", health,
		},
		Ready: process.HTTPReady(http.DefaultClient, "http://"+health+"/readyz"),
	})
}

// KillManager ends the manager as kill -9 does.
func (s *Stage) KillManager() { s.part("manager").Kill() }

// StartGateway starts the gateway.
func (s *Stage) StartGateway(ctx context.Context) error {
	kubeconfig, err := s.serviceAccountKubeconfig(ctx, "reelkeeper-gateway")
	if err != nil {
		return err
	}
	config, err := s.writeGatewayConfig()
	if err != nil {
		return err
	}
	return s.start(ctx, process.Spec{
		Name: "gateway", Path: s.binary("reelkeeper"),
		Args: []string{
			"gateway", "--kubeconfig", kubeconfig, "--operator-namespace", Namespace, "--config", config,
			"--public-url", s.URL, "--listen-address", fmt.Sprintf("127.0.0.1:%d", s.ports.gateway),
		},
		Ready: process.HTTPReady(http.DefaultClient, s.URL+"/readyz"),
	})
}

// Logfile is the log of one of the programs, such as manager or gateway.
func (s *Stage) Logfile(name string) string { return filepath.Join(s.Logs, name+".log") }

func (s *Stage) start(ctx context.Context, spec process.Spec) error {
	spec.Log = s.Logfile(spec.Name)
	started, err := process.Start(ctx, spec)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.processes[spec.Name] = started
	return nil
}

func (s *Stage) part(name string) *process.Process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.processes[name]
}

// Stop stops everything, in the reverse order, so that each part can still finish what it does.
func (s *Stage) Stop() error {
	var errs []error
	for _, name := range []string{"gateway", "manager", "devnode"} {
		if part := s.part(name); part != nil {
			errs = append(errs, part.Stop())
		}
	}
	if s.oidc != nil {
		s.oidc.Stop()
	}
	if s.S3 != nil {
		s.S3.Close()
	}
	if s.plane != nil {
		errs = append(errs, s.plane.Stop())
	}
	return errors.Join(errs...)
}

// Kubectl runs kubectl as a cluster administrator and returns its standard output; its error carries standard error.
func (s *Stage) Kubectl(ctx context.Context, args ...string) (string, error) {
	return s.KubectlInput(ctx, "", args...)
}

// KubectlInput is Kubectl with a standard input, for kubectl apply -f -.
func (s *Stage) KubectlInput(ctx context.Context, stdin string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, s.kubectl, args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+s.Kubeconfig)
	cmd.Stdin = strings.NewReader(stdin)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(stdout.String()), nil
}
