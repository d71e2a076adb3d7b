#!/usr/bin/env bash
# Fuzzes the parsers and machines with libFuzzer, which comes with the Swift toolchain.
set -euo pipefail
cd "$(dirname "$0")/../.."

usage() {
    cat <<'TEXT'
usage: Tests/Fuzz/run.sh [--seconds N | --runs N] [--target NAME] [--keep] [--build-only]

  --seconds N   fuzz each target for N seconds (default 60)
  --runs N      or for N executions
  --target T    only this target (see Tests/FuzzTargets/FuzzTarget.swift)
  --keep        afterwards add the inputs that reach new code to Tests/Fuzz/corpus
  --build-only  build and stop

example: Tests/Fuzz/run.sh --target core --runs 1000000

An input that crashes is kept in Tests/Fuzz/crashes/TARGET. `swift test` replays corpus and crashes.
TEXT
}

limit=(-max_total_time=60)
targets=()
build_only=false
keep=false
while [ $# -gt 0 ]; do
    case "$1" in
    --seconds) limit=("-max_total_time=$2"); shift 2 ;;
    --runs) limit=("-runs=$2"); shift 2 ;;
    --target) targets+=("$2"); shift 2 ;;
    --keep) keep=true; shift ;;
    --build-only) build_only=true; shift ;;
    -h | --help) usage; exit 0 ;;
    *) echo "run.sh: unknown option $1; see --help" >&2; exit 2 ;;
    esac
