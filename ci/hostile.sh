#!/usr/bin/env bash
# Hostile peers against the library, for VDI_SECONDS (600): every word at every moment, then rounds of
# random writes and of races, each time with new seeds. A failure names the seed that repeats it.
set -euo pipefail
cd "$(dirname "$0")/.."
ci/programs.sh
end=$((SECONDS + ${VDI_SECONDS:-600}))
export VDI_TEST_SECONDS=3600

hostile() { # test rounds
  VDI_TEST_ROUNDS=$2 VDI_TEST_SEED=$seed "build/c-tests/$1"
  echo "hostile: $1: $2 rounds from seed $seed"
}
seed=0
hostile test_every_word 1000000 # that is all cases
hostile test_floods 3000
while [ "$SECONDS" -lt "$end" ]; do
  seed=$(($(date +%s%N) / 1000))
  hostile test_random_words 4000
  hostile test_racing_words 400
done
