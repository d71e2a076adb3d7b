#!/usr/bin/env bash
# What following the feed costs those who send: messages a second with readers of every event, and with consumers that lag.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
    cat <<'TEXT'
usage: LoadTests/feed.sh [--rate N] [--readers N] [--seconds N] [--runs N] [--json]

  --rate N     durable messages a second while the readers follow (default 20000)
  --readers N  streams of server-sent events that get every event (default 2)
  --seconds N  how long each measurement lasts (default 10)
  --runs N     pairs of measurements with and without lagging consumers, in turn (default 3)
  --json       prints one JSON object instead of lines

example: LoadTests/feed.sh --rate 10000 --runs 5

Needs wrk, jq and curl (Debian's packages), which are installed where root may. Builds nothing: run `swift build -c release` before. Phones send to each other at
the rate while curl follows all events: a reader must have an event for each message, at most a second after the last one. Then phones send as fast as they
can, in turn beside two consumers that are registered and read nothing, and without: the rates are compared.
TEXT
}

rate=20000 readers=2 seconds=10 runs=3 json=
while [ $# -gt 0 ]; do
    case "$1" in
    --rate) rate=$2; shift 2 ;;
    --readers) readers=$2; shift 2 ;;
    --seconds) seconds=$2; shift 2 ;;
    --runs) runs=$2; shift 2 ;;
    --json) json=1; shift ;;
    -h | --help) usage; exit 0 ;;
    *) echo "feed.sh: unknown option $1; see --help" >&2; exit 2 ;;
    esac
done

bin=$PWD/.build/release
source LoadTests/http/common.sh
reading=$("$bin/holdfast" token --data "$work/data" --user reader --role service --scopes events --ttl 1h)
control() { curl -sS --fail-with-body -H "Authorization: Bearer $reading" "$@"; }

# phones NAME RATE: messages between phones; the report is NAME.json.
phones() {
    "$bin/holdfast-load" throughput --data "$work/data" --server "$listen" --senders 64 --receivers 64 --rate "$2" --duration "$seconds" --json \
        >"$work/$1.json" 2>"$work/$1.log" || fail "phones: $(cat "$work/$1.json" "$work/$1.log" | tail -n 3 | cut -c1-500)"
}

for number in $(seq "$readers"); do
    control -N -H 'Accept: text/event-stream' "http://$gateway/v1/events?types=message.stored" >"$work/events$number" &
    processes+=($!)
done
phones followed "$rate"
sent=$(jq .sent "$work/followed.json")
newest() { control "http://$gateway/v1/events" | jq -r .next; }
behind=()
for number in $(seq "$readers"); do
    for _ in $(seq 100); do
        count=$(grep -c '^event: message.stored' "$work/events$number" || true)
        [ "$count" -ge "$sent" ] && break
        sleep 0.1
    done
    behind+=($((sent - count)))
    say "reader $number: $count events of $sent messages at $(jq '.rates.delivered | floor' "$work/followed.json")/s"
done
for process in "${processes[@]:1}"; do kill "$process" 2>/dev/null || true; done
say "the newest cursor is $(newest)"

ratios=()
for run in $(seq "$runs"); do
    phones alone max
    for name in one two; do control -o "$work/put" -X PUT -H 'Content-Type: application/json' -d '{"start":"newest"}' "http://$gateway/v1/consumers/$name"; done
    phones beside max
    for name in one two; do control -o "$work/delete" -X DELETE "http://$gateway/v1/consumers/$name"; done
    a=$(jq .rates.delivered "$work/alone.json")
    b=$(jq .rates.delivered "$work/beside.json")
    ratio=$(awk "BEGIN { printf \"%.2f\", $b / $a }")
    ratios+=("$ratio")
    say "run $run of $runs: delivered $(printf '%.0f' "$a")/s without, $(printf '%.0f' "$b")/s beside two consumers that lag, ratio $ratio"
done
if [ -n "$json" ]; then
    printf '{"rate":%s,"readers":%d,"missing":[%s],"ratios":[%s],"median":%s,"goal":0.95}\n' \
        "$rate" "$readers" "$(IFS=,; echo "${behind[*]}")" "$(IFS=,; echo "${ratios[*]}")" "$(median "${ratios[@]}")"
else
    echo "events missing: ${behind[*]} (goal: 0); median ratio beside lagging consumers $(median "${ratios[@]}") (goal: at least 0.95)"
fi
