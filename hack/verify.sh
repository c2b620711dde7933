#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Two phases: regenerate everything that is generated, then look without changing anything. Says everything that is
# wrong, not only the first thing, and fails if anything is. Tools have to be in bin/: run it by `make verify`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# What the generators write. CONTRIBUTING.md names the target for each.
generated=(api config/crd charts)
failed=0

fail() {
  echo "verify: $*" >&2
  failed=1
}

before=$(git diff -- "${generated[@]}" | git hash-object --stdin; git status --porcelain -- "${generated[@]}")
make generate manifests >/dev/null
after=$(git diff -- "${generated[@]}" | git hash-object --stdin; git status --porcelain -- "${generated[@]}")
if [[ $before != "$after" ]]; then
  git status --short -- "${generated[@]}" >&2
  fail "generated files were stale: commit what 'make generate manifests' has just written"
fi

mapfile -t sources < <(git ls-files --cached --others --exclude-standard '*.go' | sort -u)
unformatted=$(gofmt -l "${sources[@]}")
[[ -z $unformatted ]] || fail "not formatted, run gofmt -w on: $unformatted"

hack/verify-headers.sh || failed=1

# Every module on its own, as go.work would hide what is missing.
for mod in $(git ls-files 'go.mod' '**/go.mod'); do
  (cd "$(dirname "$mod")" && go mod tidy -diff >/dev/null 2>&1) || fail "$mod is not tidy: run 'go mod tidy' in $(dirname "$mod")"
done

go vet ./... || fail "go vet found something"
golangci-lint run ./... || fail "the linters found something"

if ((failed)); then
  exit 1
fi
echo "verify: all is well"
