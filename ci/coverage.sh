#!/usr/bin/env bash
# Line and branch coverage of src by all tests: the table on the screen, the lines in
# target/coverage/html. Counters are written while the processes run, so that a killed one counts.
set -euo pipefail
cd "$(dirname "$0")/.."
ci/programs.sh

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

# Branch counters are an unstable option of the stable compiler.
export RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR="$place/target" TMPDIR="$place/tmp"
export RUSTFLAGS="-C instrument-coverage -Z coverage-options=branch -C llvm-args=-runtime-counter-relocation"
export LLVM_PROFILE_FILE="$place/profiles/%m%c.profraw"
# tests/programs.rs preloads the instrumented library into the programs.
export VDI_C_TESTS="$PWD/build/c-tests"
{
  cargo test --workspace --exclude vdi-conformance --locked --no-fail-fast &&
    cargo test --locked --test programs -- --include-ignored
} >"$place/log" 2>&1 || {
  grep -E '^(test .*FAILED|error|test_)' "$place/log"
  echo "coverage: a test failed, see $place/log" >&2
  exit 1
}

"$tools/llvm-profdata" merge -sparse "$place"/profiles/*.profraw -o "$place/all.profdata"
objects=("$CARGO_TARGET_DIR/debug/deps/libvdi.so")
while read -r program; do objects+=(--object "$program"); done < <(
  sed -n 's/^ *Running .*(\(.*\))$/\1/p' "$place/log"
  echo "$CARGO_TARGET_DIR/debug/vdi"
)
common=(--instr-profile "$place/all.profdata" --ignore-filename-regex "(/registry/|/rustc/|$PWD/(cli|tests|target)/|_?tests\.rs)")
"$tools/llvm-cov" show "${objects[@]}" "${common[@]}" --format html --show-branches count --output-dir "$place/html" >/dev/null 2>&1
"$tools/llvm-cov" report "${objects[@]}" "${common[@]}" --show-branch-summary --show-region-summary=false 2>/dev/null

# One line for each branch that was never taken: file and line.
echo
echo "branches not taken:"
"$tools/llvm-cov" export "${objects[@]}" "${common[@]}" --format lcov 2>/dev/null |
  awk -F'[:,]' -v root="$PWD/" '
    /^SF:/ { file = substr($0, 4); sub(root, "", file) }
    /^BRDA:/ && ($5 == "0" || $5 == "-") { print "  " file ":" $2 }' | sort -u -t: -k1,1 -k2,2n
