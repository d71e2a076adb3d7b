#!/usr/bin/env bash
# shows: what the gateway may store is used up on a disk with room: messages are refused, everything else and every start goes on
. LoadTests/faults/common.sh

limit=134217728
configure() { printf 'storageBytesMax: %d\nretryAfterSeconds: 1\n' "$1" >"$WORK/$1.yaml"; }
configure "$limit"
configure 67108864
start() { start_gateway data --config "$WORK/$1.yaml" || fail "the gateway doesn't start: $(tail -n 5 "$WORK/data.log")"; }
says() { grep -cF "$1" "$WORK/data.log" || true; }
said() { [ "$(says "$1")" -ge "$2" ]; }
# Numbered lines, so that each is another message.
lines() { seq -f "$1-%06g" 3000 | sed "s/\$/ $(printf 'x%.0s' $(seq 935))/"; }
send() { holdfast send --server "$tcp" --data "$WORK/data" --as "sender-$1" --to "user-$2" --lines --timeout "${3:-3s}" --json <"$WORK/lines"; }
durable() { sed -n 's/.*"durable":\([0-9]*\).*/\1/p'; }
lines round >"$WORK/lines"

start "$limit"
stored=(0 0 0 0 0 0)
round=0 isFull=
while [ -z "$isFull" ] && [ $round -lt 60 ]; do
    user=$((round % 6)) round=$((round + 1))
    send "$round" "$user" >"$WORK/report" 2>"$WORK/errors" || isFull=1
    stored[user]=$((stored[user] + $(durable <"$WORK/report")))
    kill -0 "$gateway" 2>/dev/null || fail "the gateway died in round $round: $(tail -n 2 "$WORK/data.log")"
done
[ -n "$isFull" ] || fail "$round rounds were taken, beyond the limit"
[ $round -gt 15 ] || fail "refused in round $round already: $(tail -n 2 "$WORK/data.log")"
total=0
for count in "${stored[@]}"; do total=$((total + count)); done
[ "$(says 'new messages are refused')" = 1 ] || fail "the log says it $(says 'new messages are refused') times"
said "storageBytesMax: $limit" 1 || fail "the log doesn't name the limit: $(tail -n 2 "$WORK/data.log")"
holdfast doctor --config "$WORK/$limit.yaml" --data "$WORK/data" >"$WORK/doctor" || true
grep -q '^warn  journal size' "$WORK/doctor" || fail "doctor doesn't say it: $(cat "$WORK/doctor")"

# Every start succeeds: after an end in order, after a kill, and with a limit that is below what is there.
stop_gateway || fail "it doesn't stop in order"
for how in "$limit" 67108864 67108864; do
    start "$how"
    if send again 0 2s >"$WORK/report" 2>&1; then fail "a message is taken beyond the limit"; fi
    kill -9 "$gateway"
    wait "$gateway" 2>/dev/null || true
done
start "$limit"

# A reader that stands still holds every page that it may still read.
stopped_backup 1000000 60000000
for user in 0 1 2 3 4 5; do
    holdfast receive --server "$tcp" --data "$WORK/data" --as "user-$user" --count "${stored[user]}" --timeout 20s >"$WORK/user-$user" ||
        fail "user-$user got $(wc -l <"$WORK/user-$user") of ${stored[user]} beside a reader that stands still"
done
wait_until 10 said "because process $backup has been reading" 1 || fail "the log doesn't say who holds the pages: $(tail -n 2 "$WORK/data.log")"
if send again 0 2s >"$WORK/report" 2>&1; then fail "pages that are held counted as room"; fi
kill -0 "$gateway" 2>/dev/null || fail "the gateway died beside a reader that stands still: $(tail -n 2 "$WORK/data.log")"
before=$(says 'there is room again')
kill -CONT "$backup"
wait "$backup" || fail "the backup failed: $(cat "$WORK/backup.out")"
wait_until 5 said 'there is room again' $((before + 1)) || fail "no room 5 s after the reader's end: $(tail -n 2 "$WORK/data.log")"
send after 0 10s >"$WORK/report" 2>&1 || fail "messages aren't taken again: $(cat "$WORK/report")"
stop_gateway || fail "it doesn't stop in order"

# A receiver that keeps up makes room before anything is refused.
rm -rf "$WORK/data" "$WORK/data.log"
start "$limit"
rounds=60
[ -z "$SHORT" ] || rounds=45
holdfast receive --server "$tcp" --data "$WORK/data" --as user-0 --count $((rounds * 3000)) --timeout 60s >"$WORK/live" &
receiver=$!
processes+=("$receiver")
for round in $(seq $rounds); do
    send "$round" 0 30s >"$WORK/report" 2>&1 || fail "refused in round $round although everything is read: $(tail -n 2 "$WORK/data.log")"
done
wait "$receiver" || fail "the receiver got $(wc -l <"$WORK/live") of $((rounds * 3000))"
[ "$(says 'new messages are refused')" = 0 ] || fail "messages were refused although everything was read"
stop_gateway || fail "it doesn't stop in order"
echo "$total of $total that were stored until the limit came, 4 starts of 4 beyond it, $((rounds * 3000)) of $((rounds * 3000)) with a live receiver, none refused"
