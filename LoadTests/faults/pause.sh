#!/usr/bin/env bash
# shows: a gateway that stood still for a minute, longer than clients wait for it, loses no client and no message
. LoadTests/faults/common.sh

# A client that has no PONG for 20 s opens a new connection, gives that up after 30 s more, and opens the next: then openings of three connections lie
# in the gateway's sockets, and the newest isn't always read last.
clients=${CLIENTS:-60} pause=${PAUSE_SECONDS:-58}
echo 'heartbeatSecondsMin: 1' >"$WORK/data.yaml"
start_gateway data --config "$WORK/data.yaml"

send() { holdfast send --server "$tcp" --data "$WORK/data" --as sender --to "user$1" --text "$2" --state "$WORK/sender" >/dev/null 2>>"$WORK/send.log"; }
receivers=()
for number in $(seq "$clients"); do
    holdfast receive --server "$tcp" --data "$WORK/data" --as "user$number" --state "$WORK/state$number" --output "$WORK/received$number" \
        >/dev/null 2>"$WORK/receive$number.log" &
    receivers+=($!)
    processes+=($!)
done
has_lines() {
    local number
    for number in $(seq "$clients"); do [ "$(wc -l <"$WORK/received$number" 2>/dev/null || echo 0)" -ge "$1" ] || return 1; done
}
for number in $(seq "$clients"); do send "$number" before || fail "not sent: $(tail -n 3 "$WORK/send.log")"; done
wait_until 60 has_lines 1 || fail "not everybody has the message before the pause"

kill -STOP "$gateway"
sleep "$pause"
kill -CONT "$gateway"

ended=0
for number in $(seq "$clients"); do send "$number" after || fail "not sent: $(tail -n 3 "$WORK/send.log")"; done
wait_until 90 has_lines 2 || true
for receiver in "${receivers[@]}"; do kill -0 "$receiver" 2>/dev/null || ended=$((ended + 1)); done
[ "$ended" = 0 ] || fail "$ended of $clients clients ended: $(cat "$WORK"/receive*.log | sort | uniq -c | sort -rn | head -n 3)"
wait_until 5 has_lines 2 || fail "not everybody has what was sent after the pause"
for number in $(seq "$clients"); do [ "$(wc -l <"$WORK/received$number")" = 2 ] || fail "user$number has a message twice"; done
echo "$clients of $clients clients lived through $pause s and have both messages once"
