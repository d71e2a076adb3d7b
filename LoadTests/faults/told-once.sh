#!/usr/bin/env bash
# shows: what an operator can act on is in the log once, with what to do: a certificate that has expired, a client without our ALPN or without TLS
# short: yes
. LoadTests/faults/common.sh

needs openssl
needs faketime

faketime '2 years ago' openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -days 30 -keyout "$WORK/key.pem" \
    -out "$WORK/cert.pem" 2>/dev/null
printf 'tlsCertificate: %s\ntlsKey: %s\n' "$WORK/cert.pem" "$WORK/key.pem" >"$WORK/config.yaml"
start_gateway data --config "$WORK/config.yaml"
for _ in 1 2 3; do
    openssl s_client -connect "$tls" -alpn h2 </dev/null >/dev/null 2>&1 || true
    printf 'GET / HTTP/1.1\r\n\r\n' >"/dev/tcp/127.0.0.1/${tls##*:}" || true
    holdfast send --as alice --to bob --text a --server "$tls" --tls --trust "$WORK/cert.pem" --data "$WORK/data" --timeout 1s >/dev/null 2>&1 || true
done
# lines TEXT: how many lines of the log have it.
lines() { grep -c "$1" "$WORK/data.log" || true; }
is_told() { [ "$(lines "$1")" -ge 1 ]; }
for text in 'the certificate has expired.*do=' 'none of our protocols.*do=' "doesn't speak TLS.*do=" "doesn't accept the certificate.*do="; do
    wait_until 10 is_told "$text" || fail "the log has no line with: $text"
    [ "$(lines "$text")" = 1 ] || fail "the log has $(lines "$text") lines with: $text"
done
holdfast doctor --config "$WORK/config.yaml" --data "$WORK/data" >"$WORK/doctor" 2>&1 || true
grep -q '^fail  certificate .*expired' "$WORK/doctor" || fail "doctor says nothing of an expired certificate: $(cat "$WORK/doctor")"
echo "4 of 4 matters in the log once, and the certificate in doctor"
