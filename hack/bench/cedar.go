// SPDX-License-Identifier: Apache-2.0

package main

import (
	_ "embed"
	"fmt"

	"github.com/cedar-policy/cedar-go"
)

//go:embed policies.cedar
var cedarPolicies []byte

// cedarEngine returns Cedar with the policies, and one more for each grant.
func cedarEngine() (engine, error) {
	policies, err := cedar.NewPolicySetFromBytes("policies.cedar", cedarPolicies)
	if err != nil {
		return engine{}, fmt.Errorf("cedar's policies: %w", err)
	}
	for _, grant := range theGrants {
		text := fmt.Sprintf(`permit (principal == User::%q, action == Action::"View", resource == Recording::"q3") when { principal.verified && context.now < %d };`,
			grant.Subjects[0].Name, grant.ExpiresAt.Unix())
		var p cedar.Policy
		if err := p.UnmarshalCedar([]byte(text)); err != nil {
			return engine{}, fmt.Errorf("cedar's policy for %s: %w", grant.Name, err)
		}
		policies.Add(cedar.PolicyID(grant.Name), &p)
	}
	return converting("cedar-go", func(q question) (func() bool, error) {
		entities, user := cedarEntities(q)
		req := cedar.Request{
			Principal: user,
			Action:    cedar.NewEntityUID("Action", cedar.String(q.permission)),
			Resource:  cedar.NewEntityUID("Recording", "q3"),
			Context:   cedar.NewRecord(cedar.RecordMap{"now": cedar.Long(now.Unix())}),
		}
		return func() bool {
			decision, _ := cedar.Authorize(policies, entities, req)
			return decision == cedar.Allow
		}, nil
	}), nil
}

// cedarEntities are the recording and who asks.
func cedarEntities(q question) (cedar.EntityMap, cedar.EntityUID) {
	users := func(names []string) cedar.Set {
		var all []cedar.Value
		for _, name := range names {
			all = append(all, cedar.NewEntityUID("User", cedar.String(name)))
		}
		return cedar.NewSet(all...)
	}
	var labels []cedar.Value
	for _, label := range q.subject.Labels {
		labels = append(labels, cedar.String(label))
	}
	r := theRecording
	user, q3 := cedar.NewEntityUID("User", cedar.String(q.subject.Name)), cedar.NewEntityUID("Recording", "q3")
	return cedar.EntityMap{
		user: {UID: user, Attributes: cedar.NewRecord(cedar.RecordMap{
			"verified": cedar.Boolean(q.subject.Verified), "internal": cedar.Boolean(q.subject.Internal), "labels": cedar.NewSet(labels...),
		})},
		q3: {UID: q3, Attributes: cedar.NewRecord(cedar.RecordMap{
			"creator": cedar.NewEntityUID("User", cedar.String(r.Creator)), "hosts": users(r.Hosts), "participants": users(r.Participants),
			"trashed": cedar.Boolean(r.Trashed),
		})},
	}, user
}
