#!/bin/bash
# Makes the data directory of format 1 that lies beside it: what a gateway of the last version with that format left when it was killed.
#
#     make.sh HOLDFAST TARGET
#
# HOLDFAST is the program of a commit that writes format 1 (f82ead0 is the last one), built from a clean clone. What is in the directory then:
#
# - bob has got 5 of 12 messages, on two devices that are at different places; 4 more are behind the last checkpoint
# - carol's inbox, of at most 20 messages, has lost its oldest: a GAP is due; 3 more are behind the last checkpoint
# - dave has got everything, before the checkpoint; erin was never there, and 2 messages wait; frank is known only behind the last checkpoint
# - alice has sessions that have ended, one of them behind the checkpoint
#
# Keys aren't kept: a start makes new ones.
set -euo pipefail
holdfast=$1 target=$2
work=$(mktemp -d)
gateway=
trap '[ -z "$gateway" ] || kill -9 "$gateway" 2>/dev/null || true; rm -rf "$work"' EXIT

cat >"$work/config.yaml" <<END
inboxMessagesMax: 20
inboxPolicy: evictWithGap
reserveBytes: 1048576
END

serve() {
    : >"$work/ready"
    "$holdfast" serve --config "$work/config.yaml" --data "$work/data" --listen 127.0.0.1:0 --tls-listen "" >"$work/ready" 2>"$work/log" &
    gateway=$!
    until grep -q '^ready' "$work/ready"; do sleep 0.1; done
    server=$(sed -n 's/^ready tcp=\([^ ]*\) .*/\1/p' "$work/ready")
}

client() { "$holdfast" "$@" --server "$server" --data "$work/data"; }
# send TO FIRST LAST: lines "TO-N".
send() { seq -f "$1-%g" "$2" "$3" | client send --as alice --to "$1" --lines; }
receive() { client receive --as "$1" --device "$2" --count "$3" >/dev/null; }

serve
send bob 1 12
receive bob phone 5
receive bob tablet 2
send carol 1 30
send dave 1 6
receive dave phone 6
send erin 1 2
kill -TERM "$gateway"
wait "$gateway"

serve
send bob 13 16
send carol 31 33
send frank 1 3
kill -KILL "$gateway"
wait "$gateway" || true
gateway=

mkdir -p "$target/journal" "$target/store"
cp "$work/data/format" "$target/format"
for environment in journal store; do cp "$work/data/$environment/data.mdb" "$target/$environment/data.mdb"; done
