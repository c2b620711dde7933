// SPDX-License-Identifier: Apache-2.0

//go:build unix

// Package controlplane runs a real Kubernetes control plane as plain processes: etcd, kube-apiserver and
// kube-controller-manager, for tests and for the demo. There are no nodes (hack/devnode can be one) and no scheduler.
//
// Authentication is by client certificate and by ServiceAccount token, authorization is RBAC, and the admission
// plugins are those that Kubernetes enables by default. etcd listens on a socket in a private directory, the API server on
// 127.0.0.1 alone. All of it ends when the program that started it ends, however that happens: see package process.
//
// The binaries come from KUBEBUILDER_ASSETS, or else from bin/controlplane, where `make controlplane`
// (hack/controlplane/build.sh) puts them.
package controlplane

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"k8s.io/client-go/rest"

	"github.com/reelkeeper/reelkeeper/internal/testenv/process"
)

// portAttempts is how often the API server is started anew when another program took its port meanwhile.
const portAttempts = 3

const etcdName = "etcd"

// Options say what to run. The zero value is an API server for tests, without controllers.
type Options struct {
	// ControllerManager also runs kube-controller-manager: Jobs, Deployments, garbage collection, the deletion of
	// namespaces, ServiceAccounts and more; see controllers.go.
	ControllerManager bool
	// Durable has etcd wait for the disk, as in production. Tests leave it off and are faster; benchmarks switch it on.
	Durable bool
	// Port is the API server's; zero means any free one.
	Port int
	// AuditPolicy is an audit.k8s.io/v1 Policy in YAML. When it is set, the API server logs to ControlPlane.AuditLog; each
	// line is written before the request it tells of is answered.
	AuditPolicy []byte
	// APIServerArgs are further flags for kube-apiserver, such as "--v=4". They come last and so win.
	APIServerArgs []string
}

// ControlPlane is a running control plane.
type ControlPlane struct {
	// Config is a cluster administrator's way in, without a client-side rate limit.
	Config *rest.Config
	// Kubeconfig is a file that says the same, for kubectl.
	Kubeconfig string
	// AuditLog is the API server's audit log (see ReadAudit), or empty when no AuditPolicy was given.
	AuditLog string
	// Logs is the directory with one log per program.
	Logs string
	// Binaries are the programs in use.
	Binaries Binaries

	dir       string
	running   []*process.Process // in the order in which they were started
	etcd      string             // etcd's URL
	authority *authority
}

// Start starts a control plane that keeps everything in dir, and returns when it can be used. What an earlier one left in
// dir is taken up again. ctx bounds the start only; call Stop when done.
func Start(ctx context.Context, dir string, options Options) (*ControlPlane, error) {
	binaries, err := find(options.ControllerManager)
	if err != nil {
		return nil, err
	}
	dir, err = filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("naming the control plane's directory: %w", err)
	}
	plane := &ControlPlane{dir: dir, Binaries: binaries, Logs: filepath.Join(dir, "logs")}
	if err := os.MkdirAll(plane.Logs, 0o700); err != nil {
		return nil, fmt.Errorf("making the control plane's directory: %w", err)
	}
	if plane.authority, err = loadOrMakeAuthority(filepath.Join(dir, "pki")); err != nil {
		return nil, err
	}
	if err := plane.start(ctx, options); err != nil {
		return nil, errors.Join(err, plane.Stop())
	}
	return plane, nil
}

func (p *ControlPlane) start(ctx context.Context, options Options) error {
	if err := p.startEtcd(ctx, options); err != nil {
		return err
	}
	if err := p.startAPIServerOnAFreePort(ctx, options); err != nil {
		return err
	}
	if err := p.writeKubeconfigs(); err != nil {
		return err
	}
	if options.ControllerManager {
		return p.startControllerManager(ctx)
	}
	return nil
}

// Stop ends all processes and returns when they have ended; what was written is kept. The directory stays.
//
// Only etcd has something to finish. An API server that is asked to end waits for its clients' watches, up to a minute.
func (p *ControlPlane) Stop() error {
	var err error
	for _, running := range slices.Backward(p.running) {
		if running.Name() == etcdName {
			err = running.Stop()
			continue
		}
		running.Kill()
	}
	p.running = nil
	return err
}

// Kill ends all processes at once, losing what etcd has not written yet. It is for planes whose directory is thrown away.
func (p *ControlPlane) Kill() {
	for _, running := range p.running {
		running.Kill()
	}
	p.running = nil
}

// Processes are the running programs by name.
func (p *ControlPlane) Processes() map[string]*process.Process {
	byName := make(map[string]*process.Process, len(p.running))
	for _, running := range p.running {
		byName[running.Name()] = running
	}
	return byName
}

func (p *ControlPlane) run(ctx context.Context, spec process.Spec) error {
	spec.Log = filepath.Join(p.Logs, spec.Name+".log")
	spec.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + p.dir} // no proxy settings, no KUBECONFIG
	spec.Grace = 5 * time.Second
	started, err := process.Start(ctx, spec)
	if err != nil {
		return err
	}
	p.running = append(p.running, started)
	return nil
}

func (p *ControlPlane) startAPIServerOnAFreePort(ctx context.Context, options Options) error {
	if options.Port != 0 {
		return p.startAPIServer(ctx, options, options.Port)
	}
	var err error
	for range portAttempts {
		var port int
		if port, err = process.FreePort(); err != nil {
			return err
		}
		err = p.startAPIServer(ctx, options, port)
		if err == nil || !strings.Contains(err.Error(), "address already in use") {
			return err
		}
	}
	return err
}
