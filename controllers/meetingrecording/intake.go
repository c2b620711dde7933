// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

const (
	// uploadFor is how long presigned URLs are valid. They are renewed at half of it, so that whoever reads the Secret always
	// has twelve hours to begin.
	uploadFor = 24 * time.Hour
	// uploadPatience is how long an upload is waited for.
	uploadPatience = 7 * 24 * time.Hour

	// An arrival is noticed by asking, because bucket notifications are not to be had everywhere: every second at first, when
	// somebody probably sits in front of it, then whenever a tenth of the time waited has passed again, and from the first hour
	// on every five minutes. 10,000 recordings that wait are then 33 looks a second.
	soonestPoll = time.Second
	latestPoll  = 5 * time.Minute
	pollShare   = 10

	// foreignPoll is how often a Secret that is in the way is looked for again: mostly it belongs to an earlier recording of the
	// same name, whose garbage is just being collected.
	foreignPoll = 5 * time.Second
	// roomPoll is how often a recording looks for room in its namespace's quota. It costs a sum over the cache and no request.
	roomPoll = 30 * time.Second
)

// decideIncoming leads a recording from its creation to the end of processing.
func decideIncoming(o *observation) decision {
	if o.inTrash() {
		// It was in the trash before it had any media, and somebody took it back.
		return decideUnshelved(o)
	}
	if job := o.running(); job != nil {
		return decideRunning(o, job)
	}
	if o.result != nil {
		return decideFinished(o)
	}
	if what := closedGate(o); what.found() {
		return decideGated(o, what)
	}
	if job := o.newestAttempt(); job != nil {
		return decideFailed(o, job)
	}
	return decideArrival(o)
}

// closedGate says what, outside the recording, keeps it from coming in. Each check is named by what it finds wrong.
func closedGate(o *observation) problem {
	for _, check := range []func(*observation) problem{storeUnusable, namespaceNotAllowed, recordingDisabled, quotaUsedUp, importNotAllowed, urlNotAllowed, credentialsMissing} {
		if what := check(o); what.found() {
			return what
		}
	}
	return problem{}
}

func storeUnusable(o *observation) problem { return o.store.problem }

func namespaceNotAllowed(o *observation) problem {
	allowed, err := o.store.open.Allows(o.store.labels)
	if err != nil {
		return problem{v1alpha1.ReasonStoreNotReady, err.Error()}
	}
	if !allowed {
		return problem{v1alpha1.ReasonNamespaceNotAllowed, fmt.Sprintf(
			"RecordingStore %s is not open to namespace %s: ask its owner, or label the namespace as the store's spec.allowedNamespaces asks",
			o.recording.StoreName(), o.recording.Namespace)}
	}
	return problem{}
}

func recordingDisabled(o *observation) problem {
	mode := o.rules.Recording.Mode
	if mode.Value != v1alpha1.ModeDisabled {
		return problem{}
	}
	return problem{v1alpha1.ReasonRecordingDisabled, fmt.Sprintf("Recording is switched off by %s: ask who owns it", mode.Source())}
}

func importNotAllowed(o *observation) problem {
	from := o.recording.Spec.Source.Object
	if from == nil {
		return problem{}
	}
	if isPath(from.Key) {
		return problem{v1alpha1.ReasonImportNotAllowed,
			"The key has a part that is . or .., which some object stores take for a path out of the bucket: give the object another key, and make a new MeetingRecording"}
	}
	allowed, err := o.store.open.AllowsImport(from.Bucket, o.store.labels)
	if err != nil {
		return problem{v1alpha1.ReasonStoreNotReady, err.Error()}
	}
	if !allowed {
		return problem{v1alpha1.ReasonImportNotAllowed, fmt.Sprintf(
			"RecordingStore %s does not let namespace %s import from bucket %s: ask its owner to add it to spec.intake.imports",
			o.recording.StoreName(), o.recording.Namespace, from.Bucket)}
	}
	return problem{}
}

// isPath says that a key could lead elsewhere where something on the way to the object store reads it as a path.
func isPath(key string) bool {
	return slices.ContainsFunc(strings.Split(key, "/"), func(part string) bool { return part == "." || part == ".." })
}

// decideGated waits for whoever keeps the gate. All of them are watched, except how full the namespace is, and Secrets of tenants.
func decideGated(o *observation, what problem) decision {
	d := decision{status: newStatus(o, waiting(what.reason, what.message))}
	switch what.reason {
	case v1alpha1.ReasonQuotaExceeded:
		d.look = roomPoll
	case v1alpha1.ReasonCredentialsNotFound:
		d.look = pollAfter(o.now.Sub(o.recording.CreationTimestamp.Time))
	}
	return d
}

// decideArrival waits for the media, or starts with it. No attempt has been made yet, or none is left.
func decideArrival(o *observation) decision {
	if what := unusable(o); what.found() {
		return decideHopeless(o, what)
	}
	if o.raw.found || fetches(o) {
		return decideStart(o)
	}
	if o.recording.Spec.Source.Object != nil {
		return decideSourceMissing(o)
	}
	return decideUpload(o)
}

