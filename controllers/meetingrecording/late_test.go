// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/effect"
	"github.com/reelkeeper/reelkeeper/internal/effect/effecttest"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

// A presigned URL cannot be taken back. What is sent to it when the recording is processed, deleted or purged must not stay for ever.
func TestR26LateUploadsAreClearedAwayWellBeyondTheLifeOfAnyURL(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	processed := w.available()
	w.sendLate(w.names(processed))
	w.name = "waiting"
	w.record()
	w.drive(is(v1alpha1.ReasonUploading))
	waiting := w.get()
	w.sendLate(w.names(waiting))
	stray, err := objectstore.NewRecording(w.namespace, "9d7c5a2e-5b0f-4f57-9f0e-6f1f3a8f3c19")
	if err != nil {
		t.Fatal(err)
	}
	w.sendLate(stray)
	w.name = "buried"
	buried := w.available()
	w.sendLate(w.names(buried))
	w.deleted(buried)

	all := []string{w.names(processed).RawKey(), w.names(waiting).RawKey(), stray.RawKey(), w.names(buried).RawKey()}
	w.clock.Step(2 * day)
	w.expectStaging("after two days", all...)
	w.clock.Step(day + time.Hour)
	w.expectStaging("after three days", all[1:]...)
	w.clock.Step(26 * day)
	w.expectStaging("before thirty days", all[1:]...)
	w.clock.Step(2 * day)
	// The time in the trash of the buried one is over too: purging takes its upload along.
	w.expectStaging("after thirty days", all[1])
	if live := w.get(); live != nil {
		t.Errorf("%s is back", live.Name)
	}

	// Whoever dies at it begins anew.
	w.sendLate(stray)
	w.clock.Step(31 * day)
	died := 0
	for _, fault := range effecttest.Faults {
		ctx := effect.With(t.Context(), func(name effect.Name, write func() error) error {
			if name == "trash: clear a late upload" {
				died++
				return fault.Strike(write)
			}
			return write()
		})
		if _, err := w.sweeper.Sweep(ctx); err != nil && !errors.Is(err, effecttest.ErrDied) && !strings.Contains(err.Error(), "answer") {
			t.Logf("struck %s: %v", fault, err)
		}
	}
	if died == 0 {
		t.Error("nothing was struck")
	}
	w.expectStaging("in the end", all[1])
}

// sendLate sends a raw upload, as somebody does who still has the URL.
func (w *world) sendLate(names objectstore.Recording) {
	w.Helper()
	if _, err := w.objects.Put(w.Context(), w.bucket(), names.RawKey(), strings.NewReader("raw"), 3, objectstore.PutOptions{}); err != nil {
		w.Fatal(err)
	}
}

// expectStaging sweeps and looks which raw uploads are left.
func (w *world) expectStaging(when string, want ...string) {
	w.Helper()
	if _, err := w.sweeper.Sweep(w.Context()); err != nil {
		w.Fatal(err)
	}
	var got []string
	for _, key := range w.stored() {
		if strings.HasPrefix(key, objectstore.StagingRoot) {
			got = append(got, key)
		}
	}
	want = slices.Sorted(slices.Values(want))
	if !slices.Equal(got, want) {
		w.Errorf("%s there is %v, want %v", when, got, want)
	}
}
