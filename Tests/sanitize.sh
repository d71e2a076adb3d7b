#!/usr/bin/env bash
# Tests, gateway and clients under the address and the thread sanitizer.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
    cat <<'TEXT'
usage: Tests/sanitize.sh [address|thread|all] [--filter REGEX] [--seconds N] [--sends N] [--tests-only | --load-only]

  address|thread|all  which sanitizer (default all)
  --filter REGEX      only these tests, as `swift test --filter` takes it
  --seconds N         how long each throughput load runs (default 5)
  --sends N           short runs of `holdfast send --tls`, a part of them with a kill of the gateway in between (default 30)
  --tests-only        no load
  --load-only         no tests

example: Tests/sanitize.sh address --filter 'HoldfastIOTests' --seconds 3

Each sanitizer has a debug build of its own, in .build-address and .build-thread: about five minutes the first time, and about ten for the
run. Reports of all processes, of the children, too, are gathered in .build-SANITIZER/reports. Exit code 1 when there is one, or when a test
or a load fails.
TEXT
}

sanitizers=(address thread)
filter=
seconds=5
sends=30
tests=true
load=true
while [ $# -gt 0 ]; do
    case "$1" in
    address | thread) sanitizers=("$1"); shift ;;
    all) shift ;;
    --filter) filter=$2; shift 2 ;;
    --seconds) seconds=$2; shift 2 ;;
    --sends) sends=$2; shift 2 ;;
    --tests-only) load=false; shift ;;
    --load-only) tests=false; shift ;;
    -h | --help) usage; exit 0 ;;
    *) echo "sanitize.sh: unknown option $1; see --help" >&2; exit 2 ;;
    esac
done

# Left out, in both:
# - ManySessionsTests: measures the private memory of a million sessions; the sanitizers' own memory is many times that.
# - TidyTests: reads source files only.
skip='ManySessionsTests|TidyTests'
# Run apart, without the sanitizers' handlers of faults: they read data directories that were damaged on purpose. LMDB may fault on those, in a
# child process that is there for it, and the message and exit code of our own are what is tested.
faulting='DamageTests'

step() { printf '\n== %s: %s (%s s)\n' "$sanitizer" "$1" "$SECONDS"; }

failed=0
fail() {
    failed=1
    echo "FAILED: $1"
}

# Reports so far. A process may end well while a thread of it was just reporting: the files count, not the exit codes.
show_reports() {
    local files
    files=$(find "$reports" -name 'report.*' -size +0 | sort)
    [ -n "$files" ] || return 0
    echo "reports, by what they are about:"
    # shellcheck disable=SC2086
    grep -h '^SUMMARY' $files | sed 's/ in pid.*//; s/ (BuildId.*//' | sort | uniq -c | sort -rn | head -n 20
    fail "$(wc -l <<<"$files") files of reports in $reports"
}

# That the sanitizer sees what it is there for, with these very options: a program with a fault must make a report.
check_sanitizer() {
    local found
    swiftc -sanitize="$sanitizer" -Onone Tests/Sanitize/"$sanitizer"-fault.swift -o "$out/fault" 2>/dev/null
    "$out/fault" || true
    found=$(find "$reports" -name 'report.*' -size +0)
    [ -n "$found" ] || { echo "the $sanitizer sanitizer doesn't see a planted fault" >&2; exit 1; }
    grep -h '^SUMMARY' $found | head -n 1 | sed 's/^/a planted fault is seen: /'
    rm -f "$reports"/report.*
    if [ "$sanitizer" = thread ]; then
        # And that it is quiet about a mutex that is contended.
        swiftc -sanitize=thread -Onone Tests/Sanitize/contended-mutex.swift -o "$out/contended" 2>/dev/null
        "$out/contended"
        [ -z "$(find "$reports" -name 'report.*' -size +0)" ] || fail "a contended mutex is reported"
    fi
}

run_tests() {
    local name=$1
    shift
    if swift test --skip-build --sanitize="$sanitizer" --scratch-path "$out" "$@" >"$out/$name.log" 2>&1; then
        tail -n 1 "$out/$name.log"
    else
        grep -E '✘|error:' "$out/$name.log" | head -n 20 || tail -n 20 "$out/$name.log"
        fail "$name; the log is $out/$name.log"
    fi
}

gateway=
folder=
# The same ports again after a kill.
tcp=127.0.0.1:0
tls=127.0.0.1:0
start_gateway() {
    : >"$folder/ready"
    "$bin/holdfast" serve --data "$folder/data" --listen "$tcp" --tls-listen "$tls" --control-listen 127.0.0.1:0 >"$folder/ready" 2>>"$folder/log" &
    gateway=$!
    until grep -q '^ready' "$folder/ready"; do
        kill -0 "$gateway" 2>/dev/null || { cat "$folder/log" >&2; exit 1; }
        sleep 0.05
    done
    tcp=$(sed -n 's/^ready tcp=\([^ ]*\) .*/\1/p' "$folder/ready")
    tls=$(sed -n 's/^ready .*tls=\([^ ]*\).*/\1/p' "$folder/ready")
}
stop_gateway() {
    local status=0
    kill -TERM "$gateway"
    wait "$gateway" || status=$?
    gateway=
    [ "$status" -eq 0 ] || { cat "$folder/log"; fail "the gateway ended with $status"; }
}
clean_up() {
    if [ -n "$gateway" ]; then kill "$gateway" 2>/dev/null || true; wait "$gateway" 2>/dev/null || true; fi
    if [ -n "$folder" ]; then rm -rf "$folder"; fi
}
trap clean_up EXIT

