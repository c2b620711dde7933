// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"errors"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/effect"
	"github.com/reelkeeper/reelkeeper/internal/keys"
	"github.com/reelkeeper/reelkeeper/internal/stores"
)

// changeStore changes the status of the store as its controllers do.
func (w *world) changeStore(change func(*v1alpha1.RecordingStoreStatus)) {
	w.Helper()
	store := &v1alpha1.RecordingStore{}
	if err := w.admin.Get(w.Context(), client.ObjectKeyFromObject(w.store), store); err != nil {
		w.Fatal(err)
	}
	change(&store.Status)
	if err := w.admin.Status().Update(w.Context(), store); err != nil {
		w.Fatal(err)
	}
}

// saysReady has the store say that it can be used, or why not, in some of its conditions.
func (w *world) saysReady(verdict metav1.ConditionStatus, reason, message string, kinds ...string) {
	w.Helper()
	w.changeStore(func(status *v1alpha1.RecordingStoreStatus) {
		for _, kind := range append(kinds, v1alpha1.ConditionReady) {
			meta.SetStatusCondition(&status.Conditions, metav1.Condition{Type: kind, Status: verdict, Reason: reason, Message: message})
		}
	})
}

// knowsKeyset has the store's status say what the keyset that there is holds.
func (w *world) knowsKeyset() {
	w.Helper()
	secret := &corev1.Secret{}
	if err := w.admin.Get(w.Context(), client.ObjectKey{Namespace: operatorNamespace, Name: "kek-" + w.namespace}, secret); err != nil {
		w.Fatal(err)
	}
	keyset, err := keys.Load(secret.Data[stores.KeysetKey])
	if err != nil {
		w.Fatal(err)
	}
	w.changeStore(func(status *v1alpha1.RecordingStoreStatus) {
		status.Keys.Generation, status.Keys.PrimaryKeyID = 1, keyset.KeyID()
		status.Keys.Keys = []v1alpha1.KeyStatus{{ID: keyset.KeyID(), State: v1alpha1.KeyPrimary, Since: metav1.Now()}}
	})
}

// expectAwaited makes two passes, of which neither is to be tried again and the second writes nothing, and has a change of the store wake the
// recording. A review does not count: it comes by anyway.
func (w *world) expectAwaited(reason, kind string, says ...string) {
	w.Helper()
	written := ""
	for range 3 {
		result, err := w.pass()
		if err != nil || result != (reconcile.Result{}) {
			w.Errorf("the pass is made again after %s, because of %v", result.RequeueAfter, err)
		}
		if now := w.get().ResourceVersion; now != written {
			written = now
			continue
		}
		got := condition(w.get(), kind)
		if got.Status != metav1.ConditionFalse || got.Reason != reason {
			w.Errorf("%s is %s because of %s, want False because of %s", kind, got.Status, got.Reason, reason)
		}
		for _, text := range says {
			if !strings.Contains(got.Message, text) {
				w.Errorf("%s says %q, and not %q", kind, got.Message, text)
			}
		}
		if woken := w.reconciler.waitingForStore(w.Context(), w.store); !slices.Contains(woken, reconcile.Request{NamespacedName: w.key()}) {
			w.Errorf("the store wakes %v", woken)
		}
		return
	}
	w.Error("every pass writes")
}

