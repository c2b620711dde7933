#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds bin/s3server. Go's build cache makes a second run a matter of moments, so there is nothing to skip.
set -eu
cd "$(dirname "$0")"
CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o ../../bin/s3server .
