#!/usr/bin/env bash
# Runs the models: every order of small scenes, random orders of whole operations, then the faults that
# they must notice. LOOM_MAX_PREEMPTIONS and VDI_MODELS_RUNS make it more.
set -euo pipefail
cd "$(dirname "$0")/.."
# In target, which every clean takes away and no search of the sources enters.
export CARGO_TARGET_DIR="$PWD/target/models" SHUTTLE_SILENCE_WARNINGS=1

(cd models && cargo fmt --check)
# The two sets of features do not fit into one build.
cargo test --quiet --locked --manifest-path models/Cargo.toml --features loom --test exhaustive
cargo test --quiet --locked --manifest-path models/Cargo.toml --features shuttle --test random
unset CARGO_TARGET_DIR
cargo run --quiet --locked --package vdi-conformance -- mutants models:
