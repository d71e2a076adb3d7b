#!/usr/bin/env bash
# shows: haproxy and nginx in front, PROXY versions 1 and 2, to the plain and the TLS port; health checks leave no line; a balancer that isn't listed ends no client
# short: yes
. LoadTests/faults/common.sh
needs haproxy

port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
needs python3
# 127.0.0.2 is a listed balancer, 127.0.0.3 one that nobody listed.
printf 'proxyProtocolFrom: [127.0.0.2]\nheartbeatSecondsMin: 30\n' >"$WORK/data.yaml"
start_gateway data --config "$WORK/data.yaml"
started=$(wc -l <"$WORK/data.log")
v2=$(port) v1=$(port) tls2=$(port) stranger=$(port) stats=$(port)
cat >"$WORK/haproxy.cfg" <<TEXT
global
    stats timeout 5s
defaults
    mode tcp
    timeout connect 5s
    # Longer than heartbeatSecondsMin and the 20 s that a client waits for an answer, or quiet connections are cut.
    timeout client 60s
    timeout server 60s
listen version2
    bind 127.0.0.1:$v2
    option tcp-check
    tcp-check send-binary 8c48464401
    tcp-check expect binary 02
    server gateway $tcp source 127.0.0.2 send-proxy-v2 check check-send-proxy inter 200ms
listen version1
    bind 127.0.0.1:$v1
    server gateway $tcp source 127.0.0.2 send-proxy check check-send-proxy inter 200ms
listen tls
    bind 127.0.0.1:$tls2
    option tcp-check
    tcp-check send-binary 8c48464401
    tcp-check expect binary 02
    server gateway $tls source 127.0.0.2 send-proxy-v2 check check-send-proxy check-ssl verify none check-alpn holdfast/1 inter 200ms
listen connect-only
    bind 127.0.0.1:$(port)
    server gateway $tls source 127.0.0.3 check inter 200ms
listen stranger
    bind 127.0.0.1:$stranger
    server gateway $tcp source 127.0.0.3 send-proxy-v2
listen stats
    mode http
    bind 127.0.0.1:$stats
    stats enable
    stats uri /
TEXT
haproxy -db -f "$WORK/haproxy.cfg" >"$WORK/haproxy.log" 2>&1 &
processes+=($!)

ports="$v2 $v1"
module=${NGINX_STREAM_MODULE:-/usr/lib/nginx/modules/ngx_stream_module.so}
nginx="nginx was left out: it, or its stream module, isn't there"
if command -v nginx >/dev/null && [ -f "$module" ]; then
    nginx1=$(port)
    cat >"$WORK/nginx.conf" <<TEXT
load_module $module;
daemon off;
pid $WORK/nginx.pid;
error_log $WORK/nginx.log;
events {}
stream {
    server {
        listen 127.0.0.1:$nginx1;
        proxy_bind 127.0.0.2;
        proxy_pass $tcp;
        proxy_protocol on;
        proxy_timeout 60s;
    }
}
TEXT
    nginx -c "$WORK/nginx.conf" -e "$WORK/nginx.log" >>"$WORK/nginx.log" 2>&1 &
    processes+=($!)
    ports="$ports $nginx1"
    nginx="and nginx"
fi

states() { python3 -c 'import sys, urllib.request; sys.stdout.write(urllib.request.urlopen(sys.argv[1]).read().decode())' "http://127.0.0.1:$stats/;csv"; }
are_up() { [ "$(states 2>/dev/null | grep -c '^[a-z0-9-]*,gateway,.*,UP,')" = 4 ]; }
wait_until 10 are_up || fail "haproxy's checks don't find the gateway: $(states | grep ',gateway,' | cut -c1-300)"

sent=0
exchange() {
    holdfast send "$@" --data "$WORK/data" --as alice --to bob --text "$sent" >/dev/null || fail "not sent through $*"
    sent=$((sent + 1))
    holdfast receive "$@" --data "$WORK/data" --as bob --count 1 --timeout 10s >/dev/null || fail "not received through $*"
}
for through in $ports; do exchange --server "127.0.0.1:$through"; done
exchange --server "127.0.0.1:$tls2" --tls
sleep 1
are_up || fail "a check failed meanwhile: $(states | grep ',gateway,' | cut -c1-300)"
lines=$(tail -n +$((started + 1)) "$WORK/data.log")
[ -z "$lines" ] || fail "checks and good headers leave lines: $(head -n 3 <<<"$lines")"

# A balancer that nobody listed: the client is told nothing, goes on trying, and is there when the configuration is put right.
holdfast send --server "127.0.0.1:$stranger" --data "$WORK/data" --as alice --to bob --text late >/dev/null 2>"$WORK/send.log" &
sender=$!
processes+=($sender)
named() { grep -q '127\.0\.0\.3.*proxyProtocolFrom\|proxyProtocolFrom.*127\.0\.0\.3' "$WORK/data.log"; }
wait_until 5 named || fail "the address of the balancer isn't in the log: $(tail -n 3 "$WORK/data.log")"
sleep 2
kill -0 "$sender" 2>/dev/null || fail "the client gave up: $(cat "$WORK/send.log")"
[ "$(grep -c '127\.0\.0\.3' "$WORK/data.log")" = 1 ] || fail "the address is named more than once"
echo "haproxy $nginx: $sent of $sent messages through versions 1 and 2, plain and TLS; 4 of 4 checks up without a line; 1 line for the stranger, whose client goes on"
