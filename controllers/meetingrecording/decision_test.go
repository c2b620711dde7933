// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/quota"
)

// outline is what the tables compare of a decision.
type outline struct {
	Steps, After []step
	// Ready is the reason that people see; empty where the status is left alone.
	Ready string
	// Stalled says that kstatus reports a failure.
	Stalled bool
	// Look is how soon the recording is looked at again, be it because the outside world is asked or because a date comes.
	Look time.Duration
}

func outlineOf(d decision) outline {
	result := outline{Steps: d.steps, After: d.after, Look: d.look}
	if !d.wake.IsZero() {
		result.Look = d.wake.Sub(noon)
	}
	if d.status != nil {
		result.Ready, result.Stalled = readyReason(d.status), isStalled(d.status)
	}
	return result
}

type decisionCases map[string]struct {
	seen *observation
	want outline
}

func (cases decisionCases) run(t *testing.T) {
	t.Helper()
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := decide(tc.seen)
			if diff := cmp.Diff(tc.want, outlineOf(got)); diff != "" {
				t.Errorf("decision (-want +got):\n%s", diff)
			}
			checkStatusRules(t, tc.seen, &got)
		})
	}
}

func TestIntake(t *testing.T) {
	startUpload := []step{withdrawUpload, recordUploaded, startJob, armJob}
	decisionCases{
		"an upload that nobody was told of is offered": {
			seen(notArrived), outline{Steps: []step{offerUpload}, Ready: v1alpha1.ReasonUploading, Look: soonestPoll},
		},
		"an offered upload is looked for, less often the longer it takes": {
			seen(notArrived, offered), outline{Ready: v1alpha1.ReasonUploading, Look: latestPoll},
		},
		"URLs are renewed at half their life": {
			seen(notArrived, offered, func(o *observation) { o.upload.validUntil = noon.Add(uploadFor/2 - time.Second) }),
			outline{Steps: []step{offerUpload}, Ready: v1alpha1.ReasonUploading, Look: soonestPoll},
		},
		"an upload that does not come within seven days ends": {
			seen(notArrived, offered, func(o *observation) { o.upload.deadline = noon }),
			outline{Steps: []step{withdrawUpload}, After: []step{removeJobs}, Ready: v1alpha1.ReasonUploadExpired, Stalled: true},
		},
		"a Secret that belongs to something else is left alone": {
			seen(notArrived, func(o *observation) { o.upload = uploadView{found: true, foreign: true} }),
			outline{Ready: v1alpha1.ReasonPending, Look: foreignPoll},
		},
		"an upload that was announced and arrived starts a Job and writes no status": {
			seen(offered, arrived(1000)), outline{Steps: startUpload, Look: showAfter},
		},
		"an upload that arrived before anybody was told shows as processing": {
			seen(arrived(1000)), outline{Steps: startUpload, Ready: v1alpha1.ReasonProcessing, Look: showAfter},
		},
		"an imported object starts a Job at once": {
			seen(imported, arrived(1000)),
			outline{Steps: []step{recordUploaded, startJob, armJob}, Ready: v1alpha1.ReasonProcessing, Look: showAfter},
		},
		"an object that is not there is waited for": {
			seen(imported, notArrived), outline{Ready: v1alpha1.ReasonSourceNotFound, Look: latestPoll},
		},
		"an upload without bytes ends without a Job": {
			seen(offered, arrived(0)),
			outline{Steps: []step{withdrawUpload}, After: []step{removeJobs}, Ready: v1alpha1.ReasonEmpty, Stalled: true},
		},
		"an upload over the store's limit ends without a Job": {
			seen(offered, arrived(2001), func(o *observation) { o.store.open.Object.Spec.Intake.MaxSize = quantity("2k") }),
			outline{Steps: []step{withdrawUpload}, After: []step{removeJobs}, Ready: v1alpha1.ReasonTooLarge, Stalled: true},
		},
		"an upload that is announced to be over the limit is not waited for": {
			seen(notArrived, func(o *observation) {
				o.recording.Spec.Source.Upload = &v1alpha1.UploadSource{Method: v1alpha1.UploadMultipart, Size: quantity("51Gi")}
			}),
			outline{Steps: []step{withdrawUpload}, After: []step{removeJobs}, Ready: v1alpha1.ReasonTooLarge, Stalled: true},
		},
		"a recording without the finalizer gets it first": {
			seen(notArrived, func(o *observation) { o.recording.Finalizers = nil }),
			outline{Steps: []step{addFinalizer, offerUpload}, Ready: v1alpha1.ReasonUploading, Look: soonestPoll},
		},
		"an old view is not acted upon": {
			seen(arrived(1000), func(o *observation) { o.stale = true }), outline{},
		},
	}.run(t)
}

