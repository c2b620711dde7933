// SPDX-License-Identifier: Apache-2.0

// Command kubectl-reelkeeper is the kubectl plugin: kubectl reelkeeper.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	_ "k8s.io/client-go/plugin/pkg/client/auth" // signing in to clusters by OpenID Connect
	"k8s.io/utils/clock"

	"github.com/reelkeeper/reelkeeper/internal/cli"
)

// version is set by the linker.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Run(ctx, cli.Environment{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Clock: clock.RealClock{}, Version: version}, os.Args[1:])
	stop()
	os.Exit(code)
}
