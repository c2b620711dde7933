// SPDX-License-Identifier: Apache-2.0

//go:build unix

package ended_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/internal/gateway/ended"
	"github.com/reelkeeper/reelkeeper/internal/kube"
	"github.com/reelkeeper/reelkeeper/internal/testenv"
)

var env *testenv.Env

func TestMain(m *testing.M) { testenv.Main(m, testenv.Options{}, &env) }

// newLedger is one without a cache: it sees what is stored.
func newLedger(t *testing.T) *ended.Ledger {
	t.Helper()
	direct := env.Client(t, kube.Scheme())
	return &ended.Ledger{Namespace: env.Namespace(t), Reader: direct, Writer: direct}
}

func over(t *testing.T, ledger *ended.Ledger, began time.Time, names ...ended.Name) bool {
	t.Helper()
	is, err := ledger.Over(t.Context(), began, names...)
	if err != nil {
		t.Fatal(err)
	}
	return is
}

func end(t *testing.T, ledger *ended.Ledger, now time.Time, name ended.Name, entry ended.Entry) {
	t.Helper()
	if err := ledger.End(t.Context(), now, name, entry); err != nil {
		t.Fatal(err)
	}
}

func TestWhatBeganBeforeIsOverAndWhatComesAfterCounts(t *testing.T) {
	t.Parallel()
	ledger, now := newLedger(t), time.UnixMilli(1_800_000_000_500)
	alice, bob := ended.Account("https://id.example.com", "alice"), ended.Account("https://id.example.com", "bob")
	if over(t, ledger, now, alice) {
		t.Error("a session is over, and nobody has ended any")
	}
	end(t, ledger, now, alice, ended.Entry{Before: now, Until: now.Add(time.Hour)})
	for name, tc := range map[string]struct {
		began time.Time
		names []ended.Name
		want  bool
	}{
		"before":                    {now.Add(-time.Hour), []ended.Name{alice}, true},
		"at that moment":            {now, []ended.Name{alice}, true},
		"right after":               {now.Add(time.Millisecond), []ended.Name{alice}, false},
		"somebody else's":           {now.Add(-time.Hour), []ended.Name{bob}, false},
		"one with several names":    {now.Add(-time.Hour), []ended.Name{bob, alice}, true},
		"one of another provider":   {now.Add(-time.Hour), []ended.Name{ended.Account("https://other.example", "alice")}, false},
		"one that is named alike":   {now.Add(-time.Hour), []ended.Name{ended.Login("https://id.example.com", "alice")}, false},
		"one whose parts are glued": {now.Add(-time.Hour), []ended.Name{ended.Account(`https://id.example.com" "alice`, "")}, false},
	} {
		if got := over(t, ledger, tc.began, tc.names...); got != tc.want {
			t.Errorf("%s: over is %v, want %v", name, got, tc.want)
		}
	}
	end(t, ledger, now, alice, ended.Entry{Before: now.Add(time.Minute), Until: now.Add(time.Hour)})
	if !over(t, ledger, now.Add(time.Second), alice) {
		t.Error("ended a second time, what began in between still counts")
	}
}

