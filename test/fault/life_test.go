// SPDX-License-Identifier: Apache-2.0

package fault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/keys"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/stores"
)

// step is something that a person does or that time does, and where the recording is when it is dealt with.
type step struct {
	name string
	do   func(context.Context, *world) error
	// reached says whether that is so. The recording is nil when it is gone.
	reached func(context.Context, *world, *v1alpha1.MeetingRecording) (bool, error)
	// recorded are the audit events that belong to it.
	recorded []v1alpha1.AuditAction
	// hurried says that the next step may come before this one is dealt with.
	hurried bool
	// patient says that the step goes by what the recording, or its bucket, shows after the one before is dealt with.
	patient bool
}

// life is a sequence of steps, and the controllers that it takes besides that of recordings.
type life struct {
	name  string
	with  []string
	steps []step
	// failures is how many workers die at their work.
	failures int
	// ends is what must be left in the end.
	ends end
}

// end is how a recording may end.
type end string

const (
	kept   end = "kept"   // with its media
	gone   end = "gone"   // without a trace but its audit events
	buried end = "buried" // deleted, with its media and a tombstone
)

// lives are those that every fault strikes at every point of.
func lives() []life {
	return []life{
		{name: "upload", steps: []step{created(nil), sent(), trashed(), restored(), stripped()}, ends: kept},
		{name: "multipart", steps: []step{created(multipart), sentInParts()}, ends: kept},
		{name: "multipart given up", steps: []step{created(multipart), deleted()}, ends: gone},
		{name: "import", steps: []step{imported()}, ends: kept},
		{name: "workers die", steps: []step{created(nil), sent()}, failures: 2, ends: kept},
		{name: "expiry and purge", steps: []step{imported(), policyShortens(), expires(), purges()}, ends: gone},
		{name: "trashed before it arrives", steps: []step{created(nil), trashedUnseen(), deleted()}, ends: gone},
		{name: "delete", with: []string{"trash"}, steps: []step{imported(), deleted()}, ends: buried},
		{name: "delete and sweep", with: []string{"trash"}, steps: []step{imported(), deleted(), swept()}, ends: gone},
		{name: "fetch", steps: []step{fetched()}, ends: kept},
		{name: "delete and adopt", with: []string{"trash"}, steps: []step{imported(), deleted(), adopted(), unburied()}, ends: kept},
		{name: "recover", steps: []step{imported(), trashed(), restored(), lost(), adopted()}, ends: kept},
		{name: "hold", with: []string{"locks"}, steps: []step{imported(), held(), renewed(), released()}, ends: kept},
		{name: "erase", with: []string{"locks"}, steps: []step{imported(), allowErasure(), erased()}, ends: gone},
		{name: "damage", with: []string{"scrub"}, steps: []step{imported(), damaged(), mended()}, ends: kept},
		{name: "request", with: []string{"request", "grant"}, steps: []step{imported(), asked(), answered(), ended()}, ends: kept},
		{name: "store", with: []string{"store"}, steps: []step{storeReady(), abandoned()}, ends: gone},
		{name: "policies", with: []string{"policy"}, steps: []step{policiesAccepted()}, ends: gone},
		{name: "rotate", with: []string{"store", "keys"}, steps: []step{storeReady(), imported(), rotated(), retired()}, ends: kept},
		{name: "purges stop", with: []string{"guard"}, steps: []step{imported(), trashed(), stops(), approved()}, ends: gone},
		{name: "grant", with: []string{"grant"}, steps: []step{created(nil), granted(), revoked(), deleted()}, ends: gone},
		{name: "audit window", with: []string{"audit"}, steps: []step{imported(), audited()}, ends: kept},
	}
}

func created(change func(*v1alpha1.MeetingRecording)) step {
	return step{name: "create", do: func(ctx context.Context, w *world) error { return w.create(ctx, change) }, reached: ready(v1alpha1.ReasonUploading)}
}

func multipart(r *v1alpha1.MeetingRecording) {
	size := resource.MustParse("1Mi")
	r.Spec.Source.Upload = &v1alpha1.UploadSource{Method: v1alpha1.UploadMultipart, Size: &size}
}

