// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/policy"
	"github.com/reelkeeper/reelkeeper/internal/purgeguard"
	"github.com/reelkeeper/reelkeeper/internal/stores"
)

// noon is when the pure tests happen.
var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

// seen builds an observation of a recording that waits for an upload, in a store that is ready, and changes it.
func seen(changes ...func(*observation)) *observation {
	o := &observation{
		now: noon,
		recording: &v1alpha1.MeetingRecording{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: "finance", Name: "q3-review", UID: "uid-1", Generation: 1, ResourceVersion: "7",
				CreationTimestamp: metav1.NewTime(noon.Add(-time.Hour)), Finalizers: []string{v1alpha1.FinalizerMedia},
			},
			Spec: v1alpha1.MeetingRecordingSpec{
				Meeting: v1alpha1.MeetingFacts{ID: "872-114", Creator: "alice@example.com"},
				Source:  v1alpha1.MediaSource{Upload: &v1alpha1.UploadSource{}},
			},
		},
		rules: policy.Resolve(policy.Input{}),
		purge: purgeguard.Answer{Allowed: true},
		link:  "https://recordings.example.com/r/finance/q3-review",
		store: storeView{open: &stores.Store{Object: &v1alpha1.RecordingStore{
			ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.DefaultStore},
			Spec:       v1alpha1.RecordingStoreSpec{AllowedNamespaces: &metav1.LabelSelector{}},
		}}},
	}
	for _, change := range changes {
		change(o)
	}
	o.stage = stageOf(o.recording)
	return o
}

// The changes, named by what they make of the observation.

func withPolicy(rules v1alpha1.PolicyRules) func(*observation) {
	return func(o *observation) {
		o.rules = policy.Resolve(policy.Input{Policies: []v1alpha1.RecordingPolicy{{
			ObjectMeta: metav1.ObjectMeta{Namespace: "finance", Name: "rules"},
			Spec:       v1alpha1.RecordingPolicySpec{PolicyRules: rules},
		}}})
	}
}

func withRetention(rules v1alpha1.RetentionRules) func(*observation) {
	return withPolicy(v1alpha1.PolicyRules{Retention: rules})
}

func imported(o *observation) {
	o.recording.Spec.Source = v1alpha1.MediaSource{Object: &v1alpha1.ObjectSource{Bucket: "imports", Key: "a.mp4"}}
	o.store.open.Object.Spec.Intake.Imports = []v1alpha1.ImportBucket{{Bucket: "imports", Namespaces: &metav1.LabelSelector{}}}
}

func arrived(size int64) func(*observation) {
	return func(o *observation) { o.raw = objectView{looked: true, found: true, size: size} }
}

func notArrived(o *observation) { o.raw = objectView{looked: true} }

func offered(o *observation) {
	o.upload = uploadView{found: true, validUntil: noon.Add(20 * time.Hour), deadline: noon.Add(6 * day)}
	withReady(v1alpha1.ReasonUploading)(o)
}

func withReady(reason string) func(*observation) {
	return func(o *observation) {
		status := metav1.ConditionFalse
		if reason == v1alpha1.ReasonAvailable {
			status = metav1.ConditionTrue
		}
		o.recording.Status.Conditions = []metav1.Condition{{
			Type: v1alpha1.ConditionReady, Status: status, Reason: reason, LastTransitionTime: metav1.NewTime(noon.Add(-time.Hour)),
		}}
	}
}

func withAttempts(attempts ...attempt) func(*observation) {
	return func(o *observation) {
		o.attempts = attempts
		for _, a := range attempts {
			o.highest = max(o.highest, a.number)
		}
	}
}

func runningFor(d time.Duration) attempt {
	return attempt{number: 1, outcome: running, armed: true, started: noon.Add(-d)}
}

func failedAt(number int, ago time.Duration) attempt {
	return attempt{
		number: number, outcome: failed, armed: true, started: noon.Add(-ago - time.Minute), finished: noon.Add(-ago),
		failure: failure{reason: "StorageError", message: "the store did not answer"},
	}
}

func processed(o *observation) {
	o.result = &result{
		attempt: 1, bucket: "recordings-finance", mediaKey: "media/finance/uid-1/1.mp4", manifestKey: "manifests/finance/uid-1/1.json",
		facts: v1alpha1.MediaFacts{Duration: "60s", Bytes: 1000, SHA256: digest},
	}
}

const digest = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// availableSince makes the recording what a pass at that time left behind.
func availableSince(ago time.Duration) func(*observation) {
	return func(o *observation) {
		now := o.now
		processed(o)
		o.stage, o.now = incoming, now.Add(-ago)
		o.recording.Status = *decideFinished(o).status
		o.result, o.now = nil, now
	}
}

func wantedActive(o *observation) { o.recording.Spec.State = v1alpha1.StateActive }

func trashRequested(o *observation) { o.recording.Spec.State = v1alpha1.StateTrashed }

// trashedSince does so for a recording that had been available for a day when it went to the trash.
func trashedSince(ago time.Duration) func(*observation) {
	return func(o *observation) {
		availableSince(ago + day)(o)
		trashRequested(o)
		now := o.now
		o.stage, o.now = kept, now.Add(-ago)
		o.recording.Status = *decideTrash(o).status
		o.now = now
	}
}

// expiredSince makes it what a recording is that has expired while nobody had said anything, after 180 days.
func expiredSince(ago time.Duration) func(*observation) {
	return func(o *observation) {
		availableSince(ago + 180*day)(o)
		now := o.now
		o.stage, o.now = kept, now.Add(-ago)
		o.recording.Status = *decideExpiry(o).status
		o.now = now
	}
}

func held(o *observation) {
	o.recording.Spec.Holds = []v1alpha1.LegalHold{{Name: "case-2026-14"}}
}

// wishing makes the recording ask for a time to live of its own.
func wishing(ttl v1alpha1.DurationOrNever) func(*observation) {
	return func(o *observation) { o.recording.Spec.Retention.ExpireAfter = ttl }
}

func watchedAgo(ago time.Duration) func(*observation) {
	return func(o *observation) { o.watched = noon.Add(-ago) }
}

// lockingStore gives the recording a store whose buckets lock.
func lockingStore(mode v1alpha1.ObjectLockMode) func(*observation) {
	return func(o *observation) {
		o.store.open.Object.Spec.Buckets.ObjectLock = mode
		o.store.open.Object.Status.Capabilities = []v1alpha1.StoreCapability{v1alpha1.CapabilityObjectLock}
	}
}

func unlocked(o *observation) {
	o.recording.Annotations = map[string]string{v1alpha1.AnnotationBypassLock: "ordered by the court"}
}

func erasureAsked(o *observation) {
	o.recording.Spec.Erasure = v1alpha1.ErasureRequest{Reason: "request 2026-77"}
}

// guarded makes the purge guard refuse.
func guarded(again time.Time) func(*observation) {
	return func(o *observation) { o.purge = purgeguard.Answer{Again: again} }
}

func deletedAgo(ago time.Duration) func(*observation) {
	return func(o *observation) {
		when := metav1.NewTime(noon.Add(-ago))
		o.recording.DeletionTimestamp = &when
	}
}

func quantity(s string) *resource.Quantity { return new(resource.MustParse(s)) }
