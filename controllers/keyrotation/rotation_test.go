// SPDX-License-Identifier: Apache-2.0

//go:build unix

package keyrotation

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/effect"
	"github.com/reelkeeper/reelkeeper/internal/effect/effecttest"
	"github.com/reelkeeper/reelkeeper/internal/keys"
	"github.com/reelkeeper/reelkeeper/internal/kube/kubetest"
	"github.com/reelkeeper/reelkeeper/internal/manifests"
	"github.com/reelkeeper/reelkeeper/internal/media/worker"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/stores"
)

// conditional is what a server can do that promises If-Match.
const conditional = v1alpha1.CapabilityConditionalWrites

// R7: what is stored stays encrypted, and its keys can be changed without touching it.
func TestR7ARotationThatDiesAtEveryWriteEndsAsOneThatDoesNot(t *testing.T) {
	cases := map[string]struct {
		capabilities []v1alpha1.StoreCapability
		faults       []effecttest.Fault
	}{
		"on a server with conditional writes": {[]v1alpha1.StoreCapability{conditional}, []effecttest.Fault{effecttest.DieBefore, effecttest.DieAfter}},
		"on a server without":                 {nil, []effecttest.Fault{effecttest.DieBefore, effecttest.DieAfter}},
		"where answers are lost":              {[]v1alpha1.StoreCapability{conditional}, []effecttest.Fault{effecttest.DieBefore, effecttest.LoseAnswer}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, 32, tc.capabilities...)
			old := f.keyset().KeyID()
			f.drive(f.rotatedTo(1))
			f.expectRest()

			f.rotate()
			points := f.strikeEverything(tc.faults)
			added := map[string]bool{old: true}
			f.drive(f.rotatedTo(2), f.expectWatchable, func() {
				for _, key := range f.keyset().Keys() {
					added[key.ID] = true
				}
			})
			if len(added) != 2 {
				t.Errorf("a rotation made the keys %v, want the old one and one more", added)
			}
			if by := f.wrappedBy(); by[f.keyset().KeyID()] != 32 {
				t.Errorf("wrapped by %v, want all by %s", by, f.keyset().KeyID())
			}
			f.drive(f.retired, f.expectWatchable)
			if string(f.secret.Data["note"]) != "kept" {
				t.Error("the Secret lost what else was in it")
			}
			f.gate = nil
			f.expectMediaUntouched()
			f.expectNoOldWraps(old)
			f.expectRest()
			if c := f.condition(); c.Status != metav1.ConditionTrue {
				t.Errorf("condition %+v", c)
			}
			f.expectRecorded(old)
			if least := 2 * (32 + 32); *points < least { // each manifest is rewrapped and loses its older version
				t.Errorf("only %d faults have struck", *points)
			}
			t.Logf("%d faults", *points)
		})
	}
}

// expectRecorded checks that the access log has the rotation, and the end of the old key, once each.
func (f *fixture) expectRecorded(old string) {
	f.t.Helper()
	found := map[string]int{}
	for _, event := range f.AuditEvents(f.t, kubetest.OperatorNamespace) {
		if event.Spec.Action == v1alpha1.AuditRotated && strings.Contains(event.Spec.Rule, "RecordingStore "+f.store.Name+" ") {
			found[event.Spec.Reason]++
			if says := strings.Join(event.Spec.Evidence, ". "); !strings.Contains(says, map[string]string{"KeyGeneration": f.keyset().KeyID(), "KeyRetired": old}[event.Spec.Reason]) {
				f.t.Errorf("%s: %s", event.Spec.Reason, says)
			}
		}
	}
	if diff := cmp.Diff(map[string]int{"KeyGeneration": 1, "KeyRetired": 1}, found); diff != "" {
		f.t.Errorf("recorded (-want +got):\n%s", diff)
	}
}

// strikeEverything lets every write meet these faults, one after the other: the first of them keeps it from being made, so that
// the same write is the next to be tried. It counts the faults.
func (f *fixture) strikeEverything(faults []effecttest.Fault) *int {
	points, turn := new(int), map[effect.Name]int{}
	// What a server refuses for good is tried in every pass. Faults end, so that passes do.
	enough := 2 * len(faults) * len(f.recordings)
	f.gate = func(name effect.Name, write func() error) error {
		if turn[name] == enough {
			return write()
		}
		fault := faults[turn[name]%len(faults)]
		turn[name]++
		*points++
		return fault.Strike(write)
	}
	return points
}

