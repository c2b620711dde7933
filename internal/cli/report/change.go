// SPDX-License-Identifier: Apache-2.0

package report

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

// Change is what is to become of the policies of a world.
type Change struct {
	// ClusterPolicies and Policies take the place of those of the same name, or are new. What they leave out is not there: it
	// is not kept from the policy that they replace.
	ClusterPolicies []v1alpha1.ClusterRecordingPolicy
	Policies        []v1alpha1.RecordingPolicy
	// Delete says that the policies are to be removed instead; only their names count.
	Delete bool
}

// Actions of a change.
const (
	actionCreate = "create"
	actionUpdate = "update"
	actionDelete = "delete"
	actionNone   = "unchanged"
)

// PolicyChange is what a change does to one policy.
type PolicyChange struct {
	// Policy is its kind and name, Action is create, update, delete or unchanged.
	Policy string `json:"policy"`
	Action string `json:"action"`
	// Recordings is how many recordings it is about, before or after.
	Recordings int `json:"recordings"`

	before, after *reach
	// problems are what cannot be understood in what it is going to be.
	problems []policy.Problem
}

// includes says that the change of the policy may mean something to the recording.
func (c *PolicyChange) includes(w *World, recording *v1alpha1.MeetingRecording) bool {
	return c.before != nil && c.before.includes(w, recording) || c.after != nil && c.after.includes(w, recording)
}

// apply returns the world as it would be after the change, made at the given time, and what becomes of each policy.
func (c *Change) apply(w *World, now time.Time) (*World, []PolicyChange) {
	after := *w
	after.ClusterPolicies, after.Policies = slices.Clone(w.ClusterPolicies), slices.Clone(w.Policies)
	var changes []PolicyChange
	for i := range c.ClusterPolicies {
		changes = append(changes, changed(&after.ClusterPolicies, c.ClusterPolicies[i], c.Delete, now))
	}
	for i := range c.Policies {
		changes = append(changes, changed(&after.Policies, c.Policies[i], c.Delete, now))
	}
	for i := range changes {
		for j := range w.Recordings {
			if changes[i].includes(w, &w.Recordings[j]) {
				changes[i].Recordings++
			}
		}
	}
	return &after, changes
}

// document is a policy of either kind, as far as a change has to know it.
type document[T any] interface {
	*T
	metav1.Object
}

// changed puts the policy into the list, or takes it out. It keeps its age: among policies that are equally specific the older
// decides. Its generation counts on, as the API server's would.
func changed[T any, P document[T]](list *[]T, to T, remove bool, now time.Time) PolicyChange {
	next := P(&to)
	at := slices.IndexFunc(*list, func(old T) bool {
		return P(&old).GetName() == next.GetName() && P(&old).GetNamespace() == next.GetNamespace()
	})
	change := PolicyChange{Policy: titleOf(next), Action: actionNone}
	if at < 0 {
		if !remove {
			change.Action, change.after = actionCreate, new(reachOfPolicy(next))
			next.SetCreationTimestamp(metav1.NewTime(now))
			next.SetGeneration(1)
			change.problems = problemsOf(next)
			*list = append(*list, to)
		}
		return change
	}
	old := P(&(*list)[at])
	change.before = new(reachOfPolicy(old))
	switch {
	case remove:
		change.Action = actionDelete
		*list = slices.Delete(*list, at, at+1)
	case sameSpec(old, next):
		change.after, change.problems = change.before, problemsOf(old)
	default:
		change.Action, change.after = actionUpdate, new(reachOfPolicy(next))
		next.SetCreationTimestamp(old.GetCreationTimestamp())
		next.SetGeneration(old.GetGeneration() + 1)
		change.problems = problemsOf(next)
		(*list)[at] = to
	}
	return change
}

// titleOf returns the kind and name of a policy.
func titleOf(p metav1.Object) string {
	if _, namespaced := p.(*v1alpha1.RecordingPolicy); namespaced {
		return policy.KindNamespace + " " + p.GetNamespace() + "/" + p.GetName()
	}
	return policy.KindCluster + " " + p.GetName()
}

// reachOfPolicy returns which recordings a policy may be about.
func reachOfPolicy(p metav1.Object) reach {
	switch p := p.(type) {
	case *v1alpha1.RecordingPolicy:
		return reachOf(p.Namespace, nil, p.Spec.Selector)
	case *v1alpha1.ClusterRecordingPolicy:
		return reachOf("", p.Spec.NamespaceSelector, p.Spec.Selector)
	}
	return reach{}
}

// problemsOf returns what of a policy cannot be understood, whether or not it is about any recording.
func problemsOf(p metav1.Object) []policy.Problem {
	switch p := p.(type) {
	case *v1alpha1.RecordingPolicy:
		return policy.ProblemsOf(p)
	case *v1alpha1.ClusterRecordingPolicy:
		return policy.ProblemsOfCluster(p)
	}
	return nil
}
