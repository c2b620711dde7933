// SPDX-License-Identifier: Apache-2.0

//go:build unix

package undo

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/cli"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

// TestNamespacesOfSimilarNamesAreIsolated has recordings of the same names in namespaces whose names begin alike, and does everything
// to those of one that could reach another's: adopting, listing, restoring, purging, sweeping and deleting the namespace.
func TestNamespacesOfSimilarNamesAreIsolated(t *testing.T) {
	stop, all := startManager(t, env), t
	for layout, prefix := range map[v1alpha1.BucketLayout]string{v1alpha1.LayoutShared: "one", v1alpha1.LayoutPerNamespace: "each"} {
		t.Run(string(layout), func(t *testing.T) {
			i := newIsolation(t, layout, prefix)
			t.Run("R14 what another namespace has is not there to be adopted", i.nothingToAdopt)
			t.Run("R14 nor is a copy of it under the own prefix", i.copiesAreWorthless)
			t.Run("R25 the trash of one is not that of another", i.trashesAreApart)
			t.Run("R26 purging by name takes nothing else along", func(t *testing.T) {
				stop()
				i.purgesTakeNothingElse(t)
				stop = startManager(all, env) // which looks at the trash first
				i.eventually("the sweeper has purged", func() bool { return len(i.of(i.mine)["trash"]) == 0 })
				i.expectOthersUntouched(t)
			})
			t.Run("R25 a namespace that is deleted takes nothing else along", func(t *testing.T) {
				i.deleteNamespaces(i.mine)
				i.expectOthersUntouched(t)
			})
			t.Run("R25 what was deleted elsewhere is still there to be restored", i.othersComeBack)
		})
	}
}

// isolation is a store with three namespaces. In each, "kept" is available and "deleted" is deleted.
type isolation struct {
	*world
	mine   string
	others []string
	// deleted are the recordings of that name, as they were.
	deleted map[string]*v1alpha1.MeetingRecording
	// before is what the bucket had of the others.
	before map[string]map[string][]string
}

func newIsolation(t *testing.T, layout v1alpha1.BucketLayout, prefix string) *isolation {
	t.Helper()
	w := newWorld(t, env, newVault(t), "isolated-"+prefix, func(store *v1alpha1.RecordingStore) { store.Spec.Buckets.Layout = layout })
	w.patience = time.Minute
	i := &isolation{world: w, mine: prefix + "-team", others: []string{prefix + "-team-a", prefix + "-team-a-b"}, deleted: map[string]*v1alpha1.MeetingRecording{}}
	w.awaitStore()
	i.before = map[string]map[string][]string{}
	for _, namespace := range append([]string{i.mine}, i.others...) {
		w.namespace(namespace)
		gone := client.ObjectKey{Namespace: namespace, Name: "deleted"}
		w.make(client.ObjectKey{Namespace: namespace, Name: "kept"}, gone)
		w.settled(namespace, 2)
		i.deleted[namespace] = w.get(gone)
		w.delete(gone)
	}
	for _, namespace := range i.others {
		i.before[namespace] = i.of(namespace)
	}
	return i
}

// of lists what a namespace's bucket has of the namespace, by kind.
func (i *isolation) of(namespace string) map[string][]string {
	i.Helper()
	found := map[string][]string{}
	for object, err := range i.objects.List(i.Context(), i.bucket(namespace), "") {
		if err != nil {
			i.Fatal(err)
		}
		if kind, rest, _ := strings.Cut(object.Key, "/"); strings.Contains("/"+rest, "/"+namespace+"/") {
			found[kind] = append(found[kind], object.Key)
		}
	}
	return found
}

func (i *isolation) expectOthersUntouched(t *testing.T) {
	t.Helper()
	for _, namespace := range i.others {
		if diff := cmp.Diff(i.before[namespace], i.of(namespace)); diff != "" {
			t.Errorf("objects of %s (-before +now):\n%s", namespace, diff)
		}
		i.expectBack(client.ObjectKey{Namespace: namespace, Name: "kept"})
	}
}

