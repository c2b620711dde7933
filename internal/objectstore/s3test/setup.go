// SPDX-License-Identifier: Apache-2.0

package s3test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"k8s.io/utils/clock"
)

// module is how the repository's go.mod begins, as opposed to those of the modules under hack/.
var module = []byte("module github.com/reelkeeper/reelkeeper\n")

// findBinary looks for bin/s3server in the repository that holds the working directory. Building it here would surprise with
// a minute of waiting in the middle of a test.
func findBinary() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find bin/s3server: %w", err)
	}
	for {
		if goMod, err := os.ReadFile(filepath.Join(dir, "go.mod")); err == nil && bytes.HasPrefix(goMod, module) {
			break
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("find bin/s3server: the working directory is not inside the repository")
		}
		dir = parent
	}
	binary := filepath.Join(dir, "bin", "s3server")
	if _, err := os.Stat(binary); err != nil {
		return "", fmt.Errorf("%s is missing: build it with `make s3server`", binary)
	}
	return binary, nil
}

// randomSecret is a secret key of S3's usual length and alphabet.
func randomSecret() string { return rand.Text() + rand.Text()[:14] }

// selfSigned makes a certificate for the loopback address that vouches for itself, and its key, both PEM.
func selfSigned() (cert, key []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "s3test"},
		NotBefore:             clock.RealClock{}.Now().Add(-time.Hour),
		NotAfter:              clock.RealClock{}.Now().Add(24 * time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		DNSNames:              []string{"localhost"},
	}
	certDER, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return nil, nil, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certDER}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), nil
}
