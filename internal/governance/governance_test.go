// SPDX-License-Identifier: Apache-2.0

package governance_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/access"
	"github.com/reelkeeper/reelkeeper/internal/governance"
	"github.com/reelkeeper/reelkeeper/internal/policy"
	"github.com/reelkeeper/reelkeeper/internal/testenv"
)

var (
	env    *testenv.Env
	scheme = runtime.NewScheme()
)

func TestMain(m *testing.M) {
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			panic(err)
		}
	}
	testenv.Main(m, testenv.Options{CRDs: []string{"config/crd"}}, &env)
}

// cached returns a reader over a cache as the gateway and the controllers have one, and waits for what is asked of it.
func cached(t *testing.T) governance.Reader {
	t.Helper()
	c, err := cache.New(env.Config, cache.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		if err := c.Start(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	if !c.WaitForCacheSync(t.Context()) {
		t.Fatal("the cache did not fill")
	}
	reader, err := governance.NewReader(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return reader
}

// eventually waits until the cache has heard.
func eventually(t *testing.T, what string, holds func(context.Context) (bool, error)) {
	t.Helper()
	if err := wait.PollUntilContextTimeout(t.Context(), 10*time.Millisecond, 30*time.Second, true, holds); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func recording(namespace string) *v1alpha1.MeetingRecording {
	r := &v1alpha1.MeetingRecording{ObjectMeta: metav1.ObjectMeta{Name: "q3-review", Namespace: namespace, Labels: map[string]string{"topic": "money"}}}
	r.Spec.Meeting = v1alpha1.MeetingFacts{ID: "1", Creator: "alice@example.com"}
	r.Spec.Source.Upload = &v1alpha1.UploadSource{}
	return r
}

func grant(namespace, name string) *v1alpha1.AccessGrant {
	g := &v1alpha1.AccessGrant{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace}}
	g.Spec.RecordingRef.Name = "q3-review"
	g.Spec.Subjects = []v1alpha1.GrantSubject{{Kind: v1alpha1.SubjectUser, Name: "dave@example.com"}}
	g.Spec.Permissions = []v1alpha1.Permission{v1alpha1.PermissionView}
	return g
}

var dave = access.Subject{Name: "dave@example.com", Verified: true, Internal: true}

// TestR14APolicyEditTakesEffectAtTheNextDecision goes through all that a decision reads: policies of both kinds, the
// namespace's labels, grants, their acceptance and their end.
func TestR14APolicyEditTakesEffectAtTheNextDecision(t *testing.T) {
	t.Parallel()
	namespace := env.Namespace(t, "team=governance")
	c, reader, r := env.Client(t, scheme), cached(t), recording(namespace)
	now := time.Date(2026, time.July, 1, 0, 0, 0, 0, time.UTC)
	decided := func(want access.Reason) {
		t.Helper()
		var last access.Decision
		eventually(t, "want "+string(want), func(ctx context.Context) (done bool, err error) {
			last, err = reader.Decide(ctx, r, dave, v1alpha1.PermissionView, now)
			return last.Reason == want, err
		})
	}
	mustDo := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	decided(access.NotPermitted)

	g := grant(namespace, "replay")
	g.Spec.ExpiresAt = metav1.NewTime(time.Now().Add(time.Hour)) // the API server stamps when the grant was made
	mustDo(c.Create(t.Context(), g))
	decided(access.GrantNotReady)

	meta.SetStatusCondition(&g.Status.Conditions, metav1.Condition{
		Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonGranted, ObservedGeneration: g.Generation,
	})
	mustDo(c.Status().Update(t.Context(), g))
	decided(access.PermittedByGrant)

	house := &v1alpha1.ClusterRecordingPolicy{ObjectMeta: metav1.ObjectMeta{GenerateName: "house-"}}
	house.Spec.NamespaceSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"team": "governance"}}
	house.Spec.Overrides.Sharing.Links = v1alpha1.LinksForbidden
	mustDo(c.Create(t.Context(), house))
	t.Cleanup(func() {
		if err := c.Delete(context.WithoutCancel(t.Context()), house); err != nil && !apierrors.IsNotFound(err) {
			t.Error(err)
		}
	})
	decided(access.LinksForbidden)

	mustDo(c.Patch(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}},
		client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"labels":{"team":"other"}}}`))))
	decided(access.PermittedByGrant)

	own := &v1alpha1.RecordingPolicy{ObjectMeta: metav1.ObjectMeta{Name: "own", Namespace: namespace}}
	own.Spec.Sharing.Links = v1alpha1.LinksPasswordRequired
	own.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"topic": "money"}}
	mustDo(c.Create(t.Context(), own))
	decided(access.PasswordRequired)

	mustDo(c.Delete(t.Context(), own))
	decided(access.PermittedByGrant)

	mustDo(c.Delete(t.Context(), g))
	decided(access.NotPermitted)
}

func TestWithoutItsNamespaceARecordingHasNoRules(t *testing.T) {
	t.Parallel()
	_, err := cached(t).Rules(t.Context(), recording("no-such-namespace"))
	if !apierrors.IsNotFound(err) {
		t.Errorf("rules without a namespace: %v", err)
	}
}

func TestAccepted(t *testing.T) {
	t.Parallel()
	ready := func(status metav1.ConditionStatus, reason string, generation int64) []metav1.Condition {
		return []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: status, Reason: reason, ObservedGeneration: generation}}
	}
	cases := map[string]struct {
		conditions []metav1.Condition
		want       bool
	}{
		"no status":                          {nil, false},
		"ready":                              {ready(metav1.ConditionTrue, v1alpha1.ReasonGranted, 2), true},
		"ready as it was before an edit":     {ready(metav1.ConditionTrue, v1alpha1.ReasonGranted, 1), false},
		"nobody has looked":                  {ready(metav1.ConditionUnknown, v1alpha1.ReasonPending, 2), false},
		"forbidden":                          {ready(metav1.ConditionFalse, v1alpha1.ReasonForbiddenByPolicy, 2), false},
		"expired, which the decision says":   {ready(metav1.ConditionFalse, v1alpha1.ReasonExpired, 2), true},
		"not begun, which the decision says": {ready(metav1.ConditionFalse, v1alpha1.ReasonNotYet, 2), true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := grant("finance", "replay")
			g.Generation, g.Status.Conditions = 2, tc.conditions
			if got := governance.Accepted(g); got != tc.want {
				t.Errorf("accepted: %v, want %v", got, tc.want)
			}
		})
	}
}

func TestConcerns(t *testing.T) {
	t.Parallel()
	pick := func(selector metav1.LabelSelector) *v1alpha1.AccessGrant {
		g := grant("finance", "replay")
		g.Spec.RecordingRef.Name, g.Spec.RecordingSelector = "", &selector
		return g
	}
	elsewhere, other := grant("legal", "replay"), grant("finance", "replay")
	other.Spec.RecordingRef.Name = "q4-review"
	cases := map[string]struct {
		grant *v1alpha1.AccessGrant
		want  bool
	}{
		"by name":                    {grant("finance", "replay"), true},
		"another name":               {other, false},
		"another namespace":          {elsewhere, false},
		"all":                        {pick(metav1.LabelSelector{}), true},
		"by label":                   {pick(metav1.LabelSelector{MatchLabels: map[string]string{"topic": "money"}}), true},
		"another label":              {pick(metav1.LabelSelector{MatchLabels: map[string]string{"topic": "people"}}), false},
		"a selector without a sense": {pick(metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "topic", Operator: "Resembles"}}}), false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := governance.Concerns(tc.grant, recording("finance")); got != tc.want {
				t.Errorf("concerns: %v, want %v", got, tc.want)
			}
		})
	}
}

func TestAGrantBySelectorCountsWhereAnyRecordingAllowsIt(t *testing.T) {
	t.Parallel()
	namespace := env.Namespace(t)
	c, reader := env.Client(t, scheme), cached(t)
	strict := &v1alpha1.RecordingPolicy{ObjectMeta: metav1.ObjectMeta{Name: "strict", Namespace: namespace}}
	strict.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"topic": "money"}}
	strict.Spec.Sharing.Links = v1alpha1.LinksForbidden
	if err := c.Create(t.Context(), strict); err != nil {
		t.Fatal(err)
	}
	money, people := *recording(namespace), *recording(namespace)
	people.Name, people.Labels = "people", nil
	g := grant(namespace, "replay")
	g.CreationTimestamp = metav1.NewTime(time.Date(2026, time.July, 1, 0, 0, 0, 0, time.UTC))
	g.Spec.ExpiresAt = metav1.NewTime(g.CreationTimestamp.Add(time.Hour))
	reasons := func(recordings ...v1alpha1.MeetingRecording) (got access.Reason) {
		t.Helper()
		verdict, err := reader.CheckGrant(t.Context(), g, recordings, false, nil)
		if err != nil {
			t.Fatal(err)
		}
		return verdict.Reason
	}
	eventually(t, "the policy is in the cache", func(context.Context) (bool, error) { return reasons(money) == access.LinksForbidden, nil })
	got := map[string]access.Reason{"both": reasons(money, people), "the other": reasons(people), "none": reasons()}
	if diff := cmp.Diff(map[string]access.Reason{"both": "", "the other": "", "none": ""}, got); diff != "" {
		t.Errorf("reasons (-want +got):\n%s", diff)
	}
	if facts := access.FactsOfGrant(g, true); facts.Permissions != policy.Permissions(v1alpha1.PermissionView) || !facts.Ready {
		t.Errorf("facts: %+v", facts)
	}
}

// TestWhatIsKeptOfPoliciesIsWhatTheCacheHas edits policies of which the cache is known to have heard, and asks at once.
func TestWhatIsKeptOfPoliciesIsWhatTheCacheHas(t *testing.T) {
	namespace := env.Namespace(t)
	c, reader, r := env.Client(t, scheme), cached(t), recording(namespace)
	own := &v1alpha1.RecordingPolicy{ObjectMeta: metav1.ObjectMeta{Name: "own", Namespace: namespace}}
	own.Spec.Watermark = v1alpha1.WatermarkViewer
	if err := c.Create(t.Context(), own); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		eventually(t, "the cache has heard of "+own.ResourceVersion, func(ctx context.Context) (bool, error) {
			var seen v1alpha1.RecordingPolicy
			err := reader.Client.Get(ctx, client.ObjectKeyFromObject(own), &seen)
			return seen.ResourceVersion == own.ResourceVersion, client.IgnoreNotFound(err)
		})
		rules, err := reader.Rules(t.Context(), r)
		if err != nil || rules.Watermark.Value != own.Spec.Watermark {
			t.Fatalf("the rules say %s (%v), the policy in the cache %s", rules.Watermark.Value, err, own.Spec.Watermark)
		}
		own.Spec.Watermark = map[v1alpha1.Watermark]v1alpha1.Watermark{
			v1alpha1.WatermarkViewer: v1alpha1.WatermarkNone, v1alpha1.WatermarkNone: v1alpha1.WatermarkViewer,
		}[own.Spec.Watermark]
		if err := c.Update(t.Context(), own); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "nothing is listed while nothing changes", func(ctx context.Context) (bool, error) {
		_, err := reader.Policies.Index(ctx)
		// Listing alone takes more than that.
		return testing.AllocsPerRun(1, func() { _, _ = reader.Policies.Index(ctx) }) <= 2, err
	})
}

// TestASurveyAnswersAsReadingEachTime asks about recordings with grants of every kind.
func TestASurveyAnswersAsReadingEachTime(t *testing.T) {
	t.Parallel()
	namespace := env.Namespace(t)
	c, reader := env.Client(t, scheme), cached(t)
	picking, revoked, other := grant(namespace, "picking"), grant(namespace, "revoked"), grant(namespace, "other")
	picking.Spec.RecordingRef.Name, picking.Spec.RecordingSelector = "", &metav1.LabelSelector{MatchLabels: map[string]string{"topic": "money"}}
	revoked.Finalizers = []string{"reelkeeper.io/test"}
	other.Spec.RecordingRef.Name = "other"
	for _, g := range []*v1alpha1.AccessGrant{grant(namespace, "naming"), picking, revoked, other} {
		if err := c.Create(t.Context(), g); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Delete(t.Context(), revoked); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		revoked.Finalizers = nil
		if err := c.Update(context.WithoutCancel(t.Context()), revoked); err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
			t.Error(err)
		}
	})
	unlabelled, second := recording(namespace), recording(namespace)
	unlabelled.Labels, second.Name = nil, "other"
	for name, r := range map[string]*v1alpha1.MeetingRecording{"picked": recording(namespace), "not picked": unlabelled, "another name": second} {
		names := func(grants []access.Grant, err error) (names []string) {
			if err != nil {
				t.Fatal(err)
			}
			for i := range grants {
				names = append(names, grants[i].Name)
			}
			slices.Sort(names)
			return names
		}
		want := map[string][]string{"picked": {"naming", "picking"}, "not picked": {"naming"}, "another name": {"other", "picking"}}[name]
		eventually(t, name, func(ctx context.Context) (bool, error) { return slices.Equal(want, names(reader.Grants(ctx, r))), nil })
		survey, err := reader.Survey(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if diff := cmp.Diff(want, names(survey.Grants(t.Context(), r))); diff != "" {
				t.Errorf("%s: grants (-want +got):\n%s", name, diff)
			}
		}
		// Other tests change policies of the organisation meanwhile.
		eventually(t, "the same rules of "+name, func(ctx context.Context) (bool, error) {
			survey, surveyErr := reader.Survey(ctx)
			if surveyErr != nil {
				return false, surveyErr
			}
			surveyed, surveyErr := survey.Rules(ctx, r)
			read, err := reader.Rules(ctx, r)
			return surveyed == read, errors.Join(err, surveyErr)
		})
	}
}
