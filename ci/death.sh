#!/usr/bin/env bash
# Ends the server, the primary and a secondary of a set at every point, and says what the others saw.
# VDI_TEST_SEED repeats a run, VDI_TEST_ROUNDS is the number of kills at random moments.
set -euo pipefail
cd "$(dirname "$0")/.."
ci/programs.sh
export VDI_TEST_FULL=1 VDI_TEST_SECONDS=3000 VDI_TEST_ROUNDS="${VDI_TEST_ROUNDS:-10000}"
for test in points other_ends random_kills; do
  echo "--- test_$test"
  build/c-tests/death/test_$test
done
