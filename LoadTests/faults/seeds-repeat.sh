#!/usr/bin/env bash
# shows: a seed of the simulator is the same run in every process, whatever the hash seed of Swift; another key of the gateway's own hashes is another run, and nothing is lost in it
# short: yes
. LoadTests/faults/common.sh

seeds=${SHORT:+20}
seeds=${seeds:-200}
digests() { holdfast-load simulate --digests --seeds "$seeds" "$@"; }

# Each process of Swift's has a hash seed of its own, and the third one a fixed one.
digests >"$WORK/first"
digests >"$WORK/second"
SWIFT_DETERMINISTIC_HASHING=1 digests >"$WORK/third"
for other in second third; do
    difference=$(diff "$WORK/first" "$WORK/$other") || fail "a seed is another run in another process: $difference"
done
! grep -q '^[0-9]* [0-9a-f]* .' "$WORK/first" || fail "a seed broke a guarantee: $(grep '^[0-9]* [0-9a-f]* .' "$WORK/first" | head -n 1)"
# Another key of the gateway's own hashes is another run, in which everything holds too.
digests --hash-key 1 >"$WORK/keyed"
! cmp -s "$WORK/first" "$WORK/keyed" || fail "the key of the hashes has no effect, so that this case can't fail"
! grep -q '^[0-9]* [0-9a-f]* .' "$WORK/keyed" || fail "with another key a seed broke a guarantee: $(grep '^[0-9]* [0-9a-f]* .' "$WORK/keyed" | head -n 1)"
echo "$seeds seeds: the same events in three processes; other events under another hash key, and nothing wrong"
