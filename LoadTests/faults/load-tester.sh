#!/usr/bin/env bash
# shows: the load tester with few clients, with a file of tokens, without a gateway, with wrong use, and away from its sources
. LoadTests/faults/common.sh
cd "$WORK"

errors=0
# ends STATUS WORD COMMAND...: its exit status, and a word of what it says; at once.
ends() {
    errors=$((errors + 1))
    local expected=$1 word=$2 status=0
    shift 2
    timeout 10 "$@" </dev/null >"$WORK/out" 2>&1 || status=$?
    [ "$status" = "$expected" ] || fail "$*: exit $status, not $expected: $(tail -n 3 "$WORK/out")"
    grep -q -- "$word" "$WORK/out" || fail "$*: it doesn't say '$word': $(tail -n 3 "$WORK/out")"
}

start_gateway data
ends 69 "no gateway at 127.0.0.1:1" holdfast-load throughput --server 127.0.0.1:1 --data "$WORK/data"
ends 64 "--bytes must be" holdfast-load throughput --server "$tcp" --data "$WORK/data" --bytes 3
ends 64 "below --clients" holdfast-load idle --server "$tcp" --data "$WORK/data" --clients 5 --from 5
ends 64 "Unknown option" holdfast-load throughput --nothing

for number in $(seq 40); do holdfast token --data "$WORK/data" --user "tester-$number"; done >"$WORK/tokens"
chmod 600 "$WORK/tokens"
ends 64 "40 users, and this run needs" holdfast-load throughput --server "$tcp" --token-file "$WORK/tokens" --senders 30 --receivers 30
# Nothing of the gateway but its address.
count=0
with_tokens() {
    holdfast-load "$@" --server "$tcp" --token-file "$WORK/tokens" --json >>"$WORK/results" 2>"$WORK/out" || fail "$*: exit $?: $(tail -n 3 "$WORK/out")"
    ! grep -q warning "$WORK/out" || fail "$*: it warns of a file that only its owner reads"
    count=$((count + 1))
}
with_tokens throughput --senders 10 --receivers 20 --rate 200 --duration 1
with_tokens throughput --senders 10 --receivers 20 --rate 400 --duration 1
with_tokens throughput --senders 2 --receivers 20 --rate 200 --duration 1
with_tokens heartbeat --clients 10 --duration 1
with_tokens connect --clients 20 --duration 1
with_tokens flap --clients 10 --senders 4 --rate 5 --message-rate 20 --duration 1
with_tokens offline --clients 30 --senders 4 --rate 100 --duration 1
with_tokens storm --clients 20 --senders 4 --backlog 2
with_tokens churn --clients 5 --rate 10 --duration 1
chmod 644 "$WORK/tokens"
holdfast-load heartbeat --clients 2 --duration 1 --server "$tcp" --token-file "$WORK/tokens" >"$WORK/out" 2>&1 || true
grep -q "chmod 600" "$WORK/out" || fail "no warning of a file that others may read"

holdfast-load report "$WORK/results" --output "$WORK/page.html" >/dev/null
[ "$(grep -o '<h2[^>]*>throughput[^<]*' "$WORK/page.html" | sort -u | wc -l)" = 3 ] || fail "three experiments were merged: $(grep -o '<h2[^<]*' "$WORK/page.html")"
grep -q "lost 0, doubled 0, reordered 0" "$WORK/page.html" || fail "the page doesn't say that nothing was lost"

# Few clients meet no default that nobody gave.
for words in "idle --clients 500 --rounds 1 --duration 3"; do
    holdfast-load $words --start --directory "$WORK" >"$WORK/out" 2>&1 || fail "$words: exit $?: $(tail -n 3 "$WORK/out")"
    count=$((count + 1))
done

# A program without its sources.
mkdir "$WORK/elsewhere"
cp "$BIN/holdfast-load" "$BIN/holdfast" "$WORK/elsewhere/"
ends 66 "--peers DIR" "$WORK/elsewhere/holdfast-load" compare --servers mosquitto --quick
ends 64 "doesn't hold mosquitto.conf" "$WORK/elsewhere/holdfast-load" compare --servers mosquitto --quick --peers "$WORK"
ends 66 "--recorder DIR" "$WORK/elsewhere/holdfast-load" powercut --cuts 1 --seed 1 --directory "$WORK"
stop_gateway || fail "the stop ended with $?"
echo "$count of $count scenarios with few clients, a file of tokens or both; $errors of $errors errors said at once, with their exit status"
