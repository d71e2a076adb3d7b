# What the measurements of the control API share: a gateway, wrk, and their end. Sourced from the tree's root with `bin` as the folder of the build.

[ -x "$bin/holdfast" ] && [ -x "$bin/holdfast-load" ] || { echo "$(basename "$0"): build first: swift build -c release" >&2; exit 2; }
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
fail() { echo "$(basename "$0"): $*" >&2; exit 1; }
ready() { for _ in $(seq 1200); do grep -q '^ready' "$1" && return; sleep 0.1; done; fail "no server: $(tail -n 3 "$1.log")"; }

# median NUMBERS...
median() { printf '%s\n' "$@" | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

# Rates are for what a caller may do, and one caller is all there is here.
printf 'controlRequestsMax: 1000000000\ncontrolRequestsSeconds: 1\nidempotencyKeysMax: 100000000\n' >"$work/holdfast.yaml"
if [ "${keys:-0}" -ge 1000 ]; then "$bin/holdfast-load" fill --data "$work/data" --users "$((keys / 10))" --messages 10 --pushed >&2; fi
"$bin/holdfast" serve --data "$work/data" --config "$work/holdfast.yaml" --listen 127.0.0.1:0 --tls-listen 127.0.0.1:0 --control-listen 127.0.0.1:0 \
    >"$work/gateway" 2>"$work/gateway.log" &
gateway_process=$!
processes+=("$gateway_process")
ready "$work/gateway"
listen=$(sed -n 's/^ready tcp=\([^ ]*\).*/\1/p' "$work/gateway")
gateway=$(sed -n 's/^ready .*control=\([^ ]*\).*/\1/p' "$work/gateway")
token=$("$bin/holdfast" token --data "$work/data" --user shop --role service --scopes push --ttl 1h)

# requests ADDRESS CONNECTIONS SECONDS [RATE]: answered a second.
requests() {
    wrk -t 1 -c "$2" -d "${3}s" -s LoadTests/http/push.lua "http://$1" "$token" "${4:-0}" "$2" >"$work/wrk" 2>&1
    if grep -q "FAILED\|Non-2xx\|Socket errors" "$work/wrk"; then fail "$(grep "FAILED\|Non-2xx\|Socket errors" "$work/wrk" | head -n 2)"; fi
    sed -n 's/^Requests\/sec: *//p' "$work/wrk"
}
