// SPDX-License-Identifier: Apache-2.0

//go:build unix

package undo

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/cli"
	"github.com/reelkeeper/reelkeeper/internal/undo"
)

// TestR25TheTrashFromKubectl goes through what people do with the trash of one namespace, until that is gone.
func TestR25TheTrashFromKubectl(t *testing.T) {
	w := newWorld(t, env, newVault(t), "trash")
	w.namespace("accounts")
	all := keysIn(5, "accounts")
	trashed, deleted, held := all[0], all[1], all[2]
	w.make(all...)
	stop := startManager(t, env)
	w.settled("accounts", len(all))

	w.patch(trashed, `{"spec":{"state":"Trashed"}}`)
	w.eventually("it is in the trash", func() bool { return !w.get(trashed).Status.TrashedAt.IsZero() })
	w.patch(held, `{"spec":{"state":"Trashed"}}`)
	w.patch(held, `{"spec":{"holds":[{"name":"case-7","by":"legal@example.com"}]}}`)
	w.delete(deleted)

	out, errs, code := w.run("", "trash", "list", "-n", "accounts", "-o", "json")
	var list struct{ Recordings []undo.Entry }
	if err := json.Unmarshal([]byte(out), &list); err != nil || code != cli.ExitYes || len(list.Recordings) != 3 {
		t.Fatalf("exit code %d, %v: %s%s", code, err, out, errs)
	}
	out, _, _ = w.run("", "trash", "list", "-n", "accounts", "-o", "wide")
	has(t, out, "accounts/review-00000", "Trashed", "accounts/review-00001", "Deleted", "legal hold (case-7 by legal@example.com)", "kept")
	has(t, out, env.Kubectl(t, "auth", "whoami", "-o", "jsonpath={.status.userInfo.username}"))
	if out, _, code := w.run("", "trash", "list", "-A", "--kind", "deleted", "--deleted-since", "1h"); code != cli.ExitYes || strings.Contains(out, trashed.Name) || !strings.Contains(out, deleted.Name) {
		t.Errorf("exit code %d, the deleted ones are\n%s", code, out)
	}
	if out, _, _ := w.run("", "trash", "list", "-n", "accounts", "--deleted-until", "1h"); !strings.Contains(out, "Nothing is in the trash.") {
		t.Errorf("an hour ago there was\n%s", out)
	}

	t.Run("a dry run changes nothing", func(t *testing.T) {
		out, errs, code := w.run("", "trash", "restore", "-n", "accounts", "--all", "--dry-run")
		if code != cli.ExitYes || w.get(deleted) != nil || w.get(trashed).Spec.State != v1alpha1.StateTrashed {
			t.Errorf("exit code %d: %s%s", code, out, errs)
		}
		has(t, out, "3 would be done (dry run)")
	})
	t.Run("R25 what is Trashed and what was deleted comes back", func(t *testing.T) {
		out, errs, code := w.run("", "trash", "restore", trashed.String(), "review-00001", "-n", "accounts")
		if code != cli.ExitYes {
			t.Fatalf("exit code %d: %s%s", code, out, errs)
		}
		has(t, out, "2 restored.", "AccessGrants that were deleted do not come back")
		w.expectBack(trashed, deleted)
		if w.get(deleted).Labels["reelkeeper.io/sensitivity"] != "high" {
			t.Error("its labels are not back")
		}
		_, errs, code = w.run("", "trash", "restore", deleted.String())
		if code != cli.ExitError {
			t.Errorf("again: exit code %d", code)
		}
		has(t, errs, "accounts/review-00001 is not in the trash: `kubectl reelkeeper trash list -n accounts` shows what is")
	})
	t.Run("R27 what is held is not purged, and the answer says by whom", func(t *testing.T) {
		out, _, code := w.run("", "trash", "purge", held.String(), "--yes")
		if code != cli.ExitNo || w.get(held) == nil {
			t.Errorf("exit code %d: %s", code, out)
		}
		has(t, out, "it cannot be purged until the last legal hold (case-7 by legal@example.com) is lifted: ask those who laid it")
	})
	t.Run("R26 nothing is purged without a yes", func(t *testing.T) {
		w.delete(all[3])
		_, errs, code := w.run("no\n", "trash", "purge", all[3].String())
		if code != cli.ExitError || len(w.keys("trash/")) != 1 {
			t.Errorf("exit code %d: %s", code, errs)
		}
		has(t, errs, "These 1 recordings are deleted for good", "nothing was purged")
	})
	t.Run("R25 another recording has the name", func(t *testing.T) {
		other := w.recording(all[3])
		w.create(other)
		out, _, code := w.run("", "trash", "restore", all[3].String(), "--kind", "Deleted")
		if code != cli.ExitNo {
			t.Errorf("exit code %d: %s", code, out)
		}
		has(t, out, "another MeetingRecording has the name: give this one another with --name")
		if out, errs, code := w.run("", "trash", "restore", all[3].String(), "--name", "again"); code != cli.ExitYes {
			t.Errorf("exit code %d: %s%s", code, out, errs)
		}
		again := client.ObjectKey{Namespace: "accounts", Name: "again"}
		w.hashes[again] = w.hashes[all[3]]
		w.expectBack(again)
	})
	t.Run("R27 what is locked is not purged until its lock is lifted by somebody who may", func(t *testing.T) {
		locked := all[4]
		w.patch(locked, `{"spec":{"state":"Trashed"}}`)
		w.eventually("it is in the trash", func() bool { return !w.get(locked).Status.TrashedAt.IsZero() })
		w.patch(locked, `{"metadata":{"labels":{"lock":"yes"}}}`)
		sensitive := &v1alpha1.RecordingPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "accounts", Name: "sensitive"}}
		sensitive.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"lock": "yes"}}
		sensitive.Spec.Retention.Lock = v1alpha1.RetentionLock{Mode: v1alpha1.LockGovernance, For: "1h"}
		w.create(sensitive)
		w.eventually("it is locked", func() bool { return !w.get(locked).Status.LockedUntil.IsZero() })
		until := w.get(locked).Status.LockedUntil.UTC().Format(time.RFC3339)
		out, _, code := w.run("", "trash", "purge", locked.String(), "--yes")
		if code != cli.ExitNo || w.get(locked) == nil {
			t.Errorf("exit code %d: %s", code, out)
		}
		has(t, out, "it cannot be purged before its lock ends, at "+until+" (Governance, by RecordingPolicy accounts/sensitive spec.retention.lock")
		env.Kubectl(t, "annotate", "mrec", locked.Name, "-n", locked.Namespace, v1alpha1.AnnotationBypassLock+"=ordered by the court")
		w.eventually("its lock is lifted", func() bool { return w.get(locked).Status.LockedUntil.IsZero() })
		if out, errs, code := w.run("", "trash", "purge", locked.String(), "--yes"); code != cli.ExitYes {
			t.Errorf("exit code %d: %s%s", code, out, errs)
		}
	})
	t.Run("R26 what is purged by name goes at the next look, whatever its date, with a record of who asked", func(t *testing.T) {
		w.patch(trashed, `{"spec":{"state":"Trashed"}}`)
		w.eventually("it is in the trash", func() bool { return !w.get(trashed).Status.TrashedAt.IsZero() })
		w.delete(deleted)
		out, errs, code := w.run("yes\n", "trash", "purge", trashed.String(), deleted.String())
		if code != cli.ExitYes || w.get(trashed) != nil {
			t.Fatalf("exit code %d: %s%s", code, out, errs)
		}
		has(t, out, "2 being purged.")
		stop()
		startManager(t, env) // which looks at the trash first
		w.eventually("the tombstones are gone", func() bool { return len(w.keys("trash/")) == 0 })
		if media := w.keys("media/"); len(media) != 2 {
			t.Errorf("the media of those that are left: %v", media)
		}
		out = env.Kubectl(t, "get", "auditevents", "-n", "accounts", "-o", "yaml")
		has(t, out, "reason: PurgeRequested", "asked for by "+env.Kubectl(t, "auth", "whoami", "-o", "jsonpath={.status.userInfo.username}"))
	})
	t.Run("R27 a namespace stays as long as somebody holds a recording in it, and kubectl says who", func(t *testing.T) {
		startManager(t, env)
		w.patch(held, `{"spec":{"holds":[{"name":"case-7","by":"legal@example.com"},{"name":"tax-2026","by":"tax@example.com"}]}}`)
		env.Kubectl(t, "delete", "namespace", "accounts", "--wait=false")
		asks := func(args ...string) func(string) bool {
			return func(text string) bool { return strings.Contains(env.Kubectl(t, args...), text) }
		}
		failure := asks("get", "namespace", "accounts", "-o", `jsonpath={.status.conditions[?(@.type=="NamespaceDeletionContentFailure")].message}`)
		both := "under legal hold (case-7 by legal@example.com, tax-2026 by tax@example.com) and cannot be deleted until the last hold is lifted"
		w.eventually("the namespace says who keeps it", func() bool { return failure(both) })
		waits := "Namespace accounts is being deleted, and waits for this recording"
		w.eventually("the recording says so too", func() bool { return asks("describe", "mrec", held.Name, "-n", "accounts")(waits) })
		w.eventually("there is an Event", func() bool { return asks("get", "events", "-A", "--field-selector=reason=RecordingKept")(held.Name) })

		w.patch(held, `{"spec":{"holds":[{"name":"tax-2026","by":"tax@example.com"}]}}`)
		_, err := env.RunKubectl(t.Context(), "delete", "mrec", held.Name, "-n", "accounts", "--wait=false")
		if err == nil || !strings.Contains(err.Error(), "under legal hold (tax-2026 by tax@example.com) and cannot be deleted") {
			t.Errorf("with one of two holds, deleting it says %v", err)
		}
		w.patch(held, `{"spec":{"holds":null}}`)
		env.Kubectl(t, "wait", "--for=delete", "namespace/accounts", "--timeout=3m")
		out, _, _ := w.run("", "trash", "list", "-A", "--kind", "Deleted")
		has(t, out, held.String(), "accounts/again")
	})
}

func (w *world) patch(key client.ObjectKey, change string) {
	w.Helper()
	recording := &v1alpha1.MeetingRecording{}
	recording.Namespace, recording.Name = key.Namespace, key.Name
	if err := w.admin.Patch(w.Context(), recording, client.RawPatch("application/merge-patch+json", []byte(change))); err != nil {
		w.Fatal(err)
	}
}

// delete deletes a recording and waits until it is gone.
func (w *world) delete(key client.ObjectKey) {
	w.Helper()
	if err := w.admin.Delete(w.Context(), w.get(key)); err != nil {
		w.Fatal(err)
	}
	w.eventually(key.String()+" is gone", func() bool { return w.get(key) == nil })
}
