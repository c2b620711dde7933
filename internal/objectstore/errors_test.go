// SPDX-License-Identifier: Apache-2.0

package objectstore_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"k8s.io/utils/clock"

	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/objectstore/s3test"
	"github.com/reelkeeper/reelkeeper/internal/testenv"
)

// Every reason that a real server or the real network gives, as a RecordingStore meets it first: by EnsureBucket.
func TestReasonsOfRealFailures(t *testing.T) {
	t.Parallel()
	secure := s3test.Start(t, s3test.Options{TLS: true})
	owned := newBucket(t, connect(t, versioned.Config()), objectstore.BucketOptions{})
	closed := testenv.FreeAddress(t)
	cases := map[string]struct {
		server      *s3test.Server
		change      func(*objectstore.Config)
		bucket      string
		opts        objectstore.BucketOptions
		want        objectstore.ErrorReason
		wantMessage string
	}{
		"a host name that does not exist": {
			server: versioned, change: func(c *objectstore.Config) { c.Endpoint = "http://s3.invalid:9000" },
			want: objectstore.ReasonNoSuchHost, wantMessage: "spelling",
		},
		"a port where nobody listens": {
			server: versioned, change: func(c *objectstore.Config) { c.Endpoint = "http://" + closed },
			want: objectstore.ReasonConnectionRefused, wantMessage: "port",
		},
		"a certificate of an unknown CA": {
			server: secure, change: func(c *objectstore.Config) { c.CABundle = nil },
			want: objectstore.ReasonTLS, wantMessage: "CA bundle",
		},
		"https where the server speaks http": {
			server: versioned, change: func(c *objectstore.Config) { c.Endpoint = "https://" + versioned.Address },
			want: objectstore.ReasonTLS, wantMessage: "https",
		},
		"an access key that the server does not know": {
			server: versioned, change: func(c *objectstore.Config) { c.AccessKey = "nobody" },
			want: objectstore.ReasonBadCredentials, wantMessage: "credentials Secret",
		},
		"a secret key that is wrong": {
			server: versioned, change: func(c *objectstore.Config) { c.SecretKey = "wrong" },
			want: objectstore.ReasonBadCredentials, wantMessage: "credentials Secret",
		},
		"an account that may do nothing": {
			server: versioned, bucket: owned,
			change: func(c *objectstore.Config) {
				c.AccessKey, c.SecretKey = versioned.RestrictedAccessKey, versioned.RestrictedSecretKey
			},
			want: objectstore.ReasonForbidden, wantMessage: "permission",
		},
		"an account that may not create a bucket": {
			server: versioned, bucket: "new-bucket",
			change: func(c *objectstore.Config) {
				c.AccessKey, c.SecretKey = versioned.RestrictedAccessKey, versioned.RestrictedSecretKey
			},
			want: objectstore.ReasonForbidden, wantMessage: "permission",
		},
		"another region": {
			server: versioned, change: func(c *objectstore.Config) { c.Region = "eu-west-3" },
			want: objectstore.ReasonWrongRegion, wantMessage: "region",
		},
		"a name that is no bucket name": {
			server: versioned, bucket: "No_Bucket!", want: objectstore.ReasonInvalidConfig, wantMessage: "invalid characters",
		},
		"object lock on a server that knows no versions": {
			server: unversioned, bucket: "lock-me", opts: objectstore.BucketOptions{ObjectLock: objectstore.LockCompliance},
			want: objectstore.ReasonObjectLockUnsupported, wantMessage: "None",
		},
		"versioning on a server that knows no versions": {
			server: unversioned, bucket: "version-me", opts: objectstore.BucketOptions{Versioning: true},
			want: objectstore.ReasonNotSupported,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := tc.server.Config()
			if tc.change != nil {
				tc.change(&cfg)
			}
			client := connect(t, cfg)
			if tc.bucket == "" {
				tc.bucket = owned
			}
			_, err := client.EnsureBucket(t.Context(), tc.bucket, tc.opts)
			wantReason(t, err, tc.want)
			if err == nil || !strings.Contains(err.Error(), tc.wantMessage) {
				t.Errorf("error = %v, want advice with %q", err, tc.wantMessage)
			}
		})
	}
}

