#!/usr/bin/env bash
# The tests of c-tests/shortage with every error at every place; `make test` runs a part of them.
set -euo pipefail
cd "$(dirname "$0")/.."
ci/programs.sh
export VDI_TEST_FULL=1 VDI_TEST_SECONDS=3600
for test in build/c-tests/test_nth_call build/c-tests/test_nth_call_processes; do
  # The last line counts; the others show how far it is if it fails.
  "$test" >build/shortage.log || { tail -n 3 build/shortage.log; exit 1; }
  echo "$(basename "$test"): $(tail -n 1 build/shortage.log)"
done