func imported() step {
	return step{
		name: "import",
		do: func(ctx context.Context, w *world) error {
			if _, err := w.objects.EnsureBucket(ctx, w.imports(), objectstore.BucketOptions{}); err != nil {
				return err
			}
			if _, err := w.objects.Put(ctx, w.imports(), "q3.mp4", bytes.NewReader(w.raw), int64(len(w.raw)), objectstore.PutOptions{}); err != nil {
				return err
			}
			return w.create(ctx, func(r *v1alpha1.MeetingRecording) {
				r.Spec.Source = v1alpha1.MediaSource{Object: &v1alpha1.ObjectSource{Bucket: w.imports(), Key: "q3.mp4"}}
			})
		},
		reached:  ready(v1alpha1.ReasonAvailable),
		recorded: []v1alpha1.AuditAction{v1alpha1.AuditUploaded, v1alpha1.AuditProcessed},
	}
}

func fetched() step {
	return step{
		name: "fetch",
		do: func(ctx context.Context, w *world) error {
			return w.create(ctx, func(r *v1alpha1.MeetingRecording) {
				r.Spec.Source = v1alpha1.MediaSource{URL: &v1alpha1.URLSource{URL: "https://" + elsewhereHost + "/q3.mp4"}}
			})
		},
		reached:  ready(v1alpha1.ReasonAvailable),
		recorded: []v1alpha1.AuditAction{v1alpha1.AuditUploaded, v1alpha1.AuditProcessed},
	}
}

func sent() step {
	return step{
		name:     "send",
		do:       func(ctx context.Context, w *world) error { return w.send(ctx, "url") },
		reached:  ready(v1alpha1.ReasonAvailable),
		recorded: []v1alpha1.AuditAction{v1alpha1.AuditUploaded, v1alpha1.AuditProcessed},
	}
}

func sentInParts() step {
	return step{
		name: "send in parts", do: func(ctx context.Context, w *world) error { return w.sendInParts(ctx) }, reached: ready(v1alpha1.ReasonAvailable),
		recorded: []v1alpha1.AuditAction{v1alpha1.AuditUploaded, v1alpha1.AuditProcessed},
	}
}

func trashed() step {
	return step{name: "trash", hurried: true, do: patch(`{"spec":{"state":"Trashed"}}`), reached: ready(v1alpha1.ReasonTrashed), recorded: []v1alpha1.AuditAction{v1alpha1.AuditTrashed}}
}

// trashedUnseen trashes what has not arrived: nothing is stored yet.
func trashedUnseen() step {
	s := trashed()
	s.name = "trash before it arrives"
	return s
}

func restored() step {
	return step{name: "restore", hurried: true, do: patch(`{"spec":{"state":"Active"}}`), reached: ready(v1alpha1.ReasonAvailable), recorded: []v1alpha1.AuditAction{v1alpha1.AuditRestored}}
}

// stripped takes the finalizer away, as a careless script does.
func stripped() step {
	return step{
		name: "strip the finalizer", do: patch(`{"metadata":{"finalizers":null}}`),
		reached: func(_ context.Context, _ *world, r *v1alpha1.MeetingRecording) (bool, error) {
			return r != nil && slices.Contains(r.Finalizers, v1alpha1.FinalizerMedia), nil
		},
	}
}

func policyShortens() step {
	const keep = 30 * day
	return step{
		name: "a policy shortens",
		do: func(ctx context.Context, w *world) error {
			policy := &v1alpha1.RecordingPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "short"}}
			policy.Spec.Retention.ExpireAfter = "30d"
			return w.admin.Create(ctx, policy)
		},
		reached: func(_ context.Context, _ *world, r *v1alpha1.MeetingRecording) (bool, error) {
			return r != nil && r.Status.ExpiresAt.Time.Equal(r.Status.AvailableAt.Add(keep)), nil
		},
	}
}

func expires() step {
	return step{
		name:     "time passes until it expires",
		patient:  true,
		do:       until(func(r *v1alpha1.MeetingRecording) metav1.Time { return r.Status.ExpiresAt }),
		reached:  ready(v1alpha1.ReasonTrashed),
		recorded: []v1alpha1.AuditAction{v1alpha1.AuditExpired, v1alpha1.AuditTrashed},
	}
}

func purges() step {
	return step{
		name:     "time passes until it is purged",
		patient:  true,
		do:       until(func(r *v1alpha1.MeetingRecording) metav1.Time { return r.Status.PurgeAt }),
		reached:  isGone,
		recorded: []v1alpha1.AuditAction{v1alpha1.AuditPurged},
	}
}

