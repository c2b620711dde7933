#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Makes sure of the programs that tests, benchmarks and demo run and that no module brings: those named, or ffmpeg, espeak-ng and
# chromium. Installs what is missing where this is root and apt-get is there; else one line says what to install, and it
# fails.
set -euo pipefail

declare -A package=([ffmpeg]=ffmpeg [ffprobe]=ffmpeg [espeak-ng]=espeak-ng [chromium]=chromium [nginx]=nginx-light)

((${#})) || set -- ffmpeg ffprobe espeak-ng chromium
missing=()
for program in "$@"; do
  PATH=$PATH:/usr/sbin command -v "$program" >/dev/null || missing+=("${package[$program]}")
done
for program in go git node npm; do
  command -v "$program" >/dev/null || { echo "deps: $program is missing: install Go 1.26, git and Node.js 20.19 or later" >&2; exit 1; }
done
((${#missing[@]})) || exit 0
mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)

if ((EUID != 0)) || ! command -v apt-get >/dev/null; then
  echo "deps: install ${missing[*]} with your package manager, such as: sudo apt-get install ${missing[*]}" >&2
  exit 1
fi
echo "installing ${missing[*]} ..."
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -qq --yes --no-install-recommends "${missing[@]}" >/dev/null
