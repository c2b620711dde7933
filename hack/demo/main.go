// SPDX-License-Identifier: Apache-2.0

//go:build unix

// Command demo runs all of Reelkeeper on this machine and walks the story: a meeting recording goes in, a governed link
// comes out, and in the end the media and its key are gone. Everything it claims, it checks.
//
//	make demo                  walks the story, then stays up until Ctrl-C
//	make demo ONCE=1           exits after the story: 0 if every claim was seen to be true
//	make demo VIDEO=file       takes your recording in place of the sample meeting
//	make demo KUBECONFIG=file  uses a cluster that you have
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/reelkeeper/reelkeeper/internal/testenv/process"
	"github.com/reelkeeper/reelkeeper/internal/testenv/stage"
)

type options struct {
	once       bool
	video      string
	kubeconfig string
}

func main() {
	if err := demo(); err != nil {
		fmt.Fprintf(os.Stderr, "\ndemo: %v\n", err)
		os.Exit(1)
	}
}

// demo runs until the story is over, or until Ctrl-C.
func demo() error {
	var o options
	flag.BoolVar(&o.once, "once", false, "exit after the story: 0 if every claim was seen to be true, else 1")
	flag.StringVar(&o.video, "video", "", "a recording of your own; without it, a sample meeting is made")
	flag.StringVar(&o.kubeconfig, "cluster", "", "the kubeconfig of a cluster that you have; without it, one is started on this machine")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return run(ctx, o)
}

// run starts everything, tells the story, and stops everything again.
func run(ctx context.Context, o options) (err error) {
	dir, err := process.TempDir("reelkeeper-demo-")
	if err != nil {
		return err
	}
	// Kept for whoever wants to know what went wrong; everything else goes with the demo.
	logs, err := filepath.Abs(filepath.Join("bin", "demo-logs"))
	if err != nil {
		return err
	}
	if err := os.RemoveAll(logs); err != nil {
		return err
	}
	tell := newNarrator(os.Stdout)
	tell.chapter("Starting everything on this machine")
	s, err := stage.Start(ctx, stage.Options{
		Dir: dir, Logs: logs, Kubeconfig: o.kubeconfig, Accounts: filepath.Join("hack", "demo", "accounts.json"),
		Progress: func(what string) { tell.say("%s", what) },
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()

	if o.kubeconfig != "" {
		tell.say("In your cluster remain afterwards: the namespaces %s, finance and engineering, and what config/ holds.", stage.Namespace)
	}
	story := &story{narrator: tell, stage: s, dir: dir, video: o.video}
	if err := story.walk(ctx); err != nil {
		return fmt.Errorf("%w\nThe logs are in %s", err, s.Logs)
	}
	if o.once {
		return nil
	}
	story.stayUp()
	<-ctx.Done()
	tell.say("\nStopping everything.")
	return nil
}