func TestClosedGates(t *testing.T) {
	closedStore := func(reason string) func(*observation) {
		return func(o *observation) { o.store = storeView{problem: problem{reason, "why"}} }
	}
	decisionCases{
		"no such store":   {seen(closedStore(v1alpha1.ReasonStoreNotFound)), outline{Ready: v1alpha1.ReasonStoreNotFound}},
		"store not ready": {seen(closedStore(v1alpha1.ReasonStoreNotReady)), outline{Ready: v1alpha1.ReasonStoreNotReady}},
		"store not open to the namespace": {
			seen(arrived(1000), func(o *observation) {
				o.store.open.Object.Spec.AllowedNamespaces = &metav1.LabelSelector{MatchLabels: map[string]string{"recordings": "yes"}}
			}), outline{Ready: v1alpha1.ReasonNamespaceNotAllowed},
		},
		"R1 a policy that switches recording off keeps recordings out": {
			seen(arrived(1000), withPolicy(v1alpha1.PolicyRules{Recording: v1alpha1.RecordingRules{Mode: v1alpha1.ModeDisabled}})),
			outline{Ready: v1alpha1.ReasonRecordingDisabled},
		},
		"the namespace's quota is used up": {
			seen(arrived(1000), func(o *observation) {
				o.store.room, o.store.open.Object.Spec.Quota.PerNamespace = quota.Answer{Taken: 1000}, quantity("1k")
			}), outline{Ready: v1alpha1.ReasonQuotaExceeded, Look: roomPoll},
		},
		"a bucket that may not be imported from": {
			seen(imported, func(o *observation) { o.store.open.Object.Spec.Intake.Imports = nil }), outline{Ready: v1alpha1.ReasonImportNotAllowed},
		},
		"what is processed already comes through every gate": {
			seen(processed, withPolicy(v1alpha1.PolicyRules{Recording: v1alpha1.RecordingRules{Mode: v1alpha1.ModeDisabled}})),
			outline{
				Steps: []step{withdrawUpload, recordProcessed, clearStaging, clearOtherAttempts}, After: []step{removeJobs},
				Ready: v1alpha1.ReasonAvailable, Look: 180 * day,
			},
		},
	}.run(t)
}

