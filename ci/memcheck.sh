#!/usr/bin/env bash
# The C and Python tests under valgrind's memcheck, with all their processes: no error, and no memory
# definitely lost. Everything is made in target/memcheck; each process has a log of its own there.
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
export TMPDIR="$place/tmp" PYTHONMALLOC=malloc VDI_TEST_SECONDS=1500 VDI_TEST_ROUNDS=10
export VDI_TEST_SLOWNESS=20
# Valgrind translates code when it is first run, which goes on for long.
export VDI_SOAK_SLACK_KIB=32768
# Not the subject: the tools of the system that tests start, and what these start. Not Python, whose
# child loads the library; it is named by its own path, since it may be a script of a shell that finds it.
tools="*/sh,*/sleep"
python=$(python3 -c "import sys; print(sys.executable)")
launcher="valgrind --quiet --trace-children=yes --trace-children-skip=$tools --error-exitcode=99 --leak-check=full"
launcher+=" --show-leak-kinds=definite --errors-for-leak-kinds=definite --num-callers=40"
launcher+=" --fair-sched=yes --suppressions=$PWD/ci/memcheck.supp --log-file=$place/logs/%p"
cmake -S . -B "$place/build" -DCMAKE_BUILD_TYPE=Release -DVDI_CARGO_TARGET_DIR="$PWD/target" \
  -DPython3_EXECUTABLE="$python" \
  -DVDI_TEST_LAUNCHER="$launcher" -DVDI_TEST_TIMEOUT=1800 >/dev/null
cmake --build "$place/build" --parallel 2 | { grep -v '^\[' || true; }

# Valgrind itself answers for the limit of descriptors: it closes one that the kernel gave beyond the
# limit, with the connection that it stood for. In the C library of a second namespace it misses the
# functions that it would have to replace. It ends itself where test_memory and test_memory_for_tables leave no memory.
# It lets no other thread run during a close(), which test_slow_descriptors makes last for an hour.
# It keeps what was freed, and its translations, in memory that test_expense would count as the library's.
failed=0
ctest --test-dir "$place/build" -j2 --output-on-failure \
  --exclude-regex '^test_(no_descriptors|no_room_for_buffers|two_copies|memory|memory_for_tables|expense|slow_descriptors)$' >"$place/ctest.log" 2>&1 || failed=1

# A process that was killed has no exit status of valgrind's, but a report.
reports=$(grep -lE '^==[0-9]+== +at 0x' "$place"/logs/* || true)
echo "--- what the harness counted"
grep -E 'tests passed|tests failed' "$place/ctest.log" | sed 's/^/memcheck, ctest: /' ||
  echo "memcheck, ctest: did not run"
echo "memcheck: $(find "$place/logs" -type f | wc -l) processes, $(wc -w <<<"$reports") of them with errors"
if [ "$failed" -ne 0 ] || [ -n "$reports" ]; then
  grep -E 'Failed|Timeout' "$place/ctest.log" >&2 || true
  # shellcheck disable=SC2086
  [ -z "$reports" ] || grep -hE '^==' $reports | head -80 >&2
  exit 1
fi
