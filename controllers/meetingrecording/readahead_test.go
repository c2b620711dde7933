// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"context"
	"strconv"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/catalog/catalogtest"
)

// aboutToExpire is a world whose recording expires in half a minute and was read ahead, and what notes further readings.
func aboutToExpire(t *testing.T) (*world, *v1alpha1.MeetingRecording, *asked) {
	t.Helper()
	w := newWorld(t)
	recording := w.available()
	w.clock.SetTime(recording.Status.ExpiresAt.Add(-lead / 2))
	w.reconciler.goThrough()
	direct := &asked{Client: w.manager}
	w.reconciler.options.Direct = direct
	w.reconciler.prepare(t.Context())
	if len(direct.versions) != 1 {
		t.Fatalf("it was read %d times ahead of its date", len(direct.versions))
	}
	direct.versions = nil
	return w, recording, direct
}

// The manifest is damaged between the reading and the date, which shows that the date does not wait for it.
func TestR25AnExpiryIsReadAheadOfItsDate(t *testing.T) {
	t.Parallel()
	w, recording, direct := aboutToExpire(t)
	w.reconciler.prepare(t.Context())
	if len(direct.versions) != 0 {
		t.Errorf("what is prepared is read again: %q", direct.versions)
	}
	w.garble(recording.Status.Storage.ManifestKey)
	w.clock.SetTime(recording.Status.ExpiresAt.Time)
	if _, err := w.pass(); err != nil {
		t.Fatal(err)
	}
	if len(direct.versions) != 0 {
		t.Errorf("the pass has read the recording: %q", direct.versions)
	}
	w.garble(recording.Status.Storage.ManifestKey) // the same bit
	trashed := w.get()
	if !is(v1alpha1.ReasonTrashed)(trashed) || w.state(trashed).TrashedAt.IsZero() {
		t.Errorf("status = %+v, state = %+v", trashed.Status, w.state(trashed))
	}
	if len(w.reconciler.ahead.of) != 0 {
		t.Error("what was prepared stays")
	}
}

func TestR27AHoldAfterTheReadingAheadWins(t *testing.T) {
	t.Parallel()
	for name, heard := range map[string]bool{"that was heard of": true, "that was not heard of": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, recording, _ := aboutToExpire(t)
			if !heard {
				w.reconciler.options.Cards = oldCard{w.reconciler.options.Cards, catalogtest.Of([]v1alpha1.MeetingRecording{*recording})[0]}
			}
			w.hold(recording, v1alpha1.LegalHold{Name: "case-1", Reason: "litigation"})
			w.clock.SetTime(recording.Status.ExpiresAt.Time)
			if _, err := w.pass(); err != nil {
				t.Fatal(err)
			}
			if held := w.get(); !held.Status.TrashedAt.IsZero() || heard == (len(held.Status.Holds) == 0) {
				t.Errorf("status = %+v", held.Status)
			}
		})
	}
}

func TestWhatIsReadAheadIsBoundedAndForgotten(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	named := func(i int) types.NamespacedName {
		return types.NamespacedName{Namespace: "finance", Name: strconv.Itoa(i)}
	}
	var p preparations
	for i := range mostAhead {
		if !p.wants(named(i)) {
			t.Fatalf("no room for number %d", i)
		}
		p.add(named(i), prepared{at: now.Add(time.Duration(i%2) * time.Second)})
	}
	if p.wants(named(mostAhead)) {
		t.Errorf("there is room for more than %d", mostAhead)
	}
	p.tidy(now.Add(keptAhead))
	if p.wants(named(0)) || p.wants(named(mostAhead)) {
		t.Errorf("something was forgotten after %v", keptAhead)
	}
	p.tidy(now.Add(keptAhead + time.Second))
	if !p.wants(named(0)) || p.wants(named(1)) {
		t.Error("what nobody came for stays, or what is newer goes")
	}
}

func TestWhatComesNearIsReadAheadByItself(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	recording := w.available()
	w.clock.SetTime(recording.Status.ExpiresAt.Add(-2 * lead))
	w.reconciler.goThrough()
	done := make(chan error)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { done <- w.reconciler.readAhead(ctx) }()
	w.eventually("the reader waits", w.clock.HasWaiters)
	w.clock.Step(lead / 2)
	w.eventually("it has looked, and waits again", w.clock.HasWaiters)
	if !w.reconciler.ahead.wants(w.key()) {
		t.Errorf("it was read more than %v before its date", lead)
	}
	w.clock.Step(lead)
	w.eventually("it is read", func() bool { return !w.reconciler.ahead.wants(w.key()) })
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
