// SPDX-License-Identifier: Apache-2.0

package recordingstore

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

var epoch = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func TestReadyShowsTheFirstThingThatIsWrong(t *testing.T) {
	well := finding{verdict: good}
	wrong := func(reason string) finding { return finding{verdict: bad, reason: reason, message: "…"} }
	cases := map[string]struct {
		found      findings
		wantStatus metav1.ConditionStatus
		wantReason string
	}{
		"all is well":                                       {findings{endpoint: well, buckets: well, keyset: well}, metav1.ConditionTrue, v1alpha1.ReasonAvailable},
		"the endpoint comes before the keyset":              {findings{endpoint: wrong(v1alpha1.ReasonTLS), keyset: wrong(v1alpha1.ReasonKeysetInvalid)}, metav1.ConditionFalse, v1alpha1.ReasonTLS},
		"the buckets come before the keyset":                {findings{endpoint: well, buckets: wrong(v1alpha1.ReasonBucketTaken), keyset: wrong(v1alpha1.ReasonKeysetInvalid)}, metav1.ConditionFalse, v1alpha1.ReasonBucketTaken},
		"what is wrong comes before what was not found out": {findings{buckets: wrong(v1alpha1.ReasonSelectorInvalid), keyset: well}, metav1.ConditionFalse, v1alpha1.ReasonSelectorInvalid},
		"nothing was found out":                             {findings{}, metav1.ConditionUnknown, v1alpha1.ReasonPending},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			status := deriveStatus(&v1alpha1.RecordingStore{}, tc.found, epoch)
			got := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady)
			if got.Status != tc.wantStatus || got.Reason != tc.wantReason {
				t.Errorf("Ready = %s/%s, want %s/%s", got.Status, got.Reason, tc.wantStatus, tc.wantReason)
			}
		})
	}
}

func TestWhatWasNotFoundOutKeepsItsLastValue(t *testing.T) {
	store := &v1alpha1.RecordingStore{Status: v1alpha1.RecordingStoreStatus{
		Capabilities: []v1alpha1.StoreCapability{v1alpha1.CapabilityCORS}, KeyID: "7", Buckets: new(int32(3)),
	}}
	got := deriveStatus(store, findings{capabilities: nil, keyID: "8", count: 9}, epoch)
	if got.KeyID != "7" || *got.Buckets != 3 || len(got.Capabilities) != 1 {
		t.Errorf("status = %+v, want the last values", got)
	}
}

func TestSettledMessagesAreNotWrittenAgain(t *testing.T) {
	was := metav1.Condition{Status: metav1.ConditionFalse, Reason: "StoreError", ObservedGeneration: 1, Message: "List buckets: it broke (read tcp 127.0.0.1:50001: reset)"}
	cases := map[string]struct {
		change func(*metav1.Condition)
		keeps  bool
	}{
		"another port number": {func(c *metav1.Condition) { c.Message = "List buckets: it broke (read tcp 127.0.0.1:50002: reset)" }, true},
		"another remedy":      {func(c *metav1.Condition) { c.Message = "List buckets: it is full (…)" }, false},
		"another reason":      {func(c *metav1.Condition) { c.Reason = "TLS"; c.Message = "List buckets: it broke (other)" }, false},
		"a later generation":  {func(c *metav1.Condition) { c.ObservedGeneration = 2; c.Message = "List buckets: it broke (other)" }, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			wanted := was
			tc.change(&wanted)
			if got := settle(&was, wanted); (got.Message == was.Message) != tc.keeps {
				t.Errorf("message = %q", got.Message)
			}
		})
	}
	if diff := cmp.Diff(was, settle(nil, was)); diff != "" {
		t.Errorf("a first condition was changed (-want +got):\n%s", diff)
	}
}

func TestRetriesAreBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		failures := rapid.IntRange(0, 1<<30).Draw(t, "failures")
		wait := probed{at: epoch, failures: failures}.next().Sub(epoch)
		if failures == 0 && wait != probeEvery || failures > 0 && (wait < retryFirst || wait > retryMost) {
			t.Fatalf("after %d failures the next probe is in %s", failures, wait)
		}
	})
}
