// SPDX-License-Identifier: Apache-2.0

//go:build unix

package controlplane

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"k8s.io/utils/clock"
)

// validity of all certificates. They never leave this machine, and a plane that is older is easily made anew.
const validity = 365 * 24 * time.Hour

// authority is the control plane's own certificate authority, with its files in one directory.
type authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// identities are the certificates that the authority signs. The names are those that Kubernetes' RBAC knows.
var identities = map[string]*x509.Certificate{
	"serving": {
		Subject:     pkix.Name{CommonName: "kube-apiserver"},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:    []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	},
	"admin":              client("reelkeeper-admin", "system:masters"),
	"controller-manager": client("system:kube-controller-manager"),
	// How the API server introduces itself to nodes, for logs.
	"kubelet-client": client("kube-apiserver-kubelet-client", "system:masters"),
}

func client(user string, groups ...string) *x509.Certificate {
	return &x509.Certificate{
		Subject:     pkix.Name{CommonName: user, Organization: groups},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
}

// loadOrMakeAuthority makes all keys and certificates in dir. If dir exists, it holds them already.
func loadOrMakeAuthority(dir string) (*authority, error) {
	a := &authority{dir: dir}
	if _, err := os.Stat(dir); err == nil {
		return a, nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("looking for the control plane's keys: %w", err)
	}
	// Made elsewhere and moved, so that a directory of that name is always complete.
	a.dir = dir + ".new"
	if err := errors.Join(os.RemoveAll(a.dir), os.MkdirAll(a.dir, 0o700)); err != nil {
		return nil, fmt.Errorf("making a directory for the control plane's keys: %w", err)
	}
	if err := a.make(); err != nil {
		return nil, fmt.Errorf("making the control plane's keys: %w", err)
	}
	if err := os.Rename(a.dir, dir); err != nil {
		return nil, fmt.Errorf("keeping the control plane's keys: %w", err)
	}
	a.dir = dir
	return a, nil
}

func (a *authority) make() error {
	root := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "reelkeeper-development"},
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	var err error
	if a.cert, a.key, err = a.issue("ca", root); err != nil {
		return err
	}
	for name, template := range identities {
		if _, _, err := a.issue(name, template); err != nil {
			return err
		}
	}
	return a.makeServiceAccountKeys()
}

// issue writes <name>.crt and <name>.key. The first certificate issued signs itself.
func (a *authority) issue(name string, identity *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, nil, err
	}
	template := *identity
	template.SerialNumber = serial
	now := clock.RealClock{}.Now() // which is what those who check the certificate go by
	template.NotBefore, template.NotAfter = now.Add(-time.Minute), now.Add(validity)
	if template.KeyUsage == 0 {
		template.KeyUsage = x509.KeyUsageDigitalSignature
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = &template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, parent, key.Public(), signer)
	if err != nil {
		return nil, nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, nil, err
	}
	return cert, key, errors.Join(a.write(name+".crt", "CERTIFICATE", der), a.writeKey(name+".key", key))
}

// makeServiceAccountKeys makes the pair that signs ServiceAccount tokens and checks them.
func (a *authority) makeServiceAccountKeys() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return err
	}
	return errors.Join(a.write("service-account.pub", "PUBLIC KEY", public), a.writeKey("service-account.key", key))
}

func (a *authority) writeKey(name string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return a.write(name, "PRIVATE KEY", der)
}

func (a *authority) write(name, kind string, der []byte) error {
	return os.WriteFile(a.path(name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}

func (a *authority) path(name string) string { return filepath.Join(a.dir, name) }
