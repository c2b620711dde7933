#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Builds etcd, kube-apiserver, kube-controller-manager and kubectl into bin/controlplane.
#
#   hack/controlplane/build.sh            builds what is missing or out of date, else does nothing
#   hack/controlplane/build.sh kubectl    only that one
#
# A binary is up to date when its stamp names the same go.mod, go.sum, build script and Go release. The first
# build takes about five minutes on two cores and 3 GB in Go's build cache; later ones take a second.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")"
out=$(cd ../.. && pwd)/bin/controlplane
# Neither the caller's workspace nor a GOFLAGS of hers may change what is built.
export GOWORK=off CGO_ENABLED=0 GOFLAGS=-mod=readonly

package_of() {
  case $1 in
    etcd) echo go.etcd.io/etcd/server/v3 ;;
    kube-apiserver | kube-controller-manager | kubectl) echo "k8s.io/kubernetes/cmd/$1" ;;
    *) echo "build.sh: unknown binary '$1': choose etcd, kube-apiserver, kube-controller-manager or kubectl" >&2; return 1 ;;
  esac
}

# Kubernetes learns its version from the linker; without it, it reports v0.0.0 and refuses
# feature gates by emulated version.
ldflags() {
  local version=$1 package flags="-s -w"
  local major=${version#v} minor
  minor=${major#*.} major=${major%%.*} minor=${minor%%.*}
  for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    flags+=" -X $package.gitVersion=$version -X $package.gitMajor=$major -X $package.gitMinor=$minor"
    flags+=" -X $package.gitTreeState=clean"
  done
  echo "$flags"
}

command -v go >/dev/null || { echo "build.sh: Go is not installed: see https://go.dev/doc/install" >&2; exit 1; }
mkdir -p "$out"
wanted=$({ cat go.mod go.sum build.sh; go env GOVERSION GOOS GOARCH; } | git hash-object --stdin)
flags=$(ldflags "$(go list -m -f '{{.Version}}' k8s.io/kubernetes)")

if (($# == 0)); then
  set -- etcd kube-apiserver kube-controller-manager kubectl
fi
for binary in "$@"; do
  stamp=$out/.$binary.stamp
  if [[ -x $out/$binary && $(cat "$stamp" 2>/dev/null) == "$wanted" ]]; then
    continue
  fi
  package=$(package_of "$binary")
  echo "building $binary ..."
  started=$SECONDS
  # Into a temporary name and moved, so that a build cut short never leaves half a program behind.
  go build -trimpath -buildvcs=false -ldflags "$flags" -o "$out/.$binary.$$" "$package"
  mv "$out/.$binary.$$" "$out/$binary"
  echo "$wanted" >"$stamp"
  echo "built $binary in $((SECONDS - started)) s: bin/controlplane/$binary"
done
