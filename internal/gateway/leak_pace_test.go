// SPDX-License-Identifier: Apache-2.0

//go:build unix

package gateway_test

import (
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"github.com/reelkeeper/reelkeeper/internal/gateway"
	"github.com/reelkeeper/reelkeeper/internal/gateway/gatewaytest"
)

// parts is into how many pieces a copier cuts a recording: pieces so large that what is asked for too early is refused, not held back.
const parts = 10

// copier is somebody who wants all of a recording as soon as they can.
type copier struct {
	// next says which piece to ask for next, of those that are missing.
	next func(missing []int) int
	// players are how many players, of one sign-in each, take turns.
	players int
	// replicas are how many gateways take turns, of which a player asks another one each time; none is one that runs alone.
	replicas int
	// anew says that each piece is asked for in a new view.
	anew bool
}

var copiers = map[string]copier{
	"one piece after the other": {next: func([]int) int { return 0 }, players: 1},
	"from the end to the start": {next: func(missing []int) int { return len(missing) - 1 }, players: 1},
	"from the middle":           {next: func(missing []int) int { return len(missing) / 2 }, players: 1},
	"by several sign-ins":       {next: func([]int) int { return 0 }, players: 3},
	"a new view for each piece": {next: func([]int) int { return 0 }, players: 1, anew: true},
	"at two gateways":           {next: func([]int) int { return 0 }, players: 1, replicas: 2},
	"at three, by several":      {next: func(missing []int) int { return len(missing) / 2 }, players: 2, replicas: 3},
}

// TestR8NoCopyIsFasterThanOneAndAHalfTimes copies a recording of ten minutes under the profile that holds where nobody says anything.
func TestR8NoCopyIsFasterThanOneAndAHalfTimes(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	for name, how := range copiers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			recording, file := w.LongRecording(t, env.Namespace(t), "review")
			clock := clocktesting.NewFakePassiveClock(gatewaytest.Wall.Now())
			urls := []string{""}
			if change := func(o *gateway.Options) { o.Clock = clock }; how.replicas == 0 {
				urls[0] = w.Serve(t, change)
			} else {
				urls, _ = w.Replicas(t, how.replicas, change)
			}
			var browsers []*gatewaytest.Browser
			var views []string
			for range how.players {
				browser := w.SignIn(t, "participant").At(urls[0])
				browsers, views = append(browsers, browser), append(views, beginView(t, browser, recording))
			}
			begun, copied := clock.Now(), 0
			missing := make([]int, parts)
			for i := range missing {
				missing[i] = i
			}
			for turn := 0; len(missing) > 0; turn++ {
				at, player := how.next(missing), turn%how.players
				browsers[player] = browsers[player].At(urls[turn/how.players%len(urls)])
				if how.anew {
					views[player] = beginView(t, browsers[player], recording)
				}
				from, to := missing[at]*len(file)/parts, (missing[at]+1)*len(file)/parts
				answer := browsers[player].Get(t, views[player]+"media", "Range", fmt.Sprintf("bytes=%d-%d", from, to-1))
				switch answer.Status {
				case http.StatusPartialContent:
					copied += len(answer.Body)
					missing = append(missing[:at:at], missing[at+1:]...)
				case http.StatusTooManyRequests:
					wait, err := strconv.Atoi(answer.Header.Get("Retry-After"))
					if err != nil || wait < 1 {
						t.Fatalf("the refusal does not say when to come back: %q", answer.Header.Get("Retry-After"))
					}
					clock.SetTime(clock.Now().Add(time.Duration(wait) * time.Second))
				default:
					t.Fatalf("a piece is answered %d", answer.Status)
				}
			}
			least := gatewaytest.LongSeconds * time.Second * 2 / 3
			took := clock.Now().Sub(begun)
			if copied != len(file) {
				t.Fatalf("the test is blind: %d of %d bytes were copied", copied, len(file))
			}
			if took < least || took > least+time.Minute {
				t.Errorf("the copy took %s, want %s", took, least)
			}
		})
	}
}