run_load() {
    echo "-- holdfast-load $*"
    "$bin/holdfast-load" "$@" --json 2>"$folder/progress" >"$folder/result" || { tail -n 5 "$folder/progress" "$folder/result"; fail "holdfast-load $1"; }
}

run_sends() {
    local index sender status endings=()
    seq 1 300 >"$folder/lines"
    for index in $(seq 1 "$sends"); do
        status=0
        if [ $((index % 3)) -ne 0 ]; then
            "$bin/holdfast" send --tls --server "$tls" --data "$folder/data" --as "sender-$((index % 5))" --to bob --text hello \
                >>"$folder/sends" 2>&1 || status=$?
        else
            "$bin/holdfast" send --tls --server "$tls" --data "$folder/data" --as "sender-$((index % 5))" --to bob --lines \
                <"$folder/lines" >>"$folder/sends" 2>&1 &
            sender=$!
            sleep "0.$((RANDOM % 6))$((RANDOM % 10))"
            kill -9 "$gateway"
            wait "$gateway" 2>/dev/null || true
            start_gateway
            wait "$sender" || status=$?
        fi
        endings+=("$status")
    done
    echo "holdfast send --tls, $sends runs, exit code and how often:" "$(printf '%s\n' "${endings[@]}" | sort | uniq -c | sed 's/  *\([0-9]*\) \(.*\)/\2: \1/' | tr '\n' ' ')"
    if printf '%s\n' "${endings[@]}" | grep -qvx 0; then
        tail -n 5 "$folder/sends"
        fail "a sender"
    fi
}

for sanitizer in "${sanitizers[@]}"; do
    out=$PWD/.build-$sanitizer
    reports=$out/reports
    rm -rf "$reports"
    mkdir -p "$reports"

    step "build"
    swift build --build-tests --sanitize="$sanitizer" --scratch-path "$out" >"$out/build.log" 2>&1 || { grep -v 'gold: warning' "$out/build.log" | tail -n 30; exit 1; }
    bin=$out/debug

    no_handlers="handle_segv=0:handle_sigbus=0:handle_abort=0:handle_sigill=0"
    if [ "$sanitizer" = address ]; then
        # The first report ends its process; what is leaked is told at the end.
        export ASAN_OPTIONS="log_path=$reports/report:exitcode=66:detect_leaks=1"
        unset TSAN_OPTIONS
    else
        clang -O2 -fPIC -shared Tests/Sanitize/MutexAnnotations.c -o "$out/libmutex.so" -ldl
        # A report ends nothing: all of them are seen, and their files fail the run. atexit_sleep_ms: commands that run for an instant
        # needn't wait a second for late reports.
        TSAN_OPTIONS="log_path=$reports/report:halt_on_error=0:exitcode=0:atexit_sleep_ms=50:history_size=4:second_deadlock_stack=1"
        export TSAN_OPTIONS="$TSAN_OPTIONS:suppressions=$PWD/Tests/Sanitize/thread.suppressions"
        unset ASAN_OPTIONS
        export LD_PRELOAD=$out/libmutex.so
    fi

    step "a planted fault"
    check_sanitizer

    if $tests; then
        step "tests"
        if [ -n "$filter" ]; then
            run_tests tests --filter "$filter" --skip "$skip|$faulting"
        else
            run_tests tests --skip "$skip|$faulting"
        fi
        if [ -z "$filter" ] || [[ $faulting =~ $filter ]]; then
            step "tests with faults of their own"
            if [ "$sanitizer" = address ]; then
                ASAN_OPTIONS="$ASAN_OPTIONS:$no_handlers" run_tests faulting-tests --filter "$faulting"
            else
                TSAN_OPTIONS="$TSAN_OPTIONS:$no_handlers" run_tests faulting-tests --filter "$faulting"
            fi
        fi
    fi

    if $load; then
        step "load"
        folder=$(mktemp -d)
        start_gateway
        run_load throughput --server "$tcp" --data "$folder/data" --duration "$seconds"
        run_load throughput --server "$tls" --data "$folder/data" --duration "$seconds" --tls
        run_load storm --server "$tcp" --data "$folder/data" --clients 100
        run_load storm --server "$tls" --data "$folder/data" --clients 50 --tls
        stop_gateway
        echo "the gateway stopped"
        step "short senders over TLS, kills of the gateway"
        start_gateway
        run_sends
        stop_gateway
        rm -rf "$folder"
        folder=
    fi
    unset LD_PRELOAD
    show_reports
done

[ $failed -eq 0 ] || { echo "sanitizers: FAILED"; exit 1; }
echo "sanitizers: clean (${sanitizers[*]}; $SECONDS s)"
