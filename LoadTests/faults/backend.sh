#!/usr/bin/env bash
# shows: README's backend in Python pushes to a customer who is away; after a kill -9 of the gateway the repeat has the same answer, and the customer gets it once
# short: yes
. LoadTests/faults/common.sh

python3 -m venv "$WORK/python" >/dev/null 2>&1 || skip "needs python3-venv"
"$WORK/python/bin/pip" install -q "requests>=2,<3" >"$WORK/pip.log" 2>&1 || skip "needs PyPI: $(tail -n 1 "$WORK/pip.log")"

# The program as README has it: the first one in Python.
awk '/^```python$/ { inside = 1; next } /^```$/ && inside { exit } inside' README.md >"$WORK/backend.py"
lines=$(grep -c . "$WORK/backend.py")
[ "$lines" -ge 8 ] && [ "$lines" -le 15 ] || fail "README's backend has $lines lines"

start_gateway data
control() { sed -n 's/^ready .*control=\([^ ]*\).*/\1/p' "$WORK/data.ready"; }
holdfast token --data "$WORK/data" --user shop --role service --scopes push,read >"$WORK/shop.token"
push() { "$WORK/python/bin/python" "$WORK/backend.py" "http://$(control)" "$WORK/shop.token" "$@"; }
push alice order-17 "order 17 has left" >"$WORK/first" 2>&1 || fail "the backend failed: $(cat "$WORK/first")"

kill -9 "$gateway"
wait "$gateway" 2>/dev/null || true
start_gateway data
push alice order-17 "order 17 has left" >"$WORK/second" 2>&1 || fail "the repeat failed: $(cat "$WORK/second")"
first=$(sed -n 's/.*position \([0-9]*\).*/\1/p' "$WORK/first")
second=$(sed -n 's/.*position \([0-9]*\).*/\1/p' "$WORK/second")
[ -n "$first" ] && [ "$first" = "$second" ] || fail "two answers: $(cat "$WORK/first"), $(cat "$WORK/second")"
push alice order-17 "order 18 has left" >"$WORK/third" 2>&1 && fail "another message with the same key is taken: $(cat "$WORK/third")"
grep -q "another request" "$WORK/third" || fail "the reason isn't told: $(cat "$WORK/third")"

holdfast users show alice --data "$WORK/data" >"$WORK/show" || fail "users show: $?"
grep -q '^alice: away, 1 messages wait' "$WORK/show" || fail "users show says: $(cat "$WORK/show")"
holdfast receive --as alice --count 1 --server "$tcp" --data "$WORK/data" >"$WORK/receive" 2>&1 || fail "$(cat "$WORK/receive")"
[ "$(grep -c "order 17 has left" "$WORK/receive")" = 1 ] || fail "the customer got: $(cat "$WORK/receive")"
is_taken() { holdfast users show alice --data "$WORK/data" | grep -q '^alice: [a-z]*, 0 messages wait'; }
wait_until 10 is_taken || fail "users show says: $(holdfast users show alice --data "$WORK/data")"
holdfast push --as shop --to alice --to bob --text "by hand" --key by-hand --data "$WORK/data" >"$WORK/push" || fail "push: $(cat "$WORK/push")"
holdfast push --as shop --to alice --to bob --text "by hand" --key by-hand --data "$WORK/data" | grep -q 'by an earlier request' || fail "the repeat is stored"
status=0
holdfast push --as shop --to nobody --text "by hand" --must-exist --json --data "$WORK/data" >"$WORK/push" 2>&1 || status=$?
[ "$status" = 1 ] && grep -q invalidRecipient "$WORK/push" || fail "a push that nobody gets ends with $status: $(cat "$WORK/push")"
holdfast users block alice --reason "stolen phone" --data "$WORK/data" >"$WORK/block" || fail "block: $(cat "$WORK/block")"
holdfast users show alice --data "$WORK/data" | grep -q 'blocked for ever: stolen phone' || fail "the block isn't shown"
holdfast status --data "$WORK/data" --json | jq -e '.ready and .holdfast_messages_stored_total >= 1' >/dev/null || fail "status: $(holdfast status --data "$WORK/data")"
stop_gateway || fail "the gateway ended with $?"
echo "pushed at $first, answered the same after kill -9, received once"
