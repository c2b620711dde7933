#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Runs every fuzz target, one after the other, for the time given: hack/fuzz.sh 60s
# Little time goes into making interesting inputs smaller, so that most of it looks for new ones.
# What a target finds lands in its package's testdata/fuzz and is a test from then on: commit it with the fix.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

mapfile -t packages < <(hack/packages-with.sh Fuzz)
for package in "${packages[@]}"; do
  mapfile -t targets < <(grep -ohE '^func Fuzz[A-Za-z0-9_]+' "$package"/*_test.go | sed 's/^func //')
  for target in "${targets[@]}"; do
    echo "== $package $target"
    go test -run '^$' -fuzz "^$target\$" -fuzztime "${1:-60s}" -fuzzminimizetime 10x "$package"
  done
done