done
if [ ${#targets[@]} -eq 0 ]; then
    mapfile -t targets < <(sed -n 's/^    case \([a-zA-Z]*\)$/\1/p' Tests/FuzzTargets/FuzzTarget.swift)
fi

# The package manager can't link an executable with libFuzzer's own main, so the modules are compiled here, one by one.
out=.build-fuzz
mkdir -p "$out"
printf 'module CLinux { header "%s/Sources/CLinux/include/CLinux.h" export * }\n' "$PWD" >"$out/module.modulemap"
flags=(-O -swift-version 6 -package-name holdfast -sanitize=fuzzer -parse-as-library -I "$out" -I Sources/COpenSSL
    -I .build/checkouts/Yams/Sources/CYaml/include
    -enable-upcoming-feature MemberImportVisibility -enable-upcoming-feature InternalImportsByDefault
    -enable-upcoming-feature NonisolatedNonsendingByDefault -enable-upcoming-feature ImmutableWeakCaptures
    -enable-experimental-feature Lifetimes -suppress-warnings)
module() {
    local name=$1
    shift
    # A module is compiled anew only when it, or one that it imports, has changed.
    if [ -z "$stale" ] && [ -f "$out/$name.o" ] && [ -z "$(find "$@" Tests/Fuzz/run.sh -newer "$out/$name.o" -print -quit)" ]; then return; fi
    stale=yes
    echo "compiling $name"
    swiftc "${flags[@]}" -wmo -module-name "$name" -emit-module -emit-module-path "$out/$name.swiftmodule" -c "$@" -o "$out/$name.o"
}
stale=
clang -O2 -c Sources/CLinux/*.c -I Sources/CLinux/include -o "$out/CLinux.o"
module HoldfastWire $(find Sources/HoldfastWire -name '*.swift')
module HoldfastCore $(find Sources/HoldfastCore -name '*.swift')
module HoldfastTestSupport $(find Sources/HoldfastTestSupport -name '*.swift')
module HoldfastConnection $(find Sources/HoldfastConnection -name '*.swift')
module HoldfastClient $(find Sources/HoldfastClient -name '*.swift')
module HoldfastSystem $(find Sources/HoldfastSystem -name '*.swift')
module HoldfastIO $(find Sources/HoldfastIO -name '*.swift')
# The configuration's YAML parser, from where the package manager has put it.
[ -d .build/checkouts/Yams ] && [ -d .build/checkouts/swift-http-types ] || swift package resolve
yams=.build/checkouts/Yams/Sources
if [ ! -f "$out/Yams.o" ]; then
    echo "compiling Yams"
    (cd "$out" && clang -O2 -DYAML_DECLARE_STATIC -I "../$yams/CYaml/include" -c ../"$yams"/CYaml/src/*.c)
    swiftc -O -wmo -parse-as-library -suppress-warnings -D SWIFT_PACKAGE -Xcc -DYAML_DECLARE_STATIC -I "$yams/CYaml/include" -module-name Yams -emit-module \
        -emit-module-path "$out/Yams.swiftmodule" -c "$yams"/Yams/*.swift -o "$out/Yams.o"
fi
# HTTP's types, in which the control API has requests.
types=.build/checkouts/swift-http-types/Sources/HTTPTypes
if [ ! -f "$out/HTTPTypes.o" ]; then
    echo "compiling HTTPTypes"
    swiftc -O -wmo -parse-as-library -suppress-warnings -swift-version 5 -package-name swift-http-types -module-name HTTPTypes -emit-module \
        -emit-module-path "$out/HTTPTypes.swiftmodule" -c "$types"/*.swift -o "$out/HTTPTypes.o"
fi
# Without what needs the crypto library and the HTTP server.
module HoldfastGateway $(find Sources/HoldfastGateway/{Configuration,Text} -name '*.swift') Sources/HoldfastGateway/Ports/{PushRequest,RequestHash}.swift \
    Sources/HoldfastGateway/Tickets/{NonceSource,TicketKeys+File,TicketSealer}.swift \
    Sources/HoldfastGateway/Tokens/{TokenClaims,TokenKeyError,TokenParts,TokenScopes,TokenSecret,VerifiedToken,WrittenKeySet}.swift
module HoldfastControl $(find Sources/HoldfastControl/JSON -name '*.swift') Sources/HoldfastControl/Access/{BearerToken,Caller,HostName,Peer}.swift \
    Sources/HoldfastControl/Messages/{IdempotencyKey,MessageFields}.swift Sources/HoldfastControl/Operations/{Operation,Routes,Routes+Parameters}.swift \
    Sources/HoldfastControl/Problems/{Problem,ProblemKind}.swift Sources/HoldfastControl/Server/{AcceptHeader,ContentType,RequestID}.swift \
    Sources/HoldfastControl/Feed/{ConsumerFields,FeedQuery}.swift
module FuzzTargets $(find Tests/FuzzTargets -name '*.swift')
echo "linking"
swiftc "${flags[@]}" Tests/Fuzz/driver/Driver.swift "$out"/*.o -lssl -lcrypto -o "$out/fuzz"
$build_only && exit 0

# The runtime's backtraces would take the signal before libFuzzer, which then keeps no input.
export SWIFT_BACKTRACE=enable=no
failed=0
for target in "${targets[@]}"; do
    mkdir -p "Tests/Fuzz/corpus/$target" "Tests/Fuzz/crashes/$target" "$out/work/$target"
    echo "== $target"
    if ! FUZZ_TARGET=$target "$out/fuzz" "${limit[@]}" -timeout=10 -max_len=4096 -artifact_prefix="Tests/Fuzz/crashes/$target/" \
        -print_final_stats=1 "$out/work/$target" "Tests/Fuzz/corpus/$target" >"$out/$target.log" 2>&1; then
        failed=1
        echo "$target FAILED; the input is in Tests/Fuzz/crashes/$target, the log in $out/$target.log:"
        tail -n 30 "$out/$target.log"
    fi
    if $keep; then
        FUZZ_TARGET=$target "$out/fuzz" -set_cover_merge=1 -use_counters=0 "Tests/Fuzz/corpus/$target" "$out/work/$target" >/dev/null 2>&1
    fi
    grep -E 'DONE.*cov:|stat::number_of_executed_units|stat::average_exec' "$out/$target.log" | tail -n 3
done
exit $failed