// unusable says why what has arrived, or is announced, can never be processed, where no worker is needed to see it.
func unusable(o *observation) problem {
	limit := o.store.open.MaxSize()
	if upload := o.recording.Spec.Source.Upload; upload != nil && upload.Size != nil && upload.Size.Value() > limit {
		return tooLarge(o, upload.Size.Value(), limit)
	}
	switch {
	case !o.raw.found:
		return problem{}
	case o.raw.size == 0:
		return problem{v1alpha1.ReasonEmpty, "The recording that arrived has no bytes: make a new MeetingRecording and send the media again"}
	case o.raw.size > limit:
		return tooLarge(o, o.raw.size, limit)
	}
	return problem{}
}

func tooLarge(o *observation, size, limit int64) problem {
	return problem{v1alpha1.ReasonTooLarge, fmt.Sprintf(
		"The recording has %s and RecordingStore %s takes at most %s: have spec.intake.maxSize raised, then make a new MeetingRecording, or record at a lower quality",
		inBytes(size), o.recording.StoreName(), inBytes(limit))}
}

// decideUpload offers the presigned URLs and waits for whoever uses them.
func decideUpload(o *observation) decision {
	name := uploadSecretName(o.recording.Name)
	if o.upload.foreign {
		return decision{look: foreignPoll, status: newStatus(o, waiting(v1alpha1.ReasonPending, fmt.Sprintf(
			"Secret %s is needed to say where to send the media, and belongs to something else: delete it, or give the recording another name", name)))}
	}
	if o.upload.found && !o.upload.deadline.IsZero() && !o.now.Before(o.upload.deadline) {
		return decideHopeless(o, problem{v1alpha1.ReasonUploadExpired, fmt.Sprintf(
			"Nobody sent the media within %s: make a new MeetingRecording and send it, or delete this one", inDays(uploadPatience))})
	}
	d := decision{look: soonestPoll}
	if !o.upload.found || renewalDue(o) {
		d.steps = []step{offerUpload}
	} else {
		waited := o.now.Sub(o.upload.deadline.Add(-uploadPatience))
		d.look = min(pollAfter(waited), until(o.upload.deadline, o.now))
	}
	d.status = newStatus(o, waiting(v1alpha1.ReasonUploading, fmt.Sprintf("Waiting for the media: Secret %s says where to send it", name)))
	d.status.Upload.SecretRef.Name = name
	return d
}

func renewalDue(o *observation) bool {
	return o.upload.outdated || o.upload.deadline.IsZero() || o.now.After(o.upload.validUntil.Add(-uploadFor/2)) && o.upload.validUntil.Before(o.upload.deadline)
}

// decideSourceMissing waits for an object that may still come.
func decideSourceMissing(o *observation) decision {
	from := o.recording.Spec.Source.Object
	return decision{
		status: newStatus(o, waiting(v1alpha1.ReasonSourceNotFound, fmt.Sprintf(
			"There is no object %s in bucket %s: put it there, or make a new MeetingRecording with the right key", from.Key, from.Bucket))),
		look: pollAfter(o.now.Sub(o.recording.CreationTimestamp.Time)),
	}
}

// decideHopeless ends a recording that can never become available. What was sent stays until somebody deletes the recording.
func decideHopeless(o *observation, what problem) decision {
	return decision{steps: withdrawal(o), status: newStalledStatus(o, what), after: []step{removeJobs}}
}

// withdrawal ends the offer to upload, where there was one.
func withdrawal(o *observation) []step {
	if o.recording.Spec.Source.Upload == nil {
		return nil
	}
	return []step{withdrawUpload}
}

// decideStalled cleans up after an ending that was interrupted, and otherwise lets the status stand.
func decideStalled(o *observation) decision {
	d := decision{status: o.recording.Status.DeepCopy()}
	d.status.ObservedGeneration = o.recording.Generation
	for i := range d.status.Conditions {
		d.status.Conditions[i].ObservedGeneration = o.recording.Generation
	}
	if len(o.attempts) > 0 {
		d.after = []step{removeJobs}
	}
	return d
}

// pollAfter is how long to wait before looking again after having waited this long.
func pollAfter(waited time.Duration) time.Duration {
	return min(max(waited/pollShare, soonestPoll), latestPoll)
}

// uploadSecretName is the Secret with the presigned URLs of the recording with this name.
func uploadSecretName(recording string) string { return shorten(recording, uploadSuffix) }

const uploadSuffix = "-upload"

func hasFinalizer(object client.Object) bool {
	return slices.Contains(object.GetFinalizers(), v1alpha1.FinalizerMedia)
}

// inBytes prints a size as quantities are written in specs.
func inBytes(n int64) string { return resource.NewQuantity(n, resource.BinarySI).String() }

func inDays(d time.Duration) string { return fmt.Sprintf("%d days", int(d/(24*time.Hour))) }
