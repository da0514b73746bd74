#!/usr/bin/env bash
# Every test: the Rust harness, then the C and Python harness through ctest. The last lines count.
set -euo pipefail
cd "$(dirname "$0")/.."
ci/setup.sh

logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
failed=0

# Where a path must be short enough for a socket, tests use /tmp; the number is that of the process.
left_in_tmp() {
  find /tmp -maxdepth 1 -name 'vdi-t[0-9]*' -user "$(id -un)" | while read -r place; do
    number=${place#/tmp/vdi-t}
    [ -d "/proc/${number%%-*}" ] || echo "$place"
  done | sort
}
left_in_tmp >"$logs/before"

# A directory of its own also shows what the tests leave behind.
export TMPDIR="$logs/tmp"
mkdir "$TMPDIR"

cargo test --workspace --locked --no-fail-fast 2>&1 | tee "$logs/rust" || failed=1

ci/programs.sh 2>&1 || failed=1
ctest --test-dir build -j2 --output-on-failure --timeout 300 2>&1 | tee "$logs/ctest" || failed=1

left=$(find "$TMPDIR" -mindepth 1 | head)
if [ -n "$left" ]; then
  echo "test: left behind in the temporary directory: $left"
  failed=1
fi
left=$(left_in_tmp | comm -13 "$logs/before" -)
if [ -n "$left" ]; then
  echo "test: left behind in /tmp: $left"
  failed=1
fi
if [ -n "${CI:-}" ] && [ -n "$(git status --porcelain)" ]; then
  echo "test: the tests changed the source tree:"
  git status --short
  failed=1
fi

echo
echo "--- what each harness counted"
awk '/^test result:/ { passed += $4; failed += $6; ignored += $8 }
     END { printf "rust: %d passed, %d failed, %d skipped\n", passed, failed, ignored }' "$logs/rust"
grep -E 'tests passed|tests failed' "$logs/ctest" | sed 's/^/ctest: /' || echo "ctest: did not run"
exit $failed
