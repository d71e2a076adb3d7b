#!/usr/bin/env bash
# shows: a gateway whose standard error is a pipe that nobody empties confirms messages, and ends in order at SIGTERM
# short: yes
. LoadTests/faults/common.sh

# Full before the first line; the descriptor that holds it open reads nothing.
mkfifo "$WORK/pipe"
exec 9<>"$WORK/pipe"
dd if=/dev/zero of="$WORK/pipe" bs=4096 count=64 oflag=nonblock 2>/dev/null || true

: >"$WORK/ready"
holdfast serve --data "$WORK/data" --listen 127.0.0.1:0 --tls-listen "" --control-listen "" --log-level trace >"$WORK/ready" 2>"$WORK/pipe" &
gateway=$!
processes+=("$gateway")
wait_until 60 grep -q '^ready' "$WORK/ready" || fail "the gateway doesn't get ready"
tcp=$(sed -n 's/^ready tcp=\([^ ]*\) .*/\1/p' "$WORK/ready")

# Connections that come and go, each with lines of its own at this level.
seq 20000 | holdfast send --as alice --to bob --lines --timeout 60s --server "$tcp" --data "$WORK/data" >"$WORK/send" 2>&1 ||
    fail "a message isn't confirmed while nobody reads the log: $(tail -n 3 "$WORK/send")"
for number in $(seq 20); do
    holdfast send --as carol --to bob --text "$number" --server "$tcp" --data "$WORK/data" >"$WORK/send" 2>&1 ||
        fail "connection $number isn't served while nobody reads the log: $(tail -n 3 "$WORK/send")"
done

kill -HUP "$gateway"
kill "$gateway"
wait_until 15 has_ended "$gateway" || fail "the gateway doesn't end at SIGTERM while nobody reads the log"
status=0
wait "$gateway" || status=$?
[ "$status" = 0 ] || fail "the gateway ended with $status"
echo "20,020 messages confirmed, and an end with code 0, with a log that nobody reads"
