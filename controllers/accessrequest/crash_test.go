// SPDX-License-Identifier: Apache-2.0

//go:build unix

package accessrequest_test

import (
	"errors"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/effect"
	"github.com/reelkeeper/reelkeeper/internal/effect/effecttest"
)

// TestR22NoCrashGrantsTwiceOrForgetsARecord lives a request's life once for every fault, which strikes every effect of its passes
// once.
func TestR22NoCrashGrantsTwiceOrForgetsARecord(t *testing.T) {
	t.Parallel()
	for _, fault := range effecttest.Faults {
		t.Run(string(fault), func(t *testing.T) {
			f := newFixture(t)
			struck := map[effect.Name]bool{}
			f.gate = func(name effect.Name, write func() error) error {
				if struck[name] {
					return write()
				}
				struck[name] = true
				return fault.Strike(write)
			}
			f.ask(member("dave@example.com"))
			f.settle()
			f.expect(metav1.ConditionFalse, v1alpha1.ReasonPending)
			delete(struck, "accessrequest: write the status of the request")
			f.answer(member("alice@example.com"), v1alpha1.ConditionApproved)
			f.settle()
			f.expect(metav1.ConditionFalse, v1alpha1.ReasonApproved)
			f.accept(metav1.ConditionTrue, v1alpha1.ReasonGranted)
			f.expect(metav1.ConditionTrue, v1alpha1.ReasonGranted)
			f.expectFacts("Requested Allowed dave@example.com Pending", "Approved Allowed alice@example.com Approved")
			f.accept(metav1.ConditionFalse, v1alpha1.ReasonExpired)
			f.expect(metav1.ConditionFalse, v1alpha1.ReasonEnded)
			f.clock.Step(8 * day)
			f.settle()
			if f.Exists(t, f.request) {
				t.Error("the request was not collected")
			}
			for _, name := range []effect.Name{"accessrequest: create the grant", "accessrequest: write the status of the request", "accessrequest: collect the request"} {
				if !struck[name] {
					t.Errorf("%q was never struck", name)
				}
			}
		})
	}
}

// settle reconciles until a pass ends well, each time as a process that remembers nothing and sees what there is.
func (f *fixture) settle() {
	f.t.Helper()
	for range 10 {
		err := f.pass()
		if err == nil {
			return
		}
		if !errors.Is(err, effecttest.ErrDied) && !errors.Is(err, effecttest.ErrAnswerLost) && !apierrors.IsAlreadyExists(err) {
			f.t.Fatalf("Reconcile: %v", err)
		}
		if f.Exists(f.t, f.request) {
			f.Await(f.t, f.request)
		}
	}
	f.t.Fatal("ten passes do not bring it to rest")
}
