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

"$bin/holdfast" serve --data "$folder/data" --listen 127.0.0.1:0 --tls-listen 127.0.0.1:0 >"$folder/ready" 2>"$folder/log" &
gateway=$!
until grep -q '^ready' "$folder/ready"; do
    kill -0 "$gateway" 2>/dev/null || { cat "$folder/log" >&2; exit 1; }
    sleep 0.05
done
tcp=$(sed -n 's/^ready tcp=\([^ ]*\) .*/\1/p' "$folder/ready")
tls=$(sed -n 's/^ready .*tls=\([^ ]*\).*/\1/p' "$folder/ready")

run() {
    echo "-- holdfast-load $*"
    "$bin/holdfast-load" "$@" --json 2>"$folder/progress" || { cat "$folder/progress" >&2; exit 1; }
}
run probe --directory "$folder" --duration 2
run idle --server "$tcp" --data "$folder/data" --clients 400 --from 200 --duration 3
run idle --server "$tls" --data "$folder/data" --clients 200 --from 100 --duration 3 --tls
run throughput --server "$tcp" --data "$folder/data" --duration 3
run storm --server "$tcp" --data "$folder/data" --clients 500
run storm --server "$tls" --data "$folder/data" --clients 200 --tls
kill -TERM "$gateway"
wait "$gateway"
gateway=
echo "load smoke: clean"
