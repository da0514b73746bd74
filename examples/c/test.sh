#!/bin/sh
# Backs a file up and restores it with the two examples, each a process of its own.
# usage: test.sh AGENT ENGINE
set -u
agent=$1 engine=$2
# Not $TMPDIR: the path of a socket has to fit 107 bytes.
dir=$(mktemp -d /tmp/vdi-example-XXXXXX) || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM HUP
mkdir "$dir/run"
mkfifo "$dir/ready"
agent_limit=unlimited
export VDI_RUNTIME_DIR="$dir/run"

fail() {
    echo "failed: $*" >&2
    exit 1
}

# both DIRECTION DATAFILE STREAM...: the statuses of both processes are left in $a and $e.
both() {
    direction=$1 datafile=$2
    shift 2
    (
        trap '' XFSZ
        ulimit -f "$agent_limit"
        exec timeout 60 "$agent" "$direction" nightly "$@" >"$dir/ready"
    ) &
    # The agent prints the name when the set exists; if it fails, the name is empty.
    read -r set <"$dir/ready"
    e=1
    [ -n "$set" ] && { timeout 60 "$engine" "$direction" "$set" "$datafile" $#; e=$?; }
    wait $!
    a=$?
}

# round_trip BYTES STREAMS
round_trip() {
    head -c "$1" /dev/urandom >"$dir/data"
    streams=
    for k in $(seq "$2"); do streams="$streams $dir/stream.$k"; done
    # shellcheck disable=SC2086
    both backup "$dir/data" $streams
    [ "$a,$e" = 0,0 ] || fail "backup of $1 bytes in $2 streams: agent $a, engine $e"
    # shellcheck disable=SC2086
    both restore "$dir/copy" $streams
    [ "$a,$e" = 0,0 ] || fail "restore of $1 bytes from $2 streams: agent $a, engine $e"
    cmp "$dir/data" "$dir/copy" || fail "the restored file differs"
    rm "$dir/copy"
}

round_trip 0 1
rm "$dir"/stream.*
round_trip 20000001 1
rm "$dir"/stream.*
round_trip 5000000 3

# Streams in the wrong order: the engine says so, and leaves no file.
both restore "$dir/copy" "$dir/stream.2" "$dir/stream.1" "$dir/stream.3" 2>/dev/null
[ "$e" = 1 ] || fail "swapped streams: engine $e"
[ ! -e "$dir/copy" ] || fail "swapped streams: a partial file was left"

# A stream that is too short.
truncate -s 1000000 "$dir/stream.2"
both restore "$dir/copy" "$dir/stream.1" "$dir/stream.2" "$dir/stream.3" 2>/dev/null
[ "$e" = 1 ] || fail "short stream: engine $e"
[ ! -e "$dir/copy" ] || fail "short stream: a partial file was left"

# A disk that is full: neither side calls it a backup, and no partial stream is left. The limit is
# in blocks of 512 or 1024 bytes, depending on the shell.
head -c 40000000 /dev/urandom >"$dir/data"
agent_limit=8192
both backup "$dir/data" "$dir/full.1" "$dir/full.2" 2>/dev/null
[ "$a,$e" = 1,1 ] || fail "full disk: agent $a, engine $e"
[ ! -e "$dir/full.1" ] || fail "full disk: a partial stream was left"

[ -z "$(ls -A "$dir/run")" ] || fail "left in the runtime directory: $(ls -A "$dir/run")"
