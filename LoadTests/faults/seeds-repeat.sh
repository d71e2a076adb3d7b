#!/usr/bin/env bash
# shows: a seed of the simulator is the same run in every process, whatever the process's own hash seed
# short: yes
. LoadTests/faults/common.sh

seeds=${SHORT:+2}
seeds=${seeds:-20}
for seed in $(seq "$seeds"); do
    first=$(holdfast-load simulate --seed "$seed")
    [[ $first == *trace* ]] || fail "$first"
    for _ in 1 2; do
        again=$(holdfast-load simulate --seed "$seed")
        [ "$first" = "$again" ] || fail "seed $seed gives '$first' and '$again'"
    done
done
echo "$seeds seeds, three processes each: the same trace"
