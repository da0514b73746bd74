#!/usr/bin/env bash
# The C and Python tests under valgrind's memcheck, with all their processes: no error, and no memory
# definitely lost. Everything is made in target/memcheck; its logs have one file for each process.
set -euo pipefail
unset MAKEFLAGS MFLAGS MAKELEVEL
cd "$(dirname "$0")/.."
ci/setup.sh
command -v valgrind >/dev/null || {
  echo "memcheck: missing: valgrind; install the package of this name" >&2
  exit 1
}

place="$PWD/target/memcheck"
rm -rf "$place/logs"
mkdir -p "$place/logs" "$place/tmp"
export TMPDIR="$place/tmp" PYTHONMALLOC=malloc VDI_TEST_SECONDS=1200 VDI_TEST_ROUNDS=10
valgrind="valgrind --quiet --trace-children=yes --error-exitcode=99 --leak-check=full
  --show-leak-kinds=definite --errors-for-leak-kinds=definite --num-callers=40 --sim-hints=lax-ioctls
  --fair-sched=yes --suppressions=$PWD/ci/memcheck.supp --log-file=$place/logs/%p"
cmake -S . -B "$place/build" -DCMAKE_BUILD_TYPE=Release -DVDI_CARGO_TARGET_DIR="$PWD/target" \
  -DVDI_TEST_LAUNCHER="${valgrind//$'\n'/ }" -DVDI_TEST_TIMEOUT=1800 >/dev/null
cmake --build "$place/build" --parallel 2 | { grep -v '^\[' || true; }

# Valgrind itself answers for the limits of descriptors and of memory: it closes a descriptor that the
# kernel gave beyond the limit, with the connection that it stood for.
other_limits='^test_(no_descriptors|no_room_for_buffers)$'
failed=0
ctest --test-dir "$place/build" -j2 --output-on-failure --exclude-regex "$other_limits" \
  >"$place/ctest.log" 2>&1 || failed=1

processes=$(find "$place/logs" -type f | wc -l)
# Every report begins with a line of one word at least; --quiet leaves nothing else but warnings.
reports=$(cat "$place"/logs/* | grep -cE '^==[0-9]+== +(at|by) 0x.*:? ?' || true)
bad=$(grep -lE '^==[0-9]+== +at 0x' "$place"/logs/* | wc -l || true)
echo "--- what the harness counted"
grep -E 'tests passed|tests failed' "$place/ctest.log" | sed 's/^/memcheck, ctest: /' || echo "memcheck: ctest did not run"
echo "memcheck: $processes processes, $bad of them with errors"
if [ "$failed" -ne 0 ] || [ "$bad" -ne 0 ]; then
  grep -E 'Failed|Timeout' "$place/ctest.log" >&2 || true
  grep -hE -A12 '^==[0-9]+== +[A-Z0-9].*' $(grep -lE '^==[0-9]+== +at 0x' "$place"/logs/*) 2>/dev/null | head -60 >&2 || true
  exit 1
fi
