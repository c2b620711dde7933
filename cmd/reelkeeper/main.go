// SPDX-License-Identifier: Apache-2.0

// Command reelkeeper is the one program of Reelkeeper: the controllers, the gateway and the worker.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"
)

// version is set by the linker.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := newRootCommand().ExecuteContext(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "reelkeeper",
		Short: "Govern meeting recordings on Kubernetes",
		Long: `Reelkeeper stores meeting recordings encrypted in your own object storage, decides who may watch and who may
download them, expires and keeps them, and can prove who touched them.

One program, three parts:
  manager   the controllers, which make the cluster be what its objects say
  gateway   what a person's browser talks to
  worker    packages and encrypts one recording, as a Job that the manager makes`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(newManagerCommand(), newGatewayCommand(), newWorkerCommand(), newVersionCommand())
	return root
}

func newVersionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		Run: func(cmd *cobra.Command, _ []string) {
			cmd.Println("reelkeeper", version, runtime.Version(), runtime.GOOS+"/"+runtime.GOARCH)
		},
	}
}

// heapGrowth is by how many percent the heap grows before garbage is collected, unless $GOGC says otherwise. What the manager remembers of
// recordings, and the gateway of media, should not be paid for twice.
const heapGrowth = 50

func boundHeap() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(heapGrowth)
	}
}