func TestHeadTellsForbiddenFromBadCredentials(t *testing.T) {
	owner := connect(t, versioned.Config())
	bucket := newBucket(t, owner, objectstore.BucketOptions{})
	put(t, owner, bucket, "k", "content")

	restricted := versioned.Config()
	restricted.AccessKey, restricted.SecretKey = versioned.RestrictedAccessKey, versioned.RestrictedSecretKey
	_, err := connect(t, restricted).Head(t.Context(), bucket, "k")
	wantReason(t, err, objectstore.ReasonForbidden)

	wrong := versioned.Config()
	wrong.SecretKey = "wrong"
	_, err = connect(t, wrong).Head(t.Context(), bucket, "k")
	wantReason(t, err, objectstore.ReasonBadCredentials)
}

func TestMissingBucket(t *testing.T) {
	t.Parallel()
	for serverName, client := range everyServer(t) {
		t.Run(serverName, func(t *testing.T) {
			t.Parallel()
			_, err := client.Put(t.Context(), "missing", "k", strings.NewReader("x"), 1, objectstore.PutOptions{})
			wantReason(t, err, objectstore.ReasonNoSuchBucket)
			for _, err := range client.List(t.Context(), "missing", "") {
				wantReason(t, err, objectstore.ReasonNoSuchBucket)
			}
			if exists, err := client.BucketExists(t.Context(), "missing"); exists || err != nil {
				t.Errorf("BucketExists = %v, %v", exists, err)
			}
		})
	}
}

func TestSilentServerIsGivenUpWithTheContext(t *testing.T) {
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0") // accepts, and never answers
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	cfg := versioned.Config()
	cfg.Endpoint = "http://" + listener.Addr().String()
	client := connect(t, cfg)

	began := clock.RealClock{}.Now()
	for name, call := range map[string]func(context.Context) error{
		"head": func(ctx context.Context) error { _, err := client.Head(ctx, "bucket", "k"); return err },
		"ensure": func(ctx context.Context) error {
			_, err := client.EnsureBucket(ctx, "bucket", objectstore.BucketOptions{})
			return err
		},
		"put": func(ctx context.Context) error {
			_, err := client.Put(ctx, "bucket", "k", strings.NewReader("x"), 1, objectstore.PutOptions{})
			return err
		},
		"purge": func(ctx context.Context) error { _, err := client.DeleteAllVersions(ctx, "bucket", "k"); return err },
		"probe": func(ctx context.Context) error { _, err := client.Probe(ctx, "bucket"); return err },
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		err := call(ctx)
		cancel()
		wantReason(t, err, objectstore.ReasonTimeout)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v is not context.DeadlineExceeded", name, err)
		}
	}
	if took := (clock.RealClock{}).Since(began); took > 5*time.Second {
		t.Errorf("a silent server held us for %s beyond deadlines of 50ms", took)
	}
}

func TestServerThatDiesAndReturns(t *testing.T) {
	t.Parallel()
	dir, address := t.TempDir(), testenv.FreeAddress(t)
	options := s3test.Options{Dir: dir, Address: address, AccessKey: "owner", SecretKey: "kept-over-the-restart"}
	first := s3test.Start(t, options)
	client := connect(t, first.Config())
	bucket := newBucket(t, client, objectstore.BucketOptions{Versioning: true})
	put(t, client, bucket, "k", "survives")

	first.Close()
	_, err := client.Head(t.Context(), bucket, "k")
	wantReason(t, err, objectstore.ReasonConnectionRefused)
	if !objectstore.IsTransient(err) {
		t.Errorf("%v is not taken for transient", err)
	}
	s3test.Start(t, options)
	if got, _ := get(t, client, bucket, "k"); string(got) != "survives" {
		t.Errorf("after the restart read %q", got)
	}
}

