#!/usr/bin/env bash
# shows: a file system that was full takes messages again within 5 s of the last acknowledgement, although nobody logs in
# short: yes
. LoadTests/faults/common.sh

needs_root
needs unshare
# In a mount namespace of its own, so that nothing stays mounted.
if [ -z "${IN_NAMESPACE:-}" ]; then
    unshare --mount --propagation private true 2>/dev/null || skip "needs the right to mount a file system"
    IN_NAMESPACE=1 exec unshare --mount --propagation private bash "$0"
fi
mkdir "$WORK/full"
kind=ext4
if ! { truncate -s 90M "$WORK/image" && mkfs.ext4 -q -F "$WORK/image" && mount -o loop "$WORK/image" "$WORK/full"; } 2>/dev/null; then
    kind=tmpfs
    mount -t tmpfs -o size=90M tmpfs "$WORK/full" || skip "needs the right to mount a file system"
fi
unmount() {
    end_processes
    umount -l "$WORK/full" 2>/dev/null || true
}
trap unmount EXIT

printf 'retryAfterSeconds: 1\nloops: 2\nreserveBytes: 16777216\n' >"$WORK/gateway.yaml"
start_gateway full --config "$WORK/gateway.yaml" || fail "the gateway doesn't start: $(tail -n 5 "$WORK/full.log")"
log=$WORK/full.log
says() { grep -cF "$1" "$log" || true; }
said() { [ "$(says "$1")" -ge 1 ]; }
seq -f "line-%06g" 3000 | sed "s/\$/ $(printf 'x%.0s' $(seq 935))/" >"$WORK/lines"
send() { holdfast send --server "$tcp" --data "$WORK/full" --as "sender-$1" --to bob --lines --timeout 2s --json <"$WORK/lines"; }

stored=0 round=0 isFull=
while [ -z "$isFull" ] && [ $round -lt 100 ]; do
    round=$((round + 1))
    send "$round" >"$WORK/report" 2>"$WORK/errors" || isFull=1
    stored=$((stored + $(sed -n 's/.*"durable":\([0-9]*\).*/\1/p' "$WORK/report")))
    kill -0 "$gateway" 2>/dev/null || fail "the gateway died in round $round: $(tail -n 2 "$log")"
done
[ -n "$isFull" ] || fail "$stored messages were taken on a disk of 90 MB"
said 'new messages are refused' || fail "the log doesn't say that messages are refused"
grep 'new messages are refused' "$log" | grep -q 'file system' || fail "the log doesn't say why: $(tail -n 2 "$log")"
holdfast receive --server "$tcp" --data "$WORK/full" --as bob --count "$stored" --timeout 10s >"$WORK/received" ||
    fail "bob got $(wc -l <"$WORK/received") of $stored"
# Nobody is there now: it has to come by itself.
wait_until 5 said 'there is room again' || fail "5 s after the last acknowledgement messages are still refused: $(tail -n 2 "$log")"
send again >"$WORK/report" 2>&1 || fail "messages aren't taken again: $(cat "$WORK/report")"
lines=$(grep -c 'new messages are\|there is room again' "$log")
[ "$lines" -le 6 ] || fail "the log has $lines lines of it"
stop_gateway || fail "it doesn't stop in order"
echo "on $kind $stored of $stored until the disk was full, 3,000 of 3,000 more within 5 s of the last acknowledgement"
