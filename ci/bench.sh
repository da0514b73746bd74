#!/usr/bin/env bash
# Measures libvdi beside its alternatives. With "quick", only what a busy machine does not change: every
# transport works and carries the right bytes, and the system calls of libvdi are few. With "lint", the
# formatting and lints of the harness. Otherwise all of it, and writes docs/performance.md.
set -euo pipefail
unset MAKEFLAGS MFLAGS MAKELEVEL
cd "$(dirname "$0")/.."
# They would put the programs elsewhere.
unset CARGO_TARGET_DIR CARGO_BUILD_TARGET
if [ "${1:-}" = lint ]; then
  cd benches
  cargo fmt --check
  exec cargo clippy --release --quiet --locked -- -D warnings
fi
ci/setup.sh
cargo build --release --workspace --locked --quiet
(cd benches && cargo build --release --locked --quiet)
if [ "${1:-}" = quick ]; then
  exec benches/target/release/vdi-bench --quick --output benches/target/results
fi
exec benches/target/release/vdi-bench --output benches/target/results --report "$@"
