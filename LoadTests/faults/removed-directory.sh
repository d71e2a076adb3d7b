#!/usr/bin/env bash
# shows: a gateway whose data directory is removed, renamed or replaced stops, says so, and sends its clients away
# short: yes
. LoadTests/faults/common.sh

# gone NAME COMMAND...: starts a gateway, runs the command, and looks at its end.
gone() {
    local name=$1 status=0
    shift
    start_gateway "$name"
    echo before | holdfast send --data "$WORK/$name" --server "$tcp" --as alice --to bob --lines >"$WORK/out" 2>&1 || fail "sending failed: $(cat "$WORK/out")"
    cp "$WORK/$name/development.key" "$WORK/key"
    "$@"
    wait_until 5 has_ended "$gateway" || fail "$name: the gateway goes on five seconds after $*"
    wait "$gateway" || status=$?
    [ "$status" = 72 ] || fail "$name: the gateway ended with $status: $(tail -n 2 "$WORK/$name.log")"
    grep -q "critical.*data directory $WORK/$name is not in its place" "$WORK/$name.log" || fail "$name: the log doesn't say why: $(tail -n 2 "$WORK/$name.log")"
}
replace() { cp -a "$1" "$1.copy" && mv "$1" "$1.old" && mv "$1.copy" "$1"; }

gone removed rm -rf "$WORK/removed"
gone renamed mv "$WORK/renamed" "$WORK/renamed.old"
gone replaced replace "$WORK/replaced"
mv "$WORK/renamed.old" "$WORK/renamed"
start_gateway renamed
received=$(holdfast receive --data "$WORK/renamed" --server "$tcp" --as bob --state "$WORK/bob" --count 1 2>/dev/null)
[[ $received == *before* ]] || fail "what was confirmed isn't in the directory that was put back: $received"
stop_gateway || fail "the stop ended with $?"
echo "3 of 3 directories taken away were noticed; the one that was put back serves what was confirmed"
