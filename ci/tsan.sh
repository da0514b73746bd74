#!/usr/bin/env bash
# The unit tests of the library under ThreadSanitizer, and C tests with server and client in threads of one
# process. It needs the standard library built with it, too.
set -euo pipefail
cd "$(dirname "$0")/.."

missing() {
  echo "tsan: missing: $1" >&2
  exit 1
}
command -v rustup >/dev/null || missing "rustup, with the toolchain 'nightly'"
tools=$(rustc +nightly --print sysroot 2>/dev/null)/lib/rustlib
[ -f "$tools/src/rust/library/Cargo.lock" ] || missing "the sources of nightly's standard library: rustup toolchain install nightly --component rust-src"
host=$(rustc -vV | sed -n 's/^host: //p')

# A test forks a process with threads and starts threads in the child; another asks for too much memory.
export TSAN_OPTIONS="die_after_fork=0 allocator_may_return_null=1 halt_on_error=0 ${TSAN_OPTIONS:-}"
export RUSTFLAGS="-Zsanitizer=thread" CARGO_TARGET_DIR="$PWD/target/tsan"
cargo +nightly test --quiet --locked -Zbuild-std --target "$host" --lib

# Not those that hand values of their own from one side to the other: that a command comes before its
# completion cannot be seen where the rings lie at two addresses. Nor those that count threads.
programs=(processes/test_one_process endings/test_{race,wake,abort,aborts_at_once,close} client/test_{waits,get_command}
  server/test_{agent,agent_endings} states/test_abort_latch commands/test_{order,transfer})
cargo +nightly rustc --quiet --locked -Zbuild-std --target "$host" --lib --crate-type staticlib
place="$CARGO_TARGET_DIR/c-tests"
rm -rf "$place"
mkdir -p "$place"
compile() {
  cc -std=gnu11 -g -O1 -fsanitize=thread -D_GNU_SOURCE -Iinclude -Ic-tests/support -c "$1" -o "$2"
}
for source in c-tests/support/{check,process,harness,script}.c c-tests/support/media/*.c; do
  compile "$source" "$place/$(basename "$source" .c).o"
done
for program in "${programs[@]}"; do
  name=$(basename "$program")
  mkdir "$place/$name"
  compile "c-tests/$program.c" "$place/$name/main.o"
  cc "$place/$name/main.o" "$place"/*.o "$CARGO_TARGET_DIR/$host/debug/libvdi.a" \
    "$tools/$host/lib/"librustc*_rt.tsan.a -o "$place/$name/$name" -rdynamic -lpthread -ldl -lm -lrt -lgcc_s -lstdc++
  if VDI_TEST_SECONDS=300 "$place/$name/$name" >"$place/$name/log" 2>&1; then
    echo "tsan: $name: nothing found"
  else
    cat "$place/$name/log"
    echo "tsan: $name failed" >&2
    exit 1
  fi
done
