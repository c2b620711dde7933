#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Prints the packages whose tests have functions of a kind: hack/packages-with.sh Benchmark
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
git grep --untracked -l "^func $1[A-Z_]" -- '*_test.go' ':!hack/*' | xargs -rn1 dirname | sort -u | sed 's|^|./|'