// R27: while a store cannot be used, a recording goes to the trash all the same, and tells the bucket when it can.
func TestAStoreThatCannotBeUsedIsWaitedForAndNotAskedAgainAndAgain(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		breaks, mends func(*world)
		reason        string
		says          []string
	}{
		"the keyset is lost": {
			breaks: func(w *world) {
				w.deleteSecret("kek-")
				w.saysReady(metav1.ConditionFalse, v1alpha1.ReasonKeysetInvalid, "the keyset is gone: restore it", v1alpha1.ConditionKeysetReady)
			},
			mends: func(w *world) {
				w.saysReady(metav1.ConditionTrue, v1alpha1.ReasonAvailable, "", v1alpha1.ConditionKeysetReady)
			},
			reason: v1alpha1.ReasonStoreNotReady,
			says:   []string{"is not ready: the keyset is gone: restore it. It is written when that is put right"},
		},
		"the credentials are wrong": {
			breaks: func(w *world) {
				w.spoilCredentials()
				w.saysReady(metav1.ConditionFalse, v1alpha1.ReasonBadCredentials, "the key is wrong", v1alpha1.ConditionEndpointReachable)
			},
			mends: func(w *world) {
				w.saysReady(metav1.ConditionTrue, v1alpha1.ReasonAvailable, "", v1alpha1.ConditionEndpointReachable)
			},
			reason: v1alpha1.ReasonStoreNotReady,
			says:   []string{"is not ready: the key is wrong"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.available()
			secrets := w.secretsOfStore()
			tc.breaks(w)
			w.setState(v1alpha1.StateTrashed)
			w.expectAwaited(tc.reason, v1alpha1.ConditionRecoverable, tc.says...)
			if !is(v1alpha1.ReasonTrashed)(w.get()) {
				t.Errorf("it is not in the trash: %+v", w.get().Status)
			}
			w.restoreSecrets(secrets)
			tc.mends(w)
			trashed := w.settle()
			if got := condition(trashed, v1alpha1.ConditionRecoverable); got.Status != metav1.ConditionTrue || w.state(trashed).TrashedAt.IsZero() {
				t.Errorf("Recoverable = %+v", got)
			}
		})
	}
}

// A store that says that it is ready has not seen yet what is wrong, and may never see it: nothing but trying again tells.
func TestWhatAReadyStoreDoesNotTakeIsTriedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.available()
	w.deleteSecret("kek-")
	w.setState(v1alpha1.StateTrashed)
	if _, err := w.pass(); err == nil {
		t.Error("the pass is not made again")
	}
	if got := condition(w.get(), v1alpha1.ConditionRecoverable); got.Reason != v1alpha1.ReasonStateNotWritten {
		t.Errorf("Recoverable = %+v", got)
	}
}

func TestAStoreThatIsGoneIsWaitedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.available()
	store := w.store.DeepCopy()
	if err := w.admin.Delete(t.Context(), w.store.DeepCopy()); err != nil {
		t.Fatal(err)
	}
	w.setState(v1alpha1.StateTrashed)
	w.expectAwaited(v1alpha1.ReasonStoreNotFound, v1alpha1.ConditionRecoverable, "There is no RecordingStore")
	again := &v1alpha1.RecordingStore{ObjectMeta: metav1.ObjectMeta{Name: store.Name}, Spec: store.Spec}
	w.create(again)
	w.changeStore(func(status *v1alpha1.RecordingStoreStatus) { *status = store.Status })
	if got := condition(w.settle(), v1alpha1.ConditionRecoverable); got.Status != metav1.ConditionTrue {
		t.Errorf("Recoverable = %+v", got)
	}
}