func TestProcessing(t *testing.T) {
	terminal := failedAt(1, time.Second)
	terminal.failure = failure{reason: v1alpha1.ReasonNotAVideo, message: "This is a picture.", terminal: true}
	unarmed := runningFor(time.Second)
	unarmed.armed = false
	queued := attempt{number: 1, outcome: running, armed: true}
	decisionCases{
		"a short Job shows nothing": {
			seen(offered, withAttempts(runningFor(4*time.Second))), outline{Look: 6 * time.Second},
		},
		"a long Job shows itself": {
			seen(offered, withAttempts(runningFor(showAfter))), outline{Ready: v1alpha1.ReasonProcessing, Look: showEvery},
		},
		"progress is shown every thirty seconds": {
			seen(withReady(v1alpha1.ReasonProcessing), withAttempts(runningFor(time.Minute)), func(o *observation) {
				o.progress, o.progressWritten = "40%", noon.Add(-10*time.Second)
			}), outline{Look: 20 * time.Second},
		},
		"a Job whose Secret is missing gets it": {
			seen(offered, arrived(1000), withAttempts(unarmed)), outline{Steps: []step{armJob}, Look: 9 * time.Second},
		},
		"a Job that is queued is waited for": {
			seen(imported, withReady(v1alpha1.ReasonPending), withAttempts(queued)), outline{Ready: v1alpha1.ReasonProcessing},
		},
		"a failed attempt is waited after": {
			seen(arrived(1000), withAttempts(failedAt(1, time.Second))), outline{Ready: v1alpha1.ReasonProcessing, Look: 9 * time.Second},
		},
		"the wait grows": {
			seen(arrived(1000), withAttempts(failedAt(1, time.Hour), failedAt(2, time.Second))),
			outline{Ready: v1alpha1.ReasonProcessing, Look: 39 * time.Second},
		},
		"after it, the next attempt starts": {
			seen(withReady(v1alpha1.ReasonProcessing), arrived(1000), withAttempts(failedAt(1, firstBackoff))),
			outline{Steps: []step{withdrawUpload, startJob, armJob}, Look: showAfter},
		},
		"the fifth failure is the last": {
			seen(arrived(1000), withAttempts(failedAt(1, 5*time.Hour), failedAt(2, 4*time.Hour), failedAt(3, 3*time.Hour), failedAt(4, 2*time.Hour), failedAt(5, time.Hour))),
			outline{Steps: []step{withdrawUpload}, After: []step{removeJobs}, Ready: v1alpha1.ReasonFailed, Stalled: true},
		},
		"media that can never work is not tried again": {
			seen(arrived(1000), withAttempts(terminal)),
			outline{Steps: []step{withdrawUpload}, After: []step{removeJobs}, Ready: v1alpha1.ReasonNotAVideo, Stalled: true},
		},
		"a worker that failed after its manifest was written has succeeded": {
			seen(arrived(1000), processed, withAttempts(terminal)),
			outline{
				Steps: []step{withdrawUpload, recordProcessed, clearStaging, clearOtherAttempts}, After: []step{removeJobs},
				Ready: v1alpha1.ReasonAvailable, Look: 180 * day,
			},
		},
	}.run(t)
}

func TestAttemptNumbersAreNeverUsedTwice(t *testing.T) {
	got := decide(seen(offered, arrived(1000), func(o *observation) { o.highest = 3 }))
	if got.attempt != 4 {
		t.Errorf("attempt = %d, want 4: objects of attempt 3 are in the bucket", got.attempt)
	}
}

func TestStalledRecordingsDoNotLoop(t *testing.T) {
	o := seen(offered, arrived(0))
	o.recording.Status = *decide(o).status
	again := seen(func(next *observation) { next.recording = o.recording })
	if diff := cmp.Diff(outline{Ready: v1alpha1.ReasonEmpty, Stalled: true}, outlineOf(decide(again))); diff != "" {
		t.Errorf("second decision (-want +got):\n%s", diff)
	}
	if !sameStatus(&o.recording.Status, decide(again).status) {
		t.Error("the second decision writes the status again")
	}
}

