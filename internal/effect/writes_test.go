// SPDX-License-Identifier: Apache-2.0

package effect_test

import (
	"go/ast"
	"go/types"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reelkeeper/reelkeeper/internal/codetest"
	"github.com/reelkeeper/reelkeeper/internal/effect/effecttest"
)

// below are the packages that make the writes which effects consist of.
var below = []string{"api/", "internal/objectstore", "internal/effect"}

// TestEveryWriteIsAnEffect reads the controllers and all they import. Where it fails, put the write into effect.Do.
func TestEveryWriteIsAnEffect(t *testing.T) {
	t.Parallel()
	code := codetest.Load(t, "./controllers/...")
	names := map[string]string{}
	for _, p := range code.Packages {
		if slices.ContainsFunc(below, func(path string) bool { return strings.HasPrefix(p.Path, path) }) {
			continue
		}
		outside, effects := effecttest.Writes(p)
		for _, write := range outside {
			t.Errorf("%s: a write outside an effect: put it into effect.Do", code.Position(write))
		}
		for name, call := range effects {
			at := code.Position(call)
			if owner, colon := strings.CutSuffix(name, ":"); name == "" || colon || !strings.Contains(name, ": ") || owner == "" {
				t.Errorf(`%s: the effect is called %q: give it a constant name like "who: what"`, at, name)
			}
			if other := names[name]; other != "" {
				t.Errorf("%s: %q is the name of the effect at %s too", at, name, other)
			}
			names[name] = at.String()
		}
	}
	if len(names) < 20 {
		t.Errorf("only %d effects found", len(names))
	}
}

// TestTheSearchFindsWrites shows what counts as one.
func TestTheSearchFindsWrites(t *testing.T) {
	t.Parallel()
	code := codetest.Load(t, "./controllers/trash")
	p := code.Check(t, "sample", `package sample

import (
	"context"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"github.com/reelkeeper/reelkeeper/internal/effect"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

type deleter interface { Delete(ctx context.Context, where, what string) error }

func reads(ctx context.Context, c client.Client, o *objectstore.Client) { c.Get(ctx, client.ObjectKey{}, nil); o.Head(ctx, "", "") }
func creates(ctx context.Context, c client.Client) error { return c.Create(ctx, nil) }
func reports(ctx context.Context, c client.Client) error { return c.Status().Update(ctx, nil) }
func removes(ctx context.Context, o *objectstore.Client) error { return o.Delete(ctx, "", "") }
func hides(ctx context.Context, d deleter) error { return d.Delete(ctx, "", "") }
func passes(c client.Client) any { return c.Patch }
func named(ctx context.Context, c client.Client) error {
	return effect.Do(ctx, "sample: "+effect.Name(c.Scheme().Name()), func() error { return c.Create(ctx, nil) })
}
func unnamed(ctx context.Context, name effect.Name) error { return effect.Do(ctx, name, func() error { return nil }) }
`)
	outside, effects := effecttest.Writes(p)
	var got []string
	for _, write := range outside {
		got = append(got, types.ExprString(write.(ast.Expr)))
	}
	for name := range effects {
		got = append(got, name)
	}
	slices.Sort(got)
	want := []string{"", "c.Create", "c.Patch", "c.Status().Update", "d.Delete", "o.Delete", "sample: "}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("found (-want +got):\n%s", diff)
	}
}