// oldWraps looks through all versions of all manifests for wraps of an old key.
func (f *fixture) oldWraps(old string) (found []objectstore.Version) {
	f.t.Helper()
	for version, err := range f.objects.ListVersions(f.t.Context(), f.bucket, objectstore.ManifestsRoot) {
		if err != nil {
			f.t.Fatal(err)
		}
		if _, err := objectstore.ParseManifestKey(version.Key); err != nil {
			continue // a state, which holds no key
		}
		stored, _, err := manifests.Read(f.t.Context(), f.objects, f.bucket, version.Key, version.VersionID)
		if err != nil {
			f.t.Fatal(err)
		}
		if by, err := manifests.WrappedBy(stored); err != nil || by == old {
			found = append(found, version)
		}
	}
	return found
}

func (f *fixture) expectNoOldWraps(old string) {
	f.t.Helper()
	if found := f.oldWraps(old); len(found) > 0 {
		f.t.Errorf("wrapped with %s, or damaged: %+v", old, found)
	}
}

func TestAKeyIsRetiredInStepsAndOnlyWhenNothingNeedsIt(t *testing.T) {
	f := newFixture(t, 3, conditional)
	old := f.keyset().KeyID()
	f.rotate()
	f.drive(f.rotatedTo(2))
	rotated := f.clock.Now()
	state := func() v1alpha1.KeyState {
		if key := statusOf(f.store.Status.Keys.Keys, old); key != nil {
			return key.State
		}
		return ""
	}
	f.drive(func() bool { return state() == v1alpha1.KeyDisabled })
	// Somebody brings back a manifest from before the rotation, as the restore of a bucket does.
	returned := f.recordings[0]
	if err := returned.Put(t.Context(), f.objects, f.bucket); err != nil {
		t.Fatal(err)
	}
	f.drive(func() bool { return state() == v1alpha1.KeyEnabled })
	if by := f.wrappedBy(); by[old] != 1 {
		t.Fatalf("wrapped by %v, want one by %s", by, old)
	}
	f.drive(func() bool { return f.wrappedBy()[old] == 0 })
	f.drive(f.retired)
	if early := rotated.Add(2 * disabledFor); f.clock.Now().Before(early) {
		t.Errorf("the key was removed at %s, before %s", f.clock.Now(), early)
	}
	f.expectNoOldWraps(old)
}

func TestAnAttemptInProgressKeepsItsKey(t *testing.T) {
	f := newFixture(t, 1, conditional)
	before := f.keyset()
	spec, err := json.Marshal(worker.Spec{KeyID: before.KeyID()})
	if err != nil {
		t.Fatal(err)
	}
	attempt := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: kubetest.OperatorNamespace, Name: f.bucket + "-attempt", Labels: map[string]string{v1alpha1.LabelRecordingUID: "uid-1"}},
		Data:       map[string][]byte{specFile: spec},
	}
	f.Create(t, attempt)
	f.rotate()
	f.drive(func() bool { return f.wrappedBy()[before.KeyID()] == 0 })
	for range 10 {
		next, _ := f.pass()
		f.clock.Step(max(next, time.Second))
	}
	if f.rotatedTo(2)() {
		t.Error("the rotation is done although an attempt will write a manifest with the old key")
	}
	f.record(before)
	if err := f.Admin.Delete(t.Context(), attempt); err != nil {
		t.Fatal(err)
	}
	f.drive(f.rotatedTo(2))
	if by := f.wrappedBy(); by[before.KeyID()] > 0 {
		t.Errorf("wrapped by %v", by)
	}
}

func TestDeletedManifestsKeepTheirKey(t *testing.T) {
	f := newFixture(t, 2, conditional)
	old := f.keyset().KeyID()
	if err := f.objects.Delete(t.Context(), f.bucket, f.recordings[1].Owner.ManifestKey(1)); err != nil { // leaves a marker
		t.Fatal(err)
	}
	f.recordings = f.recordings[:1]
	f.rotate()
	f.drive(f.rotatedTo(2))
	for range 20 {
		next, _ := f.pass()
		f.clock.Step(max(next, time.Hour))
	}
	c := f.condition()
	if key := statusOf(f.store.Status.Keys.Keys, old); key == nil || key.State != v1alpha1.KeyEnabled || c.Reason != v1alpha1.ReasonRotationIncomplete || !strings.Contains(c.Message, old) {
		t.Errorf("key %+v, condition %+v", key, c)
	}
}

