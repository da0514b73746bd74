#!/usr/bin/env bash
# Formatting, lints, documentation, header drift, layers: every warning is an error.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo fmt --all --check
VDI_HEADER=check cargo clippy --workspace --all-targets --locked -- -D warnings
RUSTDOCFLAGS=-Dwarnings cargo doc --workspace --no-deps --locked --quiet
ci/bench.sh lint
cargo test --quiet --locked --test layering
cargo run --quiet --locked --package vdi-conformance -- check
# The workspaces that no other build here compiles.
for workspace in models fuzz; do
  (cd $workspace && cargo fmt --all --check)
done
for checker in "loom --test exhaustive" "shuttle --test random"; do
  # shellcheck disable=SC2086
  RUSTFLAGS=-Dwarnings CARGO_TARGET_DIR="$PWD/target/models" \
    cargo check --quiet --locked --manifest-path models/Cargo.toml --lib --features $checker
done
RUSTFLAGS="--cfg=fuzzing -Dwarnings" CARGO_TARGET_DIR="$PWD/target/fuzz-check" \
  cargo check --quiet --locked --manifest-path fuzz/Cargo.toml
git diff --exit-code -- include/vdi.h
echo "lint: clean"
