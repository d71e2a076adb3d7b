#!/usr/bin/env bash
# Plants a bug at a time into the gateway's core or the client machine and runs the simulator until it finds it.
set -euo pipefail
cd "$(dirname "$0")/../.."

usage() {
    cat <<'TEXT'
usage: Tests/Planted/run.sh [--bug NAME] [--seeds N] [--pin]

  --bug NAME   only this one (see Sources/HoldfastWire/PlantedBug.swift)
  --seeds N    seeds until it must be found, for one that has no pinned seed (default 1000)
  --pin        prints the first seed that finds each bug, for Sources/HoldfastSimulator/Running/PinnedSeed.swift

example: Tests/Planted/run.sh --bug acknowledgeBeforeSync

Compiles the simulator and what it runs with -D PLANTED_BUGS, apart from all other builds. Prints for each bug the first seed that found it and
what was wrong, and first the same seeds without a bug. Exit code 1 when a bug wasn't found, or something was found where there is none.
TEXT
}

bugs=()
seeds=1000
pin=()
while [ $# -gt 0 ]; do
    case "$1" in
    --bug) bugs+=("$2"); shift 2 ;;
    --seeds) seeds=$2; shift 2 ;;
    --pin) pin=(--pin); shift ;;
    -h | --help) usage; exit 0 ;;
    *) echo "run.sh: unknown option $1; see --help" >&2; exit 2 ;;
    esac
done

out=.build-planted
mkdir -p "$out"
flags=(-O -wmo -swift-version 6 -package-name holdfast -parse-as-library -D PLANTED_BUGS -I "$out"
    -enable-upcoming-feature MemberImportVisibility -enable-upcoming-feature InternalImportsByDefault
    -enable-upcoming-feature NonisolatedNonsendingByDefault -enable-upcoming-feature ImmutableWeakCaptures
    -enable-experimental-feature Lifetimes -suppress-warnings)
for name in HoldfastWire HoldfastCore HoldfastTestSupport HoldfastConnection HoldfastClient HoldfastSimulator; do
    echo "compiling $name"
    # shellcheck disable=SC2046
    swiftc "${flags[@]}" -module-name "$name" -emit-module -emit-module-path "$out/$name.swiftmodule" \
        -c $(find "Sources/$name" -name '*.swift') -o "$out/$name.o"
done
echo "linking"
swiftc "${flags[@]}" Tests/Planted/driver/Driver.swift "$out"/*.o -o "$out/planted"
exec "$out/planted" ${pin[@]+"${pin[@]}"} "$seeds" ${bugs[@]+"${bugs[@]}"}
