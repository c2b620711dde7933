// SPDX-License-Identifier: Apache-2.0

//go:build unix

package gateway_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/gateway"
	"github.com/reelkeeper/reelkeeper/internal/gateway/gatewaytest"
)

// playback makes a policy for a namespace that says how people are given what they watch.
func playback(t *testing.T, w *gatewaytest.World, namespace string, rules v1alpha1.PlaybackRules) {
	t.Helper()
	policy := &v1alpha1.RecordingPolicy{}
	policy.Namespace, policy.Name, policy.Spec.Playback = namespace, "playback", rules
	if err := w.Admin.Create(t.Context(), policy); err != nil {
		t.Fatal(err)
	}
	w.Seen(t, policy)
}

// refusals are the records of what was refused in a namespace, by reason and rule.
func refusals(t *testing.T, w *gatewaytest.World, namespace string) []string {
	t.Helper()
	var found []string
	for _, event := range w.Events(t, namespace) {
		if event.Spec.Outcome == v1alpha1.OutcomeRefused {
			found = append(found, event.Spec.Reason+" "+event.Spec.Rule)
		}
	}
	return found
}

// notedEvery is how often the same excess of the same player is written down.
const notedEvery = 10 * time.Minute

func TestR8CopyingTakesAboutAsLongAsWatching(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	namespace := env.Namespace(t)
	recording, file := w.LongRecording(t, namespace, "review")
	playback(t, w, namespace, v1alpha1.PlaybackRules{MaxAhead: "2m", MaxSpeed: v1alpha1.SpeedDouble})
	clock := clocktesting.NewFakePassiveClock(gatewaytest.Wall.Now())
	if now := clock.Now(); now.Add(time.Minute).Truncate(notedEvery) != now.Truncate(notedEvery) {
		clock.SetTime(now.Add(time.Minute)) // so that all of this is in one of those periods
	}
	url := w.Serve(t, func(o *gateway.Options) { o.Clock = clock })
	viewer := w.SignIn(t, "participant").At(url)
	view := beginView(t, viewer, recording)

	share := func(from, to float64) gatewaytest.Answer {
		size := float64(len(file))
		return viewer.Get(t, view+"media", "Range", fmt.Sprintf("bytes=%d-%d", int(from*size), int(to*size)-1))
	}
	check := func(what string, answer gatewaytest.Answer, want int) {
		t.Helper()
		if answer.Status != want {
			t.Errorf("%s answers %d, want %d", what, answer.Status, want)
		}
		if wait, err := strconv.Atoi(answer.Header.Get("Retry-After")); want == http.StatusTooManyRequests && (err != nil || wait < 1) {
			t.Errorf("%s does not say when to come back: %q", what, answer.Header.Get("Retry-After"))
		}
	}
	check("the whole", viewer.Get(t, view+"media"), http.StatusTooManyRequests)
	check("the whole as a range", viewer.Get(t, view+"media", "Range", "bytes=0-"), http.StatusTooManyRequests)
	check("what may be ahead", share(0, 0.19), http.StatusPartialContent)
	check("the same again", share(0, 0.19), http.StatusPartialContent)
	check("a third of the recording more", share(0.2, 0.5), http.StatusTooManyRequests)
	check("another part by another view", viewer.Get(t, beginView(t, viewer, recording)+"media", "Range", fmt.Sprintf("bytes=%d-", len(file)/2)), http.StatusTooManyRequests)
	elsewhere := w.SignIn(t, "participant").At(url)
	check("another part by another sign-in", elsewhere.Get(t, beginView(t, elsewhere, recording)+"media", "Range", fmt.Sprintf("bytes=%d-", len(file)/2)), http.StatusTooManyRequests)
	clock.SetTime(clock.Now().Add(30 * time.Second))
	check("what half a minute at double speed has earned", share(0.2, 0.28), http.StatusPartialContent)
	check("more than that", share(0.3, 0.5), http.StatusTooManyRequests)

	want := "TooFast RecordingPolicy " + namespace + "/playback spec.playback.maxAhead"
	got := refusals(t, w, namespace)
	if len(got) != 3 || !strings.HasPrefix(got[0], want) { // one for each player
		t.Errorf("written down: %q, want three of %q", got, want)
	}
}

func TestOnlySoManyPlayersAtOnce(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	namespace := env.Namespace(t)
	recording, _ := w.Recording(t, namespace, "review")
	playback(t, w, namespace, v1alpha1.PlaybackRules{MaxViews: 1})
	clock := clocktesting.NewFakePassiveClock(gatewaytest.Wall.Now())
	url := w.Serve(t, func(o *gateway.Options) { o.Clock = clock })
	desk, phone := w.SignIn(t, "participant").At(url), w.SignIn(t, "participant").At(url)
	first := beginView(t, desk, recording)
	if answer := desk.Get(t, first+"key"); answer.Status != http.StatusOK {
		t.Fatalf("the first player is given %d", answer.Status)
	}
	clock.SetTime(clock.Now().Add(10 * time.Second))
	second := beginView(t, phone, recording)
	if answer := phone.Get(t, second+"playlist.m3u8"); answer.Status != http.StatusOK {
		t.Errorf("the second player is given %d", answer.Status)
	}
	for _, route := range []string{"playlist.m3u8", "key", "media"} {
		if answer := desk.Get(t, first+route); answer.Status != http.StatusTooManyRequests {
			t.Errorf("the first player goes on beside the second: %s answers %d", route, answer.Status)
		}
	}
	if got := refusals(t, w, namespace); len(got) != 1 || !strings.HasPrefix(got[0], "TooManyPlayers RecordingPolicy") {
		t.Errorf("written down: %q", got)
	}
}

func TestOnlySoManyRequestsInAMinute(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	namespace := env.Namespace(t)
	recording, _ := w.Recording(t, namespace, "review")
	playback(t, w, namespace, v1alpha1.PlaybackRules{MaxRequests: 60})
	clock := clocktesting.NewFakePassiveClock(gatewaytest.Wall.Now())
	viewer := w.SignIn(t, "participant").At(w.Serve(t, func(o *gateway.Options) { o.Clock = clock }))
	view := beginView(t, viewer, recording)
	for i := range 60 {
		if answer := viewer.Get(t, view+"key"); answer.Status != http.StatusOK {
			t.Fatalf("key %d answers %d", i, answer.Status)
		}
	}
	if answer := viewer.Get(t, view+"key"); answer.Status != http.StatusTooManyRequests || answer.Header.Get("Retry-After") != "60" {
		t.Errorf("one too many answers %d, come back in %q seconds", answer.Status, answer.Header.Get("Retry-After"))
	}
	clock.SetTime(clock.Now().Add(time.Minute))
	if answer := viewer.Get(t, view+"key"); answer.Status != http.StatusOK {
		t.Errorf("a minute later: %d", answer.Status)
	}
	if got := refusals(t, w, namespace); len(got) != 1 || !strings.HasPrefix(got[0], "TooManyRequests RecordingPolicy") {
		t.Errorf("written down: %q", got)
	}
}