func TestNewRefusesAConfigThatCannotWork(t *testing.T) {
	good := objectstore.Config{Endpoint: "https://s3.example.com", AccessKey: "a", SecretKey: "topsecret"}
	cases := map[string]struct {
		change      func(*objectstore.Config)
		wantMessage string
	}{
		"no endpoint":                 {func(c *objectstore.Config) { c.Endpoint = "" }, "https://"},
		"an endpoint without scheme":  {func(c *objectstore.Config) { c.Endpoint = "s3.example.com:9000" }, "https://"},
		"another scheme":              {func(c *objectstore.Config) { c.Endpoint = "ftp://s3.example.com" }, "https://"},
		"an endpoint with a path":     {func(c *objectstore.Config) { c.Endpoint = "https://s3.example.com/bucket" }, "path"},
		"credentials in the endpoint": {func(c *objectstore.Config) { c.Endpoint = "https://u:topsecret@s3.example.com" }, "credentials"},
		"no access key":               {func(c *objectstore.Config) { c.AccessKey = "" }, "access key"},
		"no secret key":               {func(c *objectstore.Config) { c.SecretKey = "" }, "secret key"},
		"a CA bundle without any":     {func(c *objectstore.Config) { c.CABundle = []byte("topsecret") }, "PEM"},
		"an addressing that is none":  {func(c *objectstore.Config) { c.Addressing = "Sideways" }, "VirtualHost"},
		"an endpoint that is no URL":  {func(c *objectstore.Config) { c.Endpoint = "https://s3.example.com:port" }, "https://"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			cfg := good
			tc.change(&cfg)
			_, err := objectstore.New(cfg)
			wantReason(t, err, objectstore.ReasonInvalidConfig)
			if err == nil || !strings.Contains(err.Error(), tc.wantMessage) || strings.Contains(err.Error(), "topsecret") {
				t.Errorf("error = %v, want one with %q and without secrets", err, tc.wantMessage)
			}
		})
	}
}

func TestConfigAndClientDoNotPrintSecrets(t *testing.T) {
	cfg := objectstore.Config{Endpoint: "https://s3.example.com", AccessKey: "a", SecretKey: "topsecret", SessionToken: "topsecret"}
	client := connect(t, cfg)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, value := range []any{cfg, &cfg, client} {
			if out := fmt.Sprintf(verb, value); strings.Contains(out, "topsecret") || strings.Contains(out, fmt.Sprintf("%x", "topsecret")) {
				t.Errorf("%s of %T shows the secret: %s", verb, value, out)
			}
		}
	}
}

func TestErrorsScrubWhatServersSay(t *testing.T) {
	long := strings.Repeat("<html>", 1000)
	cases := map[string]struct{ message, want, wantNot string }{
		"a presigned URL": {"cannot GET https://h/b/k?X-Amz-Signature=abc&X-Amz-Credential=def now", "?[redacted] now", "abc"},
		"several lines":   {"one\r\n  two\tthree", "one two three", "\n"},
		"a long page":     {long, "…", long},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := objectstore.NewResponseError("get", http.StatusTeapot, "Odd", tc.message).Error()
			if !strings.Contains(got, tc.want) || strings.Contains(got, tc.wantNot) {
				t.Errorf("message = %q, want %q in it and not %q", got, tc.want, tc.wantNot)
			}
		})
	}
}

func TestReasonOfOtherErrors(t *testing.T) {
	cases := map[string]struct {
		err  error
		want objectstore.ErrorReason
	}{
		"no error":             {nil, ""},
		"an error from afar":   {errors.New("x"), objectstore.ReasonUnknown},
		"a canceled context":   {fmt.Errorf("wrapped: %w", context.Canceled), objectstore.ReasonCanceled},
		"a deadline":           {context.DeadlineExceeded, objectstore.ReasonTimeout},
		"a wrapped refusal":    {fmt.Errorf("wrapped: %w", objectstore.NewResponseError("put", 403, "AccessDenied", "")), objectstore.ReasonForbidden},
		"a full store":         {objectstore.NewResponseError("put", 507, "XMinioStorageFull", ""), objectstore.ReasonQuotaExceeded},
		"a server out of sync": {objectstore.NewResponseError("put", 403, "RequestTimeTooSkewed", ""), objectstore.ReasonClockSkew},
		"a bucket of others":   {objectstore.NewResponseError("create bucket", 409, "BucketAlreadyExists", ""), objectstore.ReasonBucketTaken},
		"an unknown status":    {objectstore.NewResponseError("put", 418, "", ""), objectstore.ReasonUnknown},
		"an unknown 5xx":       {objectstore.NewResponseError("put", 500, "Oops", ""), objectstore.ReasonUnavailable},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := objectstore.Reason(tc.err); got != tc.want {
				t.Errorf("reason = %q, want %q", got, tc.want)
			}
		})
	}
}
