#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Runs every property of policies and decisions with CASES random cases, and prints how many each of them saw, in the order
# of their names. Fails if one does not hold, or saw fewer: hack/property-test.sh 100000
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
cases=${1:?how many cases}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

mapfile -t files < <(git grep --untracked -l 'property\.Check(t, ' -- '*_test.go')
packages=$(printf '%s\n' "${files[@]}" | xargs -n1 dirname | sort -u | sed 's|^|./|')
# The test around each property.Check.
tests=$(awk '/^func Test/ { sub(/\(.*/, "", $2); name = $2 } /property\.Check\(t, / { print name }' "${files[@]}" | sort -u)

# Cases live short: collecting garbage less often takes a quarter off.
export GOGC=400
# shellcheck disable=SC2086 # one word for each package
if ! go test -count=1 -timeout 30m -v -run "^($(paste -sd'|' <<<"$tests"))\$" $packages -rapid.checks="$cases" >"$log" 2>&1; then
  grep -v '^property \|^=== \|^--- PASS' "$log" >&2
  exit 1
fi
grep -ao 'property [A-Za-z0-9_/]*: [0-9]* cases' "$log" | sort
for name in $tests; do
  seen=$(sed -n "s/.*property $name: \([0-9]*\) cases.*/\1/p" "$log")
  if ((${seen:-0} < cases)); then
    echo "property-test: $name saw ${seen:-no} cases, not $cases" >&2
    exit 1
  fi
done
