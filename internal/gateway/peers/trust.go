// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"slices"
	"sync"
)

// purpose tells the key of replicas from everything else that is derived from session keys.
const purpose = "reelkeeper gateway replicas v1"

// Secrets are what all replicas have and nobody else. It is session.Ring.
type Secrets interface {
	// Derive makes 32 bytes for a purpose of each secret. First comes what is to be used.
	Derive(purpose string) [][]byte
}

// circle is those who know the secrets. Of each secret follows a key pair. Both ends of a connection show that they hold one of them; certificates are
// only how TLS wants to be told, so that neither names nor dates nor authorities count.
type circle struct {
	secrets Secrets

	mutex   sync.Mutex
	derived []byte
	own     *tls.Certificate
	members []ed25519.PublicKey
}

// current is this replica's own certificate, and the keys of all whom it trusts.
func (c *circle) current() (*tls.Certificate, []ed25519.PublicKey, error) {
	seeds := c.secrets.Derive(purpose)
	derived := slices.Concat(seeds...)
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.own != nil && bytes.Equal(derived, c.derived) {
		return c.own, c.members, nil
	}
	var members []ed25519.PublicKey
	for _, seed := range seeds {
		members = append(members, publicKey(ed25519.NewKeyFromSeed(seed)))
	}
	own, err := certify(ed25519.NewKeyFromSeed(seeds[0]))
	if err != nil {
		return nil, nil, err
	}
	c.derived, c.own, c.members = derived, own, members
	return own, members, nil
}

func publicKey(key ed25519.PrivateKey) ed25519.PublicKey {
	return ed25519.PublicKey(key[ed25519.SeedSize:])
}

func certify(key ed25519.PrivateKey) (*tls.Certificate, error) {
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

var errStranger = errors.New("the other end does not know session.keyFile of this gateway")

// knows returns an error unless the other end of a connection holds a key of the circle, also when that was not so at its beginning.
func (c *circle) knows(state tls.ConnectionState) error {
	_, members, err := c.current()
	if err != nil {
		return err
	}
	if len(state.PeerCertificates) != 1 {
		return errStranger
	}
	key, isKey := state.PeerCertificates[0].PublicKey.(ed25519.PublicKey)
	if !isKey || !slices.ContainsFunc(members, func(member ed25519.PublicKey) bool { return member.Equal(key) }) {
		return errStranger
	}
	return nil
}

// config is for both ends: each shows its certificate, and looks at the other's key.
func (c *circle) config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		// Whom to believe is not a matter of names and authorities: VerifyConnection looks at the key, of which TLS sees to it that the other end has it.
		InsecureSkipVerify: true, //nolint:gosec // see above
		ClientAuth:         tls.RequireAnyClientCert,
		VerifyConnection:   c.knows,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			own, _, err := c.current()
			return own, err
		},
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			own, _, err := c.current()
			return own, err
		},
		SessionTicketsDisabled: true,
	}
}
