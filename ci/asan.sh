#!/usr/bin/env bash
# All Rust, C and Python tests of the library with AddressSanitizer, the C programs with
# UndefinedBehaviorSanitizer, too. Library and standard library are built by nightly Rust; its run-time
# library serves the C programs as well, since two in one process do not get along. Everything is made
# in target/asan. Leaks are looked for by `make memcheck`.
set -euo pipefail
unset MAKEFLAGS MFLAGS MAKELEVEL
cd "$(dirname "$0")/.."

missing() {
  echo "asan: missing: $1" >&2
  exit 1
}
ci/setup.sh
command -v rustup >/dev/null || missing "rustup, with the toolchain 'nightly'"
export RUSTUP_TOOLCHAIN=nightly
sysroot=$(rustc --print sysroot 2>/dev/null) || missing "rustup's toolchain 'nightly'"
[ -d "$sysroot/lib/rustlib/src/rust/library" ] || missing "rustup's component rust-src of nightly"
host=$(rustc -vV | sed -n 's/^host: //p')
archive="$sysroot/lib/rustlib/$host/lib/librustc-nightly_rt.asan.a"
[ -f "$archive" ] || missing "$archive"

place="$PWD/target/asan"
mkdir -p "$place/tmp"
export TMPDIR="$place/tmp"
# As a shared library; one object is for programs only.
runtime="$place/libasan-rust.so"
cp "$archive" "$place/runtime.a"
ar d "$place/runtime.a" asan_preinit.cpp.o
cc -shared -o "$runtime" -Wl,--whole-archive "$place/runtime.a" -Wl,--no-whole-archive \
  -lpthread -ldl -lrt -lm -lgcc_s

export RUSTFLAGS="-Zsanitizer=address" RUSTDOCFLAGS="-Zsanitizer=address"
# An allocation that is too big fails, as it does without the sanitizer. Little is kept of what was freed:
# the soak looks whether memory grows. No second stack for each thread: tests leave no room for one.
export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1:quarantine_size_mb=1:detect_stack_use_after_return=0
export VDI_SOAK_SLACK_KIB=8192 VDI_TEST_SLOWNESS=3 VDI_TEST_SECONDS=600 PROPTEST_CASES=16
failed=0
echo "asan: the Rust tests, see $place/rust.log"
cargo test --package vdi --lib --tests --locked --no-fail-fast -Zbuild-std --target "$host" \
  --target-dir "$place" >"$place/rust.log" 2>&1 || failed=1

# Compiled for the sanitizers, and linked with the run-time library above instead of the compiler's.
# The check of virtual tables needs a part that the library above does not have. In C++ the tests call members of what is
# no object, on purpose: null, and memory that is not aligned.
flags="-fsanitize=address,undefined -fno-sanitize-recover=all -g"
link="-fno-sanitize=all -Wl,--no-as-needed $runtime -Wl,-rpath,$place"
cmake -S . -B "$place/build" -DCMAKE_BUILD_TYPE=Release -DVDI_INSTALL=OFF \
  -DVDI_CARGO_TARGET_DIR="$place" -DVDI_CARGO_TARGET="$host" \
  -DVDI_CARGO_FLAGS="--locked -Zbuild-std" -DCMAKE_C_FLAGS="$flags" -DCMAKE_CXX_FLAGS="$flags -fno-sanitize=vptr,null,alignment" \
  -DCMAKE_EXE_LINKER_FLAGS="$link" -DVDI_TEST_LAUNCHER="env LD_PRELOAD=$runtime" \
  -DVDI_TEST_TIMEOUT=900 >/dev/null
cmake --build "$place/build" --parallel 2 | { grep -v '^\[' || true; }
# test_symbols, test_sqlvdi_symbols and test_imports know every undefined symbol, and those of the sanitizer are none of
# them; the run-time library cannot be in a second namespace, as test_two_copies needs it; it ends
# a process that has no memory left, as test_memory and test_memory_for_tables make them, or no /proc, as test_old_kernels does.
# test_looks has a malloc of its own, which asks that of the C library.
# The programs of test_drop_in load a library first that is not the run-time library.
# What it keeps of freed memory, and its notes about the rest, test_expense would count as the library's.
ctest --test-dir "$place/build" -j2 --output-on-failure --exclude-regex '^test_(symbols|sqlvdi_symbols|drop_in|imports|two_copies|memory|memory_for_tables|old_kernels|expense|looks)$' \
  >"$place/ctest.log" 2>&1 || failed=1
reports=$(cat "$place"/*.log | grep -cE 'ERROR: AddressSanitizer|runtime error:' || true)

echo
echo "--- what each harness counted"
awk '/^test result:/ { passed += $4; failed += $6; ignored += $8 }
     END { printf "asan, rust: %d passed, %d failed, %d skipped\n", passed, failed, ignored }' "$place/rust.log"
grep -E 'tests passed|tests failed' "$place/ctest.log" | sed 's/^/asan, ctest: /' || echo "asan, ctest: did not run"
echo "asan: $reports reports of a sanitizer"
if [ "$failed" -ne 0 ] || [ "$reports" -ne 0 ]; then
  grep -E 'FAILED|Failed|^error|SUMMARY|Timeout' "$place"/*.log >&2 || true
  exit 1
fi
