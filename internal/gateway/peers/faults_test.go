// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/utils/clock"

	"github.com/reelkeeper/reelkeeper/internal/gateway/pacing"
	"github.com/reelkeeper/reelkeeper/internal/gateway/session"
)

var wall clock.RealClock

// buy buys one segment that was not bought before, and says where that was counted.
func (n *network) buy(at *replica, viewer string, index int) (where string) {
	n.Helper()
	before := map[string]int{Here: at.count(Here), Home: at.count(Home), Alone: at.count(Alone)}
	if bought, wait := at.Take(viewer, "review", standard, segments(index, index)); bought == nil || wait > 0 {
		n.Errorf("segment %d has to wait %s", index, wait)
	}
	for where, times := range before {
		if at.count(where) > times {
			return where
		}
	}
	return ""
}

func TestAHomeThatDiesAndComesBack(t *testing.T) {
	n := newNetwork(t, 2)
	home, other, viewer := n.replicas[0], n.replicas[1], n.atHome(0)
	expect := func(when string, index int, want string) {
		t.Helper()
		if got := n.buy(other, viewer, index); got != want {
			t.Errorf("%s: counted %q, want %q", when, got, want)
		}
	}
	expect("while it answers", 0, Home)
	home.stop()
	expect("when it has died", 1, Alone)
	expect("right after", 2, Alone)
	n.pass(2 * retryAfter)
	expect("when it is tried again", 3, Alone)
	n.add(home.address)
	expect("before it is tried again", 4, Alone)
	n.pass(2 * retryAfter)
	expect("when it is back", 5, Home)
	n.replicas[1].Ring.Set([]string{other.address})
	expect("when nobody is said to be ready but the other", 6, Here)
}

// hanging takes connections and says nothing.
func hanging(t *testing.T) (address string, taken func() int) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	var mutex sync.Mutex
	var conns []net.Conn
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			mutex.Lock()
			conns = append(conns, conn)
			mutex.Unlock()
		}
	}()
	return listener.Addr().String(), func() int {
		mutex.Lock()
		defer mutex.Unlock()
		return len(conns)
	}
}

func TestAHomeThatHangsHoldsNobodyUp(t *testing.T) {
	n := newNetwork(t, 0)
	n.patience = 50 * time.Millisecond
	address, taken := hanging(t)
	r := n.add("127.0.0.1:0")
	r.Ring.Set([]string{address})
	begun := wall.Now()
	for i := range 40 {
		if got := n.buy(r, "carol", i); got != Alone {
			t.Fatalf("counted %q", got)
		}
	}
	if took := wall.Since(begun); taken() == 0 || took < n.patience || took > 20*n.patience {
		t.Errorf("40 segments took %s with %d connections, want somewhat more than the %s that one may take", took, taken(), n.patience)
	}
}

// Whoever goes on while the home of some goes: nobody waits, whatever they did before.
func TestAViewerIsNotHinderedWhileReplicasComeAndGo(t *testing.T) {
	n := newNetwork(t, 3)
	const viewers = 12
	play := func(from, to int) {
		t.Helper()
		for i := from; i < to; i++ {
			for v := range viewers {
				viewer := strings.Repeat("v", v+1)
				at := n.replicas[1+v%2] // the first one is sent nobody any more
				if got := at.Admit(viewer, pacing.Visit{Player: "p", MaxRequests: 600, MaxPlayers: 5}); got != (pacing.Admission{}) {
					t.Fatalf("%s is sent away: %+v", viewer, got)
				}
				if bought, wait := at.Take(viewer, "review", standard, segments(i, i)); bought == nil || wait > 0 {
					t.Fatalf("segment %d of %s has to wait %s", i, viewer, wait)
				}
			}
			n.pass(segment)
		}
	}
	play(0, 20)
	for _, r := range n.replicas {
		r.Ring.Set([]string{n.replicas[1].address, n.replicas[2].address}) // it drains
	}
	play(20, 40)
	n.replicas[0].stop()
	play(40, 60)
	n.add("127.0.0.1:0")
	n.replicas = n.replicas[1:]
	n.meet()
	play(60, 80)
	n.replicas[2].stop() // it dies, and nobody says so
	n.replicas = append(n.replicas[2:], n.replicas[:2]...)
	play(80, 100)
}

func TestStrangersGetNoAnswer(t *testing.T) {
	n := newNetwork(t, 1)
	r := n.replicas[0]
	other := &circle{secrets: keysOf(t, session.NewKey())}
	question := `{"viewer":"carol","recording":"review","ahead":0,"speed":1,"length":60000,"first":10,"plays":[4000]}`
	bare := &tls.Config{MinVersion: tls.VersionTLS13, InsecureSkipVerify: true}
	blind := other.config()
	blind.VerifyConnection = nil
	for name, tc := range map[string]struct {
		transport *http.Transport
		scheme    string
		want      int // none where the connection ends
	}{
		"without a certificate":            {&http.Transport{TLSClientConfig: bare}, "https", 0},
		"with a certificate of other keys": {&http.Transport{TLSClientConfig: blind}, "https", 0},
		"without TLS":                      {&http.Transport{}, "http", http.StatusBadRequest}, // in plain text, that TLS is wanted
	} {
		t.Run(name, func(t *testing.T) {
			if got := ask(t, tc.transport, tc.scheme+"://"+r.address, question); got != tc.want {
				t.Errorf("answered %d, want %d", got, tc.want)
			}
		})
	}
	stranger := newNetwork(t, 1).replicas[0]
	stranger.Ring.Set([]string{r.address})
	if bought, _ := stranger.Take("carol", "review", standard, segments(0, 0)); bought == nil || stranger.count(Alone) != 1 {
		t.Errorf("a replica with other keys counted %v", stranger.counted)
	}
	if _, wait := r.Local.Take("carol", "review", pacing.Terms{Speed: 1, Length: time.Minute}, segments(0, 5)); wait != 0 {
		t.Error("a stranger's question counted")
	}
}

