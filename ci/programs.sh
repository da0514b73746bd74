#!/usr/bin/env bash
# Builds the C tests, against the library as it is, into build/ or the directory that is given.
set -euo pipefail
# Otherwise the build tells of every directory that it enters.
unset MAKEFLAGS MFLAGS MAKELEVEL
cd "$(dirname "$0")/.."
ci/setup.sh
build=${1:-build}
cmake -S . -B "$build" -DCMAKE_BUILD_TYPE=Release -DVDI_CARGO_TARGET_DIR="$PWD/target" >/dev/null
cmake --build "$build" --parallel 2 | { grep -v '^\[' || true; }
