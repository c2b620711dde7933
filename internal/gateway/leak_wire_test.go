// SPDX-License-Identifier: Apache-2.0

//go:build unix

package gateway_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/reelkeeper/reelkeeper/internal/gateway/gatewaytest"
)

// large is more than the headers of a request may be.
var large = strings.Repeat("a", 64<<10)

// wireAnswer is one answer, as it came and as it is meant.
type wireAnswer struct {
	status int
	header http.Header
	body   []byte
	// raw is everything that came on the connection, headers too.
	raw []byte
}

// exchange sends one request as it is written, without any client in between that could put it right, and returns all that is answered.
func (s *scene) exchange(t *testing.T, y try, vars map[string]string, request string) []wireAnswer {
	t.Helper()
	address := s.gateway
	if y.store {
		address = vars["store"]
	}
	connection, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	if err := connection.SetDeadline(gatewaytest.Wall.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	written := s.onWire(t, y, vars, request)
	if _, err := io.WriteString(connection, written); err != nil {
		t.Fatal(err)
	}
	// What breaks off is looked at as far as it came.
	raw, _ := io.ReadAll(connection)
	return parse(raw, strings.HasPrefix(written, http.MethodHead+" "))
}

// onWire completes a request: names in braces, line ends, and what every client sends.
func (s *scene) onWire(t *testing.T, y try, vars map[string]string, request string) string {
	t.Helper()
	head, body, hasBody := strings.Cut(request, "\n\n")
	lines := strings.Split(head, "\n")
	if !strings.Contains(lines[0], " HTTP/") {
		lines[0] += " HTTP/1.1"
	}
	has := func(name string) bool {
		return slices.ContainsFunc(lines[1:], func(line string) bool { return strings.HasPrefix(strings.ToLower(line), name+":") })
	}
	if !has("host") && y.store {
		lines = append(lines, "Host: {store}")
	} else if !has("host") {
		lines = append(lines, "Host: {host}")
	}
	if cookie := s.cookie(t, y.by); !has("cookie") && !y.store && cookie != "" {
		lines = append(lines, "Cookie: "+cookie)
	}
	if hasBody && !has("content-length") && !has("transfer-encoding") {
		lines = append(lines, fmt.Sprintf("Content-Length: %d", len(fillIn(body, vars))))
		if !has("content-type") {
			lines = append(lines, "Content-Type: application/x-www-form-urlencoded")
		}
	}
	if !has("connection") {
		lines = append(lines, "Connection: close")
	}
	whole := fillIn(strings.Join(lines, "\r\n")+"\r\n\r\n"+body, vars)
	if strings.Contains(strings.ReplaceAll(whole, "{}", ""), "{") && !strings.Contains(request, "{{") {
		t.Fatalf("the scene does not know what to put into %q", whole)
	}
	return whole
}

// fillIn puts what the scene knows in place of names in braces.
func fillIn(text string, vars map[string]string) string {
	for name, value := range vars {
		text = strings.ReplaceAll(text, "{"+name+"}", value)
	}
	return text
}

// parse reads the answers that came on a connection, the last one as far as it goes.
func parse(raw []byte, head bool) []wireAnswer {
	var answers []wireAnswer
	reader := bufio.NewReader(bytes.NewReader(raw))
	request := &http.Request{Method: http.MethodGet}
	if head {
		request.Method = http.MethodHead
	}
	for {
		response, err := http.ReadResponse(reader, request)
		if err != nil {
			return answers
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		answers = append(answers, wireAnswer{response.StatusCode, response.Header, unpacked(response.Header, body), raw})
	}
}

func unpacked(header http.Header, body []byte) []byte {
	if header.Get("Content-Encoding") != "gzip" {
		return body
	}
	reader, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return body
	}
	defer reader.Close()
	content, _ := io.ReadAll(reader)
	return content
}

// comparable is all of an answer that somebody could tell two by, without the names that they have put into it themselves.
func (a wireAnswer) comparable(vars map[string]string) string {
	var out strings.Builder
	fmt.Fprintln(&out, a.status)
	for _, name := range slices.Sorted(maps.Keys(a.header)) {
		if name != "Date" && name != "Set-Cookie" {
			fmt.Fprintln(&out, name, a.header[name])
		}
	}
	for _, cookie := range a.header.Values("Set-Cookie") {
		name, _, _ := strings.Cut(cookie, "=")
		fmt.Fprintln(&out, "sets", name)
	}
	out.Write(a.body)
	text := drawn.ReplaceAllString(out.String(), "$1=drawn")
	hidden := vars["hiddens"]
	return strings.NewReplacer(hidden, "{hidden}", strings.ReplaceAll(hidden, "/", "%2F"), "{hidden}").Replace(text)
}

// drawn is what a sign-in draws anew each time.
var drawn = regexp.MustCompile(`(code_challenge|nonce|state)=[\w-]+`)

// spellings are a key as it is, and the texts that it could hide in.
func spellings(key []byte) [][]byte {
	return [][]byte{
		key, []byte(hex.EncodeToString(key)), []byte(strings.ToUpper(hex.EncodeToString(key))),
		[]byte(base64.RawStdEncoding.EncodeToString(key)), []byte(base64.RawURLEncoding.EncodeToString(key)),
	}
}

// plaintext finds parts of files in other bytes.
type plaintext struct {
	blocks map[[blockSize]byte]bool
	// begins are the first bytes of blocks, to look at most offsets only briefly.
	begins map[uint64]bool
}

// blockSize is the length of the blocks that are looked for at every offset: twice as much of a file cannot hide.
const blockSize = 32

// dullBelow is how many different bytes a block must have to be known by: padding is the same in all files.
const dullBelow = 12

func newPlaintext() plaintext {
	return plaintext{map[[blockSize]byte]bool{}, map[uint64]bool{}}
}

// add makes the blocks of a file known.
func (p plaintext) add(file []byte) {
	for ; len(file) >= blockSize; file = file[blockSize:] {
		block := [blockSize]byte(file)
		different := map[byte]bool{}
		for _, b := range block {
			different[b] = true
		}
		if len(different) >= dullBelow {
			p.blocks[block], p.begins[binary.NativeEndian.Uint64(file)] = true, true
		}
	}
}

// find returns where the first known block is, or -1.
func (p plaintext) find(content []byte) int {
	for at := 0; at+blockSize <= len(content); at++ {
		if p.begins[binary.NativeEndian.Uint64(content[at:])] && p.blocks[[blockSize]byte(content[at:])] {
			return at
		}
	}
	return -1
}
