// SPDX-License-Identifier: Apache-2.0

package access_test

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reelkeeper/reelkeeper/internal/codetest"
)

// deciders are the packages that may compare roles and permissions, and those that only help their tests.
var deciders = []string{
	"api/", "internal/policy", "internal/access", "internal/governance/governancetest",
}

// allowed are the functions elsewhere that compare, and why that decides nothing about anybody.
var allowed = map[string]string{
	"internal/gateway.Server.audience":               "lists the meeting's people, in order to ask about each of them",
	"internal/gateway.rightsOf":                      "shows the reason of one refusal on a page; the refusals are access's",
	"internal/gateway.accountsDiffer":                "offers a button that changes the account, after the refusal",
	"internal/gateway.reasonOfRemedy":                "finds the translation of a remedy that access has chosen",
	"internal/gateway.Server.invite":                 "chooses which permission to ask for when a link is opened",
	"internal/gateway/session.Session.CountedFor":    "tells uses that were counted for watching from those for downloading; they are access's to weigh",
	"controllers/accessgrant.Reconciler.askPolicies": "makes a password where only that is missing, and asks again",
	"internal/catalog.compactFacts":                  "lets equal texts share their memory",
	"internal/cli.parsePermission":                   "reads a permission from the command line, in order to ask for it",
	"internal/cli/report.Book.Can":                   "prints what access says of the reason that it gave",
	"internal/cli/report.Book.Preflight":             "shows in a table what the rules list for each role; the answers above it are decided",
	"internal/cli/report.rightOf":                    "shows in a table what the rules list for each role",
	"internal/cli/report.personas":                   "lists the meeting's people, in order to ask about each of them",
	"internal/cli/report.withStandIns":               "puts made-up people into a meeting, in order to ask about each role",
	"internal/cli/report.classRights":                "keeps the number of those who attended, which conditions may ask for",
	"internal/cli/report.comparison.kind":            "takes the people out, to find recordings that differ in nothing else",
	"internal/cli/report.differ.access":              "compares two answers of access with one another",
	"internal/cli/report.tally.diff":                 "counts answers by the permission that was asked for",
	"internal/cli/report.anonymousLinks":             "finds policies to warn of; it lets nobody in",
}

// TestNobodyElseComparesRolesOrPermissions reads all code of the module but tests. What decides is in policy and access; others
// name a permission to ask for it, and take the answer.
func TestNobodyElseComparesRolesOrPermissions(t *testing.T) {
	t.Parallel()
	code := codetest.Load(t, "./...")
	var found []finding
	for _, p := range code.Packages {
		if !slices.ContainsFunc(deciders, func(d string) bool { return strings.HasPrefix(p.Path, d) }) {
			found = append(found, comparisons(code, p)...)
		}
	}
	excused := map[string]bool{}
	for _, f := range found {
		if _, there := allowed[f.function]; there {
			excused[f.function] = true
			continue
		}
		t.Errorf("%s: %s %s: ask access.Decide or access.CheckGrant instead, or say in this test why it decides nothing", f.at, f.function, f.what)
	}
	for function := range allowed {
		if !excused[function] {
			t.Errorf("%s compares nothing any more: take it off the list", function)
		}
	}
}

// TestTheSearchFindsComparisons shows what counts as one.
func TestTheSearchFindsComparisons(t *testing.T) {
	t.Parallel()
	code := codetest.Load(t, "./internal/access")
	sample := code.Check(t, "sample", `package sample

import (
	"slices"
	api "github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/access"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

var table = map[api.Permission]bool{}

func asks(d access.Decision) bool             { return d.Allowed() && d.Permission != "" }
func passes(f func(api.Permission)) string    { f(api.PermissionView); return "View" }
func equals(p api.Permission) bool          { return p == api.PermissionView }
func asText(r api.Role) bool                  { return string(r) == "Host" }
func byReason(d access.Decision) bool         { return d.Reason != access.Held }
func byEffect(d access.Decision) bool         { return access.Allow == d.Effect }
func isAmong(p []api.Permission) bool         { return slices.Contains(p, api.PermissionView) }
func looksUp(p api.Permission) bool           { return table[p] }
func has(s policy.PermissionSet) bool         { return s.Has(api.PermissionView) }
func overlaps(a, b policy.PermissionSet) bool { return a&b != 0 }
func chooses(r api.Role) int {
	switch r {
	case api.RoleHost:
		return 1
	}
	return 0
}
func isCreator(m api.MeetingFacts, me string) bool { return m.Creator == me }
func isHost(m *api.MeetingRecording) []string      { return m.Spec.Meeting.Hosts }
func attended(r *access.Recording) []string        { return r.Participants }
`)
	var got []string
	for _, f := range comparisons(code, sample) {
		got = append(got, strings.TrimPrefix(f.function, "sample.")+" "+f.what)
	}
	want := []string{
		"equals compares Permission", "asText compares Role", "byReason compares Reason", "byEffect compares Effect", "isAmong searches Permission",
		"looksUp looks up Permission", "has asks PermissionSet.Has", "overlaps computes with PermissionSet", "chooses switches on Role",
		"isCreator reads who has a role: Creator", "isHost reads who has a role: Hosts", "attended reads who has a role: Participants",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("found (-want +got):\n%s", diff)
	}
}

