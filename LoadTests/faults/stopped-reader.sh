#!/usr/bin/env bash
# shows: a backup that stands still is named in the log with its process, and let go of when it is killed, while messages come
# short: yes
. LoadTests/faults/common.sh

start_gateway data
connection="--server $tcp --data $WORK/data"
seq 150000 | sed 's/$/ ----------------------------------------------------------------------------------------------------------------/' >"$WORK/lines"
holdfast send --as alice --to bob --lines --timeout 60s $connection <"$WORK/lines" >"$WORK/send" 2>&1 ||
    fail "the messages aren't stored: $(tail -n 3 "$WORK/send")"
stopped_backup 100000 20000000

# Messages that are received and trimmed: their pages can't be used again.
is_named() { grep -q "keeps what is freed from being used again.*process=$backup" "$WORK/data.log"; }
end=$((SECONDS + 60))
until is_named; do
    [ "$SECONDS" -lt "$end" ] || fail "the log doesn't name process $backup: $(tail -n 3 "$WORK/data.log")"
    head -n 20000 "$WORK/lines" | holdfast send --as alice --to carol --lines --timeout 60s $connection >"$WORK/send" 2>&1 || fail "not sent: $(tail -n 3 "$WORK/send")"
    holdfast receive --as carol --count 20000 --timeout 30s $connection >/dev/null 2>&1 || fail "not received"
done
kill -9 "$backup"
is_gone() {
    holdfast send --as alice --to bob --text more $connection >/dev/null 2>&1
    grep -q 'no process keeps pages' "$WORK/data.log"
}
wait_until 30 is_gone || fail "the log doesn't say that the killed reader's pages are free"
echo "process $backup was named within $((SECONDS + 60 - end)) s, and let go of when it was dead"
