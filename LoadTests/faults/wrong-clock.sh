#!/usr/bin/env bash
# shows: a start with the clock 30 years ahead, or in 1970, gives no message a time that is still wrong when the clock is right
# short: yes
. LoadTests/faults/common.sh

needs faketime
needs jq
library=$(find /usr/lib /usr/lib64 -name libfaketimeMT.so.1 2>/dev/null | head -n 1 || true)
[ -n "$library" ] || skip "needs libfaketimeMT.so.1"

# exec_at OFFSET PROGRAM [ARGUMENT...]: becomes a program whose wall clock is off by that much; the monotonic one isn't. The second shell is
# there because a program finds no arguments when it is the first one that the library is loaded into.
exec_at() {
    export FAKETIME="$1" FAKETIME_DONT_FAKE_MONOTONIC=1 LD_PRELOAD="$library"
    shift
    exec bash -c 'exec "$0" "$@"' "$@"
}

# The gateway that start_gateway begins, in the background, has the clock of the case.
clock=
holdfast() { if [ "$1" = serve ] && [ -n "$clock" ]; then exec_at "$clock" "$BIN/holdfast" "$@"; else command holdfast "$@"; fi; }

# gateway_at OFFSET [OPTION...]: as start_gateway, with such a clock.
gateway_at() {
    clock=$1
    shift
    start_gateway data "$@"
}

connection() { echo --server "$tcp" --data "$WORK/data"; }
send() { holdfast send --as alice --to bob --text "$1" $(connection) >>"$WORK/send" 2>&1 || fail "$1 isn't sent: $(tail -n 6 "$WORK/send")"; }

# year_of TEXT: of the message, as a receiver who keeps nothing sees it.
year_of() { jq -r "select(.text == \"$1\") | .time[0:4]" "$WORK/received"; }

this_year=$(date +%Y)

# 1. A first start 30 years ahead: the clock is not believed. Clients with the right clock get in.
gateway_at +30y
send unbelieved
grep -q 'clock is not believed' "$WORK/data.log" || fail "the log says nothing of a clock 30 years ahead"
holdfast send --as alice --to bob --text tls --server "$tls" --tls --trust "$WORK/data/tls/cert.pem" --data "$WORK/data" >>"$WORK/send" 2>&1 ||
    fail "the certificate of a first start with a wrong clock is refused: $(tail -n 6 "$WORK/send")"
stop_gateway

# 2. A directory whose stored time is 30 years ahead, because somebody said that the clock is right.
echo 'clockAheadYearsMax: 1000' >"$WORK/config.yaml"
gateway_at +30y --config "$WORK/config.yaml"
(exec_at +30y "$BIN/holdfast" send --as alice --to bob --text ahead $(connection)) >>"$WORK/send" 2>&1 || fail "not sent: $(tail -n 6 "$WORK/send")"
stop_gateway

# 3. The right clock, a restart without a checkpoint, and a backup that is restored.
gateway_at +0
grep -q 'clock is behind the last stored time' "$WORK/data.log" || fail "the log says nothing of a stored time 30 years ahead"
send right
kill -9 "$gateway"
wait "$gateway" || true
gateway_at +0
send restarted
holdfast backup --data "$WORK/data" --to "$WORK/backup" >/dev/null 2>&1
stop_gateway
holdfast restore --from "$WORK/backup" --data "$WORK/data" --replace >/dev/null 2>&1
gateway_at +0
send restored
stop_gateway

# 4. A machine that begins in 1970 knows the stored time.
gateway_at "@1970-01-02 00:00:00"
send battery
holdfast receive --as bob --count 7 --json $(connection) >"$WORK/received" 2>>"$WORK/send" || fail "bob gets nothing: $(tail -n 6 "$WORK/send")"
stop_gateway

[ "$(year_of unbelieved)" -le "$this_year" ] || fail "a first start 30 years ahead: $(year_of unbelieved)"
[ "$(year_of ahead)" -gt "$this_year" ] || fail "the case didn't bring about a stored time that is ahead"
for text in right restarted restored battery; do
    year=$(year_of "$text")
    [ "$year" = "$this_year" ] || [ "$year" = "$(date +%Y)" ] || fail "$text bears $year"
done
echo "4 of 4 messages after a clock 30 years ahead bear this year: at the right clock, after kill -9, after a restore, and on a machine in 1970"
