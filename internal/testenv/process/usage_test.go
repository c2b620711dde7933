// SPDX-License-Identifier: Apache-2.0

//go:build linux

package process_test

import (
	"os"
	"testing"

	"github.com/reelkeeper/reelkeeper/internal/testenv/process"
)

func TestUsageAndMemoryAreThoseOfTheProcess(t *testing.T) {
	t.Parallel()
	usage, err := process.UsageOf(os.Getpid())
	if err != nil || usage.Parent != os.Getppid() || usage.Name == "" {
		t.Errorf("the usage is %+v, %v", usage, err)
	}
	memory, err := process.MemoryOf(os.Getpid())
	if err != nil || memory.Resident <= 0 || memory.Peak < memory.Own || memory.File <= 0 {
		t.Errorf("the memory is %+v, %v", memory, err)
	}
}
