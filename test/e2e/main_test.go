// SPDX-License-Identifier: Apache-2.0

//go:build unix

// Package e2e tests the whole of Reelkeeper: the programs as they are shipped, on the stage of package stage.
package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/media/mediatest"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/testenv/process"
	"github.com/reelkeeper/reelkeeper/internal/testenv/stage"
)

// startTimeout bounds the start of everything; patience bounds the wait for anything.
const (
	startTimeout = 3 * time.Minute
	patience     = 4 * time.Minute
)

// house is what all tests of the package share.
var house struct {
	*stage.Stage
	api    client.Client
	bucket *objectstore.Client
}

func TestMain(m *testing.M) {
	if err := start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := mediatest.Run(m)
	if err := house.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func start() error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	dir, err := process.TempDir("reelkeeper-e2e-")
	if err != nil {
		return err
	}
	if house.Stage, err = stage.Start(ctx, stage.Options{Dir: dir}); err != nil {
		return err
	}
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return err
	}
	if house.api, err = client.New(house.Config, client.Options{Scheme: scheme}); err != nil {
		return err
	}
	if house.bucket, err = objectstore.New(house.S3.Config()); err != nil {
		return err
	}
	for _, sample := range []string{"namespaces.yaml", "recordingstore.yaml"} {
		text, err := house.Sample(sample)
		if err != nil {
			return err
		}
		if _, err := house.KubectlInput(ctx, text, "apply", "--server-side", "-f", "-"); err != nil {
			return err
		}
	}
	_, err = house.Kubectl(ctx, "wait", "recordingstore/default", "--for=condition=Ready", "--timeout=60s")
	return err
}

// logs adds the ends of the programs' logs to a test that failed.
func logs(t *testing.T) {
	t.Cleanup(func() {
		if !t.Failed() {
			return
		}
		for _, name := range []string{"manager", "gateway", "devnode"} {
			t.Logf("the end of %s:\n%s", filepath.Base(house.Logfile(name)), process.Tail(house.Logfile(name), 4096))
		}
	})
}
