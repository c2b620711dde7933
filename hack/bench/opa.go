// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	_ "embed"
	"fmt"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
)

//go:embed policies.rego
var regoPolicies string

// opaEngine returns OPA's library with a prepared query.
func opaEngine() (engine, error) {
	ctx := context.Background()
	query, err := rego.New(rego.Query("data.recordings.allow"), rego.Module("policies.rego", regoPolicies)).PrepareForEval(ctx)
	if err != nil {
		return engine{}, fmt.Errorf("OPA's policies: %w", err)
	}
	return converting("opa", func(q question) (func() bool, error) {
		input, err := ast.InterfaceToValue(opaInput(q))
		if err != nil {
			return nil, err
		}
		return func() bool {
			results, err := query.Eval(ctx, rego.EvalParsedInput(input))
			return err == nil && results.Allowed()
		}, nil
	}), nil
}

// opaInput is the question as a document.
func opaInput(q question) map[string]any {
	set := func(names []string) map[string]any {
		all := map[string]any{}
		for _, name := range names {
			all[name] = true
		}
		return all
	}
	r, granted := theRecording, map[string]any{}
	for _, grant := range theGrants {
		granted[grant.Subjects[0].Name] = map[string]any{"permissions": map[string]any{"View": true}, "until": grant.ExpiresAt.Unix()}
	}
	return map[string]any{
		"subject": map[string]any{
			"name": q.subject.Name, "verified": q.subject.Verified, "internal": q.subject.Internal, "labels": set(q.subject.Labels),
		},
		"permission": string(q.permission),
		"recording":  map[string]any{"creator": r.Creator, "hosts": set(r.Hosts), "participants": set(r.Participants), "trashed": r.Trashed},
		"grants":     granted,
		"now":        now.Unix(),
	}
}
