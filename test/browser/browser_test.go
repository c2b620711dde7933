// SPDX-License-Identifier: Apache-2.0

//go:build unix

package browser

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/controllers/accessgrant"
	"github.com/reelkeeper/reelkeeper/controllers/accessrequest"
	"github.com/reelkeeper/reelkeeper/internal/audit"
	"github.com/reelkeeper/reelkeeper/internal/deadline"
	"github.com/reelkeeper/reelkeeper/internal/gateway/gatewaytest"
	"github.com/reelkeeper/reelkeeper/internal/governance"
	"github.com/reelkeeper/reelkeeper/internal/kube"
	"github.com/reelkeeper/reelkeeper/internal/kube/kubetest"
	"github.com/reelkeeper/reelkeeper/internal/testenv"
	"github.com/reelkeeper/reelkeeper/web"
)

var env *testenv.Env

func TestMain(m *testing.M) { testenv.Main(m, gatewaytest.EnvOptions(), &env) }

// account is how somebody signs in.
type account struct {
	Email    string `json:"email"`
	Password string `json:"password"`
}

// setting is what the steps in the browser need to know.
type setting struct {
	URL         string             `json:"url"`
	Issuer      string             `json:"issuer"`
	Chromium    string             `json:"chromium"`
	Screenshots string             `json:"screenshots"`
	Accounts    map[string]account `json:"accounts"`
	Recording   string             `json:"recording"`
	Title       string             `json:"title"`
	Seconds     int                `json:"seconds"`
	FileSHA256  string             `json:"fileSHA256"`
	Watermarked string             `json:"watermarked"`
	Link        string             `json:"link"`
	Password    string             `json:"password"`
	Shared      string             `json:"shared"`
	Asked       string             `json:"asked"`
	Discarded   string             `json:"discarded"`
	Story       string             `json:"story"`
	Processing  string             `json:"processing"`
	Open        string             `json:"open"`
	Long        string             `json:"long"`
	Direct      string             `json:"direct"`
	ObjectStore string             `json:"objectStore"`
	LongSeconds int                `json:"longSeconds"`
	// Partners is a gateway with two identity providers, Issuers are theirs.
	Partners string   `json:"partners"`
	Issuers  []string `json:"issuers"`
}

// The stories are in pages.test.mjs, those of playing in playing.test.mjs, of several providers and of signing out in accounts.test.mjs, every page in every guise in every-page.test.mjs. They name their rules: R8, R12, R23, R32 (what a viewer sees carries their identity) and
// R33 (the pages speak English and Chinese) among them.
func TestPagesInABrowser(t *testing.T) {
	if _, err := web.Load(); err != nil {
		t.Fatal(err)
	}
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("chromium is missing: apt-get install chromium")
	}
	if _, err := os.Stat("node_modules/axe-core"); err != nil {
		t.Fatal("playwright-core and axe-core are not installed: run `npm ci` in test/browser")
	}
	scene := setScene(t)
	scene.Chromium = chromium
	encoded, err := json.Marshal(scene)
	if err != nil {
		t.Fatal(err)
	}
	// STORY narrows a run to the stories whose name matches it.
	cmd := exec.CommandContext(t.Context(), "node", "--test", "--test-concurrency=1", "--test-reporter=spec",
		"--test-name-pattern="+cmp.Or(os.Getenv("STORY"), "."), "pages.test.mjs", "playing.test.mjs", "accounts.test.mjs", "every-page.test.mjs")
	cmd.Env = append(os.Environ(), "REELKEEPER_SCENE="+string(encoded))
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Errorf("the steps in the browser failed: %v; pictures of the pages are in %s", err, scene.Screenshots)
	}
}

