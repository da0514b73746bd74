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
# The same library without the checks of what a peer writes, to show what they cost.
copy=benches/target/unchecked
rm -rf "$copy"
mkdir -p "$copy"
tar -c --exclude=target --exclude=build --exclude=.git . | tar -x -C "$copy"
patch --quiet -p1 -d "$copy" <benches/unchecked.patch
cargo build --release --lib --package vdi --locked --quiet --manifest-path "$copy/Cargo.toml" \
  --target-dir benches/target/unchecked-build
cp benches/target/unchecked-build/release/libvdi.so "$copy/"
if [ "${1:-}" = quick ]; then
  exec benches/target/release/vdi-bench --quick --output benches/target/results
fi
exec benches/target/release/vdi-bench --output benches/target/results --report "$@"
