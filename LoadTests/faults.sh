#!/usr/bin/env bash
# Faults that strangers found, run as they found them: one file of LoadTests/faults a case. Says what held, what failed and what was skipped.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
    cat <<'TEXT'
usage: LoadTests/faults.sh [--bin FOLDER] [--short] [--only CASE[,CASE]] [--list] [--json]

  --bin FOLDER  where holdfast and holdfast-load are (default .build/release)
  --short       the cases whose file says "short: yes", each bounded to SHORT_SECONDS (default 60)
  --only CASES  these cases, by the name of their file
  --list        the cases with what each shows
  --json        one line of JSON a case, on standard output

Exit code: 0 when every case that could run held. A case that needs root, a cgroup or a program that isn't there says so and is skipped.

example: LoadTests/faults.sh --only full-map
TEXT
}

bin=.build/release short= only= json= list=
while [ $# -gt 0 ]; do
    case "$1" in
    --bin) bin=$2; shift 2 ;;
    --short) short=1; shift ;;
    --only) only=,$2,; shift 2 ;;
    --list) list=1; shift ;;
    --json) json=1; shift ;;
    -h | --help) usage; exit 0 ;;
    *) echo "faults.sh: unknown option $1; see --help" >&2; exit 2 ;;
    esac
done

cases=()
for file in LoadTests/faults/*.sh; do
    name=$(basename "$file" .sh)
    [ "$name" != common ] || continue
    [ -z "$only" ] || [[ $only == *,$name,* ]] || continue
    [ -z "$short" ] || grep -q '^# short: yes' "$file" || continue
    cases+=("$name")
done
[ ${#cases[@]} -gt 0 ] || { echo "faults.sh: no case is named so; --list shows them" >&2; exit 2; }

summary() { sed -n 's/^# shows: //p' "LoadTests/faults/$1.sh"; }
if [ -n "$list" ]; then
    for name in "${cases[@]}"; do printf '%-24s %s\n' "$name" "$(summary "$name")"; done
    exit 0
fi

BIN=$(cd "$bin" && pwd) || { echo "faults.sh: there is no folder $bin; build first: swift build -c release" >&2; exit 2; }
export BIN SHORT="$short"
log=$(mktemp)
WORK=
trap 'rm -f "$log"; [ -z "$WORK" ] || rm -rf "$WORK"' EXIT
passed=0 failed=0 skipped=0 number=0
for name in "${cases[@]}"; do
    number=$((number + 1))
    [ ! -t 2 ] || printf '[%d/%d] %s …\r' "$number" "${#cases[@]}" "$name" >&2
    WORK=$(mktemp -d)
    export WORK
    begun=$SECONDS status=0
    limit=600; [ -z "$short" ] || limit=${SHORT_SECONDS:-60}
    timeout --kill-after 10 "$limit" bash "LoadTests/faults/$name.sh" >"$log" 2>&1 || status=$?
    rm -rf "$WORK"
    WORK=
    case $status in
    0) outcome=held passed=$((passed + 1)) ;;
    77) outcome=skipped skipped=$((skipped + 1)) ;;
    *) outcome=failed failed=$((failed + 1)) ;;
    esac
    if [ -n "$json" ]; then
        printf '{"case":"%s","outcome":"%s","seconds":%d,"status":%d}\n' "$name" "$outcome" $((SECONDS - begun)) "$status"
    fi
    case $outcome in
    held) printf 'held     %-24s %3d s  %s\n' "$name" $((SECONDS - begun)) "$(tail -n 1 "$log")" >&2 ;;
    skipped) printf 'SKIPPED  %-24s %3d s  %s\n' "$name" $((SECONDS - begun)) "$(tail -n 1 "$log")" >&2 ;;
    failed)
        printf 'FAILED   %-24s %3d s  %s (exit %d)\n' "$name" $((SECONDS - begun)) "$(summary "$name")" "$status" >&2
        tail -n 40 "$log" | sed 's/^/    /' >&2
        ;;
    esac
done
printf '%d held, %d failed, %d SKIPPED\n' "$passed" "$failed" "$skipped" >&2
[ "$failed" -eq 0 ]
