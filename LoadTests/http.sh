#!/usr/bin/env bash
# How fast backends can push over HTTP: messages beside a bare Hummingbird server that decodes and encodes the same JSON and stores nothing, uploads
# beside bare appends to LMDB.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
    cat <<'TEXT'
usage: LoadTests/http.sh [--connections N] [--uploads N] [--lines N] [--seconds N] [--runs N] [--json]

  --connections N  connections with one request under way each (default 256)
  --uploads N      uploads that are under way at once (default 2)
  --lines N        lines of each (default 100000)
  --seconds N      how long each other measurement lasts (default 8)
  --runs N         pairs of measurements, in turn (default 3)
  --json           prints one JSON object instead of lines

example: LoadTests/http.sh --connections 64 --runs 5

Needs wrk, jq and curl (Debian's packages), which are installed where root may. Builds nothing: run `swift build -c release` before. Each request is one durable
message to one of 1,000 users, with a key of its own. Prints requests a second of both servers, their ratio in each pair, and the median; the bound
that the commit sets, which is one request a connection and commit; and lines a second of uploads, with their ratio to `holdfast-load probe`.
TEXT
}

connections=256 uploads=2 lines=100000 seconds=8 runs=3 json=
while [ $# -gt 0 ]; do
    case "$1" in
    --connections) connections=$2; shift 2 ;;
    --uploads) uploads=$2; shift 2 ;;
    --lines) lines=$2; shift 2 ;;
    --seconds) seconds=$2; shift 2 ;;
    --runs) runs=$2; shift 2 ;;
    --json) json=1; shift ;;
    -h | --help) usage; exit 0 ;;
    *) echo "http.sh: unknown option $1; see --help" >&2; exit 2 ;;
    esac
done

bin=$PWD/.build/release
[ -x "$bin/holdfast" ] && [ -x "$bin/holdfast-load" ] || { echo "http.sh: build first: swift build -c release" >&2; exit 2; }
root=$([ "$(id -u)" = 0 ] || command -v sudo || true)
for tool in wrk jq curl; do
    command -v "$tool" >/dev/null || { $root apt-get update -qq && $root apt-get install -y -qq "$tool" >/dev/null; }
done

work=$(mktemp -d)
processes=()
end() {
    for process in ${processes[@]+"${processes[@]}"}; do kill "$process" 2>/dev/null || true; done
    for process in ${processes[@]+"${processes[@]}"}; do wait "$process" 2>/dev/null || true; done
    rm -rf "$work"
}
trap end EXIT
say() { [ -n "$json" ] || echo "$*"; }
ready() { for _ in $(seq 300); do grep -q '^ready' "$1" && return; sleep 0.1; done; echo "http.sh: no server: $(tail -n 3 "$1.log")" >&2; exit 1; }

# Rates are for what a caller may do, and one caller is all there is here.
printf 'controlRequestsMax: 1000000000\ncontrolRequestsSeconds: 1\n' >"$work/holdfast.yaml"
"$bin/holdfast" serve --data "$work/data" --config "$work/holdfast.yaml" --listen 127.0.0.1:0 --tls-listen 127.0.0.1:0 --control-listen 127.0.0.1:0 \
    >"$work/gateway" 2>"$work/gateway.log" &
processes+=($!)
"$bin/holdfast-load" bare-http >"$work/bare" 2>"$work/bare.log" &
processes+=($!)
ready "$work/gateway"
ready "$work/bare"
gateway=$(sed -n 's/^ready .*control=\([^ ]*\).*/\1/p' "$work/gateway")
bare=$(sed -n 's/^ready http=\([^ ]*\).*/\1/p' "$work/bare")
token=$("$bin/holdfast" token --data "$work/data" --user shop --role service --scopes push --ttl 1h)

cat >"$work/push.lua" <<LUA
local threads = 0
function setup(thread)
    thread:set("id", threads)
    threads = threads + 1
end
function init(arguments)
    math.randomseed(os.time() * 8 + id)
    run = math.random(1000000000)
    count = 0
    wrk.headers["Content-Type"] = "application/json"
    wrk.headers["Authorization"] = "Bearer $token"
end
function request()
    count = count + 1
    wrk.headers["Idempotency-Key"] = '"' .. run .. "-" .. id .. "-" .. count .. '"'
    local body = '{"to":"user' .. math.random(1000) .. '","kind":"card","text":"order ' .. count .. ' has left the warehouse and comes tomorrow","tag":"order"}'
    return wrk.format("POST", "/v1/messages", nil, body)
end
function response(status, headers, body)
    if status ~= 200 then
        if not failed then print("FAILED " .. status .. " " .. body) end
        failed = true
    end
end
LUA

# requests ADDRESS: answered a second.
requests() {
    wrk -t 1 -c "$connections" -d "${seconds}s" -s "$work/push.lua" "http://$1" >"$work/wrk" 2>&1
    if grep -q "FAILED\|Non-2xx" "$work/wrk"; then echo "http.sh: $(grep "FAILED\|Non-2xx" "$work/wrk" | head -n 2)" >&2; exit 1; fi
    sed -n 's/^Requests\/sec: *//p' "$work/wrk"
}

# commits: how many of the gateway's, and seconds that they took, since its start.
commits() { curl -sS "http://$gateway/metrics" | awk '/^holdfast_journal_commit_seconds_count/ { n = $2 } /^holdfast_journal_commit_seconds_sum/ { s = $2 } END { print n, s }'; }

# median NUMBERS...
median() { printf '%s\n' "$@" | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

# lines: stored a second, of all uploads.
stored() {
    local processes=() begin end number
    begin=$(date +%s.%N)
    for number in $(seq "$uploads"); do
        curl -sS -T "$work/lines" -X POST -H "Authorization: Bearer $token" -H 'Content-Type: application/x-ndjson' \
            -H "Idempotency-Key: \"upload-$begin-$number\"" -o "$work/answers$number" "http://$gateway/v1/messages:stream" &
        processes+=($!)
    done
    wait "${processes[@]}"
    end=$(date +%s.%N)
    for number in $(seq "$uploads"); do
        if [ "$(tail -n 1 "$work/answers$number" | jq .line)" != "$lines" ]; then echo "http.sh: $(tail -n 1 "$work/answers$number")" >&2; exit 1; fi
    done
    awk "BEGIN { print $uploads * $lines / ($end - $begin) }"
}

requests "$bare" >/dev/null
requests "$gateway" >/dev/null
ratios=()
bounds=()
for run in $(seq "$runs"); do
    read -r count sum < <(commits)
    a=$(requests "$gateway")
    read -r count2 sum2 < <(commits)
    b=$(requests "$bare")
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
