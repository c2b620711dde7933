// SPDX-License-Identifier: Apache-2.0

//go:build unix

package gateway_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"image/jpeg"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/reelkeeper/reelkeeper/internal/gateway/gatewaytest"
	"github.com/reelkeeper/reelkeeper/internal/media"
)

// leastTries is how many tries the leak suite has to make that differ in what is sent, by whom, or in what had happened before.
const leastTries = 100

// try is one way to get at a recording for somebody who may only watch it, or not even that. Whatever it answers is searched for the
// plaintext, for keys, and for leave to cache it; see checkAnswer.
type try struct {
	// says is what is tried, in a sentence.
	says string
	// in is what had happened before: the name of one of situations.
	in string
	// by is who tries: the name of one of the scene's people; empty for the viewer.
	by string
	// send are requests as they go over the wire, each on a connection of its own: a line, headers, and after an empty line a body. Names
	// in braces stand for what the scene knows; Host and Cookie are added where they are left out.
	send []string
	// want are the statuses that may come.
	want []int
	// key says that the media key comes: somebody who may watch is given it.
	key bool
	// still says that a picture comes: one small JPEG and nothing after it.
	still bool
	// cues says that captions come, and nothing else.
	cues bool
	// twin sends everything once more with what is hidden replaced by what does not exist. The answers have to be the same.
	twin bool
	// early says that the HTTP server answers by itself, before the gateway sees a request.
	early bool
	// store sends it to the object store instead of the gateway.
	store bool
}

// tries are all of them, by what they have in common.
func tries() []try {
	return slices.Concat(mediaTries, headerTries, pathTries, methodTries, tokenTries, hiddenTries, afterTries, directTries, wireTries)
}

func TestR8NoTryOfAViewerYieldsTheFile(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	all := tries()
	checkCount(t, all)
	var made atomic.Int32
	t.Run("tries", func(t *testing.T) {
		for name, prepare := range situations {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				s := prepare(t, w)
				for _, one := range all {
					if one.in == name {
						t.Run(one.says, func(t *testing.T) {
							s.make(t, one)
							made.Add(1)
						})
					}
				}
			})
		}
	})
	if got := int(made.Load()); got != len(all) && !t.Failed() {
		t.Errorf("%d of %d tries were made: the others name a situation that there is not", got, len(all))
	}
	t.Logf("%d tries", made.Load())
}

// checkCount counts what differs on the wire: a second name for the same request is no second try.
func checkCount(t *testing.T, all []try) {
	t.Helper()
	distinct, names := map[string]string{}, map[string]bool{}
	for _, one := range all {
		sent := one.fingerprint()
		if other, known := distinct[sent]; known {
			t.Errorf("%q sends the same as %q", one.says, other)
		}
		if names[one.says] {
			t.Errorf("two tries are called %q", one.says)
		}
		if len(one.send) == 0 || len(one.want) == 0 {
			t.Errorf("%q sends nothing, or takes any answer", one.says)
		}
		distinct[sent], names[one.says] = one.says, true
	}
	if len(distinct) < leastTries {
		t.Errorf("the leak suite makes %d different tries, want at least %d", len(distinct), leastTries)
	}
}

// fingerprint is what a try sends, by whom, in which situation, in a form in which the order and the case of headers make no difference.
func (y try) fingerprint() string {
	var parts []string
	for _, request := range y.send {
		head, body, _ := strings.Cut(request, "\n\n")
		lines := strings.Split(head, "\n")
		for i := range lines[1:] {
			name, value, _ := strings.Cut(lines[i+1], ":")
			lines[i+1] = strings.ToLower(name) + ":" + strings.TrimSpace(value)
		}
		slices.Sort(lines[1:])
		parts = append(parts, strings.Join(lines, "\n")+"\n\n"+body)
	}
	return fmt.Sprintf("%s\n%s\n%t\n%t\n%s", y.in, y.by, y.store, y.twin, strings.Join(parts, "\n\n"))
}

// make makes a try, and checks everything that came.
func (s *scene) make(t *testing.T, y try) {
	t.Helper()
	var answers []wireAnswer
	for _, request := range y.send {
		answers = append(answers, s.exchange(t, y, s.vars, request)...)
	}
	if len(answers) == 0 {
		t.Fatal("nothing was answered")
	}
	var whole []byte
	for _, answer := range answers {
		if !slices.Contains(y.want, answer.status) {
			t.Errorf("the answer is %d, want one of %v", answer.status, y.want)
		}
		s.checkAnswer(t, y, answer)
		whole = append(whole, answer.body...)
	}
	if len(answers) > 1 { // what only shows when the parts are put together
		s.checkPlaintext(t, whole)
		s.checkVideo(t, whole)
	}
	if y.twin {
		s.checkTwin(t, y, answers)
	}
}

// checkAnswer is what holds for every answer, whatever was tried.
func (s *scene) checkAnswer(t *testing.T, y try, answer wireAnswer) {
	t.Helper()
	s.checkPlaintext(t, answer.raw)
	if !bytes.Contains(answer.raw, answer.body) {
		s.checkPlaintext(t, answer.body) // in chunks, or compressed
	}
	s.checkKeys(t, y, answer)
	if caching := answer.header.Values("Cache-Control"); !s.answersByItself(y, answer) && !slices.Equal(caching, []string{"private, no-store"}) {
		t.Errorf("the answer can be cached: %q", caching)
	}
	if strings.Contains(strings.ToLower(answer.header.Get("Content-Disposition")), "attachment") {
		t.Errorf("the answer is offered as a file: %s", answer.header.Get("Content-Disposition"))
	}
	kind := answer.header.Get("Content-Type")
	if strings.HasPrefix(kind, "video/") || strings.HasPrefix(kind, "audio/") {
		t.Errorf("the answer says that it is %s", kind)
	}
	if y.early && len(answer.body) > 256 {
		t.Errorf("what answers before the gateway says much: %s", answer.body)
	}
	if y.still {
		checkStill(t, answer.body)
		return
	}
	if y.cues {
		checkCues(t, answer)
	}
	s.checkVideo(t, answer.body)
}