// TestReplicasWriteAtTheSameTimeAndLoseNothing begins with no ConfigMap at all.
func TestReplicasWriteAtTheSameTimeAndLoseNothing(t *testing.T) {
	t.Parallel()
	ledger, now := newLedger(t), time.Now()
	var all sync.WaitGroup
	const replicas, each = 4, 40
	name := func(replica, i int) ended.Name { return ended.Session(fmt.Sprint(replica, " ", i)) }
	for replica := range replicas {
		all.Go(func() {
			for i := range each {
				if err := ledger.End(t.Context(), now, name(replica, i), ended.Entry{Before: now, Until: now.Add(time.Hour)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	for replica := range replicas {
		for i := range each {
			if !over(t, ledger, now, name(replica, i)) {
				t.Fatalf("session %d of replica %d is not over", i, replica)
			}
		}
	}
}

func pages(t *testing.T, ledger *ended.Ledger) (list corev1.ConfigMapList, keys int) {
	t.Helper()
	if err := ledger.Reader.List(t.Context(), &list, client.InNamespace(ledger.Namespace), client.MatchingLabelsSelector{Selector: ended.Selector()}); err != nil {
		t.Fatal(err)
	}
	for i := range list.Items {
		keys += len(list.Items[i].Data)
	}
	return list, keys
}

func TestWhatCanBeForgottenIs(t *testing.T) {
	t.Parallel()
	ledger, now := newLedger(t), time.Now()
	data := map[string]string{}
	for i := range 5000 {
		data[string(ended.Session(fmt.Sprint("old ", i)))] = ended.Entry{Before: now, Until: now.Add(time.Hour)}.String()
	}
	lasting := ended.Session("lasting")
	data[string(lasting)] = ended.Entry{Before: now, Until: now.Add(3 * time.Hour)}.String()
	for digit := range 16 {
		page := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
			Namespace: ledger.Namespace, Name: fmt.Sprintf("reelkeeper-ended-sessions-%x", digit), Labels: map[string]string{"reelkeeper.io/ended-sessions": "true"},
		}, Data: map[string]string{}}
		for key, value := range data {
			if key[0] == fmt.Sprintf("%x", digit)[0] {
				page.Data[key] = value
			}
		}
		if err := ledger.Writer.Create(t.Context(), page); err != nil {
			t.Fatal(err)
		}
	}
	if list, keys := pages(t, ledger); keys != 5001 || len(list.Items) != 16 {
		t.Fatalf("the test is blind: %d keys", keys)
	}
	later := now.Add(2 * time.Hour)
	for i := range 200 {
		end(t, ledger, later, ended.Session(fmt.Sprint("new ", i)), ended.Entry{Before: later, Until: later.Add(time.Hour)})
	}
	_, keys := pages(t, ledger)
	if keys != 201 {
		t.Errorf("%d keys are left, want those that still say something: 201", keys)
	}
	if !over(t, ledger, now, lasting) {
		t.Error("what still says something was forgotten")
	}
}

// TestWhatWasWrittenMeanwhileStays has a replica tidy up that has not seen yet what another wrote.
func TestWhatWasWrittenMeanwhileStays(t *testing.T) {
	t.Parallel()
	ledger, now := newLedger(t), time.Now()
	alice := ended.Account("i", "alice")
	page := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
		Namespace: ledger.Namespace, Name: "reelkeeper-ended-sessions-" + string(alice[:1]), Labels: map[string]string{"reelkeeper.io/ended-sessions": "true"},
	}, Data: map[string]string{string(alice): ended.Entry{Before: now, Until: now}.String()}}
	for i := range 100 {
		page.Data[fmt.Sprintf("%s%031x", alice[:1], i)] = ended.Entry{Before: now, Until: now}.String()
	}
	if err := ledger.Writer.Create(t.Context(), page); err != nil {
		t.Fatal(err)
	}
	slow := &ended.Ledger{Namespace: ledger.Namespace, Reader: asItWas{page.DeepCopy()}, Writer: ledger.Writer}
	later := now.Add(time.Hour)
	end(t, &ended.Ledger{Namespace: ledger.Namespace, Writer: ledger.Writer}, later, alice, ended.Entry{Before: later, Until: later.Add(time.Hour)})
	other := ended.Name(string(alice[:1]) + "fffffffffffffffffffffffffffffff")
	end(t, slow, later, other, ended.Entry{Before: later, Until: later.Add(time.Hour)})
	if !over(t, ledger, later, alice) || !over(t, ledger, later, other) {
		t.Error("a replica that tidied up has undone what another wrote")
	}
}

// asItWas is a cache that has not heard anything since.
type asItWas struct{ page *corev1.ConfigMap }

func (a asItWas) Get(_ context.Context, _ client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	a.page.DeepCopyInto(into.(*corev1.ConfigMap))
	return nil
}

func (a asItWas) List(context.Context, client.ObjectList, ...client.ListOption) error { return nil }

func TestWhatCannotBeReadIsAnError(t *testing.T) {
	t.Parallel()
	ledger := newLedger(t)
	name := ended.Session("x")
	page := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: ledger.Namespace, Name: "reelkeeper-ended-sessions-" + string(name[:1])}, Data: map[string]string{string(name): "tomorrow"}}
	if err := ledger.Writer.Create(t.Context(), page); err != nil {
		t.Fatal(err)
	}
	if _, err := ledger.Over(t.Context(), time.Now(), name); err == nil {
		t.Error("a session counts of which nobody knows whether it is over")
	}
}
