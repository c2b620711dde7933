// SPDX-License-Identifier: Apache-2.0

// Command golangci-lint is golangci-lint with kube-api-linter compiled in, so that the API types are checked in the same
// run as the rest. Building both from one module pins both, where `golangci-lint custom` would clone at build time.
package main

import (
	"fmt"
	"os"
	"runtime/debug"

	"github.com/golangci/golangci-lint/v2/pkg/commands"
	"github.com/golangci/golangci-lint/v2/pkg/exitcodes"

	_ "sigs.k8s.io/kube-api-linter" // registers kubeapilinter
)

const linter = "github.com/golangci/golangci-lint/v2"

func main() {
	if err := commands.Execute(buildInfo()); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		os.Exit(exitcodes.Failure)
	}
}

// buildInfo reports the version of golangci-lint that go.mod pins: the configuration file is checked against it.
func buildInfo() commands.BuildInfo {
	info := commands.BuildInfo{Version: "unknown", Commit: "built by hack/tools/lint", Date: "unknown"}
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return info
	}
	info.GoVersion = build.GoVersion
	for _, dep := range build.Deps {
		if dep.Path == linter {
			info.Version = dep.Version
		}
	}
	return info
}
