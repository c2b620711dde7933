// SPDX-License-Identifier: Apache-2.0

package accessgrant

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/access"
	"github.com/reelkeeper/reelkeeper/internal/governance"
)

// observe reads everything that the state of a grant follows from, and the grant's Secret.
func (r *Reconciler) observe(ctx context.Context, grant *v1alpha1.AccessGrant) (*observation, *corev1.Secret, error) {
	o := &observation{now: r.Clock.Now(), grant: grant}
	recordings, missing, err := r.recordings(ctx, grant)
	if err != nil {
		return nil, nil, err
	}
	if len(recordings) == 1 && grant.Spec.RecordingRef.Name != "" {
		o.recording = recordings[0].UID
	}
	if o.problem = missing; missing.reason == "" {
		if err := r.askPolicies(ctx, o, recordings); err != nil {
			return nil, nil, err
		}
	}
	if o.password == chosenPassword {
		if o.ownPassword, o.passwordNotFound, err = r.ownPassword(ctx, grant); err != nil {
			return nil, nil, err
		}
	}
	if linkedElsewhere(grant) {
		return o, nil, nil
	}
	secret, taken, err := r.findSecret(ctx, grant)
	if err != nil {
		return nil, nil, err
	}
	if taken {
		o.secretTaken = fmt.Sprintf("Secret %s belongs to somebody else: delete or rename it, or give the grant another name", secretName(grant.Name))
	}
	return o, secret, nil
}

// recordings returns the recordings that a grant is about.
func (r *Reconciler) recordings(ctx context.Context, grant *v1alpha1.AccessGrant) ([]v1alpha1.MeetingRecording, problem, error) {
	if grant.Spec.RecordingSelector != nil {
		return r.selected(ctx, grant)
	}
	recording := v1alpha1.MeetingRecording{}
	key := client.ObjectKey{Namespace: grant.Namespace, Name: grant.Spec.RecordingRef.Name}
	switch err := r.Direct.Get(ctx, key, &recording); {
	case apierrors.IsNotFound(err) && grant.Status.RecordingUID != "", err == nil && !governance.Concerns(grant, &recording):
		return nil, problem{v1alpha1.ReasonRecordingGone,
			fmt.Sprintf("The MeetingRecording %s that the grant was for is gone, and the grant has ended with it: make a new one for another recording", key.Name)}, nil
	case apierrors.IsNotFound(err):
		return nil, problem{v1alpha1.ReasonRecordingNotFound,
			fmt.Sprintf("There is no MeetingRecording %s in this namespace: create it, or name another one in a new grant", key.Name)}, nil
	case err != nil:
		return nil, problem{}, wrap(err, "read MeetingRecording", key)
	}
	return []v1alpha1.MeetingRecording{recording}, problem{}, nil
}

// selected returns the recordings that a grant's selector picks. Where there are none yet, it returns one that stands for those
// to come: it has the labels that the selector names.
func (r *Reconciler) selected(ctx context.Context, grant *v1alpha1.AccessGrant) ([]v1alpha1.MeetingRecording, problem, error) {
	selector, err := metav1.LabelSelectorAsSelector(grant.Spec.RecordingSelector)
	if err != nil {
		return nil, problem{v1alpha1.ReasonSelectorInvalid, fmt.Sprintf("spec.recordingSelector is not a label selector: %v", err)}, nil
	}
	list := &v1alpha1.MeetingRecordingList{}
	err = r.Direct.List(ctx, list, client.InNamespace(grant.Namespace), client.MatchingLabelsSelector{Selector: selector})
	if err != nil {
		return nil, problem{}, fmt.Errorf("list the recordings of namespace %s: %w", grant.Namespace, err)
	}
	if len(list.Items) == 0 {
		return []v1alpha1.MeetingRecording{{
			ObjectMeta: metav1.ObjectMeta{Namespace: grant.Namespace, Labels: grant.Spec.RecordingSelector.MatchLabels},
		}}, problem{}, nil
	}
	return list.Items, problem{}, nil
}

// askPolicies asks whether the grant may count. A grant that leaves the password open gets one where the policies ask for it.
func (r *Reconciler) askPolicies(ctx context.Context, o *observation, recordings []v1alpha1.MeetingRecording) (err error) {
	switch {
	case o.grant.Spec.PasswordSecretRef.Name != "":
		o.password = chosenPassword
	case o.grant.Spec.Link.PasswordHash != "":
		o.password = shownPassword
	case o.grant.Spec.Password == v1alpha1.PasswordGenerate:
		o.password = generatedPassword
	}
	// Who belongs to the organisation only the identity provider knows, when somebody comes.
	o.verdict, err = r.Governance.CheckGrant(ctx, o.grant, recordings, o.password != noPassword, nil)
	if err == nil && o.verdict.Reason == access.PasswordRequired && o.grant.Spec.Password == "" && !linkedElsewhere(o.grant) {
		o.password = generatedPassword
		o.verdict, err = r.Governance.CheckGrant(ctx, o.grant, recordings, true, nil)
	}
	return err
}