// ask sends a question, and returns the status of the answer; 0 where there is none.
func ask(t *testing.T, transport *http.Transport, url, question string) int {
	t.Helper()
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+takePath, strings.NewReader(question))
	if err != nil {
		t.Fatal(err)
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	return response.StatusCode
}

func TestAKeyThatIsTakenOutIsWorthNothingOnOpenConnectionsEither(t *testing.T) {
	older, newer := session.NewKey(), session.NewKey()
	n := newNetwork(t, 0)
	n.keys = &changing{Secrets: keysOf(t, older)}
	home := n.add("127.0.0.1:0")
	n.keys = keysOf(t, older)
	slow := n.silent("slow")
	slow.Ring.Set([]string{home.address})
	if got := n.buy(slow, "carol", 0); got != Home {
		t.Fatalf("counted %q", got)
	}
	now := home.Secrets.(*changing)
	now.set(keysOf(t, newer, older))
	if got := n.buy(slow, "carol", 1); got != Home {
		t.Errorf("while both keys are known: counted %q", got)
	}
	n.keys = keysOf(t, newer, older)
	quick := n.silent("quick")
	quick.Ring.Set([]string{home.address})
	if got := n.buy(quick, "carol", 2); got != Home {
		t.Errorf("with the new key: counted %q", got)
	}
	now.set(keysOf(t, newer))
	if got := n.buy(slow, "carol", 3); got != Alone {
		t.Errorf("with the key that is gone: counted %q", got)
	}
	if got := n.buy(quick, "carol", 4); got != Home {
		t.Errorf("with the key that is left: counted %q", got)
	}
}

// changing are secrets that change.
type changing struct {
	mutex sync.Mutex
	Secrets
}

func (c *changing) Derive(purpose string) [][]byte {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.Secrets.Derive(purpose)
}

func (c *changing) set(to Secrets) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.Secrets = to
}

// TestWhatWasOverheardIsWorthNothing records what a replica sends to another, and sends it again.
func TestWhatWasOverheardIsWorthNothing(t *testing.T) {
	n := newNetwork(t, 1)
	home := n.replicas[0]
	var sent bytes.Buffer
	tap, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	passed := make(chan struct{})
	go func() {
		defer close(passed)
		conn, err := tap.Accept()
		if err != nil {
			return
		}
		to, err := net.Dial("tcp", home.address)
		if err != nil {
			return
		}
		go func() { _, _ = io.Copy(conn, to) }()
		_, _ = io.Copy(to, io.TeeReader(conn, &sent))
		_ = to.Close()
	}()
	asker := n.silent("asker")
	asker.Ring.Set([]string{tap.Addr().String()})
	visit := pacing.Visit{Player: "player", MaxRequests: 2, MaxPlayers: 1}
	if got := asker.Admit("carol", visit); got != (pacing.Admission{}) || asker.count(Home) != 1 {
		t.Fatalf("it is answered %+v, counted %v", got, asker.counted)
	}
	asker.transport.CloseIdleConnections()
	<-passed
	if bytes.Contains(sent.Bytes(), []byte("player")) || bytes.Contains(sent.Bytes(), []byte(anonymous("carol"))) {
		t.Error("who listens reads what is asked")
	}
	again, err := net.Dial("tcp", home.address)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if _, err := again.Write(sent.Bytes()); err != nil {
		t.Fatal(err)
	}
	answer, _ := io.ReadAll(again) // until it hangs up
	if bytes.Contains(answer, []byte("HTTP")) || bytes.Contains(answer, []byte("wait")) {
		t.Errorf("what was sent before is answered %q", answer)
	}
	if got := home.Local.Admit(anonymous("carol"), visit); got != (pacing.Admission{}) {
		t.Errorf("what was sent before counted: the second request of two is answered %+v", got)
	}
	if got := home.Local.Admit(anonymous("carol"), visit); got.Wait == 0 {
		t.Error("the test is blind: the first request did not count")
	}
}

func TestGarbageOfAFriendIsRefused(t *testing.T) {
	n := newNetwork(t, 1)
	friend := newTransport(&circle{secrets: n.keys})
	for name, body := range map[string]string{
		"nothing":                  "",
		"null":                     "null",
		"no JSON":                  "\x00\x01",
		"a field that is unknown":  `{"viewer":"v","recording":"r","speed":1,"plays":[1],"more":1}`,
		"two messages":             `{"viewer":"v","recording":"r","speed":1,"plays":[1]}{}`,
		"what ends twice":          `{"viewer":"v","recording":"r","speed":1,"plays":[1]}}`,
		"no speed":                 `{"viewer":"v","recording":"r","plays":[1]}`,
		"a unit before the first":  `{"viewer":"v","recording":"r","speed":1,"first":-1,"plays":[1]}`,
		"a unit beyond the last":   `{"viewer":"v","recording":"r","speed":1,"first":65536,"plays":[1,1]}`,
		"time that goes backwards": `{"viewer":"v","recording":"r","speed":1,"plays":[-1]}`,
		"a long name":              `{"viewer":"` + strings.Repeat("v", 65) + `","recording":"r","speed":1,"plays":[1]}`,
		"too much":                 `{"viewer":"v","recording":"r","speed":1,"plays":[1` + strings.Repeat(",1", maxMessage/2) + `]}`,
	} {
		t.Run(name, func(t *testing.T) {
			if got := ask(t, friend, "https://"+n.replicas[0].address, body); got != http.StatusBadRequest {
				t.Errorf("answered %d", got)
			}
		})
	}
}
