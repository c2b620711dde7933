// SPDX-License-Identifier: Apache-2.0

package effecttest

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"github.com/reelkeeper/reelkeeper/internal/codetest"
)

const (
	clients      = "sigs.k8s.io/controller-runtime/pkg/client"
	objectStores = codetest.Module + "internal/objectstore"
	effects      = codetest.Module + "internal/effect"
)

// clientWrites are the methods of Kubernetes clients that write.
var clientWrites = []string{"Create", "Update", "Patch", "Apply", "Delete", "DeleteAllOf"}

// storeReads are the methods of object store clients that do not write. All others do, also those that do not exist yet.
var storeReads = []string{
	"Get", "Head", "List", "Versions", "Protection", "ListVersions", "Uploads", "Buckets", "BucketExists", "Ping", "Close", "At", "Format", "Signer", "Presign", "PresignPart", "PresignComplete", "PresignAbort",
}

// Writes finds in a package the writes that are made outside effects, and the effects by their names. The name of an effect
// that ends in something variable is what is constant of it, and empty where that is nothing.
func Writes(p *codetest.Package) (outside []ast.Node, named map[string]*ast.CallExpr) {
	named = map[string]*ast.CallExpr{}
	var look func(node ast.Node) bool
	look = func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.CallExpr:
			if isEffect(p, n) {
				named[constantOf(p, n.Args[1])] = n
				ast.Inspect(n.Args[0], look)
				return false
			}
		case *ast.SelectorExpr:
			if isWrite(p, n) {
				outside = append(outside, n)
			}
		}
		return true
	}
	for _, file := range p.Files {
		ast.Inspect(file, look)
	}
	return outside, named
}

// isEffect says that a call is one of effect.Do with a function that stands in it: of another one nobody sees what it writes.
func isEffect(p *codetest.Package, call *ast.CallExpr) bool {
	selector, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || len(call.Args) != 3 {
		return false
	}
	function, ok := p.Info.Uses[selector.Sel].(*types.Func)
	_, literal := call.Args[2].(*ast.FuncLit)
	return ok && literal && function.FullName() == effects+".Do"
}

func constantOf(p *codetest.Package, name ast.Expr) string {
	if value := p.Info.Types[name].Value; value != nil && value.Kind() == constant.String {
		return constant.StringVal(value)
	}
	if sum, ok := name.(*ast.BinaryExpr); ok && sum.Op == token.ADD {
		return constantOf(p, sum.X)
	}
	return ""
}

// isWrite looks at what a method belongs to: a Kubernetes client, an object store's, or an interface of ours that such a
// client fits.
func isWrite(p *codetest.Package, selector *ast.SelectorExpr) bool {
	selection := p.Info.Selections[selector]
	if selection == nil || selection.Kind() == types.FieldVal {
		return false
	}
	method, ok := selection.Obj().(*types.Func)
	if !ok || method.Pkg() == nil {
		return false
	}
	receiver := method.Signature().Recv().Type().String()
	switch {
	case strings.HasPrefix(receiver, clients+"."):
		return slices.Contains(clientWrites, method.Name())
	case receiver == "*"+objectStores+".Client":
		return !slices.Contains(storeReads, method.Name())
	case !types.IsInterface(method.Signature().Recv().Type()):
		return false
	}
	return isMethodOf(p, clients, "Client", method) && slices.Contains(clientWrites, method.Name()) ||
		isMethodOf(p, objectStores, "Client", method) && !slices.Contains(storeReads, method.Name())
}

// isMethodOf says that a type of another package, which p imports, has a method like this one.
func isMethodOf(p *codetest.Package, path, name string, method *types.Func) bool {
	for _, imported := range p.Types.Imports() {
		if imported.Path() != path {
			continue
		}
		owner := imported.Scope().Lookup(name).Type()
		if !types.IsInterface(owner) {
			owner = types.NewPointer(owner)
		}
		found, _, _ := types.LookupFieldOrMethod(owner, false, imported, method.Name())
		same, ok := found.(*types.Func)
		return ok && types.Identical(same.Signature(), method.Signature())
	}
	return false
}
