#!/usr/bin/env bash
# The gateway's main job in a minute: a message for somebody who is away survives a kill -9 of the gateway.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
    cat <<'TEXT'
usage: LoadTests/tour.sh [--bin FOLDER]

Starts a gateway in a new folder, sends a message to somebody who is away, kills the gateway with -9, starts it again and receives the
message, over TCP and over TLS. Stops all that it started.

  --bin FOLDER  where holdfast is (default .build/release)

example: LoadTests/tour.sh
TEXT
}

bin=.build/release
while [ $# -gt 0 ]; do
    case "$1" in
    --bin) bin=$2; shift 2 ;;
    -h | --help) usage; exit 0 ;;
    *) echo "tour.sh: unknown option $1; see --help" >&2; exit 2 ;;
    esac
done
holdfast=$bin/holdfast
[ -x "$holdfast" ] || { echo "tour.sh: $holdfast is not there; build it: swift build -c release" >&2; exit 2; }

folder=$(mktemp -d)
data=$folder/data
gateway=
stop() {
    if [ -n "$gateway" ]; then kill "$gateway" 2>/dev/null || true; wait "$gateway" 2>/dev/null || true; fi
    rm -rf "$folder"
}
trap stop EXIT

say() { printf '\n%s\n' "$*"; }

start() {
    : >"$folder/ready"
    "$holdfast" serve --data "$data" --listen 127.0.0.1:0 --tls-listen 127.0.0.1:0 --control-listen 127.0.0.1:0 >"$folder/ready" 2>>"$folder/log" &
    gateway=$!
    until grep -q '^ready' "$folder/ready"; do
        kill -0 "$gateway" 2>/dev/null || { cat "$folder/log" >&2; exit 1; }
        sleep 0.05
    done
    tcp=$(sed -n 's/^ready tcp=\([^ ]*\) .*/\1/p' "$folder/ready")
    tls=$(sed -n 's/^ready .*tls=\([^ ]*\).*/\1/p' "$folder/ready")
    cat "$folder/ready"
}

say "1. A gateway starts, in a new folder:"
start
say "2. Alice writes to Bob, who has never been here. The command ends when the message is on disk:"
"$holdfast" send --server "$tcp" --data "$data" --as alice --to bob --text "Is my order on its way?"
say "3. kill -9, and a new start:"
kill -9 "$gateway"
wait "$gateway" 2>/dev/null || true
start
say "4. Bob comes, over TLS, and gets it:"
"$holdfast" receive --server "$tls" --tls --data "$data" --as bob --count 1 --timeout 20 --json | tee "$folder/received"
grep -q "Is my order on its way?" "$folder/received"
say "5. Bob answers; Alice gets it:"
"$holdfast" send --server "$tcp" --data "$data" --as bob --to alice --text "It left this morning."
"$holdfast" receive --server "$tcp" --data "$data" --as alice --count 1 --timeout 20 --json | tee "$folder/answer"
grep -q "It left this morning." "$folder/answer"
say "6. SIGTERM: the gateway says goodbye and ends with status 0:"
kill -TERM "$gateway"
wait "$gateway"
gateway=
say "All as it should be."