func deleted() step {
	return step{
		name: "delete",
		do: func(ctx context.Context, w *world) error {
			recording := &v1alpha1.MeetingRecording{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: recordingName}}
			return client.IgnoreNotFound(w.admin.Delete(ctx, recording))
		},
		reached: isGone, recorded: []v1alpha1.AuditAction{v1alpha1.AuditDeleted},
	}
}

func swept() step {
	return step{
		name: "time passes until the trash is emptied",
		do: func(_ context.Context, w *world) error {
			w.clock.Step(31 * day)
			return nil
		},
		reached: func(ctx context.Context, w *world, _ *v1alpha1.MeetingRecording) (bool, error) {
			keys, err := w.stored(ctx)
			return len(keys) == 0, err
		},
		recorded: []v1alpha1.AuditAction{v1alpha1.AuditPurged},
	}
}

func storeReady() step {
	return step{
		name: "set up the store", do: func(context.Context, *world) error { return nil },
		reached: func(ctx context.Context, w *world, _ *v1alpha1.MeetingRecording) (bool, error) {
			var store v1alpha1.RecordingStore
			err := w.admin.Get(ctx, client.ObjectKey{Name: w.namespace}, &store)
			return meta.IsStatusConditionTrue(store.Status.Conditions, v1alpha1.ConditionReady), err
		},
	}
}

// abandoned leaves an upload unfinished, and lets the time pass after which nobody can be at it any more.
func abandoned() step {
	return step{
		name: "time passes until an unfinished upload is discarded",
		do: func(ctx context.Context, w *world) error {
			_, err := w.objects.CreateMultipart(ctx, w.bucket(), objectstore.StagingRoot+w.namespace+"/uid-1/raw", "")
			w.clock.Step(9 * day)
			return err
		},
		reached: func(ctx context.Context, w *world, _ *v1alpha1.MeetingRecording) (bool, error) {
			for _, err := range w.objects.Uploads(ctx, w.bucket(), objectstore.StagingRoot) {
				return false, err
			}
			return true, nil
		},
	}
}

// rotated asks for a new key and waits until everything is wrapped with it.
func rotated() step {
	return step{
		name: "rotate the keys", do: changeStore(`{"spec":{"encryption":{"keyGeneration":2}}}`),
		reached: func(ctx context.Context, w *world, _ *v1alpha1.MeetingRecording) (bool, error) {
			var store v1alpha1.RecordingStore
			err := w.admin.Get(ctx, client.ObjectKey{Name: w.namespace}, &store)
			return store.Status.Keys.Generation == 2, err
		},
	}
}

// retired waits until the old key is gone from the keyset.
func retired() step {
	return step{
		name: "time passes until the old key is removed",
		do: func(_ context.Context, w *world) error {
			w.clock.Step(8 * day)
			return nil
		},
		reached: func(ctx context.Context, w *world, _ *v1alpha1.MeetingRecording) (bool, error) {
			var store v1alpha1.RecordingStore
			err := w.admin.Get(ctx, client.ObjectKey{Name: w.namespace}, &store)
			return len(store.Status.Keys.Keys) == 1, err
		},
	}
}

// stops lets the purge date come while the purge guard lets nothing pass.
func stops() step {
	return step{
		name: "time passes, and purges stop",
		do: func(ctx context.Context, w *world) error {
			if err := changeStore(`{"spec":{"purgeGuard":{"percentPerHour":1,"alwaysAllowed":0}}}`)(ctx, w); err != nil {
				return err
			}
			return purges().do(ctx, w)
		},
		reached: func(ctx context.Context, w *world, r *v1alpha1.MeetingRecording) (bool, error) {
			var store v1alpha1.RecordingStore
			err := w.admin.Get(ctx, client.ObjectKey{Name: w.namespace}, &store)
			return r != nil && meta.IsStatusConditionFalse(store.Status.Conditions, v1alpha1.ConditionPurgesAllowed), err
		},
		patient: true,
	}
}

// approved has a person let the purges go on.
func approved() step {
	return step{
		name: "approve the purges",
		do: func(ctx context.Context, w *world) error {
			return changeStore(fmt.Sprintf(`{"spec":{"purgeGuard":{"approvedUntil":%q}}}`, w.clock.Now().Add(day).UTC().Format(time.RFC3339)))(ctx, w)
		},
		reached: isGone, recorded: []v1alpha1.AuditAction{v1alpha1.AuditPurged},
	}
}

