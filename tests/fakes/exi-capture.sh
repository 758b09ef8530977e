#!/bin/sh
# exi-capture.sh OUT.pcapng SESSION.json [options of exi-talk.py]
#
# Plays a session between two network namespaces of its own, car and charger, joined by a veth pair, and
# captures it with dumpcap on the car's side. Prints what exi-talk.py prints. Exit 77 where this machine
# doesn't permit namespaces. With LOOPBACK=any or LOOPBACK=lo both ends are on the loopback and that
# interface is captured, which gives other link types.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
if [ -z "${EXI_INSIDE:-}" ]; then
	unshare -rn true 2>/dev/null || exit 77
	EXI_INSIDE=1 exec unshare -rn "$0" "$@"
fi
out=$1 session=$2
shift 2
ip link set lo up
# Poll for what a command says, at most 10 s.
await() {
	for _ in $(seq 200); do
		! "$@" >/dev/null 2>&1 || return 0
		sleep 0.05
	done
	echo "exi-capture: waited in vain: $*" >&2
	return 1
}
apart() {
	[ "$(readlink /proc/self/ns/net)" != "$(readlink "/proc/$peer/ns/net")" ]
}
peer='' capture=''
trap 'kill $peer $capture 2>/dev/null || true' EXIT
if [ -n "${LOOPBACK:-}" ]; then
	interface=$LOOPBACK
	set -- ::1 "$@"
else
	interface=car
	unshare -n sleep 60 &
	peer=$!
	await apart
	ip link add car address 02:00:00:00:00:01 type veth \
		peer name evse address 02:00:00:00:00:02
	ip link set evse netns "$peer"
	nsenter -t "$peer" -n sh -c 'ip addr add fe80::2/64 dev evse nodad && ip link set evse up'
	ip addr add fe80::1/64 dev car nodad
	ip link set car up
	set -- fe80::2 --interface car --peer-netns "/proc/$peer/ns/net" --peer-interface evse "$@"
fi
rm -f "$out"
dumpcap -q ${FORMAT:+"$FORMAT"} -i "$interface" -w "$out" 2>"$out.err" &
capture=$!
# dumpcap names its file when it captures.
await grep -q 'File: ' "$out.err"
/usr/bin/python3 "$here/exi-talk.py" "$session" "$@"
# What was sent last is captured when the size stays the same for half a second.
size=-1
while [ "$size" != "$(stat -c %s "$out")" ]; do
	size=$(stat -c %s "$out")
	sleep 0.5
done
kill -INT "$capture"
wait "$capture"
capture=''
rm -f "$out.err"