func TestALostOrOlderKeysetIsRecognisedAtEveryMoment(t *testing.T) {
	stages := map[string]func(f *fixture) bool{
		"before promoting": func(f *fixture) bool {
			return len(f.store.Status.Keys.Keys) == 2 && f.store.Status.Keys.Rotation.Stage == v1alpha1.RotationDistributing
		},
		"while rewrapping": func(f *fixture) bool { return f.store.Status.Keys.Rotation.Stage == v1alpha1.RotationRewrapping },
		"afterwards":       func(f *fixture) bool { return f.rotatedTo(2)() },
	}
	for name, reached := range stages {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, 4, conditional)
			backup := slices.Clone(f.keysetJSON())
			f.drive(f.rotatedTo(1))
			f.rotate()
			f.drive(func() bool { return reached(f) })
			right := slices.Clone(f.keysetJSON())
			newest := f.keyset().Keys()[1].ID
			another, err := keys.NewKeyset()
			if err != nil {
				t.Fatal(err)
			}
			for what, wrong := range map[string][]byte{"an older backup": backup, "another store's": another, "nothing": nil} {
				f.restore(wrong)
				f.gate = func(name effect.Name, write func() error) error {
					if name != "keys: write the status" {
						t.Errorf("%s: %s", what, name)
					}
					return write()
				}
				for range 5 {
					_, _ = f.pass()
					f.clock.Step(10 * time.Minute)
				}
				f.gate = nil
				c := f.condition()
				if c.Reason != v1alpha1.ReasonKeysetInvalid || what != "nothing" && !strings.Contains(c.Message, newest) {
					t.Errorf("%s: condition %+v, want KeysetInvalid that names key %s", what, c, newest)
				}
				if got := f.keysetJSON(); string(got) != string(wrong) {
					t.Errorf("%s was overwritten", what)
				}
			}
			f.restore(right)
			f.drive(f.rotatedTo(2), f.expectWatchable0)
			f.drive(f.retired)
			f.expectMediaUntouched()
		})
	}
}

// expectWatchable0 is for keysets that people have put back: only the last one counts.
func (f *fixture) expectWatchable0() {
	f.past = f.past[len(f.past)-1:]
	f.expectWatchable()
}

// An older backup may hold the new key and still wrap with the old one: that keyset is right, and the rotation repairs it.
func TestABackupFromTheMiddleOfARotationIsTakenFurther(t *testing.T) {
	f := newFixture(t, 4, conditional)
	old := f.keyset().KeyID()
	f.rotate()
	f.drive(func() bool { return len(f.keyset().Keys()) == 2 })
	backup := slices.Clone(f.keysetJSON())
	f.drive(f.rotatedTo(2))
	newest := f.keyset().KeyID()
	f.restore(backup)
	f.follow()
	f.record(f.keyset()) // wrapped with the old key
	f.drive(func() bool { return f.keyset().KeyID() == newest && f.rotatedTo(2)() && f.wrappedBy()[newest] == 5 })
	f.drive(f.retired)
	f.expectNoOldWraps(old)
}

// A store that is made anew, without a status, around a keyset that lacks a key: nothing but the manifests know of it.
func TestAManifestWithoutItsKeyIsNamed(t *testing.T) {
	f := newFixture(t, 2, conditional)
	json, err := keys.NewKeyset()
	if err != nil {
		t.Fatal(err)
	}
	other, err := keys.Load(json)
	if err != nil {
		t.Fatal(err)
	}
	lost := f.record(other)
	before := f.stored(lost)
	f.rotate()
	f.drive(f.rotatedTo(2))
	f.drive(func() bool { return f.condition().Reason == v1alpha1.ReasonRotationIncomplete })
	if c := f.condition(); !strings.Contains(c.Message, other.KeyID()) || !strings.Contains(c.Message, lost.Owner.ManifestKey(1)) {
		t.Errorf("condition %+v, want one that names key %s", c, other.KeyID())
	}
	if string(f.stored(lost)) != string(before) {
		t.Error("a manifest that does not open was overwritten")
	}
	if by := f.wrappedBy(); by[f.keyset().KeyID()] != 2 {
		t.Errorf("wrapped by %v, want the two others by %s", by, f.keyset().KeyID())
	}
}

