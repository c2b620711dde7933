// SPDX-License-Identifier: Apache-2.0

// Package cli is the kubectl plugin: kubectl reelkeeper.
//
// Every command is three steps: read a report.World from the cluster (cluster.go, the only file that talks to it), make a report
// from it (package report, which is pure), print the report (tables here; JSON and YAML are the report itself).
package cli
