// SPDX-License-Identifier: Apache-2.0

// Package tracing follows requests through the gateway with OpenTelemetry. A span names the route and how it ended: no path, for paths hold
// tokens and names, no person, no title, no address.
package tracing

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"

	"github.com/go-chi/chi/v5"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

const (
	scope = "github.com/reelkeeper/reelkeeper/internal/gateway"
	// service is what the gateway is called where OTEL_SERVICE_NAME does not say otherwise.
	service = "reelkeeper-gateway"
)

// Provider makes tracers. Shutdown sends what waits.
type Provider struct {
	trace.TracerProvider
	Shutdown func(context.Context) error
}

// Setup returns a provider as the standard variables of the environment say: it is off unless OTEL_EXPORTER_OTLP_ENDPOINT or
// OTEL_EXPORTER_OTLP_TRACES_ENDPOINT names a collector, which is spoken to by gRPC.
func Setup(ctx context.Context) (*Provider, error) {
	if !enabled(os.Getenv) {
		return &Provider{noop.NewTracerProvider(), func(context.Context) error { return nil }}, nil
	}
	exporter, err := otlptracegrpc.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("set up tracing by the variables OTEL_EXPORTER_OTLP_*: %w", err)
	}
	described, err := resource.New(ctx, resource.WithAttributes(attribute.String("service.name", service)), resource.WithFromEnv())
	if err != nil && !errors.Is(err, resource.ErrPartialResource) {
		return nil, fmt.Errorf("read OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	provider := sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(described))
	return &Provider{provider, provider.Shutdown}, nil
}

func enabled(getenv func(string) string) bool {
	named := getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != ""
	return named && getenv("OTEL_SDK_DISABLED") != "true" && getenv("OTEL_TRACES_EXPORTER") != "none"
}

// Middleware makes a span of every request. Believed says whether whoever sent it, a proxy of ours, is believed about which trace it
// belongs to: anybody else could have everything traced.
func Middleware(provider trace.TracerProvider, believed func(*http.Request) bool) func(http.Handler) http.Handler {
	tracer := provider.Tracer(scope)
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx := r.Context()
			if believed(r) {
				ctx = propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(r.Header))
			}
			ctx, span := tracer.Start(ctx, "request", trace.WithSpanKind(trace.SpanKindServer))
			defer span.End()
			seen := &observed{ResponseWriter: w}
			defer func() { describe(ctx, span, r, seen) }()
			next.ServeHTTP(seen, r.WithContext(ctx))
		})
	}
}

// describe names a span after the route, which is known when the request has been served.
func describe(ctx context.Context, span trace.Span, r *http.Request, seen *observed) {
	route := chi.RouteContext(ctx).RoutePattern()
	span.SetName(r.Method + " " + route)
	span.SetAttributes(
		attribute.String("http.request.method", r.Method), attribute.String("http.route", route),
		attribute.Int("http.response.status_code", seen.status), attribute.Int64("http.response.body.size", seen.bytes),
	)
	if seen.status >= http.StatusInternalServerError {
		span.SetStatus(codes.Error, "")
	}
}

// Step makes a span of a part of a request. Call end when it is over.
func Step(ctx context.Context, name string) (stepped context.Context, end func()) {
	ctx, span := trace.SpanFromContext(ctx).TracerProvider().Tracer(scope).Start(ctx, name)
	return ctx, func() { span.End() }
}

// observed remembers what was answered.
type observed struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// Unwrap lets http.ResponseController find the connection.
func (o *observed) Unwrap() http.ResponseWriter { return o.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (o *observed) WriteHeader(status int) {
	if o.status == 0 {
		o.status = status
	}
	o.ResponseWriter.WriteHeader(status)
}

// Write implements io.Writer.
func (o *observed) Write(data []byte) (int, error) {
	if o.status == 0 {
		o.status = http.StatusOK
	}
	n, err := o.ResponseWriter.Write(data)
	o.bytes += int64(n)
	return n, err
}
