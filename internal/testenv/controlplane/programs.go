// SPDX-License-Identifier: Apache-2.0

//go:build unix

package controlplane

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/reelkeeper/reelkeeper/internal/testenv/process"
)

// nobody is the address that etcd is told to give to others. There are no others, and it insists on a host and port.
const nobody = "http://localhost:1"

func (p *ControlPlane) startEtcd(ctx context.Context, options Options) error {
	// A socket cannot be met by other users, needs no port, and must have a short name: 108 bytes with its directory.
	sockets, err := process.TempDir("rk-etcd-")
	if err != nil {
		return err
	}
	clients := filepath.Join(sockets, "client")
	p.etcd = "unix://" + clients
	return p.run(ctx, process.Spec{
		Name: etcdName,
		Path: p.Binaries.Etcd,
		Args: []string{
			"--name=reelkeeper",
			"--data-dir=" + filepath.Join(p.dir, "etcd"),
			"--listen-client-urls=" + p.etcd,
			"--advertise-client-urls=" + nobody,
			"--listen-peer-urls=unix://" + filepath.Join(sockets, "peer"),
			"--initial-advertise-peer-urls=" + nobody,
			"--initial-cluster=reelkeeper=" + nobody,
			"--unsafe-no-fsync=" + strconv.FormatBool(!options.Durable),
			"--log-level=warn",
		},
		Ready: process.HTTPReady(overSocket(clients), "http://etcd/health"),
	})
}

func overSocket(path string) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		},
	}}
}

func (p *ControlPlane) startAPIServer(ctx context.Context, options Options, port int) error {
	p.Config = &rest.Config{
		Host:            fmt.Sprintf("https://127.0.0.1:%d", port),
		TLSClientConfig: p.clientTLS("admin"),
		QPS:             -1, // a client that is throttled measures itself
	}
	client, err := rest.HTTPClientFor(p.Config)
	if err != nil {
		return fmt.Errorf("making the administrator's client: %w", err)
	}
	args := []string{
		"--etcd-servers=" + p.etcd,
		"--bind-address=127.0.0.1",
		"--secure-port=" + strconv.Itoa(port),
		// Nobody reaches it by the Service "kubernetes", whose endpoints may not be loopback addresses.
		"--endpoint-reconciler-type=none",
		"--service-cluster-ip-range=10.96.0.0/16",
		"--authorization-mode=Node,RBAC",
		"--allow-privileged=true",
		"--profiling=false",
		"--client-ca-file=" + p.authority.path("ca.crt"),
		"--tls-cert-file=" + p.authority.path("serving.crt"),
		"--tls-private-key-file=" + p.authority.path("serving.key"),
		"--kubelet-client-certificate=" + p.authority.path("kubelet-client.crt"),
		"--kubelet-client-key=" + p.authority.path("kubelet-client.key"),
		"--kubelet-preferred-address-types=InternalIP",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + p.authority.path("service-account.pub"),
		"--service-account-signing-key-file=" + p.authority.path("service-account.key"),
	}
	auditing, err := p.auditArgs(options.AuditPolicy)
	if err != nil {
		return err
	}
	return p.run(ctx, process.Spec{
		Name:  "kube-apiserver",
		Path:  p.Binaries.APIServer,
		Args:  append(append(args, auditing...), options.APIServerArgs...),
		Ready: process.HTTPReady(client, p.Config.Host+"/readyz"),
	})
}

func (p *ControlPlane) auditArgs(policy []byte) ([]string, error) {
	if policy == nil {
		return nil, nil
	}
	path := filepath.Join(p.dir, "audit-policy.yaml")
	if err := os.WriteFile(path, policy, 0o600); err != nil {
		return nil, fmt.Errorf("writing the audit policy: %w", err)
	}
	p.AuditLog = filepath.Join(p.dir, "audit.log")
	// Blocking, the default, so that whoever has an answer finds the line.
	return []string{"--audit-policy-file=" + path, "--audit-log-path=" + p.AuditLog, "--audit-log-mode=blocking"}, nil
}

func (p *ControlPlane) startControllerManager(ctx context.Context) error {
	client, err := kubernetes.NewForConfig(p.Config)
	if err != nil {
		return fmt.Errorf("making the administrator's client: %w", err)
	}
	return p.run(ctx, process.Spec{
		Name: "kube-controller-manager",
		Path: p.Binaries.ControllerManager,
		Args: []string{
			"--kubeconfig=" + p.kubeconfigOf("controller-manager"),
			"--controllers=" + controllers(),
			"--use-service-account-credentials=true",
			"--service-account-private-key-file=" + p.authority.path("service-account.key"),
			"--root-ca-file=" + p.authority.path("ca.crt"),
			"--leader-elect=false",
			"--secure-port=0", // it serves nothing that anybody asks for
			"--kube-api-qps=500",
			"--kube-api-burst=1000",
			"--profiling=false",
		},
		// It has no endpoint to ask, so its first works are awaited: without these two, no Pod can be made.
		Ready: func(ctx context.Context) error {
			_, err := client.CoreV1().ServiceAccounts(metav1.NamespaceDefault).Get(ctx, "default", metav1.GetOptions{})
			if err == nil {
				_, err = client.CoreV1().ConfigMaps(metav1.NamespaceDefault).Get(ctx, "kube-root-ca.crt", metav1.GetOptions{})
			}
			if apierrors.IsNotFound(err) {
				return fmt.Errorf("it has not set up the namespace %q yet: %w", metav1.NamespaceDefault, err)
			}
			return err
		},
	})
}
