#!/usr/bin/env bash
# shows: verify and repair whose reading process is killed call an intact directory neither damaged nor lost; as another user they make nothing in it
# short: yes
. LoadTests/faults/common.sh

start_gateway data
for number in $(seq 2000); do printf '%04d%0900d\n' "$number" 0; done >"$WORK/lines"
# As much as a reader needs a while for, also when this script has to wait for a processor.
for number in $(seq 3000); do printf '%04d%09000d\n' "$number" 0; done >"$WORK/long"
holdfast send --data "$WORK/data" --server "$tcp" --as alice --to bob --lines <"$WORK/long" >"$WORK/out" 2>&1 || fail "sending failed: $(tail -n 2 "$WORK/out")"
stop_gateway || fail "the stop ended with $?"

# A pipe that nobody empties would hold a reader; a process that isn't there yet can't be stopped: its parent is watched for it instead.
# killed COMMAND...: runs it and kills the first process that it starts.
killed() {
    local status=0 child=
    "$@" >"$WORK/out" 2>&1 &
    local parent=$!
    while [ -z "$child" ]; do
        kill -0 "$parent" 2>/dev/null || fail "$*: it ended before its reader was seen: $(cat "$WORK/out")"
        # No process is started for the look: that alone may take as long as the reader.
        for children in /proc/"$parent"/task/*/children; do
            [ -z "$child" ] && read -r child _ 2>/dev/null <"$children" || true
        done
    done
    kill -9 $child
    wait "$parent" || status=$?
    [ "$status" = 72 ] || fail "$*: exit $status: $(tail -n 3 "$WORK/out")"
    grep -q "killed (signal 9)" "$WORK/out" || fail "$*: it doesn't say that the reader was killed: $(tail -n 3 "$WORK/out")"
    ! grep -qi "damaged" "$WORK/out" || fail "$*: it speaks of damage: $(tail -n 3 "$WORK/out")"
}
killed holdfast verify --data "$WORK/data"
killed holdfast repair --data "$WORK/data" --dry-run
killed holdfast repair --data "$WORK/data" --apply
[ ! -e "$WORK/data/journal.damaged-1" ] || fail "a repair whose reader was killed replaced the journal"

# Reading makes nothing, whoever reads, also where there is no table of readers.
rm "$WORK/data/journal/lock.mdb" "$WORK/data/store/lock.mdb"
before=$(cd "$WORK/data" && find . | sort)
holdfast verify --data "$WORK/data" >/dev/null || fail "the directory is damaged"
holdfast inspect --data "$WORK/data" >/dev/null
[ "$before" = "$(cd "$WORK/data" && find . | sort)" ] || fail "verify or inspect made a file in the directory"

# A gateway that starts beside a command that reads without such a table: what the command sees stays whole.
mkfifo "$WORK/pipe"
exec 9<>"$WORK/pipe"
holdfast read-table --data "$WORK/data" --table journal/records --from "" >"$WORK/pipe" 2>"$WORK/reader" &
reader=$!
processes+=("$reader")
head -c 1 <&9 >/dev/null
printf 'checkpointEntries: 1000\ncheckpointEntriesMax: 2000\n' >"$WORK/config.yaml"
start_gateway data --config "$WORK/config.yaml"
for _ in 1 2 3; do
    holdfast send --data "$WORK/data" --server "$tcp" --as alice --to carol --lines <"$WORK/lines" >"$WORK/out" 2>&1 || fail "sending failed: $(tail -n 2 "$WORK/out")"
    holdfast receive --data "$WORK/data" --server "$tcp" --as carol --state "$WORK/carol" --count 2000 >/dev/null 2>&1
done
cat <&9 >"$WORK/table" &
copy=$!
processes+=("$copy")
status=0
wait "$reader" || status=$?
[ "$status" = 0 ] || fail "the reader ended with $status beside the gateway: $(cat "$WORK/reader")"
stop_gateway || fail "the stop ended with $?"
holdfast verify --data "$WORK/data" >/dev/null || fail "the directory is damaged"
echo "3 of 3 commands whose reader was killed said so and changed nothing; reading makes no file; a gateway started beside such a reader"
