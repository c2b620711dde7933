// SPDX-License-Identifier: Apache-2.0

//go:build unix

package gateway_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/audit"
	"github.com/reelkeeper/reelkeeper/internal/gateway"
	"github.com/reelkeeper/reelkeeper/internal/gateway/gatewaytest"
)

// attempts are the ways to ask for a recording.
var attempts = map[string]func(t *testing.T, browser *gatewaytest.Browser, page string) gatewaytest.Answer{
	"page": func(t *testing.T, b *gatewaytest.Browser, page string) gatewaytest.Answer { return b.Get(t, page) },
	"state": func(t *testing.T, b *gatewaytest.Browser, page string) gatewaytest.Answer {
		return b.Get(t, page+"/state")
	},
	"view": func(t *testing.T, b *gatewaytest.Browser, page string) gatewaytest.Answer {
		return b.Post(t, page+"/sessions", nil)
	},
	"download": func(t *testing.T, b *gatewaytest.Browser, page string) gatewaytest.Answer {
		return b.Get(t, page+"/download")
	},
	"part": func(t *testing.T, b *gatewaytest.Browser, page string) gatewaytest.Answer {
		return b.Get(t, page+"/download", "Range", "bytes=100-200")
	},
	"headers": func(t *testing.T, b *gatewaytest.Browser, page string) gatewaytest.Answer {
		return b.Do(t, http.MethodHead, page+"/download", nil)
	},
}

func TestR12ForbiddenLooksExactlyLikeAbsent(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	namespace := env.Namespace(t)
	w.Recording(t, namespace, "present")
	restrict(t, w, namespace)
	for _, who := range []string{"external", "guest", "unverified", "internal"} {
		t.Run(who, func(t *testing.T) {
			t.Parallel()
			browser := w.SignIn(t, who).Staying()
			for name, attempt := range attempts {
				present := attempt(t, browser, "/r/"+namespace+"/present")
				absentName := attempt(t, browser, "/r/"+namespace+"/missing")
				absentNamespace := attempt(t, browser, "/r/"+strings.Repeat("x", len(namespace))+"/missing")
				if present.Status != http.StatusNotFound {
					t.Errorf("%s answers %d, want 404", name, present.Status)
				}
				for other, absent := range map[string]gatewaytest.Answer{"name": absentName, "namespace": absentNamespace} {
					if diff := cmp.Diff(visible(absent), visible(present)); diff != "" {
						t.Errorf("%s: an absent %s can be told from a forbidden recording (-absent +forbidden):\n%s", name, other, diff)
					}
				}
			}
		})
	}
}

// restrict makes a namespace one of which the organisation's members who are not invited may not know either.
func restrict(t *testing.T, w *gatewaytest.World, namespace string) {
	t.Helper()
	policy := &v1alpha1.RecordingPolicy{}
	policy.Namespace, policy.Name, policy.Spec.Profile = namespace, "restricted", v1alpha1.ProfileRestricted
	if err := w.Admin.Create(t.Context(), policy); err != nil {
		t.Fatal(err)
	}
	w.Seen(t, policy)
}

// asked is where a page repeats the path that was asked for: to come back to, or to ask for access.
var asked = regexp.MustCompile(`(%2Fr%2F|"/r/)[^"]*"`)

// visible is everything of an answer that somebody could compare, but the time and the name that they asked for themselves.
func visible(answer gatewaytest.Answer) map[string]any {
	header := answer.Header.Clone()
	header.Del("Date")
	body := asked.ReplaceAllString(string(answer.Body), `what was asked for"`)
	if body != string(answer.Body) {
		header.Del("Content-Length")
	}
	return map[string]any{"status": answer.Status, "header": header, "body": body}
}

func TestR12ForbiddenAndAbsentAreBothWrittenDown(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	namespace := env.Namespace(t)
	w.Recording(t, namespace, "present")
	records := &counting{Recorder: w.Options.Recorder}
	url := w.Serve(t, func(o *gateway.Options) { o.Recorder = records })
	browser := w.SignIn(t, "external").At(url)
	for name, attempt := range attempts {
		for _, page := range []string{"/r/" + namespace + "/present", "/r/" + namespace + "/missing", "/r/nowhere/missing"} {
			before := records.count
			attempt(t, browser, page)
			if written := records.count - before; written != 1 {
				t.Errorf("%s of %s wrote %d records, want 1", name, page, written)
			}
		}
	}
	for _, event := range w.Events(t, gatewaytest.OperatorNamespace) {
		for _, evidence := range event.Spec.Evidence {
			if evidence == "asked for nowhere/missing" && event.Spec.Outcome == v1alpha1.OutcomeRefused && event.Spec.Reason == "NotFound" {
				return
			}
		}
	}
	t.Error("the attempt at what does not exist is not in the gateway's own namespace")
}

