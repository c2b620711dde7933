// SPDX-License-Identifier: Apache-2.0

// Package property runs property tests and says how many cases each of them saw.
package property

import (
	"fmt"
	"os"
	"testing"

	"pgregory.net/rapid"
)

// Check runs a property as rapid.Check does, and prints "property <name>: <n> cases". How many there are is for -rapid.checks
// to say. `make property-test` shows the lines; `go test` shows them with -v.
func Check(t *testing.T, holds func(*rapid.T)) {
	t.Helper()
	cases := 0
	rapid.Check(t, func(t *rapid.T) {
		cases++
		holds(t)
	})
	fmt.Fprintf(os.Stdout, "property %s: %d cases\n", t.Name(), cases)
}
