#!/usr/bin/env bash
# Fuzzes the targets in fuzz/ one after another. Arguments: the seconds in all, then the names of targets
# if it shall not be all of them. What the fuzzer learned stays in fuzz/corpus, what it found in
# fuzz/artifacts: a case that shows a fault goes to fuzz/found/TARGET, and the tests replay it.
set -euo pipefail
cd "$(dirname "$0")/.."

skip() {
  echo "fuzz: skipped: $1"
  exit 0
}
seconds=${1:?how many seconds}
targets=("${@:2}")
[ ${#targets[@]} -gt 0 ] || targets=(messages values stream calls attach rewrite)

toolchain=nightly
rustc "+$toolchain" --version >/dev/null 2>&1 ||
  skip "a nightly compiler is needed: rustup toolchain install nightly"
cargo fuzz --version >/dev/null 2>&1 || {
  echo "fuzz: installing cargo-fuzz"
  cargo install cargo-fuzz --locked --quiet
}
ci/setup.sh

# Sets meet in the temporary directory, and an end by a finding leaves them there.
TMPDIR=$(mktemp -d)
export TMPDIR
export ASAN_OPTIONS=quarantine_size_mb=32
# The record of a destructor that a thread is just running looks like a leak.
echo leak:__cxa_thread_atexit_impl >"$TMPDIR/suppressions"
export LSAN_OPTIONS=suppressions=$TMPDIR/suppressions:print_suppressions=0
trap 'rm -rf "$TMPDIR"' EXIT
mkdir -p target/fuzz
log=target/fuzz/log
each=$((seconds / ${#targets[@]}))
[ "$each" -gt 0 ] || each=1
cargo "+$toolchain" fuzz build --target-dir target/fuzz >"$log.build" 2>&1 || {
  tail -n 40 "$log.build" >&2
  exit 1
}

failed=0
for target in "${targets[@]}"; do
  mkdir -p "fuzz/corpus/$target" "fuzz/found/$target"
  case $target in
    stream) longest=20000 memory=16 ;;
    messages | values) longest=1200 memory=16 ;;
    *) longest=400 memory=64 ;;
  esac
  result=0
  cargo "+$toolchain" fuzz run --target-dir target/fuzz "$target" \
    "fuzz/corpus/$target" "fuzz/seeds/$target" "fuzz/found/$target" -- \
    -max_total_time="$each" -max_len="$longest" -timeout=30 -rss_limit_mb=2048 \
    -malloc_limit_mb="$memory" -print_final_stats=1 >"$log.$target" 2>&1 || result=$?
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log.$target")
  coverage=$(grep -oE ' cov: [0-9]+' "$log.$target" | tail -n 1)
  echo "fuzz: $target: ${runs:-?} executions, ${coverage# }, findings: $([ $result = 0 ] && echo none || echo one)"
  if [ $result != 0 ]; then
    failed=1
    grep -nE '^(==|thread|SUMMARY|.*panicked|ALARM|Test unit written)' "$log.$target" | head -n 20 || true
    echo "fuzz: see $log.$target"
  fi
done
exit $failed
