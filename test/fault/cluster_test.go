// SPDX-License-Identifier: Apache-2.0

package fault

import (
	"context"
	"errors"
	"fmt"
	"slices"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

// clusterDouble does, when it is called, what Kubernetes' controllers do in their own time: it runs Jobs that have their
// Secret and removes what belongs to something that is gone.
type clusterDouble struct {
	world *world
	// failures is how many more workers die at their work.
	failures int
	// known are the owners that it saw last.
	known []types.UID
}

// act does everything that is to be done now, and says whether there was anything.
func (c *clusterDouble) act(ctx context.Context) (acted bool, err error) {
	for i := range c.world.now().jobs {
		job := c.world.now().jobs[i].DeepCopy()
		var did bool
		switch {
		case !job.DeletionTimestamp.IsZero():
			did, err = true, c.collect(ctx, job)
		case !isFinished(job):
			did, err = c.work(ctx, job)
		}
		if err != nil {
			return acted, err
		}
		acted = acted || did
	}
	swept, err := c.sweep(ctx)
	return acted || swept, err
}

func isFinished(job *batchv1.Job) bool {
	return slices.ContainsFunc(job.Status.Conditions, func(condition batchv1.JobCondition) bool {
		return condition.Type == batchv1.JobComplete || condition.Type == batchv1.JobFailed
	})
}

// work runs the worker of a Job whose Secret is there.
func (c *clusterDouble) work(ctx context.Context, job *batchv1.Job) (bool, error) {
	var secret corev1.Secret
	name := job.Spec.Template.Spec.Volumes[0].Secret.SecretName
	if err := c.world.admin.Get(ctx, client.ObjectKey{Namespace: job.Namespace, Name: name}, &secret); err != nil {
		return false, client.IgnoreNotFound(err)
	}
	dies := c.failures > 0
	if dies {
		c.failures--
	}
	double := workerDouble{lab: c.world.lab, clock: c.world.clock, dies: dies}
	failure := double.run(ctx, secret.Data["spec.json"])
	c.world.note("worker of %s: %v", job.Name, failure)
	return true, c.finish(ctx, job, failure)
}

// finish writes the status that the Job controller would.
func (c *clusterDouble) finish(ctx context.Context, job *batchv1.Job, failure error) error {
	now := metav1.NewTime(c.world.clock.Now())
	kinds := []batchv1.JobConditionType{batchv1.JobSuccessCriteriaMet, batchv1.JobComplete}
	job.Status = batchv1.JobStatus{StartTime: &now, CompletionTime: &now, Succeeded: 1}
	if failure != nil {
		kinds = []batchv1.JobConditionType{batchv1.JobFailureTarget, batchv1.JobFailed}
		job.Status = batchv1.JobStatus{StartTime: &now, Failed: 1}
	}
	job.Status.UncountedTerminatedPods = &batchv1.UncountedTerminatedPods{}
	job.Status.Ready, job.Status.Terminating = new(int32(0)), new(int32(0))
	for _, kind := range kinds {
		job.Status.Conditions = append(job.Status.Conditions, batchv1.JobCondition{
			Type: kind, Status: corev1.ConditionTrue, Reason: "Double", LastProbeTime: now, LastTransitionTime: now,
		})
	}
	if err := client.IgnoreNotFound(c.world.admin.Status().Update(ctx, job)); err != nil {
		return fmt.Errorf("finish Job %s: %w", job.Name, err)
	}
	return nil
}

// collect lets a Job go that is being deleted, after what belongs to it.
func (c *clusterDouble) collect(ctx context.Context, job *batchv1.Job) error {
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: job.Namespace, Name: job.Name}}
	if err := client.IgnoreNotFound(c.world.admin.Delete(ctx, secret)); err != nil {
		return err
	}
	patch := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`))
	err := c.world.admin.Patch(ctx, job, patch)
	if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// sweep removes the Secrets and grants of owners that have gone since it looked last.
func (c *clusterDouble) sweep(ctx context.Context) (swept bool, err error) {
	owners, err := c.owners(ctx)
	if err != nil {
		return false, err
	}
	lost := slices.ContainsFunc(c.known, func(uid types.UID) bool { return !slices.Contains(owners, uid) })
	c.known = owners
	if !lost {
		return false, nil
	}
	owned, err := c.owned(ctx)
	errs := []error{err}
	for _, object := range owned {
		if of := object.GetOwnerReferences(); len(of) > 0 && !slices.Contains(owners, of[0].UID) {
			swept = true
			errs = append(errs, client.IgnoreNotFound(c.world.admin.Delete(ctx, object)))
		}
	}
	return swept, errors.Join(errs...)
}

// owners are the UIDs of what is there and can own something.
func (c *clusterDouble) owners(ctx context.Context) ([]types.UID, error) {
	var owners []types.UID
	for _, recording := range c.world.now().recordings {
		owners = append(owners, recording.UID)
	}
	for _, job := range c.world.now().jobs {
		owners = append(owners, job.UID)
	}
	if !c.world.with["grant"] {
		return owners, nil
	}
	var requests v1alpha1.AccessRequestList
	err := c.world.admin.List(ctx, &requests, client.InNamespace(c.world.namespace))
	for _, request := range requests.Items {
		owners = append(owners, request.UID)
	}
	grants, grantErr := c.world.grants(ctx)
	for _, grant := range grants {
		owners = append(owners, grant.UID)
	}
	return owners, errors.Join(err, grantErr)
}

// owned are the objects that can have an owner.
func (c *clusterDouble) owned(ctx context.Context) ([]client.Object, error) {
	var owned []client.Object
	secrets, err := c.world.secrets(ctx)
	for i := range secrets {
		owned = append(owned, &secrets[i])
	}
	if err != nil || !c.world.with["grant"] {
		return owned, err
	}
	grants, err := c.world.grants(ctx)
	for i := range grants {
		if grants[i].DeletionTimestamp.IsZero() {
			owned = append(owned, &grants[i])
		}
	}
	return owned, err
}

// secrets are those in the world's namespace, and those of its Jobs.
func (w *world) secrets(ctx context.Context) ([]corev1.Secret, error) {
	var own, ofJobs corev1.SecretList
	if err := w.admin.List(ctx, &own, client.InNamespace(w.namespace)); err != nil {
		return nil, err
	}
	err := w.admin.List(ctx, &ofJobs, client.InNamespace(operatorNamespace), client.MatchingLabels{v1alpha1.LabelRecordingNamespace: w.namespace})
	return append(own.Items, ofJobs.Items...), err
}
