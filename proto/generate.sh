#!/usr/bin/env bash
# Copyright 2026 The caddy-lockout authors
# SPDX-License-Identifier: Apache-2.0
#
# Writes internal/gen anew from the files beside this one, with the pinned buf
# and plugins of tools/buf and without network. "generate.sh check" writes
# nothing and fails if internal/gen is not what would be written.

set -euo pipefail
unset CDPATH
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
export GOWORK=off

out=.
if [[ ${1:-} == check ]]; then
	out=$(mktemp -d)
	trap 'rm -rf -- "$out"' EXIT
fi

go tool -modfile=tools/buf/go.mod buf generate proto --template proto/buf.gen.yaml --output "$out"

if [[ $out != . ]] && ! diff -r internal/gen "$out/internal/gen"; then
	echo "internal/gen is not up to date, run proto/generate.sh"
	exit 1
fi