// R25, R27: another keyset, of which the store's status knows that it is the one that there is, is waited for in every stage.
func TestAKeysetThatLacksTheKeyIsWaitedFor(t *testing.T) {
	t.Parallel()
	missing := []string{"is missing from the store's keyset: restore the keyset (key ", "put back a backup that has the key"}
	spoil := func(w *world) (right []byte) {
		right = w.setKeyset(wrongKeysets(w.TB.(*testing.T))["another one"])
		w.knowsKeyset()
		return right
	}
	t.Run("in the trash", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.available()
		right := spoil(w)
		w.setState(v1alpha1.StateTrashed)
		w.expectAwaited(v1alpha1.ReasonKeyMissing, v1alpha1.ConditionRecoverable, missing...)
		w.setKeyset(right)
		w.knowsKeyset()
		if trashed := w.settle(); w.state(trashed).TrashedAt.IsZero() {
			t.Errorf("the bucket was not told: %+v", trashed.Status)
		}
	})
	t.Run("deleted", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		recording := w.available()
		right := spoil(w)
		if err := w.admin.Delete(t.Context(), recording); err != nil {
			t.Fatal(err)
		}
		before := w.stored()
		w.expectAwaited(v1alpha1.ReasonKeyMissing, v1alpha1.ConditionReady, append(missing, "The deletion waits")...)
		if !slices.Equal(before, w.stored()) {
			t.Errorf("in the bucket is %v, was %v", w.stored(), before)
		}
		w.setKeyset(right)
		w.knowsKeyset()
		w.drive(gone)
		if state := w.state(recording); state.DeletedAt.IsZero() || len(w.stored()) != len(before)+1 {
			t.Errorf("it left %v and the state %+v", w.stored(), state)
		}
	})
	t.Run("deleted before its adoption was seen", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		first := w.available()
		w.deleted(first)
		w.record(adoption(first))
		w.dieBefore("recording: write the status", is(v1alpha1.ReasonAvailable))
		right := spoil(w)
		if err := w.admin.Delete(t.Context(), w.get()); err != nil {
			t.Fatal(err)
		}
		w.expectAwaited(v1alpha1.ReasonKeyMissing, v1alpha1.ConditionReady, append(missing, "The deletion waits")...)
		w.setKeyset(right)
		w.knowsKeyset()
		w.drive(gone)
		if state := w.state(first); state.DeletedAt.IsZero() {
			t.Errorf("it left the state %+v", state)
		}
	})
	t.Run("just processed", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.packaged()
		before := w.stored()
		right := spoil(w)
		w.expectAwaited(v1alpha1.ReasonKeyMissing, v1alpha1.ConditionReady, missing...)
		if !slices.Equal(before, w.stored()) {
			t.Errorf("in the bucket is %v, was %v", w.stored(), before)
		}
		w.setKeyset(right)
		w.knowsKeyset()
		if recording := w.drive(is(v1alpha1.ReasonAvailable)); len(w.jobs(recording)) > 1 {
			t.Error("it was processed twice")
		}
	})
}

// dieBefore makes passes that die before an effect until one has, of a recording that does not reach the goal.
func (w *world) dieBefore(name effect.Name, goal func(*v1alpha1.MeetingRecording) bool) {
	w.Helper()
	died := errors.New("died")
	w.gate = func(n effect.Name, write func() error) error {
		if n == name {
			return died
		}
		return write()
	}
	defer func() { w.gate = nil }()
	for range 20 {
		if _, err := w.pass(); errors.Is(err, died) {
			if goal(w.get()) {
				w.Fatalf("it has reached the goal: %+v", w.get().Status)
			}
			return
		}
	}
	w.Fatalf("%s is not reached", name)
}

// The manager as it is shipped: nothing but the store's status tells it that the keyset is back.
func TestTheManagerIsWokenByAStoreThatCanBeUsedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.available()
	w.settle()
	secrets := w.secretsOfStore()
	w.deleteSecret("kek-")
	w.saysReady(metav1.ConditionFalse, v1alpha1.ReasonKeysetInvalid, "the keyset is gone: restore it", v1alpha1.ConditionKeysetReady)
	manager := w.startManager()
	defer manager.stop()
	w.setState(v1alpha1.StateTrashed)
	w.eventually("it waits for the store", func() bool {
		return condition(w.get(), v1alpha1.ConditionRecoverable).Reason == v1alpha1.ReasonStoreNotReady
	})
	w.restoreSecrets(secrets)
	w.saysReady(metav1.ConditionTrue, v1alpha1.ReasonAvailable, "", v1alpha1.ConditionKeysetReady)
	w.eventually("the bucket is told", func() bool {
		return condition(w.get(), v1alpha1.ConditionRecoverable).Status == metav1.ConditionTrue
	})
	if w.state(w.get()).TrashedAt.IsZero() {
		t.Error("the bucket was told something else")
	}
}

