#!/usr/bin/env bash
# shows: a stop at defaults, with clients that don't leave, takes at most 9 seconds, a second less than container runtimes wait
# short: yes
. LoadTests/faults/common.sh

start_gateway data
port=${tcp##*:}
# Clients that never say a word, nor close: they are there to the last moment.
clients=()
for _ in $(seq 50); do
    exec {client}<>"/dev/tcp/127.0.0.1/$port"
    clients+=("$client")
done
# Rows for the last checkpoint.
seq 30000 | holdfast send --as alice --to bob --lines --timeout 60s --server "$tcp" --data "$WORK/data" >"$WORK/send" 2>&1 ||
    fail "the messages aren't stored: $(tail -n 3 "$WORK/send")"
start=$(date +%s%N)
kill "$gateway"
status=0
wait "$gateway" || status=$?
milliseconds=$((($(date +%s%N) - start) / 1000000))
[ "$status" = 0 ] || fail "the gateway ended with $status"
[ "$milliseconds" -le 9000 ] || fail "the stop took $milliseconds ms"
echo "a stop with ${#clients[@]} clients that don't leave took $milliseconds ms"
