// SPDX-License-Identifier: Apache-2.0

//go:build unix

package gateway_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

var byteRangeTag = regexp.MustCompile(`BYTERANGE[:=]"?(\d+)@(\d+)`)

// TestR7ADamagedSegmentNeverPassesForAWholeOne flips one bit in the bucket and asks for everything around it, by every route that
// gives media: only what does not touch the segment with the bit ends well.
func TestR7ADamagedSegmentNeverPassesForAWholeOne(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	namespace := env.Namespace(t)
	recording, file := w.Recording(t, namespace, "review")
	host := w.SignIn(t, "host")
	view := beginView(t, host, recording)
	sound := host.Get(t, view+"media")
	playlist := host.Get(t, view+"playlist.m3u8")

	var units [][2]int // first byte, end
	for _, match := range byteRangeTag.FindAllSubmatch(playlist.Body, -1) {
		length, _ := strconv.Atoi(string(match[1]))
		offset, _ := strconv.Atoi(string(match[2]))
		units = append(units, [2]int{offset, offset + length})
	}
	if len(units) < 4 || units[len(units)-1][1] != len(file) || len(sound.Body) != len(file) {
		t.Fatalf("the test is blind: units %v of %d bytes", units, len(file))
	}
	from, end := units[2][0], units[2][1]
	bit := (from + end) / 2
	if err := w.Tamper(t.Context(), recording, bit); err != nil {
		t.Fatal(err)
	}

	cases := map[string]struct {
		first, last int
		wantWhole   bool
	}{
		"everything":                            {0, len(file) - 1, false},
		"exactly the segment":                   {from, end - 1, false},
		"the byte":                              {bit, bit, false},
		"the segment's first byte":              {from, from, false},
		"the segment's last byte":               {end - 1, end - 1, false},
		"the segment up to the byte":            {from, bit - 1, false},
		"the segment from behind the byte":      {bit + 1, end - 1, false},
		"the segment before and one byte of it": {units[1][0], from, false},
		"the segment before":                    {units[1][0], from - 1, true},
		"the segment behind":                    {end, units[3][1] - 1, true},
		"the init":                              {0, units[0][1] - 1, true},
	}
	routes := map[string][]byte{pageOf(recording) + "/download": file, view + "media": sound.Body}
	for path, right := range routes {
		for name, tc := range cases {
			answer := host.Get(t, path, "Range", fmt.Sprintf("bytes=%d-%d", tc.first, tc.last))
			if whole := answer.Err == nil && len(answer.Body) == tc.last-tc.first+1; whole != tc.wantWhole {
				t.Errorf("%s, %s: ended well: %t, want %t (status %d, %d bytes)", path, name, whole, tc.wantWhole, answer.Status, len(answer.Body))
			}
			if tc.wantWhole && !bytes.Equal(answer.Body, right[tc.first:tc.last+1]) {
				t.Errorf("%s, %s: other bytes arrived than were stored", path, name)
			}
		}
		if answer := host.Get(t, path); answer.Err == nil {
			t.Errorf("%s without a range ended well", path)
		}
		if head := host.Do(t, http.MethodHead, path, nil); len(head.Body) > 0 {
			t.Errorf("HEAD of %s: status %d with %d bytes", path, head.Status, len(head.Body))
		}
	}

	// It is written down, once.
	damaged := func() (found []v1alpha1.AuditEvent) {
		for _, event := range w.Events(t, namespace) {
			if event.Spec.Reason == v1alpha1.ReasonDamaged {
				found = append(found, event)
			}
		}
		return found
	}
	err := wait.PollUntilContextTimeout(t.Context(), 20*time.Millisecond, time.Minute, true, func(context.Context) (bool, error) { return len(damaged()) > 0, nil })
	events := damaged()
	if err != nil || len(events) != 1 {
		t.Fatalf("%d events say that it is damaged, %v", len(events), err)
	}
	if spec := events[0].Spec; spec.Recording.Name != recording.Name || spec.Outcome != v1alpha1.OutcomeRefused || !strings.Contains(strings.Join(spec.Evidence, " "), "segment 1") {
		t.Errorf("the event says %+v", spec)
	}
}
