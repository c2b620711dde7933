// SPDX-License-Identifier: Apache-2.0

//go:build unix

package gateway_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/reelkeeper/reelkeeper/internal/gateway"
	"github.com/reelkeeper/reelkeeper/internal/gateway/gatewaytest"
)

func TestSpansTellRoutesAndNothingElse(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	recording, _ := w.Recording(t, env.Namespace(t), "confidential")
	spans := tracetest.NewSpanRecorder()
	provider := sdk.NewTracerProvider(sdk.WithSpanProcessor(spans))
	host := w.SignIn(t, "host").At(w.Serve(t, func(o *gateway.Options) { o.Tracing = provider }))
	view := beginView(t, host, recording)
	trace := "4bf92f3577b34da6a3ce929d0e0e4736"
	host.Get(t, view+"media", "Traceparent", "00-"+trace+"-00f067aa0ba902b7-01")
	host.Get(t, pageOf(recording)+"/download")
	host.Get(t, "/g/a-token")
	if answer := host.Get(t, "/nowhere/"+recording.Name); answer.Status != http.StatusNotFound {
		t.Fatal(answer.Status)
	}

	names := map[string]int{}
	for _, span := range spans.Ended() {
		names[span.Name()]++
		told := fmt.Sprint(span.Name(), span.Attributes(), span.Events(), span.Status(), span.SpanContext().TraceID())
		token := strings.Split(view, "/")[2]
		for _, secret := range []string{recording.Name, recording.Namespace, token, "a-token", gatewaytest.People["host"].Email, "127.0.0.1", "Q3", trace} {
			if strings.Contains(told, secret) {
				t.Errorf("a span tells %q: %s", secret, told)
			}
		}
	}
	for _, want := range []string{
		"POST /r/{namespace}/{name}/sessions", "GET /v/{session}/media", "GET /r/{namespace}/{name}/download", "GET /g/{token}", "decide", "open media", "read media",
	} {
		if names[want] == 0 {
			t.Errorf("there is no span %q: %v", want, names)
		}
	}
}
