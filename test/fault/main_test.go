// SPDX-License-Identifier: Apache-2.0

// Package fault lets recordings live their whole lives while the process dies, answers get lost and the object store fails,
// and looks whether they end as they would have.
//
// The real controllers run in this process against a real API server and a real S3 server. Two things are doubles and say so:
// the worker, which packages a prepared stream instead of converting the upload with ffmpeg, and the cluster, which does at
// once what kube-controller-manager does after a while. Both for one reason: what happens next must follow from the plan
// alone, so that a plan can be replayed.
package fault

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"runtime/debug"
	"strconv"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/reelkeeper/reelkeeper/internal/keys"
	"github.com/reelkeeper/reelkeeper/internal/kube"
	"github.com/reelkeeper/reelkeeper/internal/media"
	"github.com/reelkeeper/reelkeeper/internal/media/mediatest"
	"github.com/reelkeeper/reelkeeper/internal/objectstore/s3test"
	"github.com/reelkeeper/reelkeeper/internal/stores"
	"github.com/reelkeeper/reelkeeper/internal/testenv"
	"github.com/reelkeeper/reelkeeper/internal/testenv/controlplane"
)

var env *testenv.Env

// garbage is how much the heaps of this process and of its servers may grow, in percent, before they are cleared. They live for minutes and keep
// little, so that clearing them as often as Go does by itself took a third of all processor time.
const garbage = 800

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	debug.SetGCPercent(garbage)
	if err := os.Setenv("GOGC", strconv.Itoa(garbage)); err != nil { // which the servers inherit
		panic(err)
	}
	testenv.Main(m, testenv.Options{
		Options:   controlplane.Options{},
		CRDs:      []string{"config/crd"},
		Manifests: []string{"config/namespace", "config/rbac", "config/admission"},
	}, &env)
}

// operatorNamespace is the one that the shipped rights are for.
const operatorNamespace = "reelkeeper-system"

// lab is what all plans share.
type lab struct {
	admin  client.Client
	s3     *s3test.Server
	config *rest.Config
	http   *http.Client
	// adminHTTP is what an administrator's requests go through, askerHTTP what those of an asker do, http those of the manager.
	adminHTTP, askerHTTP *http.Client
	mapper               meta.RESTMapper

	// raw is what people upload, stream what ffmpeg makes of it, plain what the packager makes of that before it encrypts.
	raw, stream, plain []byte
	length             time.Duration
}

func newLab(t testing.TB) *lab {
	t.Helper()
	l := &lab{admin: env.Client(t, kube.Scheme()), s3: s3test.Start(t, s3test.Options{})}
	l.config, _ = env.KubeconfigFor(t, operatorNamespace, "reelkeeper-manager")
	l.config.QPS = -1
	var err error
	if l.http, err = rest.HTTPClientFor(l.config); err != nil {
		t.Fatal(err)
	}
	l.adminHTTP = mustHTTP(t, env.Config)
	asks := rest.CopyConfig(env.Config)
	asks.Impersonate = rest.ImpersonationConfig{UserName: asker, Groups: []string{"system:masters"}}
	l.askerHTTP = mustHTTP(t, asks)
	if l.mapper, err = apiutil.NewDynamicRESTMapper(env.Config, l.adminHTTP); err != nil {
		t.Fatal(err)
	}
	if err := l.admin.Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: credentialsName},
		StringData: map[string]string{stores.AccessKeyID: l.s3.AccessKey, stores.SecretAccessKey: l.s3.SecretKey},
	}); err != nil {
		t.Fatal(err)
	}
	l.awaitAdmission(t)
	path := mediatest.Make(t, "tiny.mp4", "-f", "lavfi", "-i", "testsrc2=size=64x36:rate=5:duration=2", "-c:v", "libx264", "-g", "5", "-pix_fmt", "yuv420p")
	if err := l.prepareMedia(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	return l
}

// awaitAdmission waits until recordings are admitted: an admission policy that changes objects learns a new kind only some
// moments after it is served.
func (l *lab) awaitAdmission(t testing.TB) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, 2*time.Minute, true, func(ctx context.Context) (bool, error) {
		err := l.admin.Create(ctx, newRecording("default", "default"), client.DryRunAll)
		return err == nil, nil
	})
	if err != nil {
		t.Fatalf("recordings are not admitted: %v", err)
	}
}

func mustHTTP(t testing.TB, config *rest.Config) *http.Client {
	t.Helper()
	made, err := rest.HTTPClientFor(config)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// prepareMedia has the real ffmpeg convert one small recording, once.
func (l *lab) prepareMedia(ctx context.Context, path string) error {
	tools, err := media.FindTools()
	if err != nil {
		return err
	}
	if l.raw, err = os.ReadFile(path); err != nil {
		return err
	}
	source, err := tools.Probe(ctx, media.MP4, path, int64(len(l.raw)))
	if err != nil {
		return err
	}
	l.length = source.Duration
	var stream bytes.Buffer
	if err := tools.Convert(ctx, media.NewPlan(source, media.Limits{}), path, &stream, func(time.Duration) {}); err != nil {
		return fmt.Errorf("convert the fixture: %w", err)
	}
	l.stream = stream.Bytes()
	return l.preparePlain(ctx)
}

// preparePlain packages with keys that nothing else is encrypted with, and reads it back.
func (l *lab) preparePlain(ctx context.Context) error {
	dataKey, salt := keys.NewDataKey(), keys.NewSalt()
	var packaged bytes.Buffer
	facts, err := media.Package(ctx, bytes.NewReader(l.stream), &packaged, media.Packaging{MediaKey: dataKey.Media(salt), UnitKey: dataKey.Unit(salt), Duration: l.length})
	if err != nil {
		return fmt.Errorf("package the fixture: %w", err)
	}
	manifest := &media.Manifest{Version: media.ManifestVersion, Key: media.WrappedKey{Salt: salt}, Init: facts.Init, Segments: facts.Segments}
	l.plain, err = plaintext(ctx, manifest, dataKey, packaged.Bytes())
	return err
}
