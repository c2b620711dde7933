// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/reelkeeper/reelkeeper/internal/media/worker"
)

func TestWorkerSaysLastWhyItFailed(t *testing.T) {
	t.Parallel()
	var said bytes.Buffer
	if code := runWorker(t.Context(), t.TempDir()+"/none.json", t.TempDir(), &said); code != worker.ExitRetry {
		t.Errorf("exit code %d, want %d", code, worker.ExitRetry)
	}
	lines := strings.Split(strings.TrimSpace(said.String()), "\n")
	var failure worker.Failure
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &failure); err != nil {
		t.Fatalf("the last line is not a failure: %v: %s", err, said.String())
	}
	if failure.Reason != worker.Internal || failure.Terminal || !strings.Contains(failure.Message, "spec") {
		t.Errorf("failure %+v", failure)
	}
}
