// SPDX-License-Identifier: Apache-2.0

//go:build unix

package chart

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

// person is somebody with kubectl. The empty name is a cluster administrator, who holds every verb.
type person string

const administrator person = ""

func (p person) String() string {
	if p == administrator {
		return "an administrator"
	}
	return string(p)
}

// kubectl runs kubectl as the person, in the tenant's namespace, and returns what went wrong.
func (p person) kubectl(t *testing.T, args ...string) error {
	t.Helper()
	if p != administrator {
		args = append([]string{"--as", string(p), "--as-group", "system:authenticated"}, args...)
	}
	_, err := env.RunKubectl(t.Context(), append([]string{"--namespace", tenant}, args...)...)
	return err
}

func (p person) deletes(t *testing.T, name string) error {
	t.Helper()
	return p.kubectl(t, "delete", "meetingrecording", name, "--wait=false")
}

func (p person) patches(t *testing.T, name, body string) error {
	t.Helper()
	return p.kubectl(t, "patch", "meetingrecording", name, "--type=merge", "--patch", body)
}

// expires writes what the manager does where a recording's time to live is over and its spec.state is absent. The manager itself
// does so without kubectl, which would read the status first, for which the manager has no right.
func (p person) expires(t *testing.T, name string) error {
	t.Helper()
	const body = `{"status":{"trashedAt":"2026-03-01T10:00:00Z","purgeAt":"2026-03-31T10:00:00Z","trashCause":"Expiry"}}`
	if p != administrator {
		return as(t, string(p)).Status().Patch(t.Context(), recording(tenant, name), client.RawPatch("application/merge-patch+json", []byte(body)))
	}
	return p.kubectl(t, "patch", "meetingrecording", name, "--subresource=status", "--type=merge", "--patch", body)
}

func (p person) annotates(t *testing.T, name, annotation string) error {
	t.Helper()
	return p.kubectl(t, "annotate", "meetingrecording", name, annotation, "--overwrite")
}

