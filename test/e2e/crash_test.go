// SPDX-License-Identifier: Apache-2.0

//go:build unix

package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/media/mediatest"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/testenv/stage"
)

// crowd is how many recordings live through the chaos at once.
const crowd = 6

// shortTrash lets what is trashed be purged in seconds.
const shortTrash = `apiVersion: reelkeeper.io/v1alpha1
kind: RecordingPolicy
metadata: {name: short-trash, namespace: finance}
spec: {retention: {trashFor: 3s}}
`

// The manager is killed with SIGKILL again and again, and one worker of each recording once, from the first recording's creation
// until the last one is purged. Which moments are hit depends on the machine; that every moment is survived is the claim.
func TestKillingManagerAndWorkersAtAnyMomentLeadsToTheSameEnd(t *testing.T) {
	logs(t)
	ctx := t.Context()
	if _, err := house.KubectlInput(ctx, shortTrash, "apply", "-f", "-"); err != nil {
		t.Fatal(err)
	}
	video := mediatest.MP4(t)
	chaos := startChaos(t)

	var all []*v1alpha1.MeetingRecording
	for i := range crowd {
		all = append(all, create(t, fmt.Sprintf("crash-%d", i)))
	}
	for _, recording := range all {
		upload(t, recording, video)
	}
	for _, recording := range all {
		waitFor(t, recording.Name+" is available", func() bool { return reason(t, recording) == v1alpha1.ReasonAvailable })
	}
	chaos.pause(t)
	t.Logf("killed the manager %d times and %d workers on the way to Available", chaos.managers, len(chaos.workers))
	for _, recording := range all {
		expectOneCopy(t, recording)
	}
	expectNothingLeftToRun(t)

	chaos.resume(t)
	for _, recording := range all {
		patch := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"state":"Trashed"}}`))
		if err := house.api.Patch(ctx, recording.DeepCopy(), patch); err != nil {
			t.Fatal(err)
		}
	}
	for _, recording := range all {
		waitFor(t, recording.Name+" is purged", func() bool { return gone(t, recording) })
	}
	chaos.pause(t)
	t.Logf("killed the manager %d times in all", chaos.managers)
	left, err := house.bucket.Versions(ctx, "recordings-finance", "")
	left = slices.DeleteFunc(left, func(version objectstore.RemovedVersion) bool {
		return version.Key == objectstore.MarkerKey || version.Key == objectstore.ClaimKey
	})
	if err != nil || len(left) > 0 {
		t.Errorf("after the purge the bucket holds %v (%v)", left, err)
	}
	expectNothingLeftToRun(t)
}

func create(t *testing.T, name string) *v1alpha1.MeetingRecording {
	t.Helper()
	recording := &v1alpha1.MeetingRecording{
		ObjectMeta: metav1.ObjectMeta{Namespace: "finance", Name: name},
		Spec: v1alpha1.MeetingRecordingSpec{
			Meeting: v1alpha1.MeetingFacts{ID: name, Creator: "alice@example.com"},
			Source:  v1alpha1.MediaSource{Upload: &v1alpha1.UploadSource{}},
		},
	}
	if err := house.api.Create(t.Context(), recording); err != nil {
		t.Fatal(err)
	}
	return recording
}

// upload waits for the Secret with the URL and sends the file to it.
func upload(t *testing.T, recording *v1alpha1.MeetingRecording, video string) {
	t.Helper()
	var secret corev1.Secret
	waitFor(t, "the upload's Secret of "+recording.Name, func() bool {
		current := get(t, recording)
		key := client.ObjectKey{Namespace: recording.Namespace, Name: current.Status.Upload.SecretRef.Name}
		return key.Name != "" && house.api.Get(t.Context(), key, &secret) == nil
	})
	body, err := os.Open(video)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	info, err := body.Stat()
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, string(secret.Data["url"]), body)
	if err != nil {
		t.Fatal(err)
	}
	request.ContentLength = info.Size()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatalf("the upload of %s is answered %s", recording.Name, response.Status)
	}
}

// expectOneCopy wants one media object, its manifest and its state, and nothing else of the recording in the bucket.
func expectOneCopy(t *testing.T, recording *v1alpha1.MeetingRecording) {
	t.Helper()
	storage := get(t, recording).Status.Storage
	waitFor(t, "one copy of "+recording.Name, func() bool {
		var keys []string
		for object, err := range house.bucket.List(t.Context(), storage.Bucket, "") {
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(object.Key, string(recording.UID)) {
				keys = append(keys, object.Key)
			}
		}
		return len(keys) == 3 && keys[0] == storage.ManifestKey && path.Base(keys[1]) == "state.json" && keys[2] == storage.Key
	})
}

// expectNothingLeftToRun wants neither Jobs nor their Secrets in the operator's namespace, nor unfinished uploads.
func expectNothingLeftToRun(t *testing.T) {
	t.Helper()
	waitFor(t, "no Job, no Secret of a Job, no unfinished upload", func() bool {
		var jobs batchv1.JobList
		var secrets corev1.SecretList
		if err := house.api.List(t.Context(), &jobs, client.InNamespace(stage.Namespace)); err != nil {
			t.Fatal(err)
		}
		if err := house.api.List(t.Context(), &secrets, client.InNamespace(stage.Namespace), client.HasLabels{v1alpha1.LabelRecordingUID}); err != nil {
			t.Fatal(err)
		}
		uploads := 0
		for _, err := range house.bucket.Uploads(t.Context(), "recordings-finance", "") {
			if err != nil {
				t.Fatal(err)
			}
			uploads++
		}
		return len(jobs.Items)+len(secrets.Items)+uploads == 0
	})
}

func get(t *testing.T, recording *v1alpha1.MeetingRecording) *v1alpha1.MeetingRecording {
	t.Helper()
	current := &v1alpha1.MeetingRecording{}
	if err := house.api.Get(t.Context(), client.ObjectKeyFromObject(recording), current); err != nil {
		t.Fatal(err)
	}
	return current
}

func gone(t *testing.T, recording *v1alpha1.MeetingRecording) bool {
	t.Helper()
	err := house.api.Get(t.Context(), client.ObjectKeyFromObject(recording), &v1alpha1.MeetingRecording{})
	if client.IgnoreNotFound(err) != nil {
		t.Fatal(err)
	}
	return apierrors.IsNotFound(err)
}

func reason(t *testing.T, recording *v1alpha1.MeetingRecording) string {
	t.Helper()
	ready := meta.FindStatusCondition(get(t, recording).Status.Conditions, v1alpha1.ConditionReady)
	if ready == nil {
		return ""
	}
	return ready.Reason
}

// waitFor asks again and again until it is so.
func waitFor(t *testing.T, what string, isSo func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for !isSo() {
		select {
		case <-deadline.C:
			t.Fatalf("waited %s in vain for this: %s", patience, what)
		case <-tick.C:
		}
	}
}

// chaos kills.
type chaos struct {
	random *rand.Rand
	stop   context.CancelFunc
	done   sync.WaitGroup
	// managers counts how often the manager was killed; workers are the recordings of which a worker was.
	managers int
	workers  map[string]bool
}

func startChaos(t *testing.T) *chaos {
	seed := uint64(time.Now().UnixNano())
	t.Logf("the seed of the pauses between the kills is %d", seed)
	c := &chaos{random: rand.New(rand.NewPCG(seed, 0)), workers: map[string]bool{}}
	c.resume(t)
	return c
}

func (c *chaos) resume(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c.stop = cancel
	c.done.Go(func() {
		for c.pauseBetween(ctx) {
			house.KillManager()
			c.managers++
			if err := c.killAWorker(ctx); err != nil && ctx.Err() == nil {
				t.Errorf("killing a worker: %v", err)
			}
			// Not with ctx: however the chaos ends, it leaves a manager behind.
			if err := house.StartManager(context.WithoutCancel(ctx)); err != nil {
				t.Errorf("starting the manager again: %v", err)
				return
			}
		}
	})
}

// pause ends the killing, for now. The manager runs afterwards.
func (c *chaos) pause(t *testing.T) {
	t.Helper()
	c.stop()
	c.done.Wait()
}

// pauseBetween lets the manager live for a moment, from before it has started its controllers to well into their work.
func (c *chaos) pauseBetween(ctx context.Context) bool {
	timer := time.NewTimer(time.Duration(c.random.Int64N(int64(3 * time.Second))))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// killAWorker kills one running worker, of a recording of which none was killed yet: its next attempt waits longer each time.
func (c *chaos) killAWorker(ctx context.Context) error {
	var pods corev1.PodList
	if err := house.api.List(ctx, &pods, client.InNamespace(stage.Namespace)); err != nil {
		return err
	}
	for _, pod := range pods.Items {
		uid := pod.Labels[v1alpha1.LabelRecordingUID]
		if uid == "" || c.workers[uid] || len(pod.Status.ContainerStatuses) == 0 || pod.Status.ContainerStatuses[0].State.Running == nil {
			continue
		}
		pid, err := strconv.Atoi(strings.TrimPrefix(pod.Status.ContainerStatuses[0].ContainerID, "process://"))
		if err != nil {
			return err
		}
		c.workers[uid] = true
		if err := syscall.Kill(-pid, syscall.SIGKILL); err != syscall.ESRCH {
			return err
		}
	}
	return nil
}
