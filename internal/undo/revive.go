// SPDX-License-Identifier: Apache-2.0

package undo

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/archive"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/stores"
)

// Reviver makes MeetingRecordings that adopt what lies in a store, and takes others out of the trash. Its methods can be called
// from any goroutine.
type Reviver struct {
	Client client.Client
	// Store is not needed to take a recording out of the trash whose MeetingRecording is there.
	Store   *stores.Store
	Cluster *Cluster
	Options Options

	homes   homes
	stirred stirring
}

// Options say how recordings are brought back.
type Options struct {
	// DryRun has the API server check everything and store nothing.
	DryRun bool
	// CreateNamespaces makes namespaces that are gone, with NamespaceLabels.
	CreateNamespaces bool
	NamespaceLabels  map[string]string
	// AsBefore brings back to the trash what was there when it was deleted or lost. Else it comes back Active.
	AsBefore bool
	// OnlyLost leaves alone what was deleted: that is in the trash, and not lost.
	OnlyLost bool
	// Name is what a deleted recording is called from now on. Empty is as before.
	Name string
	// Warn, which may be nil, is told what people should know of where recordings come back to.
	Warn func(warning string)
	// Patience is how long the manager is waited for, from the last time that it did something. Zero does not wait.
	Patience time.Duration
}

// Entry brings one recording back from the trash.
func (r *Reviver) Entry(ctx context.Context, e *Entry) Outcome {
	if e.Problem != "" {
		return failed(e.Namespace, e.Name, e.UID, "%s", e.Problem)
	}
	if e.Kind == Trashed {
		return r.untrash(ctx, e.recording)
	}
	names, err := objectstore.NewRecording(e.Namespace, e.UID)
	if err != nil {
		return failed(e.Namespace, e.Name, e.UID, "%v", err)
	}
	return r.FromBucket(ctx, e.bucket, names, e.Name)
}

// untrash asks for the recording to be Active.
func (r *Reviver) untrash(ctx context.Context, recording *v1alpha1.MeetingRecording) Outcome {
	if r.Options.AsBefore {
		return outcome(recording, Passed, "it is in the trash, and was not deleted")
	}
	before := recording.DeepCopy()
	recording.Spec.State = v1alpha1.StateActive
	var options []client.PatchOption
	if r.Options.DryRun {
		options = append(options, client.DryRunAll)
	}
	if err := r.Client.Patch(ctx, recording, client.MergeFrom(before), options...); err != nil {
		return outcome(before, Failed, err.Error())
	}
	if r.Options.DryRun {
		return outcome(recording, Possible, "it would leave the trash")
	}
	return r.await(ctx, recording)
}

// FromBucket makes a MeetingRecording that adopts what a bucket has, as its authentic state says that it was.
func (r *Reviver) FromBucket(ctx context.Context, bucket string, names objectstore.Recording, called string) Outcome {
	return r.fromBucket(ctx, bucket, names, called, true)
}

// fromBucket is FromBucket where buried says that there is a tombstone. What was deleted and has none is in no trash: a cluster that was lost
// in the midst of the deletion left it so.
func (r *Reviver) fromBucket(ctx context.Context, bucket string, names objectstore.Recording, called string, buried bool) Outcome {
	fail := func(format string, args ...any) Outcome {
		return failed(names.Namespace(), called, names.UID(), format, args...)
	}
	if there := r.Cluster.Refers(names.Namespace(), names.UID()); there != nil {
		return r.standing(ctx, there)
	}
	found, err := archive.Archive{Objects: r.Store.Objects, Keys: r.Store.Keys, Bucket: bucket, Names: names}.Open(ctx)
	if err != nil {
		return fail("%s", archive.Why(err))
	}
	called = found.State.Name
	if r.Options.OnlyLost && buried && !found.State.DeletedAt.IsZero() {
		return Outcome{names.Namespace(), called, names.UID(), Passed, fmt.Sprintf("it was deleted at %s and is in the trash until %s: kubectl reelkeeper trash restore brings it back",
			found.State.DeletedAt.Format(time.RFC3339), found.State.PurgeAt.Format(time.RFC3339))}
	}
	wanted, err := r.wanted(found)
	if err != nil {
		return fail("%v", err)
	}
	missing, err := r.homes.prepare(ctx, r, names.Namespace(), found.State.DeletedAt)
	if err != nil {
		return fail("%v", err)
	}
	if r.Options.DryRun && missing {
		return outcome(wanted, Possible, "it would be made in a namespace that would be made")
	}
	return r.make(ctx, wanted)
}

// standing says of a MeetingRecording that refers to the media already how it is.
func (r *Reviver) standing(ctx context.Context, there *v1alpha1.MeetingRecording) Outcome {
	switch {
	case !there.DeletionTimestamp.IsZero():
		return outcome(there, Failed, "its MeetingRecording is just being deleted: try again in a moment")
	case r.Options.DryRun || there.Status.Storage.ManifestKey != "":
		return outcome(there, Unchanged, "it is there")
	}
	waited := r.await(ctx, there)
	if waited.Result == Restored {
		waited.Result = Unchanged
	}
	return waited
}

// wanted is the MeetingRecording to be made.
func (r *Reviver) wanted(found *archive.Copy) (*v1alpha1.MeetingRecording, error) {
	wanted, err := found.State.Recording()
	if err != nil {
		return nil, err
	}
	if r.Options.Name != "" {
		wanted.Name = r.Options.Name
	}
	if !r.Options.AsBefore {
		wanted.Spec.State = ""
	}
	// The store may have another name than the one that was lost.
	if wanted.StoreName() != r.Store.Object.Name {
		wanted.Spec.StoreRef.Name = r.Store.Object.Name
	}
	return wanted, nil
}

func (r *Reviver) make(ctx context.Context, wanted *v1alpha1.MeetingRecording) Outcome {
	var options []client.CreateOption
	if r.Options.DryRun {
		options = append(options, client.DryRunAll)
	}
	err := r.Client.Create(ctx, wanted, options...)
	switch {
	case apierrors.IsAlreadyExists(err):
		return r.taken(ctx, wanted)
	case err != nil:
		return outcome(wanted, Failed, err.Error())
	case r.Options.DryRun:
		return outcome(wanted, Possible, "it would be made")
	}
	return r.await(ctx, wanted)
}

// taken looks who has the name: the recording itself, made a moment ago, or another one.
func (r *Reviver) taken(ctx context.Context, wanted *v1alpha1.MeetingRecording) Outcome {
	there := &v1alpha1.MeetingRecording{}
	if err := r.Client.Get(ctx, client.ObjectKeyFromObject(wanted), there); err != nil {
		return outcome(wanted, Failed, err.Error())
	}
	if there.StorageUID() == wanted.StorageUID() {
		return r.standing(ctx, there)
	}
	return outcome(wanted, Failed, "another MeetingRecording has the name: give this one another with --name")
}

func outcome(r *v1alpha1.MeetingRecording, result Result, message string) Outcome {
	return Outcome{r.Namespace, r.Name, r.StorageUID(), result, message}
}

func failed(namespace, name, uid, format string, args ...any) Outcome {
	return Outcome{namespace, name, uid, Failed, fmt.Sprintf(format, args...)}
}
