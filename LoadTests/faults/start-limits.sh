#!/usr/bin/env bash
# shows: without descriptors, address space, threads or room for a file, a start ends at once with an error that names the limit
# short: yes
. LoadTests/faults/common.sh

user=()
if [ "$(id -u)" = 0 ]; then
    # Root may have any number of threads.
    command -v setpriv >/dev/null && user=(setpriv --reuid=54321 --regid=54321 --clear-groups)
    chmod 755 "$WORK"
fi
count=0
# limited NAME LIMIT WORD COMMAND...: runs it below the limit, and looks at its end.
limited() {
    local options=$1 word=$2 status=0
    shift 2
    bash -c "ulimit $options && shift && exec timeout 20 \"\$@\"" - - "$@" </dev/null >"$WORK/out" 2>&1 || status=$?
    case $status in
    0 | 124 | 137 | 139 | 13[0-9]) fail "ulimit $options, $*: exit $status: $(tail -n 3 "$WORK/out")" ;;
    esac
    tail -n 1 "$WORK/out" | grep -q "$word" || fail "ulimit $options, $*: the text doesn't name $word: $(tail -n 3 "$WORK/out")"
    ! grep -q "are missing" "$WORK/out" || fail "ulimit $options: the text blames the disk: $(tail -n 1 "$WORK/out")"
    count=$((count + 1))
}
serve() { echo holdfast serve --data "$WORK/data$count" --listen 127.0.0.1:0 --tls-listen 127.0.0.1:0 --control-listen 127.0.0.1:0; }

for descriptors in 6 8 12 14 18 20 22; do limited "-n $descriptors" "ulimit -n" $(serve); done
for kilobytes in 400000 600000; do limited "-v $kilobytes" "ulimit -v" $(serve); done
# Between too little and enough: how much the tables of users take depends on the machine's memory.
for kilobytes in 1000000 1500000 2000000; do
    status=0
    bash -c "ulimit -v $kilobytes; exec timeout 3 $(serve)" </dev/null >"$WORK/out" 2>&1 || status=$?
    case $status in
    124) grep -q "little room left.*ulimit -v" "$WORK/out" || fail "ulimit -v $kilobytes: it runs, and the log doesn't say how little room that leaves: $(tail -n 3 "$WORK/out")" ;;
    66 | 69 | 7[0-8]) tail -n 1 "$WORK/out" | grep -q "ulimit -v" || fail "ulimit -v $kilobytes: the text doesn't name it: $(tail -n 3 "$WORK/out")" ;;
    *) fail "ulimit -v $kilobytes: exit $status: $(tail -n 3 "$WORK/out")" ;;
    esac
    count=$((count + 1))
done
for blocks in 100 1000; do limited "-f $blocks" "ulimit -f" $(serve); done
if [ ${#user[@]} -gt 0 ] || [ "$(id -u)" != 0 ]; then
    # The user must be able to reach the program.
    cp "$BIN/holdfast" "$WORK/holdfast"
    for threads in 3 8 12; do
        limited "-u $threads" "ulimit -u" ${user[@]+"${user[@]}"} "$WORK/holdfast" serve --data "$WORK/none" --listen 127.0.0.1:0 --tls-listen "" --control-listen ""
    done
    limited "-u 3" "ulimit -u" ${user[@]+"${user[@]}"} "$WORK/holdfast" inspect --data "$WORK/none"
fi
# With room for one file, but not for many messages: refused before anything fails, and the log says why.
printf 'reserveBytes: 1048576\n' >"$WORK/config.yaml"
ulimit -Sf 40000
start_gateway small --config "$WORK/config.yaml"
ulimit -Sf unlimited
head -c 45000000 /dev/zero | tr '\0' x | fold -w 50000 >"$WORK/lines"
timeout 5 holdfast send --data "$WORK/small" --server "$tcp" --as alice --to bob --lines <"$WORK/lines" >"$WORK/out" 2>&1 || true
kill -0 "$gateway" 2>/dev/null || fail "the gateway ended at the limit: $(tail -n 1 "$WORK/small.log")"
grep -q "refused with storageFull.*ulimit -f" "$WORK/small.log" || fail "the log doesn't say why messages are refused: $(tail -n 2 "$WORK/small.log")"
stop_gateway || fail "the stop ended with $?"
holdfast verify --data "$WORK/small" >/dev/null || fail "the directory is damaged"
echo "$count of $count starts ended with an error that names the limit; at a limit of file sizes messages are refused and the log says why"