func TestLife(t *testing.T) {
	decisionCases{
		"R24 an available recording waits for its expiry": {
			seen(availableSince(day)), outline{Ready: v1alpha1.ReasonAvailable, Look: 179 * day},
		},
		"R24 and expires exactly then": {
			seen(availableSince(180 * day)), outline{Steps: []step{recordExpired}, Ready: v1alpha1.ReasonTrashed, Look: 30 * day},
		},
		"R24 where somebody has said Active, that is taken back first": {
			seen(availableSince(180*day), wantedActive), outline{Steps: []step{recordExpired, expire}},
		},
		"never a moment early": {
			seen(availableSince(180*day - time.Second)), outline{Ready: v1alpha1.ReasonAvailable, Look: time.Second},
		},
		"a recording that never expires waits for nothing": {
			seen(withRetention(v1alpha1.RetentionRules{ExpireAfter: v1alpha1.Never}), availableSince(day)), outline{Ready: v1alpha1.ReasonAvailable},
		},
		"R27 a hold beats the expiry": {
			seen(availableSince(200*day), held), outline{Steps: []step{recordHolds}, Ready: v1alpha1.ReasonAvailable},
		},
		"R27 a lock beats the expiry": {
			seen(withRetention(v1alpha1.RetentionRules{ExpireAfter: "1d", Lock: v1alpha1.RetentionLock{Mode: v1alpha1.LockGovernance, For: "30d"}}),
				availableSince(2*day)), outline{Ready: v1alpha1.ReasonAvailable, Look: 28 * day},
		},
		"R25 trash is the end of the link and the beginning of a wait": {
			seen(availableSince(day), trashRequested), outline{Steps: []step{recordTrashed}, Ready: v1alpha1.ReasonTrashed, Look: 30 * day},
		},
		"R26 the trash is purged exactly when it ends": {
			seen(trashedSince(30 * day)), outline{Steps: []step{deleteObject}},
		},
		"R26 unless the purge guard has stopped it": {
			seen(trashedSince(31*day), guarded(time.Time{})), outline{Ready: v1alpha1.ReasonTrashed},
		},
		"R26 or wants to be asked again": {
			seen(trashedSince(31*day), guarded(noon.Add(time.Hour))), outline{Ready: v1alpha1.ReasonTrashed, Look: time.Hour},
		},
		"R25 what the purge guard keeps can be taken back": {
			seen(trashedSince(31*day), guarded(time.Time{}), wantedActive),
			outline{Steps: []step{recordRestored}, Ready: v1alpha1.ReasonAvailable, Look: 180 * day},
		},
		"R25 what has expired stays in the trash as long as nobody says Active": {
			seen(expiredSince(10 * day)), outline{Ready: v1alpha1.ReasonTrashed, Look: 20 * day},
		},
		"R25 also where somebody says Trashed": {
			seen(expiredSince(10*day), trashRequested), outline{Ready: v1alpha1.ReasonTrashed, Look: 20 * day},
		},
		"R25 whoever says so takes it back": {
			seen(expiredSince(10*day), wantedActive), outline{Steps: []step{recordRestored}, Ready: v1alpha1.ReasonAvailable, Look: 180 * day},
		},
		"R26 and what has expired is purged as any other": {
			seen(expiredSince(30 * day)), outline{Steps: []step{deleteObject}},
		},
		"R25 the trash of an earlier release names no cause, and is what spec.state says": {
			seen(trashedSince(10*day), func(o *observation) { o.recording.Status.TrashCause = "" }), outline{Ready: v1alpha1.ReasonTrashed, Look: 20 * day},
		},
		"and never a moment early": {
			seen(trashedSince(30*day - time.Second)), outline{Ready: v1alpha1.ReasonTrashed, Look: time.Second},
		},
		"R27 a hold beats the purge": {
			seen(trashedSince(31*day), held), outline{Steps: []step{recordHolds}, Ready: v1alpha1.ReasonTrashed},
		},
		"R25 a recording taken out of the trash is available again": {
			seen(trashedSince(10*day), wantedActive),
			outline{Steps: []step{recordRestored}, Ready: v1alpha1.ReasonAvailable, Look: 180 * day},
		},
		"a recording whose media is gone does not claim to be back": {
			seen(trashedSince(10*day), func(o *observation) {
				o.recording.Spec.State, o.mediaMissing = v1alpha1.StateActive, "media/finance/uid-1/1.mp4"
			}), outline{Ready: v1alpha1.ReasonMediaMissing, Look: latestPoll},
		},
		"Jobs that a crash left behind are removed": {
			seen(availableSince(day), withAttempts(attempt{number: 1, outcome: succeeded})),
			outline{After: []step{removeJobs}, Ready: v1alpha1.ReasonAvailable, Look: 179 * day},
		},
		"a recording that goes to the trash before it has media stops everything": {
			seen(offered, trashRequested, withAttempts(runningFor(time.Minute))),
			outline{Steps: []step{withdrawUpload, recordTrashed}, After: []step{removeJobs}, Ready: v1alpha1.ReasonTrashed, Look: 30 * day},
		},
	}.run(t)
}

