#!/bin/bash
# The last run of the spine, at full size: a text of 100,000 lines is sent with `holdfast send --lines --state` to a user who is
# offline while gateway and sender are killed with -9 at random moments and started again; then the receiver (`--output`) and the
# gateway are killed in the same way. At the end the file must hold the same lines, once each, in order.
#
#   LoadTests/kill-run.sh [LINES] [SEED]          100000 lines and a seed of its own unless given
#   HOLDFAST=/path/to/holdfast KILLS=8 TLS=1 LoadTests/kill-run.sh
#
# Without HOLDFAST the release binary is built. Exit code 0: nothing lost, doubled or out of order.
set -u -o pipefail
cd "$(dirname "$0")/.." || exit 1

lines=${1:-100000}
seed=${2:-$RANDOM}
kills=${KILLS:-8}
RANDOM=$seed

if [ -z "${HOLDFAST:-}" ]; then
    echo "building the release binary"
    swift build -c release --product holdfast >&2 || exit 1
    HOLDFAST=$(swift build -c release --show-bin-path)/holdfast
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/holdfast-kill-run.XXXXXX") || exit 1
gateway=""
client=""
stop_all() {
    [ -n "$client" ] && kill -9 "$client" 2>/dev/null
    [ -n "$gateway" ] && kill -9 "$gateway" 2>/dev/null
    wait 2>/dev/null
}
trap 'stop_all; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

say() { printf '%4d s  %s\n' "$SECONDS" "$*"; }

listen=127.0.0.1:0
tls_listen=127.0.0.1:0
start_gateway() {
    : > "$work/ready"
    "$HOLDFAST" serve --data "$work/data" --listen "$listen" --tls-listen "$tls_listen" --control-listen 127.0.0.1:0 > "$work/ready" 2>> "$work/gateway.log" &
    gateway=$!
    until grep -q '^ready ' "$work/ready"; do
        kill -0 "$gateway" 2>/dev/null || { echo "the gateway doesn't start:"; tail -5 "$work/gateway.log"; exit 1; }
        sleep 0.02
    done
    # The same ports again after a kill.
    listen=$(sed -n 's/^ready tcp=\([^ ]*\) .*/\1/p' "$work/ready")
    tls_listen=$(sed -n 's/^ready .*tls=\([^ ]*\)$/\1/p' "$work/ready")
}

# A moment between 50 and 50 + $1 milliseconds.
pause() { sleep "$(printf '0.%03d' $((50 + RANDOM % $1)))"; }

kill_gateway() {
    kill -9 "$gateway" 2>/dev/null
    wait "$gateway" 2>/dev/null
    say "killed the gateway"
    pause 300
    start_gateway
    say "started the gateway"
}

# Runs a client until it ends by itself; kills it, the gateway, or both, while kills are left.
run_to_end() {
    local name=$1 input=$2 left=$kills code
    shift 2
    while true; do
        "$HOLDFAST" "$@" < "$input" >> "$work/$name.log" 2>&1 &
        client=$!
        while [ "$left" -gt 0 ]; do
            pause 900
            kill -0 "$client" 2>/dev/null || break
            left=$((left - 1))
            case $((RANDOM % 3)) in
                0) kill_gateway ;;
                1)
                    kill -9 "$client"
                    say "killed the $name"
                    break
                    ;;
                2)
                    kill -9 "$client"
                    say "killed the $name"
                    kill_gateway
                    break
                    ;;
            esac
        done
        wait "$client" 2>/dev/null
        code=$?
        client=""
        [ "$code" -eq 137 ] && continue
        if [ "$code" -ne 0 ]; then
            echo "the $name ended with $code:"
            tail -5 "$work/$name.log"
            exit 1
        fi
        return
    done
}

echo "lines $lines, seed $seed, at most $kills kills each way"
awk -v n="$lines" -v seed="$seed" 'BEGIN {
    srand(seed)
    for (i = 1; i <= n; i++) {
        text = ""
        for (k = int(rand() * 12); k > 0; k--) text = text sprintf(" %x", int(rand() * 65536))
        print "line " i text
    }
}' > "$work/input"

SECONDS=0
start_gateway
if [ -n "${TLS:-}" ]; then connection=(--tls --server "$tls_listen" --data "$work/data"); else connection=(--server "$listen" --data "$work/data"); fi
say "the gateway serves at $listen and $tls_listen"

run_to_end sender "$work/input" send --as alice --to bob --lines --state "$work/sender" --timeout 120 "${connection[@]}"
say "all lines are stored; bob was never there"

# The receiver ends when nothing comes any more.
run_to_end receiver /dev/null receive --as bob --output "$work/bob.jsonl" --timeout 5 "${connection[@]}"
say "bob has what there was"

sed -n 's/.*"text":"\([^"]*\)"}$/\1/p' "$work/bob.jsonl" > "$work/received"
got=$(wc -l < "$work/received")
again=$(grep -c '"repeat":true' "$work/bob.jsonl")
if cmp -s "$work/input" "$work/received" && [ "$got" -eq "$lines" ]; then
    say "PASSED: $got of $lines lines, once each, in order"
    exit 0
fi
say "FAILED: $got of $lines lines ($again marked as repeats); the first difference:"
diff "$work/input" "$work/received" | head -5
trap 'stop_all; echo "kept for a look: $work"' EXIT
exit 1
