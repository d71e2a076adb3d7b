#!/usr/bin/env bash
# shows: a gateway and the commands beside it work in containers of their own, where both are process 1, whoever comes first
# short: yes
. LoadTests/faults/common.sh
needs_root
needs unshare
apart=(unshare --pid --fork --mount-proc --kill-child)
"${apart[@]}" true 2>/dev/null || skip "unshare can't make a pid namespace here"
[ "$("${apart[@]}" sh -c 'echo $$')" = 1 ] || skip "the first process of a pid namespace isn't number 1 here"

data=$WORK/data
printf 'checkpointEntries: 1000\ncheckpointEntriesMax: 2000\n' >"$WORK/config.yaml"
lines=$WORK/lines
for number in $(seq 1000); do printf '%04d%0900d\n' "$number" 0; done >"$lines"

# serve: starts the gateway in a namespace of its own and waits until it is ready. Sets gateway, the number that it has outside.
serve() {
    : >"$WORK/ready"
    "${apart[@]}" holdfast serve --data "$data" --config "$WORK/config.yaml" --listen 127.0.0.1:0 --tls-listen "" --control-listen "" \
        >"$WORK/ready" 2>>"$WORK/log" &
    gateway=$!
    processes+=("$gateway")
    wait_until 60 is_ready "$WORK/ready" "$gateway" || true
    kill -0 "$gateway" 2>/dev/null || fail "the gateway doesn't start beside a reader: $(tail -n 1 "$WORK/log")"
    server=$(sed -n 's/^ready tcp=\([^ ]*\) .*/\1/p' "$WORK/ready")
}

# stop_serving: SIGTERM to the gateway itself.
stop_serving() {
    kill "$(pgrep -P "$gateway")"
    wait "$gateway" || fail "the gateway ended with $?: $(tail -n 1 "$WORK/log")"
}

round() {
    holdfast send --data "$data" --server "$server" --as alice --to bob --lines <"$lines" >"$WORK/out" 2>&1 ||
        fail "sending failed: $(tail -n 2 "$WORK/out")"
    holdfast receive --data "$data" --server "$server" --as bob --state "$WORK/bob" --count 1000 >"$WORK/out" 2>&1 || fail "receiving failed: $(tail -n 2 "$WORK/out")"
}

beside() { "${apart[@]}" holdfast "$@" >"$WORK/out" 2>&1 || fail "holdfast $1 beside a gateway ended with $?: $(tail -n 1 "$WORK/out")"; }

serve
holdfast send --data "$data" --server "$server" --as alice --to carol --lines <"$lines" >"$WORK/out" 2>&1 ||
    fail "sending failed: $(tail -n 2 "$WORK/out")"
for part in store journal sessions; do beside inspect "$part" --data "$data"; done
beside verify --data "$data"
beside backup --data "$data" --to "$WORK/backup"
beside verify --data "$WORK/backup"
stop_serving

# A reader that is there before the gateway and holds its view: it writes to a pipe that nobody empties.
mkfifo "$WORK/pipe"
exec 9<>"$WORK/pipe"
"${apart[@]}" holdfast read-table --data "$data" --table journal/records --from "" >"$WORK/pipe" 2>/dev/null &
reader=$!
processes+=("$reader")
head -c 1 <&9 >/dev/null
serve
round
beside verify --data "$data"
kill -0 "$reader" 2>/dev/null || fail "the reader ended while the gateway wrote"
kill -9 "$(pgrep -P "$reader")"
wait "$reader" || true

# Its view must go with it, though its number was the gateway's: else the file grows by every round, which is a megabyte.
for _ in 1 2 3; do round; done
before=$(stat -c %s "$data/journal/data.mdb")
for _ in 1 2 3 4 5 6; do round; done
grown=$(($(stat -c %s "$data/journal/data.mdb") - before))
[ "$grown" -lt 3000000 ] || fail "a reader that was killed holds its pages: the journal grew by $grown bytes in six rounds of a megabyte"
stop_serving
holdfast verify --data "$data" >/dev/null || fail "the directory is damaged"
echo "inspect, verify and backup beside a gateway, both process 1; a gateway beside an earlier reader; a killed reader let go ($grown bytes)"
