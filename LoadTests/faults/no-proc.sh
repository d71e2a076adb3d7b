#!/usr/bin/env bash
# shows: both programs know their arguments, and the gateway serves, where /proc isn't mounted
# short: yes
. LoadTests/faults/common.sh
needs_root
needs unshare
unshare --mount true 2>/dev/null || skip "needs mount namespaces"

# without_proc COMMAND...: runs it in a mount namespace that has no /proc.
without_proc() { unshare --mount bash -c 'umount -l /proc && exec "$@"' sh "$@"; }

for program in holdfast holdfast-load; do
    without_proc "$program" --version | grep -q "^$program [0-9]" || fail "$program --version doesn't tell the version"
    status=0
    without_proc "$program" no-such-command >/dev/null 2>&1 || status=$?
    [ "$status" != 0 ] || fail "$program takes a command that doesn't exist"
done

without_proc holdfast serve --data "$WORK/data" --listen 127.0.0.1:0 --tls-listen "" >"$WORK/ready" 2>"$WORK/log" &
gateway=$!
processes+=("$gateway")
wait_until 30 is_ready "$WORK/ready" "$gateway" || fail "the gateway doesn't get ready: $(tail -n 5 "$WORK/log")"
tcp=$(sed -n 's/^ready tcp=\([^ ]*\) .*/\1/p' "$WORK/ready")
without_proc holdfast send --server "$tcp" --data "$WORK/data" --as alice --to bob --text "hello" || fail "send fails"
received=$(without_proc holdfast receive --server "$tcp" --data "$WORK/data" --as bob --count 1)
[[ "$received" == *'"text":"hello"'* ]] || fail "received: $received"
without_proc holdfast verify --data "$WORK/data" | grep -q "^intact" || fail "verify, which starts itself again, fails"
stop_gateway || fail "the gateway ended with $?"
echo "2 of 2 programs know their arguments without /proc; 1 of 1 message was sent, received and verified"
