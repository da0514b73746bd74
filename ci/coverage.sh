#!/usr/bin/env bash
# Line and branch coverage of src by all tests: the table on the screen, the lines in
# target/coverage/html. Counters are written while the processes run, so that a killed one counts.
set -euo pipefail
cd "$(dirname "$0")/.."
ci/setup.sh

tools="$(rustc --print sysroot)/lib/rustlib/$(rustc -vV | sed -n 's/^host: //p')/bin"
if [ ! -x "$tools/llvm-cov" ]; then
  rustup component add llvm-tools >/dev/null 2>&1 || {
    echo "coverage: needs rustup's component llvm-tools" >&2
    exit 1
  }
fi

place="$PWD/target/coverage"
rm -rf "$place/profiles" "$place/html" "$place/tmp"
mkdir -p "$place/profiles" "$place/tmp"

# The programs are built against the library as it is; the instrumented one is preloaded.
cargo build --release --locked --lib
cmake -S . -B build -DCMAKE_BUILD_TYPE=Release -DVDI_CARGO_TARGET_DIR="$PWD/target" >/dev/null
cmake --build build --parallel 2 >/dev/null

# Branch counters are an unstable option of the stable compiler.
export RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR="$place/target" TMPDIR="$place/tmp"
export RUSTFLAGS="-C instrument-coverage -Z coverage-options=branch -C llvm-args=-runtime-counter-relocation"
export LLVM_PROFILE_FILE="$place/profiles/%m%c.profraw"
export VDI_C_TESTS="$PWD/build/c-tests"
cargo test --workspace --exclude vdi-conformance --locked --no-fail-fast -- --include-ignored >"$place/log" 2>&1 ||
  { grep -E '^(test .*FAILED|error|test result: FAILED)' "$place/log"; echo "coverage: a test failed, see $place/log"; exit 1; }

"$tools/llvm-profdata" merge -sparse "$place"/profiles/*.profraw -o "$place/all.profdata"
objects=("$CARGO_TARGET_DIR/debug/deps/libvdi.so")
while read -r program; do objects+=(--object "$program"); done < <(
  sed -n 's/^ *Running .*(\(.*\))$/\1/p' "$place/log" | sed "s|^target|$CARGO_TARGET_DIR|"
  echo "$CARGO_TARGET_DIR/debug/vdi"
)
common=(--instr-profile "$place/all.profdata" --ignore-filename-regex '/(registry|rustc|cli|tests|[a-z_]*tests\.rs)')
"$tools/llvm-cov" show "${objects[@]}" "${common[@]}" --format html --show-branches count --output-dir "$place/html" >/dev/null 2>&1
"$tools/llvm-cov" report "${objects[@]}" "${common[@]}" --show-branch-summary --show-region-summary=false 2>/dev/null
