// SPDX-License-Identifier: Apache-2.0

//go:build unix

package gatewaytest

import (
	"slices"
	"sync"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
)

// Log keeps what a gateway logs, but for what is for debugging.
type Log struct {
	mutex sync.Mutex
	lines []string
}

func (l *Log) logger() logr.Logger {
	return funcr.New(func(_, line string) {
		l.mutex.Lock()
		defer l.mutex.Unlock()
		l.lines = append(l.lines, line)
	}, funcr.Options{})
}

// Lines are those that were written so far, oldest first.
func (l *Log) Lines() []string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return slices.Clone(l.lines)
}
