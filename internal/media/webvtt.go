// SPDX-License-Identifier: Apache-2.0

package media

import (
	"bytes"
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// cue is a text that is shown for a while.
type cue struct {
	start, end time.Duration
	lines      []string
}

var (
	cueTiming = regexp.MustCompile(`^\s*(\d{1,3}:)?(\d\d):(\d\d)\.(\d{3})\s+-->\s+(\d{1,3}:)?(\d\d):(\d\d)\.(\d{3})(\s|$)`)
	// cueTags are the tags that WebVTT has, and the one of SubRip that it has not. What else is in pointed brackets was said like that.
	cueTags = regexp.MustCompile(`</?(?:c|i|b|u|v|lang|ruby|rt|font)(?:[.\s][^<>]*)?>|<\d{2,}:[\d:.]+>`)

	unescapeCue = strings.NewReplacer("&amp;", "&", "&lt;", "<", "&gt;", ">", "&nbsp;", "\u00a0", "&lrm;", "\u200e", "&rlm;", "\u200f")
	escapeCue   = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
)

// cleanWebVTT writes WebVTT anew from its cues, in the order of time: without styles, regions, notes, names of cues, places on the screen
// and tags. It returns nil where there is no cue.
func cleanWebVTT(raw []byte) []byte {
	text := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(bytes.ToValidUTF8(raw, []byte("\ufffd"))))
	var cues []cue
	for block := range strings.SplitSeq(text, "\n\n") {
		if read, ok := readCue(strings.Trim(block, "\n")); ok {
			cues = append(cues, read)
		}
	}
	if len(cues) == 0 {
		return nil
	}
	slices.SortStableFunc(cues, func(a, b cue) int { return cmp.Compare(a.start, b.start) })
	var out bytes.Buffer
	out.WriteString("WEBVTT\n")
	for _, c := range cues {
		fmt.Fprintf(&out, "\n%s --> %s\n%s\n", cueTime(c.start), cueTime(c.end), strings.Join(c.lines, "\n"))
	}
	return out.Bytes()
}

// readCue reads a block of lines. Only one with times in its first or second line is a cue.
func readCue(block string) (cue, bool) {
	lines := strings.Split(block, "\n")
	times := cueTiming.FindStringSubmatch(lines[0])
	if times == nil && len(lines) > 1 {
		lines = lines[1:]
		times = cueTiming.FindStringSubmatch(lines[0])
	}
	if times == nil {
		return cue{}, false
	}
	read := cue{start: timeOf(times[1:5]), end: timeOf(times[5:9])}
	for _, line := range lines[1:] {
		if plain := plainLine(line); plain != "" {
			read.lines = append(read.lines, plain)
		}
	}
	return read, len(read.lines) > 0 && read.start < read.end && read.end <= maxDuration
}

// plainLine is what people read of a line, escaped so that a browser finds nothing else in it.
func plainLine(line string) string {
	said := unescapeCue.Replace(cueTags.ReplaceAllString(line, ""))
	return escapeCue.Replace(strings.TrimSpace(printable(said)))
}

// printable drops what controls a terminal or a parser, and turns every kind of break into a space.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r) && r != '\u00a0', r == '\u2028', r == '\u2029':
			return ' '
		case unicode.IsControl(r), r == '\ufeff':
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\ufffd"))
}

// timeOf reads hours, which may be missing, minutes, seconds and milliseconds: digits alone, as the pattern found them.
func timeOf(parts []string) time.Duration {
	var total time.Duration
	for i, unit := range []time.Duration{time.Hour, time.Minute, time.Second, time.Millisecond} {
		n, _ := strconv.Atoi(strings.TrimSuffix(parts[i], ":")) // nothing is zero hours
		total += time.Duration(n) * unit
	}
	return total
}

func cueTime(at time.Duration) string {
	return fmt.Sprintf("%02d:%02d:%02d.%03d", int(at.Hours()), int(at.Minutes())%60, int(at.Seconds())%60, at.Milliseconds()%1000)
}
