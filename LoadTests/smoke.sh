#!/usr/bin/env bash
# Every scenario of the load tester, small, against a gateway of its own: does it run, and is nothing lost, doubled or out of order?
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
    cat <<'TEXT'
usage: LoadTests/smoke.sh [--bin FOLDER]

  --bin FOLDER  where holdfast and holdfast-load are (default .build/release)

example: LoadTests/smoke.sh
TEXT
}

bin=.build/release
while [ $# -gt 0 ]; do
    case "$1" in
    --bin) bin=$2; shift 2 ;;
    -h | --help) usage; exit 0 ;;
    *) echo "smoke.sh: unknown option $1; see --help" >&2; exit 2 ;;
    esac
done

folder=$(mktemp -d)
gateway=
stop() {
    if [ -n "$gateway" ]; then kill "$gateway" 2>/dev/null || true; wait "$gateway" 2>/dev/null || true; fi
    rm -rf "$folder"
}
trap stop EXIT

"$bin/holdfast" serve --data "$folder/data" --listen 127.0.0.1:0 --tls-listen 127.0.0.1:0 --control-listen 127.0.0.1:0 >"$folder/ready" 2>"$folder/log" &
gateway=$!
until grep -q '^ready' "$folder/ready"; do
    kill -0 "$gateway" 2>/dev/null || { cat "$folder/log" >&2; exit 1; }
    sleep 0.05
done
tcp=$(sed -n 's/^ready tcp=\([^ ]*\) .*/\1/p' "$folder/ready")
tls=$(sed -n 's/^ready .*tls=\([^ ]*\).*/\1/p' "$folder/ready")

run() {
    echo "-- holdfast-load $*"
    "$bin/holdfast-load" "$@" --json >"$folder/run.json" 2>"$folder/progress" || { cat "$folder/progress" "$folder/run.json" >&2; exit 1; }
    cat "$folder/run.json" >>"$folder/runs.jsonl"
}
on_tcp() { run "$@" --server "$tcp" --data "$folder/data"; }
on_tls() { run "$@" --server "$tls" --data "$folder/data" --tls; }
run probe --directory "$folder" --duration 2
on_tcp idle --clients 400 --from 200 --duration 3
on_tls idle --clients 200 --from 100 --duration 3
on_tcp connect --clients 100 --duration 2
on_tcp throughput --rate max --duration 3
on_tcp storm --clients 500
on_tls storm --clients 200
on_tcp disconnect --clients 300 --rate 200 --duration 2
on_tcp flap --clients 100 --rate 50 --duration 3
on_tcp churn --clients 50 --rate 200 --duration 3
on_tcp offline --clients 1000 --rate 5000 --duration 3 --verify-all
on_tcp mixed --scenario LoadTests/scenarios/evening.yaml --scale 0.1 --duration 3
run restart --users 2000 --messages 20000 --clients 100 --runs 1 --directory "$folder"
"$bin/holdfast-load" report "$folder/runs.jsonl" --output "$folder/report.html"
kill -TERM "$gateway"
wait "$gateway"
gateway=
echo "load smoke: clean"
