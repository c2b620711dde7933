// SPDX-License-Identifier: Apache-2.0

//go:build unix

package gatewaytest

import (
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/reelkeeper/reelkeeper/internal/gateway/config"
)

// Browser is somebody's browser, without a screen: it keeps cookies and follows redirects.
type Browser struct {
	*http.Client
	url string
}

// Answer is what came back, read to its end.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	// Path is where redirects led.
	Path string
	// Err is why the body could not be read to its end.
	Err error
}

// Anonymous is the browser of somebody who has not signed in.
func (w *World) Anonymous(t testing.TB) *Browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &Browser{Client: &http.Client{Jar: jar}, url: w.URL}
}

// SignIn is the browser of one of People, who has just signed in at the OpenID provider.
func (w *World) SignIn(t testing.TB, who string) *Browser {
	t.Helper()
	browser := w.Anonymous(t)
	if answer := browser.SignInAt(t, who, "/signin"); answer.Status != http.StatusOK || answer.Path != "/" {
		t.Fatalf("signing in as %s led to %s with status %d:\n%s", who, answer.Path, answer.Status, answer.Body)
	}
	return browser
}

// SignInAt goes to a page that offers to sign in, does that, and returns where it led.
func (b *Browser) SignInAt(t testing.TB, who, path string) Answer {
	t.Helper()
	person, known := People[who]
	if !known {
		t.Fatalf("nobody is called %q", who)
	}
	return b.ChooseAt(t, config.OwnProvider, person, b.Offered(t, path))
}

// fields are those of the form that offers to sign in.
var fields = regexp.MustCompile(`<input type="hidden" name="(next|switch)" value="([^"]*)">`)

// Offered is the form of a page that offers to sign in, without the provider to choose.
func (b *Browser) Offered(t testing.TB, path string) url.Values {
	t.Helper()
	page := b.Get(t, path)
	form := url.Values{}
	if _, main, found := strings.Cut(string(page.Body), `action="/signin"`); found {
		for _, field := range fields.FindAllStringSubmatch(main, -1) {
			form.Set(field[1], html.UnescapeString(field[2]))
		}
	}
	if !form.Has("next") {
		t.Fatalf("%s, answered %d, does not offer to sign in:\n%s", path, page.Status, page.Body)
	}
	return form
}

// ChooseAt sends the form that a page offers to sign in with, for one of the providers.
func (b *Browser) ChooseAt(t testing.TB, provider string, person Person, form url.Values) Answer {
	t.Helper()
	response := b.goOn(t, provider, form)
	defer response.Body.Close()
	return b.authenticate(t, response, person)
}

// Return is SignInAt for somebody whom the organisation's provider still knows, and does not ask.
func (b *Browser) Return(t testing.TB, path string) Answer {
	t.Helper()
	response := b.goOn(t, config.OwnProvider, b.Offered(t, path))
	defer response.Body.Close()
	return read(response)
}

// goOn sends the form, and follows the page that goes on to the provider.
func (b *Browser) goOn(t testing.TB, provider string, form url.Values) *http.Response {
	t.Helper()
	form.Set("with", provider)
	response, err := b.PostForm(b.url+"/signin", form)
	if err != nil {
		t.Fatal(err)
	}
	to := Onward(response.Header)
	response.Body.Close()
	if response, err = b.Client.Get(to); err != nil {
		t.Fatal(err)
	}
	return response
}

// Onward is where a page that leaves the gateway goes on to by itself.
func Onward(header http.Header) string { return strings.TrimPrefix(header.Get("Refresh"), "0; url=") }

// authenticate signs in at the provider that a request has led to.
func (b *Browser) authenticate(t testing.TB, response *http.Response, person Person) Answer {
	t.Helper()
	response.Body.Close()
	if !strings.HasPrefix(response.Request.URL.Path, "/interaction/") {
		t.Fatalf("signing in did not lead to the OpenID provider but to %s, status %d", response.Request.URL.Path, response.StatusCode)
	}
	form := url.Values{"email": {person.Email}, "password": {"secret of " + person.Email}}
	response, err := b.PostForm(response.Request.URL.String(), form)
	if err != nil {
		t.Fatal(err)
	}
	return read(response)
}

// Get asks for a path of the gateway. Headers are given as pairs of name and value.
func (b *Browser) Get(t testing.TB, path string, headers ...string) Answer {
	t.Helper()
	return b.Do(t, http.MethodGet, path, nil, headers...)
}

// Post sends a form to a path of the gateway.
func (b *Browser) Post(t testing.TB, path string, form url.Values, headers ...string) Answer {
	t.Helper()
	return b.Do(t, http.MethodPost, path, form, headers...)
}

// Do sends a request to a path of the gateway.
func (b *Browser) Do(t testing.TB, method, path string, form url.Values, headers ...string) Answer {
	t.Helper()
	request, err := b.request(t, method, path, form, headers)
	if err != nil {
		t.Fatal(err)
	}
	response, err := b.Client.Do(request)
	if err != nil {
		return Answer{Err: err}
	}
	return read(response)
}

func (b *Browser) request(t testing.TB, method, path string, form url.Values, headers []string) (*http.Request, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, b.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	return request, nil
}

// Cookies are what the browser would send to the gateway.
func (b *Browser) Cookies(t testing.TB) []*http.Cookie {
	t.Helper()
	address, err := url.Parse(b.url)
	if err != nil {
		t.Fatal(err)
	}
	return b.Jar.Cookies(address)
}

// Staying returns the same browser, which follows no redirects.
func (b *Browser) Staying() *Browser {
	client := *b.Client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Browser{Client: &client, url: b.url}
}

// At returns the same browser, at a gateway with another URL.
func (b *Browser) At(url string) *Browser { return &Browser{Client: b.Client, url: url} }

func read(response *http.Response) Answer {
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		err = fmt.Errorf("reading %s: %w", response.Request.URL.Path, err)
	}
	return Answer{Status: response.StatusCode, Header: response.Header, Body: body, Path: response.Request.URL.Path, Err: err}
}