func TestWhatOfAStoreWakesRecordings(t *testing.T) {
	t.Parallel()
	of := func(change func(*v1alpha1.RecordingStore)) *v1alpha1.RecordingStore {
		store := &v1alpha1.RecordingStore{}
		store.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse}}
		store.Status.Keys.Keys = []v1alpha1.KeyStatus{{ID: "1", State: v1alpha1.KeyPrimary}}
		change(store)
		return store
	}
	says := func(kind string) func(*v1alpha1.RecordingStore) {
		return func(s *v1alpha1.RecordingStore) {
			meta.SetStatusCondition(&s.Status.Conditions, metav1.Condition{Type: kind, Status: metav1.ConditionTrue})
		}
	}
	for name, tc := range map[string]struct {
		change func(*v1alpha1.RecordingStore)
		wakes  bool
	}{
		"nothing":             {func(*v1alpha1.RecordingStore) {}, false},
		"its spec":            {func(s *v1alpha1.RecordingStore) { s.Generation++ }, true},
		"it is ready":         {says(v1alpha1.ConditionReady), true},
		"its server answers":  {says(v1alpha1.ConditionEndpointReachable), true},
		"its keyset is there": {says(v1alpha1.ConditionKeysetReady), true},
		"browsers may read":   {says(v1alpha1.ConditionCORSReady), false},
		"more is stored":      {func(s *v1alpha1.RecordingStore) { s.Status.Usage.Bytes = new(int64(1)) }, false},
		"a rotation goes on":  {func(s *v1alpha1.RecordingStore) { s.Status.Keys.Rotation.Rewrapped = new(int64(1)) }, false},
		"a key is there": {func(s *v1alpha1.RecordingStore) {
			s.Status.Keys.Keys = append(s.Status.Keys.Keys, v1alpha1.KeyStatus{ID: "2", State: v1alpha1.KeyEnabled})
		}, true},
		"a key that opens nothing": {func(s *v1alpha1.RecordingStore) {
			s.Status.Keys.Keys = append(s.Status.Keys.Keys, v1alpha1.KeyStatus{ID: "2", State: v1alpha1.KeyDisabled})
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := of(func(*v1alpha1.RecordingStore) {})
			if got := storeChanged().Update(event.UpdateEvent{ObjectOld: before, ObjectNew: of(tc.change)}); got != tc.wakes {
				t.Errorf("wakes: %t", got)
			}
		})
	}
}

// secretsOfStore are those that the store has now.
func (w *world) secretsOfStore() []corev1.Secret {
	w.Helper()
	var found []corev1.Secret
	for _, prefix := range []string{"kek-", "s3-"} {
		secret := corev1.Secret{}
		if err := w.admin.Get(w.Context(), client.ObjectKey{Namespace: operatorNamespace, Name: prefix + w.namespace}, &secret); err != nil {
			w.Fatal(err)
		}
		found = append(found, secret)
	}
	return found
}

func (w *world) deleteSecret(prefix string) {
	w.Helper()
	if err := w.admin.Delete(w.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: prefix + w.namespace}}); err != nil {
		w.Fatal(err)
	}
}

// restoreSecrets puts Secrets back from a backup.
func (w *world) restoreSecrets(backup []corev1.Secret) {
	w.Helper()
	for _, one := range backup {
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: one.Namespace, Name: one.Name}, Data: one.Data}
		if err := w.admin.Update(w.Context(), secret); client.IgnoreNotFound(err) != nil {
			w.Fatal(err)
		} else if err != nil {
			w.create(secret)
		}
	}
}

func (w *world) spoilCredentials() {
	w.Helper()
	env.Kubectl(w, "patch", "secret", "--namespace="+operatorNamespace, "s3-"+w.namespace, `--patch={"stringData":{"`+stores.SecretAccessKey+`":"wrong"}}`)
}
