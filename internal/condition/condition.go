// SPDX-License-Identifier: Apache-2.0

package condition

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/google/cel-go/cel"
	"k8s.io/utils/lru"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"

	// Conditions speak of office hours, and the answer must not depend on whether the image knows time zones.
	_ "time/tzdata"
)

// MaxLength is how long an expression can be, in characters. The schema says the same.
const MaxLength = 1024

// Program is an expression that has been compiled. It never changes, and can be shared between goroutines.
type Program struct {
	expression string
	program    cel.Program
	// perPermission says that the answer can be another one for every permission.
	perPermission bool
}

// Expression returns the text that the program was compiled from.
func (p *Program) Expression() string { return p.expression }

// PerPermission says that the expression looks at the permission that is asked for.
func (p *Program) PerPermission() bool { return p.perPermission }

// Holds says whether the expression is true of the facts and the permission that is asked for. It fails where the
// expression looks for what is not there, such as a label, or costs too much; then it does not hold.
func (p *Program) Holds(facts *Facts, permission v1alpha1.Permission) (bool, error) {
	out, _, err := p.program.Eval(question{facts, permission})
	if err != nil {
		return false, fmt.Errorf("evaluating %q: %w", p.expression, err)
	}
	holds, _ := out.Value().(bool)
	return holds, nil
}

// Compile compiles an expression. The error says what is wrong and where, and what to write instead.
//
// Compiling takes a hundred times as long as evaluating, so what was compiled lately is kept: policies are read again at
// every decision, and change seldom. As the outcome follows from the text alone, it makes no other difference.
func Compile(expression string) (*Program, error) {
	if kept, there := compiled.Get(expression); there {
		c := kept.(compilation)
		return c.program, c.err
	}
	program, err := compile(expression)
	if len(expression) <= 4*MaxLength {
		compiled.Add(expression, compilation{program, err})
	}
	return program, err
}

// compiled are the expressions compiled last: more than an organisation's policies have, and bounded for one that writes
// new ones all the time.
var compiled = lru.New(1024)

type compilation struct {
	program *Program
	err     error
}

func compile(expression string) (*Program, error) {
	if n := len([]rune(expression)); n > MaxLength {
		return nil, fmt.Errorf("it has %d characters: use at most %d", n, MaxLength)
	}
	env, err := environment()
	if err != nil {
		return nil, err
	}
	ast, issues := env.Compile(expression)
	if issues.Err() != nil {
		return nil, firstOf(issues)
	}
	if ast.OutputType() != cel.BoolType {
		return nil, fmt.Errorf("it yields a value of type %s: write a condition that is true or false", ast.OutputType())
	}
	cost, err := env.EstimateCost(ast, sizes{})
	if err != nil {
		return nil, fmt.Errorf("its cost cannot be estimated: %w", err)
	}
	if cost.Max > maxCost {
		return nil, fmt.Errorf("it may cost up to %d, and %d is allowed: do not nest all and exists, and use shorter lists", cost.Max, maxCost)
	}
	program, err := env.Program(ast, cel.EvalOptions(cel.OptOptimize), cel.CostLimit(maxCost))
	if err != nil {
		return nil, fmt.Errorf("it cannot be prepared: %w", err)
	}
	return &Program{expression: expression, program: program, perPermission: mentions(ast, askedPermission)}, nil
}

// environment is what expressions are compiled in: the language's own functions, the macros that do not build lists, and
// our names.
var environment = sync.OnceValues(func() (*cel.Env, error) {
	return cel.NewEnv(append([]cel.EnvOption{
		cel.ClearMacros(),
		cel.Macros(cel.HasMacro, cel.AllMacro, cel.ExistsMacro, cel.ExistsOneMacro),
		cel.ParserExpressionSizeLimit(MaxLength),
		cel.ParserRecursionLimit(64),
		cel.DefaultUTCTimeZone(true),
		cel.ASTValidators(
			cel.ValidateDurationLiterals(), cel.ValidateTimestampLiterals(), cel.ValidateRegexLiterals(),
			cel.ValidateHomogeneousAggregateLiterals(), cel.ValidateComprehensionNestingLimit(2),
		),
	}, variables...)...)
})

// mentions says whether the expression looks at the name.
func mentions(ast *cel.Ast, name string) bool {
	for _, reference := range ast.NativeRep().ReferenceMap() {
		if reference.Name == name {
			return true
		}
	}
	return false
}

// firstOf returns the first thing that is wrong, in one line.
func firstOf(issues *cel.Issues) error {
	all := issues.Errors()
	if len(all) == 0 {
		return issues.Err()
	}
	message := strings.ReplaceAll(strings.Join(strings.Fields(all[0].Message), " "), " (in container '')", "")
	if strings.Contains(message, "undeclared reference") {
		message += ": use subject.name, .internal, .departments, .groups, .labels, " +
			"recording.namespace, .labels, .department, .startedAt, .endedAt, .trashed, .held, .participantCount, permission and now"
	}
	if location := all[0].Location; location != nil && location.Line() > 0 {
		return fmt.Errorf("line %d, column %d: %s", location.Line(), location.Column()+1, message)
	}
	return errors.New(message)
}