// setScene makes the recordings and grants that the steps use.
func setScene(t *testing.T) setting {
	t.Helper()
	world := gatewaytest.Start(t, env)
	namespace := env.Namespace(t)
	recording, file := world.Recording(t, namespace, "review")
	watermarked, _ := world.Recording(t, env.Namespace(t), "secret")
	policy := &v1alpha1.RecordingPolicy{}
	policy.Namespace, policy.Name = watermarked.Namespace, "watermark"
	policy.Spec.Watermark = v1alpha1.WatermarkViewer
	if err := world.Admin.Create(t.Context(), policy); err != nil {
		t.Fatal(err)
	}
	world.Seen(t, policy)
	shared, _ := world.Recording(t, env.Namespace(t), "shared")
	grant := gatewaytest.GrantOf(shared, "dave", v1alpha1.SubjectUser, gatewaytest.People["internal"].Email, v1alpha1.PermissionView, v1alpha1.PermissionDownload)
	token := world.Grant(t, grant, "correct horse")

	asked, _ := world.Recording(t, env.Namespace(t), "asked")
	discarded, _ := world.Recording(t, env.Namespace(t), "discarded")
	story, _ := world.Recording(t, env.Namespace(t), "story")
	runControllers(t, world, story.Namespace)

	direct, _ := world.DirectRecording(t, env.Namespace(t), "direct")
	long, _ := world.LongRecording(t, env.Namespace(t), "long")

	processing, _ := world.Recording(t, env.Namespace(t), "processing")
	setProcessing(t, world, processing)

	sum := sha256.Sum256(file)
	scene := setting{
		URL: world.URL, Issuer: world.Config.SignIn.Issuer, Screenshots: screenshots(t), Accounts: map[string]account{},
		Recording: page(recording), Title: recording.Spec.Meeting.Title, Seconds: gatewaytest.ClipSeconds, FileSHA256: hex.EncodeToString(sum[:]),
		Watermarked: page(watermarked), Link: "/g/" + token, Password: "correct horse", Shared: page(shared),
		Asked: page(asked), Discarded: page(discarded), Story: page(story), Processing: page(processing), Open: "/g/" + linkForAnyone(t, world),
		Long: page(long), LongSeconds: gatewaytest.LongSeconds,
		Direct: page(direct), ObjectStore: strings.Replace(world.S3.Endpoint, "127.0.0.1", "localhost", 1),
	}
	scene.Partners, scene.Issuers = world.WithPartner(t)
	for who, person := range gatewaytest.People {
		scene.Accounts[who] = account{Email: person.Email, Password: "secret of " + person.Email}
	}
	return scene
}

// setProcessing makes a recording one whose media is not there yet.
func setProcessing(t *testing.T, world *gatewaytest.World, recording *v1alpha1.MeetingRecording) {
	t.Helper()
	meta.SetStatusCondition(&recording.Status.Conditions, metav1.Condition{
		Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonProcessing, Message: "Set by a test",
	})
	recording.Status.Progress = "42%"
	if err := world.Admin.Status().Update(t.Context(), recording); err != nil {
		t.Fatal(err)
	}
	world.Seen(t, recording)
}

// linkForAnyone is the token of a link that needs no signing in.
func linkForAnyone(t *testing.T, world *gatewaytest.World) string {
	t.Helper()
	recording, _ := world.Recording(t, env.Namespace(t), "open")
	policy := &v1alpha1.RecordingPolicy{}
	policy.Namespace, policy.Name, policy.Spec.Profile = recording.Namespace, "open", v1alpha1.ProfileOpen
	// Without the link it is nobody's, so that who has no recordings still has none.
	for _, role := range []v1alpha1.Role{v1alpha1.RoleInternal, v1alpha1.RoleExternal} {
		policy.Spec.Access.Roles = append(policy.Spec.Access.Roles, v1alpha1.RolePermissions{Role: role, Permissions: []v1alpha1.Permission{}})
	}
	if err := world.Admin.Create(t.Context(), policy); err != nil {
		t.Fatal(err)
	}
	world.Seen(t, policy)
	return world.Grant(t, gatewaytest.GrantOf(recording, "everybody", v1alpha1.SubjectAnyone, "*", v1alpha1.PermissionView), "")
}

// runControllers runs those of requests and grants, in one namespace: the grants of the others have the links that the scene gave them.
func runControllers(t *testing.T, world *gatewaytest.World, namespace string) {
	t.Helper()
	config, _ := env.KubeconfigFor(t, gatewaytest.OperatorNamespace, "reelkeeper-manager")
	mgr, err := ctrl.NewManager(config, kubetest.ManagerOptions(namespace))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	direct, err := kube.Direct(mgr)
	if err != nil {
		t.Fatal(err)
	}
	reader, err := governance.NewReader(ctx, mgr.GetCache())
	if err != nil {
		t.Fatal(err)
	}
	recorder := audit.NewRecorder(direct, gatewaytest.Wall)
	err = errors.Join(
		kube.AddIndexes(ctx, mgr.GetFieldIndexer()),
		(&accessgrant.Reconciler{
			Client: mgr.GetClient(), Direct: direct, Governance: reader, Recorder: recorder, GatewayURL: world.URL,
			Events: mgr.GetEventRecorder("accessgrant"), Deadlines: deadline.New[reconcile.Request](gatewaytest.Wall), Clock: gatewaytest.Wall,
		}).SetupWithManager(mgr),
		(&accessrequest.Reconciler{
			Client: mgr.GetClient(), Direct: direct, Governance: reader, Recorder: recorder,
			Events: mgr.GetEventRecorder("accessrequest"), Dates: deadline.New[reconcile.Request](gatewaytest.Wall), Clock: gatewaytest.Wall,
		}).SetupWithManager(mgr))
	if err != nil {
		t.Fatal(err)
	}
	kubetest.Run(ctx, t, mgr, cancel)
}

func page(recording *v1alpha1.MeetingRecording) string {
	return "/r/" + recording.Namespace + "/" + recording.Name
}

// screenshots is a directory that outlives the test, so that people can look at the pages. It holds those of the last run.
func screenshots(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("screenshots")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}
