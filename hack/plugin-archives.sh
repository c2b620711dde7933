#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Builds the kubectl plugin for every platform of .krew.yaml into dist/: an archive each, and the krew manifest of that version.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
version=${1:?say the version, such as v0.1.0}

archive() { # prints the name of the archive for an operating system and an architecture
  local os=$1 arch=$2 name=kubectl-reelkeeper_$1_$2 program=kubectl-reelkeeper
  [[ $os == windows ]] && program+=.exe
  mkdir -p "dist/$name"
  CGO_ENABLED=0 GOOS=$os GOARCH=$arch go build -trimpath -ldflags "-s -w -X main.version=$version" -o "dist/$name/$program" ./cmd/kubectl-reelkeeper
  cp LICENSE "dist/$name/"
  tar -C "dist/$name" --sort=name --mtime=@0 --owner=0 --group=0 -cf - "$program" LICENSE | gzip -9n >"dist/$name.tar.gz"
  rm -r "dist/${name:?}"
}

rm -rf dist && mkdir dist
while read -r os arch; do archive "$os" "$arch"; done < <(sed -nE 's/.*os: (\w+), arch: (\w+).*/\1 \2/p' .krew.yaml)

# What krew-release-bot does with its template, for a release that was made by hand.
while IFS= read -r line; do
  if [[ $line =~ addURIAndSha\ \"([^\"]+)\" ]]; then
    uri=${BASH_REMATCH[1]//'{{ .TagName }}'/$version}
    sum=$(sha256sum "dist/${uri##*/}")
    printf '      uri: %s\n      sha256: %s\n' "$uri" "${sum%% *}"
  else
    echo "${line//'{{ .TagName }}'/$version}"
  fi
done <.krew.yaml >dist/reelkeeper.yaml
