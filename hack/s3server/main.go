// SPDX-License-Identifier: Apache-2.0

// Command s3server runs an S3 server on a local directory. It is the object store of the demo and of the tests,
// never of a production installation: versitygw does not sync what it writes to disk.
//
// When it is ready to serve it prints one line of JSON on stdout:
//
//	{"endpoint":"http://127.0.0.1:41231","address":"127.0.0.1:41231","region":"us-east-1"}
//
// Everything else goes to stderr. Secrets come from the environment, because every user of the machine can read arguments.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	// versitygw prints banners on os.Stdout; ours is kept for the one line that a parent process parses.
	stdout := os.Stdout
	os.Stdout = os.Stderr
	if err := run(os.Args[1:], stdout); err != nil {
		fmt.Fprintln(os.Stderr, "s3server:", err)
		os.Exit(1)
	}
}

func run(args []string, ready io.Writer) error {
	opts, err := parse(args, os.Getenv)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if opts.exitWithStdin {
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		defer cancel()
		go func() {
			// EOF comes when the last writer is gone, also when the parent was killed with SIGKILL.
			_, _ = io.Copy(io.Discard, os.Stdin)
			cancel()
		}()
	}
	// The gateway waits ten seconds for connections to go away, and clients keep idle ones for longer than that.
	context.AfterFunc(ctx, func() { time.AfterFunc(grace, func() { os.Exit(0) }) })
	return serve(ctx, opts, ready)
}

// grace is how long requests that run at the end may take.
const grace = time.Second

// options is what the command line and the environment ask for.
type options struct {
	dir, versions, address, region   string
	tlsCert, tlsKey                  string
	exitWithStdin                    bool
	accessKey, secretKey             string
	restrictedAccess, restrictedPass string
}

// parse reads flags and, for secrets, the environment.
func parse(args []string, getenv func(string) string) (options, error) {
	var o options
	fs := flag.NewFlagSet("s3server", flag.ContinueOnError)
	fs.StringVar(&o.dir, "dir", "", "directory that holds the buckets; created if missing (required)")
	fs.StringVar(&o.versions, "versioning", "", "directory for old versions, outside --dir; without it buckets have no versioning")
	fs.StringVar(&o.address, "address", "127.0.0.1:0", "address to listen on; port 0 takes a free one")
	fs.StringVar(&o.region, "region", "us-east-1", "region that clients must sign for")
	fs.StringVar(&o.tlsCert, "tls-cert", "", "PEM certificate; with --tls-key the server speaks TLS")
	fs.StringVar(&o.tlsKey, "tls-key", "", "PEM private key of --tls-cert")
	fs.BoolVar(&o.exitWithStdin, "exit-with-stdin", false, "exit when stdin is closed, so that the server never outlives its parent")
	fs.Usage = func() {
		fmt.Fprint(fs.Output(), usage)
		fs.PrintDefaults()
	}
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	o.accessKey, o.secretKey = getenv("S3_ACCESS_KEY"), getenv("S3_SECRET_KEY")
	o.restrictedAccess, o.restrictedPass = getenv("S3_RESTRICTED_ACCESS_KEY"), getenv("S3_RESTRICTED_SECRET_KEY")
	switch {
	case o.dir == "":
		return o, fmt.Errorf("no directory to serve: pass --dir")
	case o.accessKey == "" || o.secretKey == "":
		return o, fmt.Errorf("no credentials: set S3_ACCESS_KEY and S3_SECRET_KEY in the environment")
	case (o.tlsCert == "") != (o.tlsKey == ""):
		return o, fmt.Errorf("TLS needs both halves: pass --tls-cert and --tls-key together")
	}
	return o, nil
}

const usage = `s3server serves S3 on a local directory, for demo and tests.

Environment:
  S3_ACCESS_KEY, S3_SECRET_KEY
        the account that owns everything (required)
  S3_RESTRICTED_ACCESS_KEY, S3_RESTRICTED_SECRET_KEY
        an account that may sign in and may do nothing in the buckets of others (optional)

Flags:
`