// checkCues checks that an answer is captions, and that a browser takes it for nothing else.
func checkCues(t *testing.T, answer wireAnswer) {
	t.Helper()
	if kind := answer.header.Get("Content-Type"); kind != "text/vtt; charset=utf-8" || answer.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("captions are %q", kind)
	}
	if !slices.ContainsFunc(gatewaytest.Captions, func(c media.Captions) bool { return bytes.Equal(c.Text, answer.body) }) {
		t.Errorf("these are no captions of the recording: %s", answer.body)
	}
}

// checkStill checks that an answer is a picture that nothing hides behind, as small as previews are.
func checkStill(t *testing.T, content []byte) {
	t.Helper()
	still, err := jpeg.DecodeConfig(bytes.NewReader(content))
	if err != nil || still.Width > 1600 || still.Height > 1200 || len(content) > 192<<10 {
		t.Errorf("a picture of %dx%d in %d bytes (%v)", still.Width, still.Height, len(content), err)
	}
	if first := bytes.Index(content, []byte{0xff, 0xd9}); first != len(content)-2 {
		t.Errorf("the picture ends at byte %d of %d", first+2, len(content))
	}
}

// answersByItself says that an answer is not the gateway's: of the HTTP server before it, or of an object store that refuses.
func (s *scene) answersByItself(y try, answer wireAnswer) bool {
	return y.early && answer.status >= http.StatusBadRequest || y.store && answer.status >= http.StatusBadRequest
}

// checkVideo asks ffprobe about what is large enough to be a video, once about the same.
func (s *scene) checkVideo(t *testing.T, content []byte) {
	t.Helper()
	sum := sha256.Sum256(content)
	if len(content) < 1<<12 || s.probed[sum] {
		return
	}
	s.probed[sum] = true
	if isVideo(t, content) {
		t.Error("the answer is accepted as a video")
	}
}

func (s *scene) checkPlaintext(t *testing.T, content []byte) {
	t.Helper()
	if at := s.plain.find(content); at >= 0 {
		t.Errorf("%d bytes on, the answer holds plaintext of the media", at)
	}
}

// checkKeys looks for the keys of all recordings of the scene, as they are and as text.
func (s *scene) checkKeys(t *testing.T, y try, answer wireAnswer) {
	t.Helper()
	for name, key := range s.keys {
		if y.key && name == "the media key of review" && bytes.Equal(answer.body, key) {
			continue
		}
		for _, spelled := range spellings(key) {
			if bytes.Contains(answer.raw, spelled) || bytes.Contains(answer.body, spelled) {
				t.Errorf("the answer holds %s", name)
			}
		}
	}
	if y.key && answer.status == http.StatusOK && !bytes.Equal(answer.body, s.keys["the media key of review"]) {
		t.Error("the test is blind: the key that a viewer is given is not the one that is looked for")
	}
}

// checkTwin makes the same try at what does not exist: who may not know must not be able to tell the two apart.
func (s *scene) checkTwin(t *testing.T, y try, answers []wireAnswer) {
	t.Helper()
	var others []wireAnswer
	for _, request := range y.send {
		others = append(others, s.exchange(t, y, s.absent(), request)...)
	}
	for i := range answers {
		if i >= len(others) || answers[i].comparable(s.vars) != others[i].comparable(s.absent()) {
			t.Errorf("what is hidden and what does not exist are answered differently:\n%s\nand\n%s",
				answers[i].comparable(s.vars), others[min(i, len(others)-1)].comparable(s.absent()))
		}
	}
}

// TestTheLeakSuiteSees gives the suite what it looks for.
func TestTheLeakSuiteSees(t *testing.T) {
	t.Parallel()
	s := situations["watching"](t, theWorld(t))
	for _, request := range []string{"GET {page}/download", "GET {page}/download\nRange: bytes=1001-", "GET {page}/download\nRange: bytes=5000-5099,90000-90099"} {
		answers := s.exchange(t, try{by: "host"}, s.vars, request)
		if len(answers) != 1 || s.plain.find(answers[0].raw) < 0 || s.plain.find(answers[0].body) < 0 {
			t.Errorf("%q: the plaintext in it is not found", request)
		}
	}
	key := s.keys["the media key of review"]
	answers := s.exchange(t, try{by: "host"}, s.vars, "GET {hostview}key")
	if len(answers) != 1 || !bytes.Equal(answers[0].body, key) {
		t.Error("the media key is not what the host is given")
	}
	for _, spelled := range spellings(key) {
		if len(spelled) < len(key) {
			t.Errorf("%q is too short to be the key", spelled)
		}
	}
	same := []try{{in: "a", send: []string{"GET /\nA: 1\nb:2"}}, {in: "a", says: "x", send: []string{"GET /\nB: 2\na: 1"}}, {in: "b", send: []string{"GET /\nA: 1\nB: 2"}}}
	if same[0].fingerprint() != same[1].fingerprint() || same[0].fingerprint() == same[2].fingerprint() {
		t.Error("the same try under another name counts twice, or another one does not count")
	}
}
