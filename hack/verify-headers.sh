#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Fails when a source file of ours does not name its licence in its first lines.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

missing=0
while IFS= read -r file; do
  [[ -f $file ]] || continue # deleted, and not committed yet
  if ! head -n 3 "$file" | grep -q 'SPDX-License-Identifier: Apache-2.0'; then
    echo "verify-headers: $file: begin it with: SPDX-License-Identifier: Apache-2.0" >&2
    missing=1
  fi
done < <(git ls-files '*.go' '*.sh' '*.ts' '*.mjs' Makefile .ci/run)
exit "$missing"
