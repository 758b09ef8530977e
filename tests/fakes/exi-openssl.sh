#!/bin/sh
# exi-openssl.sh OUT.pcapng KEYS: in a network namespace without anything, has openssl s_client send ./frame to
# openssl s_server twice with a key update between, under the TLS 1.3 cipher suite $SUITE, and captures that.
# ./key.pem holds the server's key and certificate.
set -eu
out=$1 keys=$2
ip link set lo up
await() {
	for _ in $(seq 200); do
		! "$@" >/dev/null 2>&1 || return 0
		sleep 0.05
	done
	echo "exi-openssl: waited in vain: $*" >&2
	return 1
}
grows() {
	[ "$(stat -c %s got)" -ge "$1" ]
}
rm -f "$out"
: >got
rm -f hold
trap 'kill $server $capture 2>/dev/null || true' EXIT
server='' capture=''
dumpcap -q -i lo -w "$out" 2>"$out.err" &
capture=$!
await grep -q 'File: ' "$out.err"
mkfifo hold
exec 5<>hold
openssl s_server -accept '[::1]:49152' -cert key.pem -key key.pem -tls1_3 -ciphersuites "$SUITE" -quiet -naccept 1 >got 2>server.err <hold &
server=$!
await grep -q ":C000 " /proc/net/tcp6
{
	cat frame
	await grows 12
	echo K
	sleep 0.3
	cat frame
	await grows 24
} | openssl s_client -connect '[::1]:49152' -tls1_3 -ciphersuites "$SUITE" -keylogfile "$keys" >client.out 2>&1 || true
size=-1
while [ "$size" != "$(stat -c %s "$out")" ]; do
	size=$(stat -c %s "$out")
	sleep 0.5
done
kill -INT "$capture"
wait "$capture" || true
capture=''
