#!/usr/bin/env bash
# shows: a data directory of the last format is refused, and migrated with --migrate: killed, and cut from power, at its writes, it goes on and every message arrives
# short: yes
. LoadTests/faults/common.sh
needs make
needs gcc

fixture=Tests/HoldfastStorageTests/Fixtures/format-1
cp -r "$fixture" "$WORK/data"
status=0
holdfast serve --data "$WORK/data" --listen 127.0.0.1:0 --tls-listen "" --control-listen "" >"$WORK/refused" 2>&1 || status=$?
[ "$status" = 79 ] || fail "without --migrate it ends with $status: $(tail -n 1 "$WORK/refused")"
grep -q '29 inbox entries.*MiB.*backup' "$WORK/refused" || fail "it doesn't say what the migration takes: $(tail -n 1 "$WORK/refused")"
holdfast backup --data "$WORK/data" --to "$WORK/backup" >/dev/null || fail "no backup of it can be made"

# Killed as soon as the number has risen, which is the first thing that it changes.
is_raised() { grep -q 2 "$WORK/data/format" || has_ended "$gateway"; }
holdfast serve --data "$WORK/data" --listen 127.0.0.1:0 --tls-listen "" --control-listen "" --migrate >/dev/null 2>"$WORK/killed.log" &
gateway=$!
processes+=("$gateway")
until is_raised; do :; done
kill -9 "$gateway" 2>/dev/null || true
wait "$gateway" 2>/dev/null || true
grep -qx 'holdfast-data 2' "$WORK/data/format" || fail "the number hasn't risen: $(tail -n 1 "$WORK/killed.log")"
holdfast verify --data "$WORK/data" >"$WORK/verified" || fail "what the kill left isn't intact: $(cat "$WORK/verified")"

start_gateway data || fail "it doesn't go on without being asked again: $(tail -n 1 "$WORK/data.log")"
total=0
for user in bob:11:bob-6:bob-16 carol:20:carol-14:carol-33 erin:2:erin-1:erin-2 frank:3:frank-1:frank-3; do
    IFS=: read -r name count first last <<<"$user"
    holdfast receive --server "$tcp" --data "$WORK/data" --as "$name" --count "$count" --timeout 10s >"$WORK/$name" ||
        fail "$name got $(grep -c '"text"' "$WORK/$name") of $count messages"
    grep '"text"' "$WORK/$name" | sed -n '1p;$p' | grep -o '"text":"[^"]*"' | tr '\n' ' ' | grep -q "\"$first\".*\"$last\"" ||
        fail "$name got others: $(cat "$WORK/$name")"
    [ "$(grep -c '"text"' "$WORK/$name")" = "$count" ] || fail "$name got $(grep -c '"text"' "$WORK/$name") of $count messages"
    total=$((total + count))
done
stop_gateway || fail "it doesn't stop in order"

# The way back.
holdfast restore --from "$WORK/backup" --data "$WORK/data" --replace >/dev/null || fail "the backup can't be restored"
grep -qx 'holdfast-data 1' "$WORK/data/format" || fail "the restored directory isn't of format 1"

every=1
[ -z "$SHORT" ] || every=4
cuts=$(holdfast-load migrate --fixture "$fixture" --every "$every" --seed 1 --directory "$WORK") || fail "a kill or a power cut: $cuts"
echo "$total of $total messages after a kill; $cuts"
