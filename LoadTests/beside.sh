#!/usr/bin/env bash
# What backends that push over HTTP, and scrapers, cost the phones beside them.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
    cat <<'TEXT'
usage: LoadTests/beside.sh [--rate N] [--seconds N] [--runs N] [--clients N] [--json]

  --rate N     durable messages a second between phones (default 2000)
  --seconds N  how long each measurement lasts (default 10)
  --runs N     measurements of each kind, in turn (default 3)
  --clients N  idle connections beside which the metrics are scraped (default 18000)
  --json       prints one JSON object instead of lines

example: LoadTests/beside.sh --rate 5000 --runs 5

Needs wrk and jq (Debian's packages), which are installed where root may. Builds nothing: run `swift build -c release` before. First it finds out how many
pushes a second the gateway takes over HTTP, with 256 connections. Then phones send to each other, in turn alone and beside pushes at half of that rate:
the p99 of SENT is compared. Then beside as many pushes as the gateway takes: no phone may be refused, closed or miss a heartbeat. Last, idle phones stay
connected while /metrics is asked for every second, and then isn't: the CPU time that this costs.
TEXT
}

rate=2000 seconds=10 runs=3 clients=18000 json=
while [ $# -gt 0 ]; do
    case "$1" in
    --rate) rate=$2; shift 2 ;;
    --seconds) seconds=$2; shift 2 ;;
    --runs) runs=$2; shift 2 ;;
    --clients) clients=$2; shift 2 ;;
    --json) json=1; shift ;;
    -h | --help) usage; exit 0 ;;
    *) echo "beside.sh: unknown option $1; see --help" >&2; exit 2 ;;
    esac
done

bin=$PWD/.build/release
source LoadTests/http/common.sh

# phones NAME DURATION: messages between phones; the report is NAME.json. Not clean: who lost, doubled or refused what.
phones() {
    "$bin/holdfast-load" throughput --data "$work/data" --server "$listen" --rate "$rate" --duration "$2" --json >"$work/$1.json" 2>"$work/$1.log" ||
        fail "phones: $(cat "$work/$1.json" "$work/$1.log" | tail -n 3 | cut -c1-500)"
}
p99() { jq '.latencyMicroseconds.sent.p99 | floor' "$work/$1.json"; }
cpu() { awk -v hertz="$(getconf CLK_TCK)" '{ print ($14 + $15) / hertz }' "/proc/$gateway_process/stat"; }

most=$(requests "$gateway" 256 "$seconds")
half=$(awk "BEGIN { printf \"%.0f\", $most / 2 }")
say "pushes over HTTP: $most/s"
ratios=()
for run in $(seq "$runs"); do
    phones alone "$seconds"
    # The phones connect and warm up for some seconds before they are measured.
    requests "$gateway" 256 "$((seconds + 6))" "$half" >"$work/rate" &
    pushes=$!
    sleep 1
    phones beside "$seconds"
    wait "$pushes" || fail "the pushes beside the phones failed"
    ratio=$(awk "BEGIN { printf \"%.2f\", $(p99 beside) / $(p99 alone) }")
    ratios+=("$ratio")
    say "run $run of $runs: p99 of SENT $(p99 alone) us alone, $(p99 beside) us beside $(cat "$work/rate") pushes/s, ratio $ratio"
done

cat >"$work/full.yaml" <<YAML
duration: $((seconds * 2))
groups:
  - { name: quiet, behaviour: idle, clients: 2000 }
  - { name: beats, behaviour: heartbeat, clients: 1000, beatsPerSecond: 200 }
  - { name: chat, behaviour: chat, clients: 200, messagesPerSecond: $((rate / 4)) }
YAML
requests "$gateway" 256 "$((seconds * 2 + 20))" >"$work/rate" &
pushes=$!
sleep 1
"$bin/holdfast-load" mixed --scenario "$work/full.yaml" --data "$work/data" --server "$listen" --json >"$work/full.json" 2>"$work/full.log" ||
    fail "phones beside full load: $(cat "$work/full.json" "$work/full.log" | tail -n 3 | cut -c1-500)"
wait "$pushes" || fail "the pushes beside the phones failed"
harmed=$(jq '[.refused, .lost, .duplicated, (.closedByServer | add // 0), (.faults | add // 0)] | add' "$work/full.json")
say "beside $(cat "$work/rate") pushes/s: $harmed phones refused or closed, messages lost or doubled"
[ "$harmed" = 0 ] || fail "$(jq -c '{refused, lost, duplicated, closedByServer, faults}' "$work/full.json")"

# Idle phones, and the CPU time of some seconds with a scrape each and without.
cat >"$work/idle.yaml" <<YAML
duration: $((seconds * 4))
groups:
  - { name: quiet, behaviour: idle, clients: $clients }
YAML
"$bin/holdfast-load" mixed --scenario "$work/idle.yaml" --data "$work/data" --server "$listen" --json >"$work/idle.json" 2>"$work/idle.log" &
idle=$!
processes+=("$idle")
connected() { curl -sS "http://$gateway/metrics" | awk '/^holdfast_connections[{ ]/ { n += $NF } END { print n + 0 }'; }
for _ in $(seq 600); do [ "$(connected)" -ge "$clients" ] && break; kill -0 "$idle" || fail "$(tail -n 2 "$work/idle.log")"; sleep 0.2; done
sleep 2
before=$(cpu)
sleep "$seconds"
between=$(cpu)
for _ in $(seq "$seconds"); do curl -sS "http://$gateway/metrics" >"$work/metrics" & sleep 1; done
after=$(cpu)
scrapes=$(awk "BEGIN { printf \"%.2f\", 100 * (($after - $between) - ($between - $before)) / $seconds }")
say "a scrape a second of $(connected) connections, $(wc -c <"$work/metrics") bytes: $scrapes % of a core"
kill "$idle" 2>/dev/null || true
if [ -n "$json" ]; then
    printf '{"pushes":%s,"p99Ratios":[%s],"p99Median":%s,"p99Goal":2,"harmed":%s,"scrapePercent":%s,"scrapeGoal":1}\n' \
        "$most" "$(IFS=,; echo "${ratios[*]}")" "$(median "${ratios[@]}")" "$harmed" "$scrapes"
else
    echo "median ratio of the p99 $(median "${ratios[@]}") (goal: at most 2); scrapes $scrapes % of a core (goal: below 1)"
fi
