// SPDX-License-Identifier: Apache-2.0

// Package measure is for benchmarks that take minutes and print what they find as they go, beside their limits.
package measure

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/utils/clock"
)

// Say prints a line at once: a run is long.
func Say(format string, args ...any) {
	fmt.Fprintf(os.Stdout, "%s  %s\n", clock.RealClock{}.Now().Format(time.TimeOnly), fmt.Sprintf(format, args...))
}

// Judge prints a figure beside its limit, and fails the run beyond it.
func Judge(b *testing.B, ok bool, format string, args ...any) {
	b.Helper()
	verdict := "ok  "
	if !ok {
		verdict = "MISS"
		b.Errorf(format, args...)
	}
	Say("%s %s", verdict, fmt.Sprintf(format, args...))
}

// Chosen says whether a phase is to be run: one of those that the environment variable lists, or any where it lists none.
func Chosen(variable, phase string) bool {
	phases := os.Getenv(variable)
	return phases == "" || slices.Contains(strings.Split(phases, ","), phase)
}
