#!/usr/bin/env bash
# The main job on real input: backs a SQLite database up while another process writes to it, brings
# it back, and proves that it is the same data. Then the C example does a backup of its own.
set -euo pipefail
cd "$(dirname "$0")/.."
ci/setup.sh

mebibytes=${1:-220}
work=$(mktemp -d /tmp/vdi-demo-XXXXXX)
export VDI_RUNTIME_DIR="$work/run"
mkdir "$VDI_RUNTIME_DIR"
writer="" agent=""
cleanup() {
  for process in $writer $agent; do
    kill "$process" 2>/dev/null && wait "$process" 2>/dev/null || true
  done
  rm -rf "$work"
}
trap cleanup EXIT

say() { printf '\n== %s\n' "$*"; }
# field NAME FILE: a field of a JSON object
field() { python3 -c 'import json, sys; print(json.load(open(sys.argv[2]))[sys.argv[1]])' "$@"; }
rate() {
  python3 -c 'import json, sys
run = json.load(open(sys.argv[1]))
print("%.0f MiB in %.2f s, %.0f MiB/s" % (
    run["bytes"] / 2**20, run["seconds"], run["bytes_per_second"] / 2**20))' "$1"
}

say "building"
# They would put the programs elsewhere.
unset CARGO_TARGET_DIR CARGO_BUILD_TARGET
cargo build --release --workspace --locked --quiet
vdi=target/release/vdi
cc -std=c11 -O2 -Wall -Wextra -Iinclude examples/c/agent.c -o "$work/agent" \
  -Ltarget/release -lvdi -pthread

say "a SQLite database of $mebibytes MiB in WAL mode, and a process that keeps writing to it"
python3 demo/make_database.py "$work/shop.sqlite" "$mebibytes"
python3 demo/writer.py "$work/shop.sqlite" >"$work/writer" &
writer=$!
until grep -qs writing "$work/writer"; do
  kill -0 "$writer" || { echo "demo: the writer ended by itself" >&2; exit 1; }
  sleep 0.1
done

say "vdi backup: four stripes, written in parallel"
stripes=("$work"/shop.{1,2,3,4}.vdi)
outputs=()
for stripe in "${stripes[@]}"; do outputs+=(-o "$stripe"); done
$vdi backup "$work/shop.sqlite" "${outputs[@]}" --json >"$work/backup.json"
ls -l "${stripes[@]}" | awk '{ print $5, $9 }'

say "the C example agent does a second backup of the same database"
LD_LIBRARY_PATH=target/release \
  "$work/agent" backup demo-2 "$work/second.1" "$work/second.2" >/dev/null &
agent=$!
$vdi engine backup "$work/shop.sqlite" --set demo-2 --device demo-21 --wait 30 >"$work/second.json"
wait "$agent"
agent=""
ls -l "$work"/second.? | awk '{ print $5, $9 }'

kill "$writer"
wait "$writer" || true
writer=""
commits=$(tail -n 1 "$work/writer")

say "vdi restore: both backups, the stripes of the first in another order"
$vdi restore "${stripes[2]}" "${stripes[0]}" "${stripes[3]}" "${stripes[1]}" \
  -o "$work/first.sqlite" --json >"$work/restore.json"
$vdi restore "$work/second.1" "$work/second.2" -o "$work/second.sqlite" --json >"$work/restore2.json"

say "proof"
for copy in first second; do
  check=$(python3 -c 'import sqlite3, sys
print(sqlite3.connect(sys.argv[1]).execute("PRAGMA integrity_check").fetchone()[0])' \
    "$work/$copy.sqlite")
  [ "$check" = ok ] || { echo "demo: integrity_check of the $copy copy: $check" >&2; exit 1; }
done
snapshot=$(field digest "$work/backup.json")
restored=$($vdi digest "$work/first.sqlite" | cut -d ' ' -f 1)
[ "$snapshot" = "$restored" ] || {
  echo "demo: the restored data differs: $snapshot, $restored" >&2
  exit 1
}
echo "digest taken inside the backup's snapshot  $snapshot"
echo "digest of the restored database            $restored"
echo "PRAGMA integrity_check                     ok, of both copies"
echo "commits of the writer meanwhile            $commits"
left=$(ls -A "$VDI_RUNTIME_DIR")
[ -z "$left" ] || { echo "demo: left in the runtime directory: $left" >&2; exit 1; }

say "what was moved"
printf '%-38s %s\n' \
  "vdi backup, 4 stripes" "$(rate "$work/backup.json")" \
  "vdi restore, 4 stripes" "$(rate "$work/restore.json")" \
  "vdi restore of the C agent's backup" "$(rate "$work/restore2.json")"
