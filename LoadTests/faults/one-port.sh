#!/usr/bin/env bash
# shows: of two gateways that are started at once on one port, one serves and the other says that the address is in use
# short: yes
. LoadTests/faults/common.sh

tries=30
[ -n "${SHORT:-}" ] && tries=10
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
for try in $(seq "$tries"); do
    pids=()
    for name in a b; do
        : >"$WORK/$name.ready"
        holdfast serve --data "$WORK/$name" --listen "127.0.0.1:$port" --tls-listen "" --control-listen "" >"$WORK/$name.ready" 2>"$WORK/$name.log" &
        pids+=($!)
        processes+=($!)
    done
    for index in 0 1; do
        name=$([ "$index" = 0 ] && echo a || echo b)
        wait_until 60 is_ready "$WORK/$name.ready" "${pids[$index]}" || fail "try $try: neither ready nor ended"
    done
    ready=$(cat "$WORK/a.ready" "$WORK/b.ready" | grep -c '^ready' || true)
    [ "$ready" = 1 ] || fail "try $try: $ready of two gateways are ready on one port"
    grep -q 'Address already in use' "$WORK/a.log" "$WORK/b.log" || fail "try $try: nobody says that the address is in use"
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${pids[@]}"; do wait "$pid" || true; done
done
echo "$tries of $tries pairs: one ready, one refused"
