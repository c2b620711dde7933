// SPDX-License-Identifier: Apache-2.0

//go:build unix

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
)

// maxAnswer bounds what a person reads of one answer.
const maxAnswer = 1 << 30

// person is somebody with a browser: cookies, and an account at the OpenID provider.
type person struct {
	name    string
	gateway string
	client  *http.Client
}

// answer is what the gateway said.
type answer struct {
	status int
	header http.Header
	body   []byte
	url    *url.URL
}

// visit is a person who has not signed in.
func visit(gateway, name string) *person {
	jar, _ := cookiejar.New(nil) // without options it cannot fail
	return &person{name: name, gateway: gateway, client: &http.Client{Jar: jar}}
}

// signIn signs in at the provider, by its form, as people do. Accounts of the demo have their name as password.
func signIn(ctx context.Context, gateway, email string) (*person, error) {
	p := visit(gateway, email)
	// A page with a button comes first, and one that goes on to the provider by itself.
	leaving, err := p.post(ctx, gateway+"/signin", url.Values{"with": {"organisation"}, "next": {"/"}})
	if err != nil {
		return nil, err
	}
	form, err := p.do(ctx, http.MethodGet, strings.TrimPrefix(leaving.header.Get("Refresh"), "0; url="), nil, nil)
	if err != nil {
		return nil, err
	}
	password, _, _ := strings.Cut(email, "@")
	after, err := p.post(ctx, form.url.String(), url.Values{"email": {email}, "password": {password}})
	if err != nil {
		return nil, err
	}
	if after.status != http.StatusOK || !strings.HasPrefix(after.url.String(), gateway) {
		return nil, fmt.Errorf("signing in as %s ended at %s with status %d", email, after.url.Path, after.status)
	}
	return p, nil
}

// get asks the gateway for a path, with header fields as name and value in turn.
func (p *person) get(ctx context.Context, path string, header ...string) (answer, error) {
	fields := http.Header{}
	for i := 0; i+1 < len(header); i += 2 {
		fields.Set(header[i], header[i+1])
	}
	return p.do(ctx, http.MethodGet, p.gateway+path, nil, fields)
}

func (p *person) post(ctx context.Context, address string, form url.Values) (answer, error) {
	return p.do(ctx, http.MethodPost, address, strings.NewReader(form.Encode()),
		http.Header{"Content-Type": {"application/x-www-form-urlencoded"}})
}

func (p *person) do(ctx context.Context, method, address string, body io.Reader, header http.Header) (answer, error) {
	request, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return answer{}, err
	}
	maps.Copy(request.Header, header)
	response, err := p.client.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return answer{}, err
	}
	return answer{response.StatusCode, response.Header, text, response.Request.URL}, nil
}

// openLink follows a grant's link and types its password.
func (p *person) openLink(ctx context.Context, link, password string) (answer, error) {
	page, err := p.do(ctx, http.MethodGet, link, nil, nil)
	if err != nil || password == "" {
		return page, err
	}
	return p.post(ctx, page.url.String(), url.Values{"password": {password}})
}

// play starts a view session as the player in the page does, and returns the path that playlist, key and media lie under.
func (p *person) play(ctx context.Context) (string, error) {
	begun, err := p.post(ctx, p.gateway+"/r/"+path+"/sessions", nil)
	if err != nil {
		return "", err
	}
	if begun.status != http.StatusCreated {
		return "", fmt.Errorf("%s is refused to watch with status %d: %s", p.name, begun.status, begun.body)
	}
	var session struct{ Playlist string }
	if err := json.Unmarshal(begun.body, &session); err != nil {
		return "", err
	}
	return strings.TrimSuffix(session.Playlist, "/playlist.m3u8"), nil
}

// want is nil when the answer has the status.
func (a answer) want(status int) error {
	if a.status != status {
		return fmt.Errorf("the answer is %d, not %d", a.status, status)
	}
	return nil
}