func TestLeaving(t *testing.T) {
	withMedia := func(o *observation) {
		o.leftovers = leftovers{mediaKey: "media/finance/uid-1/1.mp4", manifestKey: "manifests/finance/uid-1/1.json"}
	}
	unreachable := func(o *observation) {
		o.store = storeView{problem: problem{v1alpha1.ReasonStoreNotFound, "There is no RecordingStore."}}
	}
	decisionCases{
		"nothing was stored": {
			seen(offered, deletedAgo(0)), outline{Steps: []step{withdrawUpload, discard, recordDeleted, releaseFinalizer}},
		},
		"a raw upload is kept for whoever deleted it by mistake": {
			seen(offered, deletedAgo(0), func(o *observation) { o.leftovers.rawKey = "staging/finance/uid-1/raw" }),
			outline{Steps: []step{withdrawUpload, bury, recordDeleted, releaseFinalizer}},
		},
		"a raw upload of no use is not": {
			seen(deletedAgo(0), func(o *observation) {
				o.leftovers.rawKey = "staging/finance/uid-1/raw"
				o.recording.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionStalled, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonEmpty}}
			}), outline{Steps: []step{withdrawUpload, discard, recordDeleted, releaseFinalizer}},
		},
		"R25 one that could not be processed as things were is": {
			seen(deletedAgo(0), func(o *observation) {
				o.leftovers.rawKey = "staging/finance/uid-1/raw"
				o.recording.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionStalled, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonFailed}}
			}), outline{Steps: []step{withdrawUpload, bury, recordDeleted, releaseFinalizer}},
		},
		"R25 deleted media goes to the trash of the bucket": {
			seen(availableSince(day), withMedia, deletedAgo(0)), outline{Steps: []step{withdrawUpload, bury, recordDeleted, releaseFinalizer}},
		},
		"R26 media whose time in the trash is over is purged": {
			seen(trashedSince(30*day), withMedia, deletedAgo(0)), outline{Steps: []step{purgeMedia, releaseFinalizer}},
		},
		"R26 nor is it by deleting what the purge guard keeps": {
			seen(trashedSince(31*day), withMedia, guarded(time.Time{}), deletedAgo(0)), outline{Steps: []step{withdrawUpload, bury, recordDeleted, releaseFinalizer}},
		},
		"R27 held media is never purged by a deletion": {
			seen(trashedSince(31*day), withMedia, held, deletedAgo(0)), outline{Steps: []step{recordHolds, withdrawUpload, bury, recordDeleted, releaseFinalizer}},
		},
		"running workers are waited for": {
			seen(deletedAgo(0), withAttempts(runningFor(time.Second))), outline{Steps: []step{removeJobs}},
		},
		"R27 a store that is gone keeps a recording that may have media": {
			seen(availableSince(day), unreachable, deletedAgo(0)), outline{Ready: v1alpha1.ReasonStoreNotFound},
		},
		"a store that never was keeps nothing": {
			seen(unreachable, deletedAgo(0)), outline{Steps: []step{releaseFinalizer}},
		},
		"an object without our finalizer is none of our business": {
			seen(deletedAgo(0), func(o *observation) { o.recording.Finalizers = nil }), outline{},
		},
	}.run(t)
}

