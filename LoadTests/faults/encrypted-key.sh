#!/usr/bin/env bash
# shows: an encrypted tlsKey is an error at once, on a terminal too; after SIGHUP the old key stays and SIGTERM ends the gateway
# short: yes
. LoadTests/faults/common.sh

needs openssl
needs script

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 -days 30 -keyout "$WORK/key.pem" -out "$WORK/cert.pem" \
    2>/dev/null
openssl pkcs8 -topk8 -in "$WORK/key.pem" -passout pass:secret -out "$WORK/encrypted.pem"
printf 'tlsCertificate: %s\ntlsKey: %s\n' "$WORK/cert.pem" "$WORK/tls.pem" >"$WORK/config.yaml"

# 1. A start, with a terminal to ask on.
cp "$WORK/encrypted.pem" "$WORK/tls.pem"
status=0
timeout 20 script -qec "holdfast serve --data $WORK/asks --listen 127.0.0.1:0 --tls-listen 127.0.0.1:0 --control-listen 127.0.0.1:0 --config $WORK/config.yaml" /dev/null \
    >"$WORK/asks.log" 2>&1 </dev/null || status=$?
[ "$status" = 66 ] || fail "a start with an encrypted key ends with $status: $(tail -n 3 "$WORK/asks.log")"
grep -q 'tls.pem.*not encrypted' "$WORK/asks.log" || fail "the error doesn't name the key: $(tail -n 3 "$WORK/asks.log")"

# 2. SIGHUP with an encrypted key, and with a pipe in its place.
cp "$WORK/key.pem" "$WORK/tls.pem"
start_gateway data --config "$WORK/config.yaml"
cp "$WORK/encrypted.pem" "$WORK/tls.pem"
kill -HUP "$gateway"
wait_until 10 grep -q 'the old one stays.*not encrypted' "$WORK/data.log" || fail "SIGHUP with an encrypted key isn't told: $(tail -n 3 "$WORK/data.log")"
rm "$WORK/tls.pem"
mkfifo "$WORK/tls.pem"
kill -HUP "$gateway"
wait_until 10 grep -q 'the old one stays.*not a regular file' "$WORK/data.log" || fail "SIGHUP with a pipe isn't told: $(tail -n 3 "$WORK/data.log")"
holdfast send --as alice --to bob --text still --server "$tls" --tls --trust "$WORK/cert.pem" --data "$WORK/data" >"$WORK/send" 2>&1 ||
    fail "the old certificate isn't in use: $(tail -n 3 "$WORK/send")"
kill "$gateway"
wait_until 15 has_ended "$gateway" || fail "the gateway doesn't end at SIGTERM"
echo "nobody was asked for a password: an error with code 66 at the start, the old key in use after SIGHUP, an end at SIGTERM"
