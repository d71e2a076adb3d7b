#!/usr/bin/env bash
# shows: what /metrics tells is read by promtool, by Python's prometheus-client and by Prometheus, and counts what clients did
# short: yes
. LoadTests/faults/common.sh

# Debian's Prometheus and PyPI's client library; what can't be had is said.
root=$([ "$(id -u)" = 0 ] || command -v sudo || true)
for program in prometheus promtool curl; do
    command -v $program >/dev/null || { $root apt-get update -qq && $root apt-get install -y -qq prometheus curl; } >/dev/null 2>&1 || true
    needs $program
done
python3 -m venv "$WORK/python" >/dev/null 2>&1 || skip "needs python3-venv"
"$WORK/python/bin/pip" install -q "prometheus-client>=0.20,<1" >"$WORK/pip.log" 2>&1 || skip "needs PyPI: $(tail -n 1 "$WORK/pip.log")"

start_gateway data
control=$(sed -n 's/^ready .*control=\([^ ]*\).*/\1/p' "$WORK/data.ready")
scrape() { curl -fsS -D "$WORK/$1.head" -o "$WORK/$1" "http://$control/metrics"; }

scrape before
grep -qi '^content-type: text/plain; version=0.0.4' "$WORK/before.head" || fail "not the content type of the text format: $(cat "$WORK/before.head")"
seq 500 | holdfast send --as alice --to bob --lines --server "$tcp" --data "$WORK/data" >"$WORK/send" 2>&1 || fail "$(tail -n 3 "$WORK/send")"
holdfast receive --as bob --count 300 --server "$tcp" --data "$WORK/data" >"$WORK/receive" 2>&1 || fail "$(tail -n 3 "$WORK/receive")"
scrape after

# Exit code 3: the text is right, and a name isn't as Prometheus wants it.
promtool check metrics <"$WORK/after" >"$WORK/promtool" 2>&1 || fail "promtool: $(cat "$WORK/promtool")"

"$WORK/python/bin/python" - "$WORK/before" "$WORK/after" <<'PYTHON' || fail "prometheus-client doesn't read what it should"
import math, sys
from prometheus_client.parser import text_string_to_metric_families

def read(path):
    families = {}
    for family in text_string_to_metric_families(open(path).read()):
        assert family.name not in families, f"{family.name} comes twice"
        assert family.documentation, f"{family.name} has no help"
        assert family.type in ("counter", "gauge", "histogram"), f"{family.name} is a {family.type}"
        families[family.name] = family
    return families

def values(families, *types):
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for f in families.values() if f.type in types for s in f.samples}

before, after = read(sys.argv[1]), read(sys.argv[2])
for key, value in values(after, "counter", "histogram").items():
    assert math.isfinite(value) and value >= values(before, "counter", "histogram").get(key, 0), f"{key} fell to {value}"
for family in after.values():
    if family.type == "histogram":
        for sample in family.samples:
            if sample.name.endswith("_bucket") and sample.labels["le"] == "+Inf":
                rest = {name: value for name, value in sample.labels.items() if name != "le"}
                count = [s.value for s in family.samples if s.name == family.name + "_count" and s.labels == rest]
                assert count == [sample.value], f"{family.name}: +Inf says {sample.value}, the count {count}"
    for sample in family.samples:
        told = set(sample.labels) & {"user", "device", "address", "token", "session"}
        assert not told, f"{sample.name} tells of {told}"
        assert not {"alice", "bob"} & set(sample.labels.values()), f"{sample.name} names a user"

now = values(after, "counter", "gauge", "histogram")
expected = {
    ("holdfast_messages_received_total", ()): 500,
    ("holdfast_messages_stored_total", (("source", "client"),)): 500,
    ("holdfast_messages_confirmed_total", ()): 500,
    ("holdfast_sent_latency_seconds_count", ()): 500,
    ("holdfast_openings_total", (("outcome", "token"),)): 2,
    ("holdfast_messages_lost_total", (("reason", "expired"),)): 0,
}
for key, value in expected.items():
    assert now[key] == value, f"{key} is {now[key]}, not {value}"
assert now[("holdfast_messages_delivered_total", ())] >= 300
assert 1 <= now[("holdfast_undelivered_messages", ())] <= 500
assert now[("holdfast_journal_commit_seconds_count", ())] >= 1
PYTHON

# What the runbook says to alert on is good PromQL of metrics that there are.
{
    echo 'groups: [{name: runbook, rules: ['
    sed -n '/^| alert | expression/,/^$/p' Sources/holdfast/RUNBOOK.md | sed -n 's/^| [^`|]*| `\([^`]*\)`.*/\1/p' | while read -r expression; do
        printf '{alert: A, expr: "%s"},\n' "${expression//\"/\\\"}"
    done
    echo ']}]'
} >"$WORK/rules.yaml"
[ "$(grep -c alert: "$WORK/rules.yaml")" -ge 8 ] || fail "the runbook's table of alerts isn't found"
promtool check rules "$WORK/rules.yaml" >"$WORK/promtool" 2>&1 || fail "promtool: $(cat "$WORK/promtool")"
for name in $(grep -o '\(holdfast\|process\)_[a-z_]*' "$WORK/rules.yaml" | sed 's/_bucket$//' | sort -u); do
    grep -q "^# TYPE $name " "$WORK/after" || fail "the runbook alerts on $name, which there isn't"
done

# Prometheus itself.
port=$("$WORK/python/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
printf 'scrape_configs: [{job_name: holdfast, scrape_interval: 1s, static_configs: [{targets: ["%s"]}]}]\n' "$control" >"$WORK/prometheus.yaml"
prometheus --config.file "$WORK/prometheus.yaml" --storage.tsdb.path "$WORK/tsdb" --web.listen-address "127.0.0.1:$port" >"$WORK/prometheus.log" 2>&1 &
processes+=($!)
knows() { curl -fsS --data-urlencode "query=$1" "http://127.0.0.1:$port/api/v1/query" 2>/dev/null | grep -q '"value":\[[^]]*"'"$2"'"'; }
wait_until 30 knows 'holdfast_messages_stored_total{source="client"}' 500 || fail "Prometheus doesn't know the messages: $(tail -n 3 "$WORK/prometheus.log")"
knows 'up{job="holdfast"}' 1 || fail "Prometheus says that the gateway is down"

stop_gateway || fail "the gateway ended with $?"
echo "$(grep -c '^# TYPE' "$WORK/after") metrics, read by promtool, prometheus-client and Prometheus"