// counting counts what is recorded. Its requests come one after the other.
type counting struct {
	audit.Recorder
	count int
}

func (c *counting) Record(ctx context.Context, event audit.Event) error {
	c.count++
	return c.Recorder.Record(ctx, event)
}

// broken is a recorder that cannot write, as when the API server does not answer.
type broken struct{}

func (broken) Record(context.Context, audit.Event) error { return errors.New("cannot write") }

func TestR30NoAccessWithoutItsRecord(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	namespace := env.Namespace(t)
	recording, file := w.Recording(t, namespace, "review")
	url := w.Serve(t, func(o *gateway.Options) { o.Recorder = broken{} })
	for _, who := range []string{"host", "external"} {
		browser := w.SignIn(t, who).At(url)
		for name, attempt := range attempts {
			if who == "host" && (name == "page" || name == "state" || name == "headers") {
				continue // nothing of the media is given out, and nothing is written down
			}
			for _, page := range []string{pageOf(recording), "/r/" + namespace + "/missing"} {
				answer := attempt(t, browser, page)
				if answer.Status != http.StatusServiceUnavailable {
					t.Errorf("%s: %s of %s answers %d, want 503", who, name, page, answer.Status)
				}
				if len(answer.Body) >= len(file) || strings.Contains(string(answer.Body), "playlist") {
					t.Errorf("%s: %s of %s gives something out", who, name, page)
				}
			}
		}
	}
}

func TestR23WhoMayKnowIsToldWhyAndWhatToDo(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	recording, _ := w.Recording(t, env.Namespace(t), "review")
	cases := map[string]struct {
		who, path, language string
		status              int
		want                []string
	}{
		"a participant who wants the file": {
			"participant", pageOf(recording) + "/download", "en", http.StatusForbidden,
			[]string{"You may not download this recording.", "Ask a host of the meeting to allow you to download it."},
		},
		"the same in Chinese": {
			"participant", pageOf(recording) + "/download", "zh-CN", http.StatusForbidden, []string{"您无权下载此录制。", "请会议主持人允许您下载。"},
		},
		"a colleague": {
			"internal", pageOf(recording), "en", http.StatusForbidden, []string{"You may not watch this recording."},
		},
		"a personal account": {
			"external", pageOf(recording), "en", http.StatusNotFound,
			[]string{"There is no such recording, or it is not shared with you.", "Sign in with your company account instead of a personal one", "Use another account"},
		},
		"an address that nobody verified": {
			"unverified", pageOf(recording), "en", http.StatusNotFound, []string{"Your e-mail address is not verified."},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer := w.SignIn(t, tc.who).Get(t, tc.path, "Accept-Language", tc.language)
			if answer.Status != tc.status {
				t.Errorf("status %d, want %d", answer.Status, tc.status)
			}
			for _, want := range tc.want {
				if !strings.Contains(string(answer.Body), want) {
					t.Errorf("the page does not say %q:\n%s", want, answer.Body)
				}
			}
			if strings.Contains(string(answer.Body), recording.Spec.Meeting.Title) {
				t.Error("the page names the meeting")
			}
		})
	}
}

func TestOtherSitesChangeNothing(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	recording, _ := w.Recording(t, env.Namespace(t), "review")
	browser := w.SignIn(t, "host").Staying()
	for _, path := range []string{pageOf(recording) + "/sessions", "/signout", "/g/" + strings.Repeat("A", 43)} {
		for header, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"} {
			if answer := browser.Post(t, path, url.Values{}, header, value); answer.Status != http.StatusForbidden {
				t.Errorf("POST %s with %s: %s answers %d, want 403", path, header, value, answer.Status)
			}
		}
	}
	if answer := browser.Get(t, pageOf(recording)); answer.Status != http.StatusOK {
		t.Errorf("another site has signed the person out: %d", answer.Status)
	}
}