// wantDone checks that kubectl was not refused.
func wantDone(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

const (
	toTrash   = `{"spec":{"state":"Trashed"}}`
	shortened = `{"spec":{"retention":{"expireAfter":"1d"}}}`
	forever   = `{"spec":{"retention":{"expireAfter":"Never"}}}`
	released  = `{"spec":{"holds":null}}`
	erased    = `{"spec":{"erasure":{"reason":"request 2026-77"}}}`
)

func made(t *testing.T, r *v1alpha1.MeetingRecording) *v1alpha1.MeetingRecording {
	t.Helper()
	if err := env.Client(t, scheme).Create(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	return r
}

// R27: a hold beats everybody and everything, and the refusal says until when and by whom.
func TestR27KubectlCannotRemoveWhatIsHeld(t *testing.T) {
	installed(t)
	held := recording(tenant, "held")
	held.Spec.Holds = []v1alpha1.LegalHold{{Name: "case-2026-14", By: "legal@example.com"}, {Name: "case-2026-15", By: "tax@example.com"}}
	made(t, held)
	by := "is under legal hold (case-2026-14 by legal@example.com, case-2026-15 by tax@example.com) and "
	until := "until the last hold is lifted: ask those who laid it to lift it in spec.holds"
	for _, who := range []person{administrator, manager, person(editorUser(t)), person(bound(t, "reelkeeper-bypass"))} {
		t.Run(who.String(), func(t *testing.T) {
			if who != manager {
				wantRefusal(t, who.kubectl(t, "delete", "meetingrecordings", "--selector=", "--field-selector=metadata.name=held", "--wait=false"), by+"cannot be deleted "+until)
			}
			wantRefusal(t, who.deletes(t, "held"), by+"cannot be deleted "+until)
			wantRefusal(t, who.patches(t, "held", toTrash), by+"cannot go to the trash "+until)
			if who == administrator || who == manager { // others may not write a status at all
				wantRefusal(t, who.expires(t, "held"), by+"cannot go to the trash "+until)
			}
			if who == administrator { // others may not choose a time at all
				wantRefusal(t, who.patches(t, "held", shortened), by+"its time to live in spec.retention.expireAfter can only be set to Never "+until)
			}
		})
	}
	for _, who := range []person{administrator, person(bound(t, "reelkeeper-erasure"))} {
		wantRefusal(t, who.patches(t, "held", erased), by+"cannot be erased "+until)
	}
	wantDone(t, "a label of a held recording", person(manager).patches(t, "held", `{"metadata":{"labels":{"a":"b"}}}`))
	wantDone(t, "a longer time for a held recording", administrator.patches(t, "held", forever))
	wantRefusal(t, env.Client(t, scheme).DeleteAllOf(t.Context(), &v1alpha1.MeetingRecording{}, client.InNamespace(tenant), client.MatchingLabels{"a": "b"}), by)

	wantDone(t, "one of two holds is lifted", administrator.patches(t, "held", `{"spec":{"holds":[{"name":"case-2026-15","by":"tax@example.com"}]}}`))
	wantRefusal(t, administrator.deletes(t, "held"), "under legal hold (case-2026-15 by tax@example.com)")
	wantDone(t, "the last hold is lifted", administrator.patches(t, "held", released))
	wantDone(t, "what is held no more goes to the trash", administrator.patches(t, "held", toTrash))
	wantDone(t, "and is deleted", administrator.deletes(t, "held"))
}

// What has expired is in the trash by its status, and whoever says Active takes it back: until that is dealt with, and a hold
// laid meanwhile, nothing sends it there again.
func TestR27AHoldOnWhatHasExpired(t *testing.T) {
	installed(t)
	r := made(t, recording(tenant, "expired"))
	wantDone(t, "a recording expires", person(manager).expires(t, r.Name))
	wantDone(t, "laying a hold", administrator.patches(t, r.Name, `{"spec":{"holds":[{"name":"case-2026-17","by":"legal@example.com"}]}}`))
	wantRefusal(t, person(manager).deletes(t, r.Name), "under legal hold (case-2026-17 by legal@example.com) and cannot be deleted")
	wantDone(t, "saying that it is in the trash", administrator.patches(t, r.Name, toTrash))
	wantDone(t, "taking it out of the trash", administrator.patches(t, r.Name, `{"spec":{"state":"Active"}}`))
	wantRefusal(t, administrator.patches(t, r.Name, `{"spec":{"state":null}}`), "under legal hold (case-2026-17 by legal@example.com) and cannot go to the trash")
}

// R27: who lays a hold is not told that it lies when the media is going already. What only leaves for the trash of the bucket can be held.
func TestR27AHoldOnWhatIsBeingPurgedIsRefused(t *testing.T) {
	installed(t)
	const hold = `{"spec":{"holds":[{"name":"case-2026-18","by":"legal@example.com"}]}}`
	const over, notOver = "2026-03-31T10:00:00Z", "2999-03-31T10:00:00Z"
	says := func(reason string) string {
		return `"conditions":[{"type":"Ready","status":"False","reason":"` + reason + `","message":"m","lastTransitionTime":"2026-03-01T10:00:00Z"}],`
	}
	for name, tc := range map[string]struct {
		spec, status string
		deleted      bool
		refused      bool
	}{
		"expired, and purged":               {"", `"trashedAt":"2026-03-01T10:00:00Z","purgeAt":"` + over + `","trashCause":"Expiry"`, true, true},
		"trashed, and purged":               {toTrash, says("Trashed") + `"trashedAt":"2026-03-01T10:00:00Z","purgeAt":"` + over + `"`, true, true},
		"due, and there":                    {toTrash, `"trashedAt":"2026-03-01T10:00:00Z","purgeAt":"` + over + `"`, false, false},
		"deleted out of the trash":          {toTrash, `"trashedAt":"2026-03-01T10:00:00Z","purgeAt":"` + notOver + `"`, true, false},
		"deleted":                           {"", says("Available") + `"expiresAt":"` + over + `"`, true, false},
		"taken back, and deleted":           {`{"spec":{"state":"Active"}}`, `"trashedAt":"2026-03-01T10:00:00Z","purgeAt":"` + over + `"`, true, false},
		"purged when the store is back":     {toTrash, says("StoreNotReady") + `"trashedAt":"2026-03-01T10:00:00Z","purgeAt":"` + over + `"`, true, false},
		"purged when the bucket lets it go": {toTrash, says("Purging") + `"trashedAt":"2026-03-01T10:00:00Z","purgeAt":"` + over + `"`, true, false},
		"the policy cannot be understood":   {toTrash, `"trashedAt":"2026-03-01T10:00:00Z"`, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := recording(tenant, "")
			r.GenerateName, r.Finalizers = "purged-", []string{v1alpha1.FinalizerMedia}
			made(t, r)
			if tc.spec != "" {
				wantDone(t, "setting its state", administrator.patches(t, r.Name, tc.spec))
			}
			wantDone(t, "saying what became of it", administrator.kubectl(t, "patch", "meetingrecording", r.Name, "--subresource=status", "--type=merge", "--patch", `{"status":{`+tc.status+`}}`))
			if tc.deleted {
				wantDone(t, "deleting it", administrator.deletes(t, r.Name))
			}
			err := administrator.patches(t, r.Name, hold)
			if tc.refused {
				wantRefusal(t, err, "a legal hold comes too late: the time in the trash was over at "+over+", and the recording is being deleted for good since 20")
			} else {
				wantDone(t, "laying a hold", err)
				wantDone(t, "laying another one", administrator.patches(t, r.Name, `{"spec":{"holds":[{"name":"case-2026-18","by":"legal@example.com"},{"name":"tax","by":"tax@example.com"}]}}`))
			}
			wantDone(t, "what the manager writes", person(manager).patches(t, r.Name, `{"metadata":{"labels":{"a":"b"}}}`))
			wantDone(t, "letting it go", person(manager).patches(t, r.Name, `{"metadata":{"finalizers":null}}`))
		})
	}
}

func TestWhoUsesTheTrashIsNoted(t *testing.T) {
	installed(t)
	editor, r := person(editorUser(t)), made(t, recording(tenant, "used"))
	wantBy := func(want person) {
		t.Helper()
		if err := env.Client(t, scheme).Get(t.Context(), client.ObjectKeyFromObject(r), r); err != nil {
			t.Fatal(err)
		}
		if got := r.Annotations[v1alpha1.AnnotationStateBy]; got != string(want) {
			t.Errorf("the state was set by %q, want %q", got, want)
		}
	}
	wantDone(t, "saying what is the case", editor.patches(t, r.Name, `{"spec":{"state":"Active"}}`))
	wantDone(t, "and leaving it to the rules", editor.patches(t, r.Name, `{"spec":{"state":null}}`))
	wantDone(t, "a recording expires", person(manager).expires(t, r.Name))
	wantBy("")
	wantDone(t, "taking back what has expired", editor.patches(t, r.Name, `{"spec":{"state":"Active"}}`))
	wantBy(editor)
	wantDone(t, "the manager sends it to the trash again", person(manager).patches(t, r.Name, toTrash))
	wantBy(manager)
}

func TestR27AHoldStopsThePurgeOfWhatIsInTheTrash(t *testing.T) {
	installed(t)
	trashed := recording(tenant, "trashed")
	trashed.Spec.State = v1alpha1.StateTrashed
	made(t, trashed)
	wantDone(t, "laying a hold", administrator.patches(t, "trashed", `{"spec":{"holds":[{"name":"case-2026-16","by":"legal@example.com"}]}}`))
	wantRefusal(t, person(manager).deletes(t, "trashed"), "under legal hold (case-2026-16 by legal@example.com) and cannot be deleted")
	wantDone(t, "taking it out of the trash", administrator.patches(t, "trashed", `{"spec":{"state":"Active"}}`))
}

// A recording that lay in the trash when a hold was laid on it, or whose erasure waits for a hold, is made again as it was when its
// cluster is lost. Nothing is taken away by that.
func TestR27WhatIsHeldInTheTrashCanBeMadeAgain(t *testing.T) {
	installed(t)
	lost := recording(tenant, "lost", "case-2026-18")
	lost.Spec.Source = v1alpha1.MediaSource{Adopt: v1alpha1.AdoptSource{UID: "0d7c5a2e-5b0f-4f57-9f0e-6f1f3a8f3c11"}}
	lost.Spec.State = v1alpha1.StateTrashed
	wantRefusal(t, as(t, editorUser(t)).Create(t.Context(), lost.DeepCopy()), "needs the verb hold")
	lost.Spec.Erasure = v1alpha1.ErasureRequest{Reason: "request 2026-77"}
	made(t, lost)
	wantRefusal(t, person(manager).deletes(t, "lost"), "under legal hold (case-2026-18")
	wantDone(t, "taking it out of the trash", administrator.patches(t, "lost", `{"spec":{"state":"Active"}}`))
	wantRefusal(t, administrator.patches(t, "lost", toTrash), "under legal hold (case-2026-18")
}

func TestHoldsAreLaidAndLiftedByThoseWithTheVerb(t *testing.T) {
	installed(t)
	editor, legal := person(editorUser(t)), person(bound(t, "reelkeeper-legal"))
	made(t, recording(tenant, "to-be-held"))
	hold := `{"spec":{"holds":[{"name":"case-2026-14"}]}}`
	refusal := []string{"needs the verb hold on meetingrecordings.reelkeeper.io", "ClusterRole reelkeeper-legal"}

	wantRefusal(t, as(t, string(editor)).Create(t.Context(), recording(tenant, "held-at-once", "case-2026-14")), refusal...)
	wantRefusal(t, editor.patches(t, "to-be-held", hold), refusal...)
	wantDone(t, "the legal department lays a hold", legal.patches(t, "to-be-held", hold))
	wantRefusal(t, editor.patches(t, "to-be-held", released), refusal...)
	wantRefusal(t, editor.deletes(t, "to-be-held"), fmt.Sprintf("under legal hold (case-2026-14 by %s)", legal))
	forged := administrator.patches(t, "to-be-held", `{"spec":{"holds":[{"name":"case-2026-14","by":"somebody@example.com"}]}}`)
	if forged == nil || !strings.Contains(forged.Error(), "who laid a hold cannot be changed: lay another one and lift it then") {
		t.Errorf("putting a hold under another name: %v", forged)
	}
	wantDone(t, "the legal department lifts it", legal.patches(t, "to-be-held", released))
	wantDone(t, "a recording without holds is deleted", editor.deletes(t, "to-be-held"))
}

// Kubernetes knows who sent a request, and writes it down where the audit log finds it.
func TestHoldsAndErasuresNameWhoAskedForThem(t *testing.T) {
	installed(t)
	admin, legal := env.Client(t, scheme), person(bound(t, "reelkeeper-legal"))
	r := made(t, recording(tenant, "attributed"))
	read := func() *v1alpha1.MeetingRecording {
		if err := admin.Get(t.Context(), client.ObjectKeyFromObject(r), r); err != nil {
			t.Fatal(err)
		}
		return r
	}
	wantDone(t, "a hold without a name", legal.patches(t, "attributed", `{"spec":{"holds":[{"name":"case-2026-14","reason":"litigation"}]}}`))
	if got := read(); got.Spec.Holds[0] != (v1alpha1.LegalHold{Name: "case-2026-14", Reason: "litigation", By: string(legal)}) ||
		got.Annotations[v1alpha1.AnnotationHoldsBy] != string(legal) {
		t.Errorf("laid by %s: %+v, %v", legal, got.Spec.Holds, got.Annotations)
	}
	wantDone(t, "the same hold again, beside one in the name of somebody else", administrator.patches(t, "attributed",
		`{"spec":{"holds":[{"name":"case-2026-14","reason":"litigation"},{"name":"tax","by":"tax@example.com"}]}}`))
	if got := read(); got.Spec.Holds[0].By != string(legal) || got.Spec.Holds[1].By != "tax@example.com" || got.Annotations[v1alpha1.AnnotationHoldsBy] == string(legal) {
		t.Errorf("laid again: %+v, %v", got.Spec.Holds, got.Annotations)
	}
	wantRefusal(t, legal.annotates(t, "attributed", v1alpha1.AnnotationHoldsBy+"=somebody-else"), "can name nobody but who sends the request")
	wantDone(t, "nothing that concerns holds", administrator.patches(t, "attributed", `{"metadata":{"labels":{"a":"b"}}}`))
	wantDone(t, "lifting", legal.patches(t, "attributed", released))
	if got := read(); got.Annotations[v1alpha1.AnnotationHoldsBy] != string(legal) {
		t.Errorf("lifted by %s: %v", legal, got.Annotations)
	}

	privacy := person(bound(t, "reelkeeper-erasure"))
	wantRefusal(t, legal.patches(t, "attributed", erased), "needs the verb erase on meetingrecordings.reelkeeper.io", "ClusterRole reelkeeper-erasure")
	wantRefusal(t, person(editorUser(t)).patches(t, "attributed", erased), "needs the verb erase")
	wantDone(t, "asking for erasure", privacy.patches(t, "attributed", erased))
	if got := read(); got.Spec.Erasure.By != string(privacy) {
		t.Errorf("erasure asked for by %s: %+v", privacy, got.Spec.Erasure)
	}
}

func TestR27KubectlCannotRemoveWhatIsLocked(t *testing.T) {
	installed(t)
	now := time.Now()
	editor, bypass := person(editorUser(t)), person(bound(t, "reelkeeper-bypass"))
	for mode, remedy := range map[v1alpha1.LockMode]string{
		v1alpha1.LockGovernance: "wait, or, with the verb bypass on meetingrecordings.reelkeeper.io, annotate it with reelkeeper.io/bypass-lock=<reason> first",
		v1alpha1.LockCompliance: "wait, nobody can lift a Compliance lock",
	} {
		name := "locked-" + strings.ToLower(string(mode))
		locked := withLock(t, name, mode, now.Add(time.Hour))
		says := "is locked until " + locked.Status.LockedUntil.UTC().Format(time.RFC3339) + " (" + string(mode) + ", by RecordingPolicy finance/sensitive spec.retention.lock (generation 1)) and "
		for _, who := range []person{administrator, manager, editor, bypass} {
			t.Run(fmt.Sprint(mode, " binds ", who), func(t *testing.T) {
				wantRefusal(t, who.deletes(t, name), says+"cannot be deleted", remedy)
				wantRefusal(t, who.patches(t, name, toTrash), says+"cannot go to the trash", remedy)
				if who == administrator || who == manager { // others may not write a status at all
					wantRefusal(t, who.expires(t, name), says+"cannot go to the trash", remedy)
				}
				if who == administrator { // others may not choose a time at all
					wantRefusal(t, who.patches(t, name, shortened), says+"its time to live in spec.retention.expireAfter can only be set to Never", remedy)
				}
			})
		}
		wantDone(t, "a longer time for a locked recording", administrator.patches(t, name, forever))
		wantDone(t, "a label of a locked recording", editor.patches(t, name, `{"metadata":{"labels":{"a":"b"}}}`))
	}

	past := withLock(t, "lock-over", v1alpha1.LockCompliance, now.Add(-time.Hour))
	over := withLock(t, "lock-over-too", v1alpha1.LockGovernance, now.Add(-time.Hour))
	wantDone(t, "a recording whose lock is over expires", person(manager).expires(t, over.Name))
	wantDone(t, "a recording whose lock is over goes to the trash", editor.patches(t, past.Name, toTrash))
	wantDone(t, "and is deleted", person(manager).deletes(t, past.Name))
	made(t, recording(tenant, "unlocked"))
	wantDone(t, "a recording without a lock is deleted", editor.deletes(t, "unlocked"))
}

func TestR27OnlyGovernanceIsLiftedAndOnlyByThoseWithTheVerb(t *testing.T) {
	installed(t)
	admin := env.Client(t, scheme)
	editor, bypass := person(editorUser(t)), person(bound(t, "reelkeeper-bypass"))
	until := time.Now().Add(time.Hour)
	governance := withLock(t, "governed", v1alpha1.LockGovernance, until)
	compliance := withLock(t, "complied", v1alpha1.LockCompliance, until)
	reason := v1alpha1.AnnotationBypassLock + "=ordered by the court"

	wantRefusal(t, editor.annotates(t, governance.Name, reason), "needs the verb bypass on meetingrecordings.reelkeeper.io", "ClusterRole reelkeeper-bypass")
	for _, who := range []person{administrator, bypass} {
		wantRefusal(t, who.annotates(t, compliance.Name, reason), "(Compliance), and nobody can lift a Compliance lock: wait")
	}
	wantDone(t, "lifting a Governance lock", bypass.annotates(t, governance.Name, reason))
	if err := admin.Get(t.Context(), client.ObjectKeyFromObject(governance), governance); err != nil {
		t.Fatal(err)
	}
	if got := governance.Annotations[v1alpha1.AnnotationBypassLockBy]; got != string(bypass) {
		t.Errorf("lifted by %q, want %s", got, bypass)
	}
	wantRefusal(t, editor.deletes(t, governance.Name), "is locked until")
	wantDone(t, "who holds bypass, and says so, moves it to the trash", bypass.patches(t, governance.Name, toTrash))
	wantDone(t, "and deletes it", bypass.deletes(t, governance.Name))
}

// A person's right to be forgotten goes before a lock, and opens it for nothing else.
func TestErasureGoesThroughUnderALock(t *testing.T) {
	installed(t)
	privacy, editor, bypass := person(bound(t, "reelkeeper-erasure")), person(editorUser(t)), person(bound(t, "reelkeeper-bypass"))
	for _, mode := range []v1alpha1.LockMode{v1alpha1.LockGovernance, v1alpha1.LockCompliance} {
		name := "forgotten-" + strings.ToLower(string(mode))
		withLock(t, name, mode, time.Now().Add(time.Hour))
		for _, who := range []person{editor, bypass} {
			wantRefusal(t, who.patches(t, name, erased), "needs the verb erase")
		}
		wantDone(t, "asking for erasure under a lock", privacy.patches(t, name, erased))
		for _, who := range []person{privacy, administrator} {
			if err := who.patches(t, name, `{"spec":{"erasure":null}}`); err == nil {
				t.Errorf("%s withdraws an erasure", who)
			}
			if err := who.patches(t, name, `{"spec":{"erasure":{"reason":"another"}}}`); err == nil {
				t.Errorf("%s changes an erasure", who)
			}
		}
		wantRefusal(t, administrator.deletes(t, name), "is locked until", "cannot be deleted")
		wantRefusal(t, administrator.patches(t, name, toTrash), "is locked until", "cannot go to the trash")
	}
}

// The promise stands in the status, which administrators can write.
func TestR27ThePromiseOfALockCannotBeTakenBack(t *testing.T) {
	installed(t)
	until := metav1.NewTime(time.Now().Add(time.Hour))
	name := withLock(t, "promised", v1alpha1.LockCompliance, until.Time).Name
	writes := func(status string) error {
		return administrator.kubectl(t, "patch", "meetingrecording", name, "--subresource=status", "--type=merge", "--patch", `{"status":`+status+`}`)
	}
	earlier := until.Add(-time.Minute).UTC().Format(time.RFC3339)
	wantRefusal(t, writes(`{"lockedUntil":"`+earlier+`"}`), "status.lockedUntil is a promise and cannot become earlier than "+until.UTC().Format(time.RFC3339))
	wantRefusal(t, writes(`{"lockedUntil":null}`), "status.lockedUntil is a promise")
	wantRefusal(t, writes(`{"lockMode":"Governance"}`), "Compliance cannot be taken back")
	wantRefusal(t, writes(`{"lockMode":null}`), "Compliance cannot be taken back")
	wantDone(t, "a later end", writes(`{"lockedUntil":"`+until.Add(time.Hour).UTC().Format(time.RFC3339)+`"}`))
}

// withLock makes a recording with a lock, and waits until the policy speaks: it needs the API server's Leases in its cache.
func withLock(t *testing.T, name string, mode v1alpha1.LockMode, until time.Time) *v1alpha1.MeetingRecording {
	t.Helper()
	admin, r := env.Client(t, scheme), made(t, recording(tenant, name))
	r.Status.LockedUntil, r.Status.LockMode = metav1.NewTime(until), mode
	r.Status.LockedBy = "RecordingPolicy finance/sensitive spec.retention.lock (generation 1)"
	if err := admin.Status().Update(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	eventually(t, func(ctx context.Context) error {
		err := admin.Delete(ctx, r.DeepCopy(), client.DryRunAll)
		if err != nil && !strings.Contains(err.Error(), "is locked until") {
			return err
		}
		return nil
	})
	return r
}
