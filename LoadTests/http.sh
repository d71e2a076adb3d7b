#!/usr/bin/env bash
# How fast backends can push over HTTP: messages beside a bare Hummingbird server that decodes and encodes the same JSON and stores nothing, uploads
# beside bare appends to LMDB.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
    cat <<'TEXT'
usage: LoadTests/http.sh [--connections N] [--uploads N] [--lines N] [--seconds N] [--runs N] [--keys N] [--json]

  --connections N  connections with one request under way each (default 256)
  --uploads N      uploads that are under way at once (default 2)
  --lines N        lines of each (default 100000)
  --seconds N      how long each other measurement lasts (default 8)
  --runs N         pairs of measurements, in turn (default 3)
  --keys N         idempotency keys that are there before, rounded to 1,000 and each a message's (default 0)
  --json           prints one JSON object instead of lines

example: LoadTests/http.sh --connections 64 --runs 5

Needs wrk, jq and curl (Debian's packages), which are installed where root may. Builds nothing: run `swift build -c release` before. Each request is one durable
message to one of 1,000 users, with a key of its own. Prints requests a second of both servers, their ratio in each pair, and the median; the bound
that the commit sets, which is one request a connection and commit; and lines a second of uploads, with their ratio to `holdfast-load probe`.
TEXT
}

connections=256 uploads=2 lines=100000 seconds=8 runs=3 keys=0 json=
while [ $# -gt 0 ]; do
    case "$1" in
    --connections) connections=$2; shift 2 ;;
    --uploads) uploads=$2; shift 2 ;;
    --lines) lines=$2; shift 2 ;;
    --seconds) seconds=$2; shift 2 ;;
    --runs) runs=$2; shift 2 ;;
    --keys) keys=$2; shift 2 ;;
    --json) json=1; shift ;;
    -h | --help) usage; exit 0 ;;
    *) echo "http.sh: unknown option $1; see --help" >&2; exit 2 ;;
    esac
done

bin=$PWD/.build/release
source LoadTests/http/common.sh
"$bin/holdfast-load" bare-http >"$work/bare" 2>"$work/bare.log" &
processes+=($!)
ready "$work/bare"
bare=$(sed -n 's/^ready http=\([^ ]*\).*/\1/p' "$work/bare")

# commits: how many of the gateway's, and seconds that they took, since its start.
commits() { curl -sS "http://$gateway/metrics" | awk '/^holdfast_journal_commit_seconds_count/ { n = $2 } /^holdfast_journal_commit_seconds_sum/ { s = $2 } END { print n, s }'; }

# lines: stored a second, of all uploads.
stored() {
    local curls=() begin end number
    begin=$(date +%s.%N)
    for number in $(seq "$uploads"); do
        curl -sS -T "$work/lines" -X POST -H "Authorization: Bearer $token" -H 'Content-Type: application/x-ndjson' \
            -H "Idempotency-Key: \"upload-$begin-$number\"" -o "$work/answers$number" "http://$gateway/v1/messages:stream" &
        curls+=($!)
    done
    wait "${curls[@]}"
    end=$(date +%s.%N)
    for number in $(seq "$uploads"); do
        if [ "$(tail -n 1 "$work/answers$number" | jq .line)" != "$lines" ]; then fail "$(tail -n 1 "$work/answers$number")"; fi
    done
    awk "BEGIN { print $uploads * $lines / ($end - $begin) }"
}

requests "$bare" "$connections" "$seconds" >/dev/null
requests "$gateway" "$connections" "$seconds" >/dev/null
ratios=()
bounds=()
for run in $(seq "$runs"); do
    read -r count sum < <(commits)
    a=$(requests "$gateway" "$connections" "$seconds")
    read -r count2 sum2 < <(commits)
    b=$(requests "$bare" "$connections" "$seconds")
    ratio=$(awk "BEGIN { printf \"%.2f\", $a / $b }")
    bound=$(awk "BEGIN { printf \"%.0f\", $connections * ($count2 - $count) / ($sum2 - $sum) }")
    ratios+=("$ratio")
    bounds+=("$bound")
    say "run $run of $runs: gateway $a/s, bare $b/s, ratio $ratio; the commit allows $bound/s"
done

awk -v lines="$lines" 'BEGIN {
    srand(1)
    for (i = 1; i <= lines; i++)
        printf "{\"to\":\"user%d\",\"kind\":\"card\",\"text\":\"order %d has left the warehouse and comes tomorrow\",\"tag\":\"order\"}\n", 1 + rand() * 1000, i
}' >"$work/lines"
streams=()
for run in $(seq "$runs"); do
    a=$(stored)
    b=$("$bin/holdfast-load" probe --directory "$work" --duration "$seconds" --json | jq .rates.records)
    ratio=$(awk "BEGIN { printf \"%.2f\", $a / $b }")
    streams+=("$ratio")
    say "run $run of $runs: $uploads uploads $(printf '%.0f' "$a") lines/s, probe $(printf '%.0f' "$b")/s, ratio $ratio"
done
if [ -n "$json" ]; then
    printf '{"connections":%d,"ratios":[%s],"median":%s,"goal":0.5,"commitBound":%s,"uploads":%d,"streamRatios":[%s],"streamMedian":%s,"streamGoal":0.17}\n' \
        "$connections" "$(IFS=,; echo "${ratios[*]}")" "$(median "${ratios[@]}")" "$(median "${bounds[@]}")" \
        "$uploads" "$(IFS=,; echo "${streams[*]}")" "$(median "${streams[@]}")"
else
    echo "median ratio $(median "${ratios[@]}") of a bare server (goal: 0.5), $connections connections; the commit allows $(median "${bounds[@]}")/s"
    echo "median ratio $(median "${streams[@]}") of the probe (goal: 0.17), $uploads uploads"
fi