func TestTombstoneDate(t *testing.T) {
	cases := map[string]struct {
		seen *observation
		want time.Time
	}{
		"from the deletion":                                {seen(availableSince(day), deletedAgo(time.Hour)), noon.Add(30*day - time.Hour)},
		"R25 not later for what was in the trash":          {seen(trashedSince(20*day), deletedAgo(0)), noon.Add(10 * day)},
		"R27 not before the lock ends":                     {seen(withRetention(v1alpha1.RetentionRules{TrashFor: "1d", Lock: v1alpha1.RetentionLock{Mode: v1alpha1.LockCompliance, For: "90d"}}), availableSince(0), deletedAgo(0)), noon.Add(90 * day)},
		"R27 a held recording has the date without it":     {seen(availableSince(day), held, deletedAgo(0)), noon.Add(30 * day)},
		"R25 none yet while a policy cannot be understood": {seen(withRetention(v1alpha1.RetentionRules{TrashFor: "1d", Lock: v1alpha1.RetentionLock{Mode: v1alpha1.LockCompliance, For: "ages"}}), availableSince(day), deletedAgo(time.Hour)), noon.Add(-time.Hour)},
		"the same after a crash and a night of reasons":    {seen(availableSince(day), deletedAgo(12*time.Hour)), noon.Add(30*day - 12*time.Hour)},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := tombstoneDate(tc.seen); !got.Equal(tc.want) {
				t.Errorf("tombstone date = %s, want %s", got, tc.want)
			}
		})
	}
}

func TestR24PolicyChangesRetimeWhatExists(t *testing.T) {
	before := seen(availableSince(day))
	after := seen(withRetention(v1alpha1.RetentionRules{ExpireAfter: "90d"}), func(o *observation) { o.recording = before.recording })
	d := decide(after)
	if want := noon.Add(89 * day); !d.status.ExpiresAt.Time.Equal(want) {
		t.Errorf("expiresAt = %s, want %s", d.status.ExpiresAt, want)
	}
	after.recording.Status = *d.status
	edited := seen(withPolicy(v1alpha1.PolicyRules{Retention: v1alpha1.RetentionRules{ExpireAfter: "90d", TrashFor: "1d"}, Watermark: v1alpha1.WatermarkViewer}),
		func(o *observation) { o.recording = after.recording })
	if d := decide(edited); !sameStatus(&after.recording.Status, d.status) {
		t.Errorf("a policy that changes where it moves no date writes the status (-before +after):\n%s", cmp.Diff(after.recording.Status, *d.status))
	}
}

func TestR27LocksAreNeverShortened(t *testing.T) {
	lock := func(d v1alpha1.Duration) func(*observation) {
		return withRetention(v1alpha1.RetentionRules{Lock: v1alpha1.RetentionLock{Mode: v1alpha1.LockGovernance, For: d}})
	}
	before := seen(lock("90d"), availableSince(day))
	d := decide(seen(lock("1d"), func(o *observation) { o.recording = before.recording }))
	if want := noon.Add(89 * day); !d.status.LockedUntil.Time.Equal(want) {
		t.Errorf("lockedUntil = %s, want %s", d.status.LockedUntil, want)
	}
}

func TestRestoredRecordingsStartAnew(t *testing.T) {
	d := decide(seen(trashedSince(10*day), func(o *observation) { o.recording.Spec.State = "" }))
	got := d.status
	if !got.AvailableAt.Time.Equal(noon) || !got.ExpiresAt.Time.Equal(noon.Add(180*day)) || !got.TrashedAt.IsZero() || got.TrashCause != "" || !got.PurgeAt.IsZero() {
		t.Errorf("dates after a restore: available %s, expires %s, trashed %s, purge %s", got.AvailableAt, got.ExpiresAt, got.TrashedAt, got.PurgeAt)
	}
}

func TestR27RestoringBeginsNoNewLock(t *testing.T) {
	lock := withRetention(v1alpha1.RetentionRules{Lock: v1alpha1.RetentionLock{Mode: v1alpha1.LockCompliance, For: "30d"}})
	o := seen(lock, trashedSince(10*day), func(o *observation) { o.recording.Spec.State = "" })
	first := o.recording.Status.AvailableAt
	for range 2 {
		d := decide(o)
		if got, want := d.status.LockedUntil.Time, first.Add(30*day); !got.Equal(want) {
			t.Errorf("after a restore it is locked until %s, want %s", got, want)
		}
		again := o.recording.DeepCopy()
		again.Status = *d.status
		again.Status.TrashedAt = stampOf(noon)
		o = seen(lock, func(o *observation) { o.recording = again })
	}
}

