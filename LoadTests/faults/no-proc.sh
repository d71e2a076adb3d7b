#!/usr/bin/env bash
# shows: where /proc isn't mounted, no command does nothing and calls it success
# short: yes
. LoadTests/faults/common.sh
needs_root
needs unshare
unshare --mount true 2>/dev/null || skip "needs mount namespaces"

refused=0
for command in "holdfast serve --data $WORK/data --listen 127.0.0.1:0 --tls-listen 127.0.0.1:0 --control-listen 127.0.0.1:0" "holdfast verify --data $WORK/data" \
    "holdfast --help" "holdfast-load simulate --seeds 1" "holdfast-load --version"; do
    status=0
    # A namespace of its own, so that only the command is without.
    unshare --mount bash -c 'umount -l /proc && exec '"$command" >"$WORK/output" 2>"$WORK/error" || status=$?
    [ "$status" = 69 ] || fail "$command ends with $status without /proc: $(cat "$WORK/output" "$WORK/error")"
    grep -q "/proc isn't mounted" "$WORK/error" || fail "$command doesn't say why: $(cat "$WORK/error")"
    [ ! -s "$WORK/output" ] || fail "$command prints $(head -n 1 "$WORK/output")"
    refused=$((refused + 1))
done
[ ! -e "$WORK/data" ] || fail "a data directory was made"
echo "$refused of 5 commands end with 69 without /proc, and say that it isn't mounted"
