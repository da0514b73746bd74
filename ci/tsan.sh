#!/usr/bin/env bash
# The unit tests of the library under ThreadSanitizer, which needs the standard library built with it, too.
set -euo pipefail
cd "$(dirname "$0")/.."

skip() {
  echo "tsan: skipped: $1" >&2
  exit 0
}
command -v rustup >/dev/null || skip "there is no rustup"
source=$(rustc +nightly --print sysroot 2>/dev/null)/lib/rustlib/src/rust/library/Cargo.lock
[ -f "$source" ] || skip "rustup toolchain install nightly --component rust-src"

# A test forks a process with threads and starts threads in the child, which ThreadSanitizer would refuse.
export TSAN_OPTIONS="die_after_fork=0 allocator_may_return_null=1 halt_on_error=0 ${TSAN_OPTIONS:-}"
export RUSTFLAGS="-Zsanitizer=thread" CARGO_TARGET_DIR="$PWD/target/tsan"
host=$(rustc -vV | sed -n 's/^host: //p')
cargo +nightly test --quiet --locked -Zbuild-std --target "$host" --lib -- "$@"