func changeStore(change string) func(context.Context, *world) error {
	return func(ctx context.Context, w *world) error {
		store := &v1alpha1.RecordingStore{ObjectMeta: metav1.ObjectMeta{Name: w.namespace}}
		return w.admin.Patch(ctx, store, client.RawPatch("application/merge-patch+json", []byte(change)))
	}
}

func policiesAccepted() step {
	return step{
		name: "apply policies",
		do: func(ctx context.Context, w *world) error {
			cluster := &v1alpha1.ClusterRecordingPolicy{ObjectMeta: metav1.ObjectMeta{Name: w.namespace}}
			// Only this plan's namespace: the others share the cluster.
			cluster.Spec.NamespaceSelector = &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: w.namespace}}
			cluster.Spec.Defaults.Retention.ExpireAfter = "90d"
			own := &v1alpha1.RecordingPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "own"}}
			own.Spec.Retention.ExpireAfter = "30d"
			return errors.Join(w.admin.Create(ctx, cluster), w.admin.Create(ctx, own))
		},
		reached: func(ctx context.Context, w *world, _ *v1alpha1.MeetingRecording) (bool, error) {
			var cluster v1alpha1.ClusterRecordingPolicy
			var own v1alpha1.RecordingPolicy
			err := errors.Join(w.admin.Get(ctx, client.ObjectKey{Name: w.namespace}, &cluster),
				w.admin.Get(ctx, client.ObjectKey{Namespace: w.namespace, Name: "own"}, &own))
			return meta.IsStatusConditionTrue(cluster.Status.Conditions, v1alpha1.ConditionReady) &&
				meta.IsStatusConditionTrue(own.Status.Conditions, v1alpha1.ConditionReady), err
		},
	}
}

func granted() step {
	return step{
		name: "grant",
		do: func(ctx context.Context, w *world) error {
			grant := &v1alpha1.AccessGrant{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: grantName}}
			grant.Spec.RecordingRef.Name = recordingName
			grant.Spec.Subjects = []v1alpha1.GrantSubject{{Kind: v1alpha1.SubjectUser, Name: "dave@example.com"}}
			grant.Spec.Permissions = []v1alpha1.Permission{v1alpha1.PermissionView}
			grant.Spec.ExpiresAt = metav1.NewTime(w.clock.Now().Add(5 * day))
			return w.admin.Create(ctx, grant)
		},
		reached: func(ctx context.Context, w *world, _ *v1alpha1.MeetingRecording) (bool, error) {
			var grant v1alpha1.AccessGrant
			err := w.admin.Get(ctx, client.ObjectKey{Namespace: w.namespace, Name: grantName}, &grant)
			return meta.IsStatusConditionTrue(grant.Status.Conditions, v1alpha1.ConditionReady), err
		},
		recorded: []v1alpha1.AuditAction{v1alpha1.AuditGranted},
	}
}

func revoked() step {
	return step{
		name: "revoke",
		do: func(ctx context.Context, w *world) error {
			return w.admin.Delete(ctx, &v1alpha1.AccessGrant{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: grantName}})
		},
		reached: func(ctx context.Context, w *world, _ *v1alpha1.MeetingRecording) (bool, error) {
			grants, err := w.grants(ctx)
			return len(grants) == 0, err
		},
		recorded: []v1alpha1.AuditAction{v1alpha1.AuditRevoked},
	}
}

// audited fills the namespace with more AuditEvents than it keeps.
func audited() step {
	s := trashed()
	s.do = func(ctx context.Context, w *world) error { return trashed().do(ctx, w) }
	reached := s.reached
	s.reached = func(ctx context.Context, w *world, r *v1alpha1.MeetingRecording) (bool, error) {
		counts, err := w.auditCounts(ctx)
		total := 0
		for _, n := range counts {
			total += n
		}
		there, _ := reached(ctx, w, r)
		return there && total == auditCount, err
	}
	return s
}

func patch(change string) func(context.Context, *world) error {
	return func(ctx context.Context, w *world) error {
		recording := &v1alpha1.MeetingRecording{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: recordingName}}
		return w.admin.Patch(ctx, recording, client.RawPatch("application/merge-patch+json", []byte(change)))
	}
}

// until steps the clock to a date that the recording shows.
func until(date func(*v1alpha1.MeetingRecording) metav1.Time) func(context.Context, *world) error {
	return func(_ context.Context, w *world) error {
		recording := w.recording()
		if recording == nil {
			return nil
		}
		if at := date(recording); at.After(w.clock.Now()) {
			w.clock.SetTime(at.Time)
		}
		return nil
	}
}

