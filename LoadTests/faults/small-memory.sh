#!/usr/bin/env bash
# shows: a gateway in a control group of 64 MB lives through a load and its restarts, also with more to replay than it may keep
. LoadTests/faults/common.sh
needs_root
megabytes=64 clients=20000

# A group of its own, of version 1 or 2, at the top of what is mounted.
group=
while read -r _ point type options _; do
    if [ "$type" = cgroup ] && [[ ,$options, == *,memory,* ]]; then
        group=$point/holdfast-faults-$$ limit=memory.limit_in_bytes
    elif [ "$type" = cgroup2 ] && grep -qw memory "$point/cgroup.subtree_control" 2>/dev/null; then
        group=$point/holdfast-faults-$$ limit=memory.max
    fi
done </proc/mounts
[ -n "$group" ] || skip "no control group with a memory controller is mounted"
mkdir "$group" 2>/dev/null || skip "can't make the control group $group"
remove_group() {
    end_processes
    for _ in $(seq 50); do rmdir "$group" 2>/dev/null && return; sleep 0.1; done
}
trap remove_group EXIT
echo $((megabytes << 20)) >"$group/$limit" || skip "can't set a limit in $group"
[ ! -f "$group/memory.swap.max" ] || echo 0 >"$group/memory.swap.max"

data=$WORK/data
# serve small|large: starts the gateway inside or outside of the group, and waits until it is ready.
serve() {
    : >"$WORK/ready"
    (
        [ "$1" = large ] || echo "$BASHPID" >"$group/cgroup.procs"
        exec holdfast serve --data "$data" --listen 127.0.0.1:0 --tls-listen "" --control-listen ""
    ) >"$WORK/ready" 2>>"$WORK/log" &
    gateway=$!
    processes+=("$gateway")
    wait_until 120 is_ready "$WORK/ready" "$gateway" || true
    server=$(sed -n 's/^ready tcp=\([^ ]*\) .*/\1/p' "$WORK/ready")
    [ -n "$server" ] || fail "the gateway doesn't get ready: $(tail -n 2 "$WORK/log")"
}

lives() { kill -0 "$gateway" 2>/dev/null || fail "$1: the gateway was killed; $(tail -n 1 "$WORK/log")"; }

offline() {
    holdfast-load offline --server "$server" --data "$data" --pid "$gateway" --clients "$clients" --rate max --duration "$1" \
        --verify 2000 >"$WORK/load" 2>&1
}

queued() { sed -n 's/.*acknowledged \([0-9]*\).*/\1/p' "$WORK/load"; }

serve small
grep -q "memory limit $megabytes MiB by $group/" "$WORK/log" || fail "the log doesn't name the limit: $(cat "$WORK/log")"
offline 15 || { lives "under load"; fail "the load isn't clean: $(tail -n 3 "$WORK/load")"; }
lives "under load"
messages=$(queued)
offline 60 & load=$!
sleep 4
kill -9 "$gateway"
wait "$load" || true
for start in 1 2 3; do
    serve small
    # Longer than until the checkpoint that is due when it has become quiet.
    sleep 3
    lives "start $start"
    kill -9 "$gateway"
    wait "$gateway" 2>/dev/null || true
done

# Elsewhere, with all the memory of the machine, it may keep what no small one can replay at once.
data=$WORK/large
serve large
offline 60 & load=$!
sleep 4
kill -9 "$gateway"
wait "$load" || true
holdfast inspect --data "$data" >"$WORK/inspected"
replayed=$(sed -n 's/^checkpoint .*, \([0-9]*\) records after it/\1/p' "$WORK/inspected")
[ "$replayed" -gt 50000 ] || fail "nothing to speak of is to be replayed: $replayed"
serve small
sleep 3
lives "with $replayed records to replay"
kill "$gateway"
wait "$gateway" || fail "the stop ended with $?"
holdfast verify --data "$data" >/dev/null || fail "the directory is damaged"
echo "$messages messages for $clients users in $megabytes MB, 3 restarts after kill -9, and a start with $replayed records to replay"
