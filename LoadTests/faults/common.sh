# What the cases share. A case finds the programs in BIN, works in WORK, and ends with 0 (held), 77 (skipped, its last line says why) or anything
# else (failed). SHORT is set when CI runs it.
set -euo pipefail
PATH=$BIN:$PATH

processes=()
end_processes() {
    local process
    for process in ${processes[@]+"${processes[@]}"}; do
        kill -CONT "$process" 2>/dev/null || true
        kill "$process" 2>/dev/null || true
    done
    for process in ${processes[@]+"${processes[@]}"}; do
        for _ in $(seq 100); do kill -0 "$process" 2>/dev/null || break; sleep 0.1; done
        kill -9 "$process" 2>/dev/null || true
        wait "$process" 2>/dev/null || true
    done
}
trap end_processes EXIT

fail() { echo "$*"; exit 1; }
skip() { echo "$*"; exit 77; }
needs_root() { [ "$(id -u)" = 0 ] || skip "needs root"; }
needs() { command -v "$1" >/dev/null || skip "needs $1"; }

# wait_until SECONDS COMMAND...: repeats the command until it succeeds.
wait_until() {
    local seconds=$1 end
    shift
    end=$((SECONDS + seconds))
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.1
    done
}

has_ended() { ! kill -0 "$1" 2>/dev/null; }
is_ready() { grep -q '^ready' "$1" || has_ended "$2"; }

# start_gateway NAME [OPTION...]: serves WORK/NAME on free ports of loopback. Sets gateway (its pid), tcp and tls; standard error is in WORK/NAME.log.
start_gateway() {
    local name=$1
    shift
    # An earlier start's line is not this one's.
    : >"$WORK/$name.ready"
    # A plain redirection and no pipe: the pid is the gateway's own.
    holdfast serve --data "$WORK/$name" --listen 127.0.0.1:0 --tls-listen 127.0.0.1:0 --control-listen 127.0.0.1:0 "$@" >"$WORK/$name.ready" 2>>"$WORK/$name.log" &
    gateway=$!
    processes+=("$gateway")
    wait_until 60 is_ready "$WORK/$name.ready" "$gateway" || fail "the gateway doesn't get ready: $(tail -n 5 "$WORK/$name.log")"
    kill -0 "$gateway" 2>/dev/null || return 1
    tcp=$(sed -n 's/^ready tcp=\([^ ]*\) .*/\1/p' "$WORK/$name.ready")
    tls=$(sed -n 's/^ready .*tls=\([^ ]*\).*/\1/p' "$WORK/$name.ready")
}

# stop_gateway: SIGTERM to the last one that was started, and its exit status.
stop_gateway() {
    kill "$gateway"
    local status=0
    wait "$gateway" || status=$?
    return "$status"
}

size() { stat -c %s "$1" 2>/dev/null || echo 0; }

# stopped_backup BYTES MAX: stops a backup of WORK/data to WORK/backup when it has copied between so many bytes of the journal: it has a view then.
# Where it was too quick for that, once more. Sets backup, its pid.
stopped_backup() {
    local copied copy=$WORK/backup/unfinished/journal/data.mdb
    for _ in 1 2 3 4 5 6 7 8 9; do
        rm -rf "$WORK/backup"
        holdfast backup --data "$WORK/data" --to "$WORK/backup" >"$WORK/backup.out" 2>&1 &
        backup=$!
        processes+=("$backup")
        until [ "$(size "$copy")" -gt "$1" ] || ! kill -0 "$backup" 2>/dev/null; do :; done
        kill -STOP "$backup" 2>/dev/null || true
        copied=$(size "$copy")
        if [ "$copied" -gt "$1" ] && [ "$copied" -lt "$2" ]; then return; fi
        kill -CONT "$backup" 2>/dev/null || true
        wait "$backup" || fail "the backup failed: $(cat "$WORK/backup.out")"
    done
    skip "the backup is too quick to be stopped"
}