func ready(reason string) func(context.Context, *world, *v1alpha1.MeetingRecording) (bool, error) {
	return func(_ context.Context, _ *world, r *v1alpha1.MeetingRecording) (bool, error) {
		if r == nil {
			return false, nil
		}
		found := meta.FindStatusCondition(r.Status.Conditions, v1alpha1.ConditionReady)
		return found != nil && found.Reason == reason, nil
	}
}

func isGone(_ context.Context, _ *world, r *v1alpha1.MeetingRecording) (bool, error) {
	return r == nil, nil
}

func newRecording(namespace, store string) *v1alpha1.MeetingRecording {
	return &v1alpha1.MeetingRecording{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: recordingName},
		Spec: v1alpha1.MeetingRecordingSpec{
			Meeting:  v1alpha1.MeetingFacts{ID: "872-114", Title: "Q3 review", Creator: "alice@example.com"},
			Source:   v1alpha1.MediaSource{Upload: &v1alpha1.UploadSource{}},
			StoreRef: v1alpha1.StoreReference{Name: store},
		},
	}
}

func (w *world) create(ctx context.Context, change func(*v1alpha1.MeetingRecording)) error {
	recording := newRecording(w.namespace, w.namespace)
	if change != nil {
		change(recording)
	}
	return w.admin.Create(ctx, recording)
}

// readyStore writes what the store's controller would, where the life is not about that.
func (w *world) readyStore(ctx context.Context, store *v1alpha1.RecordingStore) error {
	keyset, err := keys.NewKeyset()
	if err != nil {
		return err
	}
	err = w.admin.Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: "kek-" + w.namespace},
		Data:       map[string][]byte{stores.KeysetKey: keyset},
	})
	if err != nil {
		return err
	}
	store.Status = v1alpha1.RecordingStoreStatus{
		Conditions:   []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonAvailable, LastTransitionTime: metav1.Now()}},
		Capabilities: []v1alpha1.StoreCapability{v1alpha1.CapabilityVersioning, v1alpha1.CapabilityChecksums, v1alpha1.CapabilityObjectLock},
	}
	return w.admin.Status().Update(ctx, store)
}

// offer reads the Secret that says where to send the media. A person waits for it.
func (w *world) offer(ctx context.Context) (map[string][]byte, error) {
	recording := w.recording()
	if recording == nil {
		return nil, errors.New("there is no recording to send anything for")
	}
	var secret corev1.Secret
	err := w.admin.Get(ctx, client.ObjectKey{Namespace: w.namespace, Name: recording.Status.Upload.SecretRef.Name}, &secret)
	return secret.Data, err
}

func (w *world) send(ctx context.Context, key string) error {
	offered, err := w.offer(ctx)
	if err != nil {
		return err
	}
	_, err = exchange(ctx, http.MethodPut, string(offered[key]), w.raw)
	return err
}

func (w *world) sendInParts(ctx context.Context) error {
	offered, err := w.offer(ctx)
	if err != nil {
		return err
	}
	first, _, _ := strings.Cut(string(offered["partURLs"]), "\n")
	etag, err := exchange(ctx, http.MethodPut, first, w.raw)
	if err != nil {
		return err
	}
	complete := fmt.Sprintf("<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>%s</ETag></Part></CompleteMultipartUpload>", etag)
	_, err = exchange(ctx, http.MethodPost, string(offered["completeURL"]), []byte(complete))
	return err
}

// persistence is how often a person tries again whose upload fails.
const persistence = 20

// exchange sends a request as the person with the URL would, again and again, and returns the ETag of the answer.
func exchange(ctx context.Context, method, url string, body []byte) (etag string, err error) {
	for range persistence {
		if etag, err = exchangeOnce(ctx, method, url, body); err == nil {
			return etag, nil
		}
	}
	return "", err
}

func exchangeOnce(ctx context.Context, method, url string, body []byte) (string, error) {
	request, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return "", err
	}
	// A completion whose answer was lost is found done.
	if done := method == http.MethodPost && bytes.Contains(answer, []byte("NoSuchUpload")); response.StatusCode != http.StatusOK && !done {
		return "", fmt.Errorf("%s: %s: %s", method, response.Status, answer[:min(len(answer), 200)])
	}
	return response.Header.Get("ETag"), nil
}