// finding is a place where something is compared.
type finding struct {
	at             token.Position
	function, what string
}

// comparisons finds where roles, permissions or decisions are compared in a package.
func comparisons(code *codetest.Code, p *codetest.Package) []finding {
	var found []finding
	for _, file := range p.Files {
		for _, declaration := range file.Decls {
			name := p.Path + "." + nameOf(declaration)
			ast.Inspect(declaration, func(node ast.Node) bool {
				if what := comparison(p.Info, node); what != "" {
					found = append(found, finding{code.Position(node), name, what})
				}
				return true
			})
		}
	}
	return found
}

func nameOf(declaration ast.Decl) string {
	function, ok := declaration.(*ast.FuncDecl)
	if !ok {
		return "variable"
	}
	if function.Recv == nil {
		return function.Name.Name
	}
	receiver := function.Recv.List[0].Type
	if pointer, ok := receiver.(*ast.StarExpr); ok {
		receiver = pointer.X
	}
	return types.ExprString(receiver) + "." + function.Name.Name
}

// comparison says in what way a node compares, if it does.
func comparison(info *types.Info, node ast.Node) string {
	switch n := node.(type) {
	case *ast.BinaryExpr:
		return comparing(info, n)
	case *ast.SwitchStmt:
		if kind := deciding(info, n.Tag); kind != "" {
			return "switches on " + kind
		}
	case *ast.IndexExpr:
		if kind := deciding(info, n.Index); kind != "" {
			return "looks up " + kind
		}
	case *ast.CallExpr:
		return calling(info, n)
	case *ast.SelectorExpr:
		if role := n.Sel.Name; slices.Contains([]string{"Creator", "Hosts", "Participants"}, role) {
			if s := info.Selections[n]; s != nil && namesPeople(s.Recv()) {
				return "reads who has a role: " + role
			}
		}
	}
	return ""
}

// namesPeople says whether a type's fields say who was what in a meeting.
func namesPeople(t types.Type) bool {
	name := t.String()
	return strings.HasSuffix(name, "v1alpha1.MeetingFacts") || strings.HasSuffix(name, "internal/access.Recording")
}

// comparing looks at operators. Whether something is there at all (== "") may be asked.
func comparing(info *types.Info, n *ast.BinaryExpr) string {
	for _, operands := range [][2]ast.Expr{{n.X, n.Y}, {n.Y, n.X}} {
		kind := deciding(info, operands[0])
		if kind == "" {
			continue
		}
		if kind == "PermissionSet" {
			if n.Op == token.EQL || n.Op == token.NEQ {
				continue // of what was computed, which is found by itself
			}
			return "computes with " + kind
		}
		if n.Op == token.ADD {
			return "" // text is put together
		}
		if value := info.Types[operands[1]].Value; value != nil && value.Kind() == constant.String && constant.StringVal(value) == "" {
			return ""
		}
		return "compares " + kind
	}
	return ""
}

// calling looks at functions that compare: those of slices, and the methods of PermissionSet.
func calling(info *types.Info, n *ast.CallExpr) string {
	selector, ok := n.Fun.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	if deciding(info, selector.X) == "PermissionSet" && (selector.Sel.Name == "Has" || selector.Sel.Name == "Includes") {
		return "asks PermissionSet." + selector.Sel.Name
	}
	if from, ok := selector.X.(*ast.Ident); ok && from.Name == "slices" && strings.ContainsAny(selector.Sel.Name[:1], "CIE") {
		for _, argument := range n.Args {
			if list, ok := info.TypeOf(argument).Underlying().(*types.Slice); ok && kindOf(list.Elem()) != "" {
				return "searches " + kindOf(list.Elem())
			}
		}
	}
	return ""
}

// deciding returns the name of the expression's type if decisions turn on such a type; conversions do not hide it.
func deciding(info *types.Info, e ast.Expr) string {
	if e == nil {
		return ""
	}
	if call, ok := ast.Unparen(e).(*ast.CallExpr); ok && len(call.Args) == 1 && info.Types[call.Fun].IsType() {
		return deciding(info, call.Args[0])
	}
	return kindOf(info.TypeOf(e))
}

func kindOf(t types.Type) string {
	named, ok := t.(*types.Named)
	if !ok || named.Obj().Pkg() == nil {
		return ""
	}
	switch kind := strings.TrimPrefix(named.Obj().Pkg().Path(), codetest.Module) + "." + named.Obj().Name(); kind {
	case "api/v1alpha1.Role", "api/v1alpha1.Permission", "api/v1alpha1.Audience", "internal/access.Reason", "internal/access.Effect", "internal/policy.PermissionSet":
		return named.Obj().Name()
	}
	return ""
}
