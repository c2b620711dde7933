// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"log/slog"

	"github.com/go-logr/logr"
	"github.com/spf13/pflag"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
)

// logFlags say how a part of the program logs.
type logFlags struct {
	level  string
	format string
}

func (f *logFlags) bind(set *pflag.FlagSet) {
	set.StringVar(&f.level, "log-level", "info", "what to log: debug, info, warn or error")
	set.StringVar(&f.format, "log-format", "json", "how to log: json, or text for people")
}

// setUp makes everything log to out the way the flags say, the Kubernetes libraries too.
func (f *logFlags) setUp(out io.Writer) error {
	var level slog.Level
	if err := level.UnmarshalText([]byte(f.level)); err != nil {
		return fmt.Errorf("--log-level %q is unknown: write debug, info, warn or error", f.level)
	}
	options := &slog.HandlerOptions{Level: level}
	var handler slog.Handler
	switch f.format {
	case "json":
		handler = slog.NewJSONHandler(out, options)
	case "text":
		handler = slog.NewTextHandler(out, options)
	default:
		return fmt.Errorf("--log-format %q is unknown: write json or text", f.format)
	}
	slog.SetDefault(slog.New(handler))
	logger := logr.FromSlogHandler(handler)
	ctrl.SetLogger(logger)
	klog.SetLogger(logger)
	return nil
}