// R7: what nothing in one store needs, recordings of another may: of a store that has the same keyset, and cannot be looked at.
func TestR7AKeysetThatAnotherStoreHasTooKeepsItsKeys(t *testing.T) {
	f := newFixture(t, 3, conditional)
	old := f.keyset().KeyID()
	other := &v1alpha1.RecordingStore{ObjectMeta: metav1.ObjectMeta{Name: f.store.Name + "-other"}, Spec: *f.store.Spec.DeepCopy()}
	other.Spec.Buckets.Name += "-other"
	f.Create(t, other)
	f.rotate()
	f.drive(f.rotatedTo(2))
	for range 20 {
		next, _ := f.pass()
		f.clock.Step(max(next, 24*time.Hour))
	}
	if !slices.Contains(f.keyset().Keys(), keys.KeyInfo{ID: old, Enabled: true}) {
		t.Errorf("the keyset has %v, and not key %s, which recordings in %s may be wrapped with", f.keyset().Keys(), old, other.Name)
	}
	if c := f.condition(); c.Status != metav1.ConditionTrue || !strings.Contains(c.Message, other.Name) {
		t.Errorf("condition %+v, want one that names %s", c, other.Name)
	}
	// Each gets a Secret of its own.
	f.Get(t, f.secret)
	f.secret = &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: f.secret.Namespace, Name: f.secret.Name + "-own"}, Data: f.secret.Data}
	f.Create(t, f.secret)
	f.Update(t, f.store, func() { f.store.Spec.Encryption.KeySecretRef.Name = f.secret.Name })
	f.drive(f.retired)
	f.expectNoOldWraps(old)
}

// R7: a store that is not ready may show another bucket than the one that its recordings are in, or an empty one.
func TestR7NoKeyIsRetiredWhileTheStoreIsNotReady(t *testing.T) {
	f := newFixture(t, 3, conditional)
	old := f.keyset().KeyID()
	wait := func() {
		t.Helper()
		f.ready(metav1.ConditionFalse)
		for range 20 {
			next, _ := f.pass()
			f.clock.Step(max(next, 24*time.Hour))
		}
		if !slices.Contains(f.keyset().Keys(), keys.KeyInfo{ID: old, Enabled: true}) {
			t.Errorf("the keyset has %v, and not key %s", f.keyset().Keys(), old)
		}
		f.ready(metav1.ConditionTrue)
	}
	f.rotate()
	f.drive(func() bool { return f.store.Status.Keys.Rotation.Stage == v1alpha1.RotationRewrapping })
	wait()
	if by := f.wrappedBy(); by[old] != 3 || !strings.Contains(f.condition().Message, "until the store is ready") {
		t.Errorf("wrapped by %v, condition %+v", by, f.condition())
	}
	f.drive(f.rotatedTo(2))
	f.restart()
	wait()
	f.drive(f.retired)
	f.expectNoOldWraps(old)
}

// R7: a bucket that cannot be told to be the store's may hold what needs an old key.
func TestR7ABucketThatNobodyCanLookIntoKeepsAllKeys(t *testing.T) {
	f := newFixture(t, 0, conditional)
	old := f.keyset().KeyID()
	spec := f.store.Spec.DeepCopy()
	if err := f.Admin.Delete(t.Context(), f.store); err != nil {
		t.Fatal(err)
	}
	spec.Buckets.Layout = v1alpha1.LayoutPerNamespace
	f.store = &v1alpha1.RecordingStore{ObjectMeta: metav1.ObjectMeta{Name: f.store.Name + "-n"}, Spec: *spec}
	f.Create(t, f.store)
	f.UpdateStatus(t, f.store, func() {
		f.store.Status.KeyID, f.store.Status.Capabilities = old, []v1alpha1.StoreCapability{v1alpha1.CapabilityChecksums, conditional}
		f.store.Status.Location = v1alpha1.StoreLocation{ID: "this", Endpoint: spec.S3.Endpoint, Bucket: f.bucket}
	})
	f.ready(metav1.ConditionTrue)
	f.bucket += "-finance"
	if _, err := f.objects.EnsureBucket(t.Context(), f.bucket, objectstore.BucketOptions{}); err != nil {
		t.Fatal(err)
	}
	f.record(f.keyset())
	f.rotate()
	f.drive(f.rotatedTo(2))
	for range 20 {
		next, _ := f.pass()
		f.clock.Step(max(next, 24*time.Hour))
	}
	c := f.condition()
	if !slices.Contains(f.keyset().Keys(), keys.KeyInfo{ID: old, Enabled: true}) || c.Reason != v1alpha1.ReasonRotationIncomplete || !strings.Contains(c.Message, f.bucket) {
		t.Errorf("the keyset has %v, condition %+v", f.keyset().Keys(), c)
	}
	if _, err := stores.Mark(t.Context(), f.objects, f.bucket, "this"); err != nil {
		t.Fatal(err)
	}
	f.drive(f.retired)
	f.expectNoOldWraps(old)
}
