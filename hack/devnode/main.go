// SPDX-License-Identifier: Apache-2.0

//go:build unix

// Devnode is a Kubernetes node for development: it runs Pods as plain processes of this machine. FOR DEVELOPMENT ONLY: see
// package node for what that means.
//
//	go run ./hack/devnode --kubeconfig=FILE --command=/reelkeeper=bin/reelkeeper
//
// It runs until Ctrl-C, SIGTERM, or until its parent kills it; its Pods' processes end with it in any case.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/reelkeeper/reelkeeper/hack/devnode/node"
)

const banner = `
  ┌──────────────────────────────────────────────────────────────────────┐
  │  devnode: FOR DEVELOPMENT ONLY                                       │
  │  Pods run as plain processes of this machine, as you, with your      │
  │  files and network. There is no isolation whatsoever.                │
  └──────────────────────────────────────────────────────────────────────┘

`

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "devnode:", err)
		os.Exit(1)
	}
}

func run() error {
	options := node.Options{Commands: map[string]string{}, Logger: slog.New(slog.NewTextHandler(os.Stderr, nil))}
	kubeconfig := flag.String("kubeconfig", os.Getenv("KUBECONFIG"), "how to reach the cluster, as an administrator (default $KUBECONFIG)")
	flag.StringVar(&options.Name, "name", "devnode", "the Node's name")
	flag.StringVar(&options.Scheduler, "scheduler", "", "take only Pods with this schedulerName (default every Pod, where there is no scheduler)")
	flag.StringVar(&options.Logs, "logs", "", "directory for the containers' logs (default a temporary one)")
	flag.Func("entrypoint", "`program` of containers that give no command", func(path string) (err error) {
		options.Entrypoint, err = program(path)
		return err
	})
	flag.Func("command", "`NAME=PROGRAM`: what to run where a container's command says NAME; can be repeated", func(pair string) error {
		name, path, found := strings.Cut(pair, "=")
		if !found {
			return fmt.Errorf("%q: write NAME=PROGRAM", pair)
		}
		var err error
		options.Commands[name], err = program(path)
		return err
	})
	flag.Parse()
	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		return fmt.Errorf("reading the kubeconfig (give --kubeconfig): %w", err)
	}
	fmt.Fprint(os.Stderr, banner)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return node.Run(ctx, config, options)
}

// program makes a path independent of the working directory, which is another one in each Pod. Bare names are for PATH.
func program(path string) (string, error) {
	if !strings.Contains(path, "/") {
		return path, nil
	}
	return filepath.Abs(path)
}
