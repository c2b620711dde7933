// SPDX-License-Identifier: Apache-2.0

//go:build unix

package delivery

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/gateway/gatewaytest"
	"github.com/reelkeeper/reelkeeper/internal/gateway/identity"
	"github.com/reelkeeper/reelkeeper/internal/gateway/session"
	"github.com/reelkeeper/reelkeeper/internal/testenv"
	"github.com/reelkeeper/reelkeeper/internal/testenv/process"
)

const (
	// length is how long the recording plays.
	length = 10 * time.Minute
	// sessionFor is how long the cookies last that are made here.
	sessionFor = time.Hour
)

// delivery is one run.
type delivery struct {
	b     *testing.B
	world *gatewaytest.World
	dir   string
	// roots hold the certificate of gateway and nginx.
	roots    *x509.CertPool
	sessions *session.Store
	// gateway is the process, and address where it and nginx answer: https://localhost:port.
	gateway        *process.Process
	address, nginx string
	// paced is watched as the profile Standard says, open as fast as can be.
	paced, open *v1alpha1.MeetingRecording
	// file is the recording, decrypted, segments where its parts lie.
	file     []byte
	segments []segment
}

func newDelivery(b *testing.B) *delivery {
	b.Helper()
	d := &delivery{b: b, dir: b.TempDir(), world: gatewaytest.Start(b, env)}
	d.certify()
	keys, err := os.ReadFile(d.world.Config.Session.KeyFile)
	if err != nil {
		b.Fatal(err)
	}
	parsed, err := session.ParseKeys(keys)
	if err != nil {
		b.Fatal(err)
	}
	d.sessions = session.NewStore(parsed, gatewaytest.Wall, true)
	clip := d.encode()
	d.paced, d.file = d.world.RecordingOf(b, d.namespace(v1alpha1.ProfileStandard), "weekly", clip, length)
	d.open, _ = d.world.RecordingOf(b, d.namespace(v1alpha1.ProfileOpen), "weekly", clip, length)
	d.startGateway()
	d.segments = d.readSegments()
	d.startNginx()
	return d
}

// namespace makes one in which every member may watch, by a profile.
func (d *delivery) namespace(profile v1alpha1.Profile) string {
	d.b.Helper()
	namespace := env.Namespace(d.b)
	policy := &v1alpha1.RecordingPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "all-may-watch"}}
	policy.Spec.Profile = profile
	if profile == v1alpha1.ProfileStandard {
		policy.Spec.Access.Roles = []v1alpha1.RolePermissions{{Role: v1alpha1.RoleInternal, Permissions: []v1alpha1.Permission{v1alpha1.PermissionView}}}
	}
	if err := d.world.Admin.Create(d.b.Context(), policy); err != nil {
		d.b.Fatal(err)
	}
	return namespace
}

// encode makes a recording of exactly a megabit a second, filled up where the picture needs less: what it shows does not matter here.
func (d *delivery) encode() []byte {
	d.b.Helper()
	seconds := strconv.Itoa(int(length.Seconds()))
	cmd := exec.CommandContext(d.b.Context(), "ffmpeg", "-nostdin", "-loglevel", "error",
		"-f", "lavfi", "-i", "testsrc2=size=320x180:rate=5:duration="+seconds, "-f", "lavfi", "-i", "sine=frequency=440:duration="+seconds,
		"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "20", "-b:v", "950k", "-maxrate", "950k", "-bufsize", "950k", "-x264-params", "nal-hrd=cbr",
		"-c:a", "aac", "-b:a", "48k", "-movflags", "frag_keyframe+empty_moov+default_base_moof", "-f", "mp4", "pipe:1")
	cmd.Stderr = os.Stderr
	clip, err := cmd.Output()
	if err != nil {
		d.b.Fatalf("make a video (it needs ffmpeg with libx264): %v", err)
	}
	return clip
}

// certify makes a certificate for localhost.
func (d *delivery) certify() {
	d.b.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		d.b.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		d.b.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		d.b.Fatal(err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})
	d.write("tls.crt", public)
	d.write("tls.key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
	d.roots = x509.NewCertPool()
	d.roots.AppendCertsFromPEM(public)
}

func (d *delivery) path(name string) string { return filepath.Join(d.dir, name) }

func (d *delivery) write(name string, content []byte) {
	d.b.Helper()
	if err := os.WriteFile(d.path(name), content, 0o600); err != nil {
		d.b.Fatal(err)
	}
}

// free is a port that nobody listens on.
func (d *delivery) free() int {
	d.b.Helper()
	port, err := process.FreePort()
	if err != nil {
		d.b.Fatal(err)
	}
	return port
}

// startGateway builds and starts the program that is shipped.
func (d *delivery) startGateway() {
	d.b.Helper()
	port := d.free()
	d.address = fmt.Sprintf("https://localhost:%d", port)
	if os.Getenv("DELIVERY_PROFILE") != "" {
		d.serveHere(port)
		return
	}
	program, err := testenv.BuildReelkeeper(d.dir)
	if err != nil {
		d.b.Fatal(err)
	}
	_, kubeconfig := env.KubeconfigFor(d.b, gatewaytest.OperatorNamespace, "reelkeeper-gateway")
	d.gateway, err = process.Start(d.b.Context(), process.Spec{
		Name: "gateway", Path: program, Log: filepath.Join(env.Logs, "gateway.log"),
		Args: []string{
			"gateway", "--kubeconfig", kubeconfig, "--operator-namespace", gatewaytest.OperatorNamespace, "--public-url", d.address,
			"--listen-address", fmt.Sprintf("127.0.0.1:%d", port), "--tls-cert", d.path("tls.crt"), "--tls-key", d.path("tls.key"),
			"--config", filepath.Join(filepath.Dir(d.world.Config.Session.KeyFile), "gateway.yaml"),
			"--media-memory", cmp.Or(os.Getenv("DELIVERY_MEDIA_MEMORY"), "128Mi"),
		},
		Ready: process.HTTPReady(d.connection(nil).client, d.address+"/readyz"),
	})
	if err != nil {
		d.b.Fatal(err)
	}
	d.b.Cleanup(d.gateway.Kill)
}

// cookie is that of a member of the organisation who has signed in.
func (d *delivery) cookie(who string) http.Header {
	d.b.Helper()
	person := &identity.Person{
		Issuer: d.world.Config.SignIn.Issuer, Subject: who, Email: who + "@example.com", Verified: true, Name: who, Departments: []string{"finance"},
	}
	answer := httptest.NewRecorder()
	if err := d.sessions.Put(answer, session.New(person, time.Now(), sessionFor)); err != nil {
		d.b.Fatal(err)
	}
	cookie := answer.Result().Cookies()[0]
	return http.Header{"Cookie": {cookie.Name + "=" + cookie.Value}}
}
