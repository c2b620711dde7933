// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"fmt"
	"strings"
	"testing"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/media/mediatest"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

// kubectl runs kubectl in the world's namespace, and returns what it prints with runs of blanks as one.
func (w *world) kubectl(args ...string) string {
	w.Helper()
	return strings.Join(strings.Fields(env.Kubectl(w, append([]string{"--namespace", w.namespace}, args...)...)), " ")
}

// expectRefused checks that get, wait and describe say why the recording does not come in, and that its owner is told by an Event.
func (w *world) expectRefused(reason string, says ...string) {
	w.Helper()
	w.kubectl("wait", "mrec/"+w.name, `--for=jsonpath={.status.conditions[?(@.type=="Ready")].reason}=`+reason, "--timeout=1m")
	w.kubectl("wait", "mrec/"+w.name, "--for=condition=Ready=False", "--timeout=1m")
	if got := w.kubectl("get", "mrec", w.name, "--no-headers"); !strings.HasPrefix(got, w.name+" "+reason+" ") {
		w.Errorf("kubectl get prints %q", got)
	}
	wide, described := w.kubectl("get", "mrec", w.name, "--output=wide"), w.kubectl("describe", "mrec", w.name)
	for _, text := range says {
		if !strings.Contains(wide, text) || !strings.Contains(described, text) {
			w.Errorf("kubectl does not say %q:\n%s\n%s", text, wide, described)
		}
	}
	w.eventually("an Event "+reason, func() bool {
		return strings.Contains(w.kubectl("get", "events", "--field-selector=reason="+reason+",involvedObject.name="+w.name), reason)
	})
}

// What keeps a recording out, seen as its owner sees it, with a manager at work.
func TestKubectlShowsWhatKeepsARecordingOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(store *v1alpha1.RecordingStore) { store.Spec.Quota.PerNamespace = quantity("600k") })
	manager := w.startManager()
	defer manager.stop()

	w.record()
	w.kubectl("wait", "mrec/"+w.name, `--for=jsonpath={.status.conditions[?(@.type=="Ready")].reason}=Uploading`, "--timeout=1m")
	w.upload(mediatest.MP4(t)) // of 396 kB
	w.kubectl("wait", "mrec/"+w.name, "--for=condition=Ready", "--timeout=2m")

	w.name = "q4-review"
	w.record(func(recording *v1alpha1.MeetingRecording) { recording.Spec.Source.Upload.Size = quantity("396k") })
	w.expectRefused(v1alpha1.ReasonQuotaExceeded, fmt.Sprintf("The recordings of namespace %s take up", w.namespace),
		"of 600k in RecordingStore "+w.namespace, "and this one needs 396000", "have spec.quota.perNamespace raised")
	env.Kubectl(t, "patch", "recordingstore", w.store.Name, "--type=merge", `--patch={"spec":{"quota":{"perNamespace":"1M"}}}`)
	w.kubectl("wait", "mrec/"+w.name, `--for=jsonpath={.status.conditions[?(@.type=="Ready")].reason}=Uploading`, "--timeout=1m")

	env.Kubectl(t, "patch", "recordingstore", w.store.Name, "--type=merge", `--patch={"spec":{"allowedNamespaces":{"matchLabels":{"reelkeeper.io/recordings":"enabled"}}}}`)
	w.expectRefused(v1alpha1.ReasonNamespaceNotAllowed, "RecordingStore "+w.store.Name+" is not open to namespace "+w.namespace)
	if w.name = "q3-review"; !is(v1alpha1.ReasonAvailable)(w.get()) {
		t.Errorf("what is stored stays: %+v", w.get().Status.Conditions)
	}
	w.name = "q4-review"
	env.Kubectl(t, "label", "namespace", w.namespace, "reelkeeper.io/recordings=enabled")
	w.kubectl("wait", "mrec/"+w.name, `--for=jsonpath={.status.conditions[?(@.type=="Ready")].reason}=Uploading`, "--timeout=1m")
}

// Erasure under a lock, as those see it who have to answer for it, with a manager at work and a bucket that locks.
func TestKubectlErasesWhileALockRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t, locking(v1alpha1.ObjectLockCompliance))
	w.rules(v1alpha1.RetentionRules{Erasure: v1alpha1.ErasureDestroyKey, Lock: v1alpha1.RetentionLock{Mode: v1alpha1.LockCompliance, For: "1h"}})
	manager := w.startManager()
	defer manager.stop()
	w.record()
	w.kubectl("wait", "mrec/"+w.name, `--for=jsonpath={.status.conditions[?(@.type=="Ready")].reason}=Uploading`, "--timeout=1m")
	w.upload(mediatest.MP4(t))
	w.kubectl("wait", "mrec/"+w.name, "--for=condition=Ready", "--timeout=2m")
	w.kubectl("wait", "mrec/"+w.name, "--for=condition=Locked", "--timeout=1m")
	until := w.kubectl("get", "mrec", w.name, "--output=jsonpath={.status.lockedUntil}")

	w.kubectl("patch", "mrec", w.name, "--type=merge", `--patch={"spec":{"erasure":{"reason":"request 2026-77","by":"privacy@example.com"}}}`)
	w.kubectl("wait", "mrec/"+w.name, "--for=condition=Erased", "--timeout=1m")
	w.kubectl("wait", "mrec/"+w.name, "--for=condition=Ready=False", "--timeout=1m")
	if got := w.kubectl("get", "mrec", w.name, "--no-headers"); !strings.HasPrefix(got, w.name+" "+v1alpha1.ReasonErased+" ") {
		t.Errorf("kubectl get prints %q", got)
	}
	for _, text := range []string{"The key is destroyed: what lies in the bucket until " + until + " is noise", "nothing brings it back"} {
		if described := w.kubectl("describe", "mrec", w.name); !strings.Contains(described, text) {
			t.Errorf("kubectl describe does not say %q:\n%s", text, described)
		}
	}
	if got := w.kubectl("get", "auditevents", "--field-selector=spec.action=Erased", "--output=jsonpath={.items[*].spec.evidence}"); !strings.Contains(got, "stays as noise until "+until) {
		t.Errorf("the access log says %q", got)
	}
	if left := w.stored(); len(left) != 1 || !strings.HasPrefix(left[0], objectstore.MediaRoot) {
		t.Errorf("in the bucket: %v", left)
	}
}