// adopts makes a recording of the own namespace that adopts another's, and returns the state that it comes to.
func (i *isolation) adopts(name string, theirs *v1alpha1.MeetingRecording) string {
	i.Helper()
	key := client.ObjectKey{Namespace: i.mine, Name: name}
	thief := i.recording(key)
	thief.Spec.Source = v1alpha1.MediaSource{Adopt: v1alpha1.AdoptSource{UID: theirs.StorageUID()}}
	thief.Spec.Meeting, thief.Labels = theirs.Spec.Meeting, theirs.Labels
	i.create(thief)
	var reason string
	i.eventually(name+" is refused or let in", func() bool {
		ready := meta.FindStatusCondition(i.get(key).Status.Conditions, v1alpha1.ConditionReady)
		reason = ready.Reason
		return reason != v1alpha1.ReasonPending && reason != v1alpha1.ReasonStoreNotReady
	})
	i.delete(key)
	return reason
}

func (i *isolation) nothingToAdopt(t *testing.T) {
	for _, namespace := range i.others {
		theirs := map[string]*v1alpha1.MeetingRecording{
			"deleted": i.deleted[namespace], "kept": i.get(client.ObjectKey{Namespace: namespace, Name: "kept"}),
		}
		for name, one := range theirs {
			if got := i.adopts("thief-of-"+name, one); got != v1alpha1.ReasonAdoptNotFound {
				t.Errorf("adopting %s/%s from %s leads to %s", namespace, name, i.mine, got)
			}
		}
	}
	i.expectOthersUntouched(t)
}

// copiesAreWorthless has somebody with the keys to the bucket copy another namespace's recording: the data key is bound to whose it is.
func (i *isolation) copiesAreWorthless(t *testing.T) {
	theirs := i.deleted[i.others[0]]
	to, err := objectstore.NewRecording(i.mine, string(theirs.UID))
	if err != nil {
		t.Fatal(err)
	}
	copies := map[string]string{theirs.Status.Storage.Key: to.MediaKey(1), theirs.Status.Storage.ManifestKey: to.ManifestKey(1)}
	for from, key := range copies {
		body, info, err := i.objects.Get(t.Context(), i.bucket(i.others[0]), from, objectstore.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = i.objects.Put(t.Context(), i.bucket(i.mine), key, body, info.Size, objectstore.PutOptions{})
		body.Close()
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := i.adopts("copied", theirs); got != v1alpha1.ReasonAdoptDamaged {
		t.Errorf("adopting a copy leads to %s", got)
	}
	for _, key := range copies {
		if _, err := i.objects.DeleteAllVersions(t.Context(), i.bucket(i.mine), key); err != nil {
			t.Fatal(err)
		}
	}
}

func (i *isolation) trashesAreApart(t *testing.T) {
	out, errs, code := i.run("", "trash", "list", "-n", i.mine)
	if code != cli.ExitYes || !strings.Contains(out, i.mine+"/deleted") || strings.Contains(out, i.mine+"-a") {
		t.Errorf("exit code %d, the trash of %s is\n%s%s", code, i.mine, out, errs)
	}
	out, _, _ = i.run("", "trash", "restore", "-n", i.mine, "--all", "--dry-run")
	has(t, out, "1 would be done (dry run)")
	out, _, _ = i.run("", "orphans", "-n", i.mine)
	if strings.Contains(out, i.mine+"-a") {
		t.Errorf("the orphans of %s are\n%s", i.mine, out)
	}
}

func (i *isolation) purgesTakeNothingElse(t *testing.T) {
	if out, errs, code := i.run("", "trash", "purge", "-n", i.mine, "--all", "--yes"); code != cli.ExitYes {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
	i.expectOthersUntouched(t)
}

func (i *isolation) othersComeBack(t *testing.T) {
	for _, namespace := range i.others {
		if out, errs, code := i.run("", "trash", "restore", "-n", namespace, "--all"); code != cli.ExitYes {
			t.Errorf("exit code %d: %s%s", code, out, errs)
		}
		i.expectBack(client.ObjectKey{Namespace: namespace, Name: "deleted"}, client.ObjectKey{Namespace: namespace, Name: "kept"})
	}
}
