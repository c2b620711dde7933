// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"

	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"
	"github.com/versity/versitygw/s3api"
)

const (
	// maxConnections is far above what the tests open at once; the gateway refuses with SlowDown beyond it.
	maxConnections = 4096
	// maxParts is the limit of S3 itself.
	maxParts = 10_000
	// bindAttempts bounds the retries when somebody takes the free port between our look and our listen.
	bindAttempts = 5
)

// announcement is the line that tells a parent process where the server is.
type announcement struct {
	Endpoint string `json:"endpoint"`
	Address  string `json:"address"`
	Region   string `json:"region"`
}

// serve runs the gateway until ctx ends, and writes the announcement to ready once it listens.
func serve(ctx context.Context, o options, ready io.Writer) error {
	for attempt := 1; ; attempt++ {
		address, err := concreteAddress(o.address)
		if err != nil {
			return err
		}
		err = serveAt(ctx, o, address, ready)
		if errors.Is(err, syscall.EADDRINUSE) && address != o.address && attempt < bindAttempts {
			continue
		}
		return err
	}
}

func serveAt(ctx context.Context, o options, address string, ready io.Writer) error {
	backend, err := newBackend(o)
	if err != nil {
		return err
	}
	announce := func() {
		scheme := "http"
		if o.tlsCert != "" {
			scheme = "https"
		}
		_ = json.NewEncoder(ready).Encode(announcement{Endpoint: scheme + "://" + address, Address: address, Region: o.region})
	}
	err = embedgw.RunVersityGW(ctx, backend, &embedgw.Config{
		RootUserAccess: o.accessKey, RootUserSecret: o.secretKey,
		IAMService:     newAccounts(o),
		Region:         o.region,
		Ports:          []string{address},
		CertFile:       o.tlsCert,
		KeyFile:        o.tlsKey,
		MaxConnections: maxConnections, MaxRequests: maxConnections,
		MultipartMaxParts: maxParts,
		KeepAlive:         true,
		Quiet:             true,
		S3Options:         []s3api.Option{s3api.WithOnListen(announce)},
	})
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// concreteAddress replaces port 0 by a port that is free now: the gateway does not tell which port it got.
func concreteAddress(address string) (string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", fmt.Errorf("--address %q is not host:port: %w", address, err)
	}
	if port != "0" {
		return address, nil
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String(), nil
}

// newBackend opens the directory. Metadata lives in extended attributes, or beside the directory where the file system has none.
func newBackend(o options) (*posix.Posix, error) {
	dir, err := makeDir(o.dir)
	if err != nil {
		return nil, err
	}
	// The MD5 that ETags are otherwise made of is more than a third of what the server spends on a part. It computes a CRC-64 of
	// every part anyway; with that in the ETag the tests also notice who takes an ETag for an MD5, which S3 never promised.
	posixOpts := posix.PosixOpts{DataIntegrityEtag: true}
	if o.versions != "" {
		if posixOpts.VersioningDir, err = makeDir(o.versions); err != nil {
			return nil, err
		}
	}
	if err := (meta.XattrMeta{}).Test(dir); err == nil {
		return posix.New(dir, meta.XattrMeta{}, posixOpts)
	}
	if posixOpts.SideCarDir, err = makeDir(filepath.Join(filepath.Dir(dir), "sidecar-"+filepath.Base(dir))); err != nil {
		return nil, err
	}
	sidecar, err := meta.NewSideCar(posixOpts.SideCarDir)
	if err != nil {
		return nil, fmt.Errorf("keep metadata beside the objects: %w", err)
	}
	return posix.New(dir, sidecar, posixOpts)
}

// makeDir creates dir if missing and returns it absolute, because the backend changes the working directory.
func makeDir(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find directory %q: %w", dir, err)
	}
	if err := os.MkdirAll(abs, 0o700); err != nil {
		return "", fmt.Errorf("create directory: %w", err)
	}
	return abs, nil
}

// accounts knows the owner and, where asked for, one restricted account; nothing is stored.
type accounts struct {
	auth.IAMService
	restricted auth.Account
}

func newAccounts(o options) accounts {
	owner := auth.Account{Access: o.accessKey, Secret: o.secretKey, Role: auth.RoleAdmin}
	return accounts{
		IAMService: auth.NewIAMServiceSingle(owner),
		restricted: auth.Account{Access: o.restrictedAccess, Secret: o.restrictedPass, Role: auth.RoleUser},
	}
}

// GetUserAccount returns the account with this access key.
func (a accounts) GetUserAccount(access string) (auth.Account, error) {
	if access != "" && access == a.restricted.Access {
		return a.restricted, nil
	}
	account, err := a.IAMService.GetUserAccount(access)
	if err != nil {
		// The error of the single-account service becomes a 404, which clients take for a missing bucket; this one becomes
		// S3's InvalidAccessKeyId.
		return auth.Account{}, auth.ErrNoSuchUser
	}
	return account, nil
}
