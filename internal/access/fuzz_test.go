// SPDX-License-Identifier: Apache-2.0

package access_test

import (
	"encoding/json"
	"testing"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/access"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

// FuzzPolicies reads policies that no schema has seen. They must neither panic nor, in the organisation's overrides, open
// anything; and nothing may be in them that Rules.Problems cannot say in words.
func FuzzPolicies(f *testing.F) {
	f.Add([]byte(`{"selector":{"matchExpressions":[{"key":"a","operator":"Resembles"}]},"profile":"Open"}`))
	f.Add([]byte(`{"access":{"audience":"Everybody","roles":[{"role":"Host","permissions":["Fly"]}]}}`))
	f.Add([]byte(`{"retention":{"expireAfter":"90 days","trashFor":"-1d","lock":{"mode":"Eternal","for":"x"}}}`))
	f.Add([]byte(`{"sharing":{"maxTTL":"99999d999999h9999999m99999999s","links":"?"}}`))
	f.Fuzz(func(t *testing.T, spec []byte) {
		var own v1alpha1.RecordingPolicy
		if json.Unmarshal(spec, &own.Spec) != nil {
			return
		}
		var override v1alpha1.ClusterRecordingPolicy
		override.Spec.Selector, override.Spec.Overrides = own.Spec.Selector, own.Spec.PolicyRules
		override.Spec.Overrides.Enforcement = ""
		without := policy.Input{Policies: []v1alpha1.RecordingPolicy{own}}
		with := policy.Input{Policies: without.Policies, ClusterPolicies: []v1alpha1.ClusterRecordingPolicy{override}}
		for _, problem := range policy.Resolve(with).Problems {
			if problem.Message == "" || problem.From.String() == "" {
				t.Errorf("a problem without words: %+v", problem)
			}
		}
		for _, subject := range askers {
			more, fewer := mayDo(policy.Resolve(without), subject), mayDo(policy.Resolve(with), subject)
			if !more.Includes(fewer) {
				t.Errorf("%s may do %s, with the override %s", subject.Name, more, fewer)
			}
			_ = access.Unknown(subject, v1alpha1.PermissionView).Answer()
		}
	})
}
