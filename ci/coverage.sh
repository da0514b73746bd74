#!/usr/bin/env bash
# Line and branch coverage of src and sqlvdi by all tests: the table on the screen, the lines in
# target/coverage/html. Counters are written while the processes run, so that a killed one counts.
# Everything is made in target/.
set -euo pipefail
cd "$(dirname "$0")/.."

missing() {
  echo "coverage: missing: $1" >&2
  exit 1
}
ci/setup.sh
host=$(rustc -vV | sed -n 's/^host: //p')
tools="$(rustc --print sysroot)/lib/rustlib/$host/bin"
if [ ! -x "$tools/llvm-cov" ]; then
  command -v rustup >/dev/null || missing "llvm-cov of this Rust, which comes with rustup"
  rustup component add llvm-tools >/dev/null 2>&1 || missing "rustup's component llvm-tools"
fi

state() { git status --porcelain 2>/dev/null || true; }
before=$(state)
place="$PWD/target/coverage"
rm -rf "$place/profiles" "$place/html" "$place/tmp"
mkdir -p "$place/profiles" "$place/tmp"
echo "coverage: building and running all tests, see $place/log"
ci/programs.sh "$place/programs" >"$place/log" 2>&1 || {
  tail "$place/log" >&2
  missing "the C tests, which do not build"
}

# Branch counters are an unstable option of the stable compiler.
export RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR="$place/target" TMPDIR="$place/tmp"
export RUSTFLAGS="-C instrument-coverage -Z coverage-options=branch -C llvm-args=-runtime-counter-relocation"
export LLVM_PROFILE_FILE="$place/profiles/%m%c.profraw"
# tests/programs.rs preloads the instrumented library into the programs.
export VDI_C_TESTS="$place/programs/c-tests" VDI_TEST_KEEP_GOING=1
failed=0 changed=0
{
  cargo test --workspace --exclude vdi-conformance --locked --no-fail-fast || failed=1
  # As above: fewer packages would be another build of the library, in the place of that which ran.
  cargo build --workspace --exclude vdi-conformance --locked || failed=1
  for program in "$place"/programs/c-tests/sqlvdi/test_sqlvdi_*; do
    LD_PRELOAD="$CARGO_TARGET_DIR/debug/libsqlvdi.so" "$program" || [ $? -eq 77 ] || {
      echo "test_: $program"
      failed=1
    }
  done
  cargo test --locked --test programs -- --include-ignored || failed=1
} >"$place/log" 2>&1

[ -n "$(ls "$place/profiles")" ] || {
  grep -E '^error' "$place/log" >&2
  missing "counters: nothing was run, see $place/log"
}
"$tools/llvm-profdata" merge -sparse "$place"/profiles/*.profraw -o "$place/all.profdata"
# The libraries first: of a function that several have, the first counts.
objects=("$CARGO_TARGET_DIR/debug/deps/libvdi.so" --object "$CARGO_TARGET_DIR/debug/libsqlvdi.so")
while read -r program; do objects+=(--object "$program"); done < <(
  sed -n 's/^ *Running .*(\(.*\))$/\1/p' "$place/log"
  echo "$CARGO_TARGET_DIR/debug/vdi"
)
common=(--instr-profile "$place/all.profdata" --ignore-filename-regex "(/registry/|/rustc/|$PWD/(cli|fuzz|tests|target)/|_?tests\.rs|/link/support\.rs|/src/fuzzing\.rs)")
"$tools/llvm-cov" show "${objects[@]}" "${common[@]}" --format html --show-branches count --output-dir "$place/html" >/dev/null 2>&1
"$tools/llvm-cov" report "${objects[@]}" "${common[@]}" --show-branch-summary --show-region-summary=false 2>/dev/null

# One line for each branch that was never taken: file, line, source. Not those of unit tests, which
# stand at the end of a file.
echo
echo "branches not taken:"
"$tools/llvm-cov" export "${objects[@]}" "${common[@]}" --format lcov 2>/dev/null |
  awk -F'[:,]' -v root="$PWD/" '
    /^SF:/ { file = substr($0, 4); sub(root, "", file) }
    /^BRDA:/ && ($5 == "0" || $5 == "-") { print file ":" $2 }' | sort -u -t: -k1,1 -k2,2n |
  while IFS=: read -r file line; do
    tests=$(sed -n '/^mod tests {$/=' "$file")
    [ "${tests:-$line}" -lt "$line" ] ||
      printf '  %s:%s: %s\n' "$file" "$line" "$(sed -n "${line}s/^ *//p" "$file")"
  done

if [ "$(state)" != "$before" ]; then
  echo "coverage: the source tree has changed meanwhile, see git status" >&2
  changed=1
fi
if [ "$failed" -ne 0 ]; then
  grep -E '^(test .*FAILED|error|test_)' "$place/log" >&2 || true
  echo "coverage: a test failed, see $place/log; the numbers are too low" >&2
fi
exit $((failed | changed))