// The policies of a namespace that is being deleted go too, in no order that anybody knows.
func TestR25NothingGoesSoonerBecauseItsNamespaceTookThePolicyAlong(t *testing.T) {
	promised := withRetention(v1alpha1.RetentionRules{TrashFor: "90d"})
	before := seen(promised, trashedSince(40*day), trashRequested)
	before.recording.Status = *decide(before).status
	until := before.recording.Status.PurgeAt
	going := func(o *observation) { o.recording, o.namespace.going = before.recording.DeepCopy(), true }

	if d := decide(seen(going)); has(d, deleteObject) || !d.status.PurgeAt.Equal(&until) {
		t.Errorf("without the policy, %+v is done and it is purged at %s, want %s", d.steps, d.status.PurgeAt, until)
	}
	d := decide(seen(going, deletedAgo(0), func(o *observation) { o.leftovers.manifestKey = o.recording.Status.Storage.ManifestKey }))
	if has(d, purgeMedia) || !d.purgeAt.Equal(until.Time) {
		t.Errorf("deleted, %+v is done and its tombstone says %s, want %s", d.steps, d.purgeAt, until)
	}
	if d := decide(seen(going, func(o *observation) { o.namespace.going = false })); !has(d, deleteObject) {
		t.Errorf("where the policy alone is deleted, %+v is done", d.steps)
	}
}

func TestTakingAStalledRecordingOutOfTheTrashTriesAgain(t *testing.T) {
	o := seen(offered, arrived(0))
	o.recording.Status = *decide(o).status
	o = seen(func(next *observation) { next.recording = o.recording }, trashRequested)
	o.recording.Status = *decide(o).status
	o = seen(func(next *observation) { next.recording = o.recording; next.recording.Spec.State = "" })
	d := decide(o)
	if isStalled(d.status) || meta.FindStatusCondition(d.status.Conditions, v1alpha1.ConditionProcessed) != nil {
		t.Errorf("conditions after the restore remember the failure: %v", d.status.Conditions)
	}
	o.recording.Status = *d.status
	if again := decide(seen(func(next *observation) { next.recording = o.recording }, arrived(1000))); again.attempt != 1 {
		t.Errorf("no new attempt: %+v", outlineOf(again))
	}
}

// checkStatusRules are the rules that every status keeps, whatever the decision.
func checkStatusRules(t *testing.T, o *observation, d *decision) {
	t.Helper()
	if d.status == nil {
		return
	}
	status := d.status
	ready := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady)
	if ready == nil {
		t.Fatal("there is no Ready condition")
	}
	if status.ObservedGeneration != o.recording.Generation || ready.ObservedGeneration != o.recording.Generation {
		t.Error("observedGeneration is not the recording's")
	}
	if ready.Status == metav1.ConditionTrue && (ready.Reason != v1alpha1.ReasonAvailable || status.Link == "" || status.Storage.ManifestKey == "" || status.Media.Bytes == 0) {
		t.Errorf("Ready without all that it promises: %+v", status)
	}
	if ready.Status == metav1.ConditionTrue && isStalled(status) {
		t.Error("Ready and Stalled at once")
	}
	if !status.ExpiresAt.IsZero() && !status.PurgeAt.IsZero() {
		t.Error("expiresAt and purgeAt at once")
	}
	retained := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionRetained)
	if ready.Reason == v1alpha1.ReasonAvailable && retained == nil {
		t.Error("an available recording does not say which rule keeps it")
	}
	if status.TrashCause != "" && status.TrashedAt.IsZero() {
		t.Errorf("trashedAt %s, and trashCause %q", status.TrashedAt, status.TrashCause)
	}
	if status.ExpiresAt.IsZero() && meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionExpiring) != nil {
		t.Error("Expiring without a date")
	}
	for _, condition := range status.Conditions {
		if condition.Reason == "" || condition.LastTransitionTime.IsZero() {
			t.Errorf("condition %s lacks a reason or a time", condition.Type)
		}
		if len(condition.Message) > 32768 {
			t.Errorf("condition %s has a message of %d bytes", condition.Type, len(condition.Message))
		}
	}
}
