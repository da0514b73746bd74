#!/usr/bin/env bash
# Changes client, server, protocol and queue in every way that cargo-mutants knows, and runs the Rust
# tests and the C tests against each change: a change that no test notices is listed. Hours on a small
# machine; arguments go to cargo-mutants, for example --iterate, --re Doorbell or --shard 1/8.
set -euo pipefail
cd "$(dirname "$0")/.."
ci/programs.sh
command -v cargo-mutants >/dev/null || cargo install --locked --quiet cargo-mutants

# The programs were built against the library without the change; tests/programs.rs preloads the
# changed one. A program that hangs ends by its own watchdog.
export VDI_C_TESTS="$PWD/build/c-tests" VDI_TEST_SECONDS=30
exec cargo mutants --output target --timeout 180 "$@" -- \
  --lib --test codes --test dropping --test processes --test programs -- --include-ignored --skip _role
