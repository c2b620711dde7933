// SPDX-License-Identifier: Apache-2.0

package fault

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/reelkeeper/reelkeeper/internal/effect"
	"github.com/reelkeeper/reelkeeper/internal/effect/effecttest"
)

// strike is a fault at one point of a life.
type strike struct {
	effecttest.Fault
	effecttest.Point
}

func (s strike) String() string { return fmt.Sprintf("%s %q, the %dth time", s.Fault, s.Effect, s.Nth) }

// pointOf is a point, and the step at which it was passed.
type pointOf struct {
	effecttest.Point
	step string
}

// gate is what all effects of a world pass through. It counts them, and lets the plan's faults strike.
type gate struct {
	strikes []strike
	passed  map[effect.Name]int
	// step is what the life is at. points are the effects in the order in which they happened, struck those faults that did
	// strike.
	step   string
	points []pointOf
	struck []strike
	// dead says that the process has died: nothing that it still does has an effect.
	dead bool
}

func newGate() *gate { return &gate{passed: map[effect.Name]int{}} }

func (g *gate) admit(name effect.Name, write func() error) error {
	if g.dead {
		return effecttest.ErrDied
	}
	g.passed[name]++
	point := effecttest.Point{Effect: name, Nth: g.passed[name]}
	g.points = append(g.points, pointOf{point, g.step})
	coverage.saw(name)
	for _, s := range g.strikes {
		if s.Point != point {
			continue
		}
		g.struck = append(g.struck, s)
		coverage.hit(s)
		err := s.Strike(write)
		g.dead = s.Fault != effecttest.LoseAnswer
		return err
	}
	return write()
}

// coverage is which effects happened, and which of them were struck how, in all plans of a run.
var coverage tally

type tally struct {
	mu     sync.Mutex
	seen   map[effect.Name]bool
	struck map[string]bool
}

func (c *tally) saw(name effect.Name) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen == nil {
		c.seen, c.struck = map[effect.Name]bool{}, map[string]bool{}
	}
	c.seen[name] = true
}

func (c *tally) hit(s strike) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.struck[string(s.Fault)+" "+string(s.Effect)] = true
}

// missed lists the faults that never struck an effect whose name begins like this.
func (c *tally) missed(name string) []effecttest.Fault {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(effecttest.Faults), func(fault effecttest.Fault) bool {
		for point := range maps.Keys(c.struck) {
			if strings.HasPrefix(point, string(fault)+" "+name) {
				return true
			}
		}
		return false
	})
}
