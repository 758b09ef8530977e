#!/usr/bin/env bats
# evse-clock: how wrong the clock may be (DAT-1, DAT-4), by a real chronyd, a told back office, and none at all.

bats_require_minimum_version 1.5.0

setup() {
	BUILD=${EVSE_BUILD:-$BATS_TEST_DIRNAME/../../build}
	PATH=${EVSE_BIN:-$BUILD/bin}:$PATH
	export LC_ALL=C
	unset EVSE_BUS EVSE_SPOOL
	cd "$BATS_TEST_TMPDIR" || return
	PIDS=
	SPACES=
	# Nothing of this machine: a port where nobody listens, directories that are not there.
	ALONE="--chrony 127.0.0.1:9 --timesync-dir none --rtc none"
}

teardown() {
	for pid in $PIDS; do
		kill -KILL "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	for s in $SPACES; do ip netns del "$s" 2>/dev/null || true; done
}

until_true() {
	for _ in $(seq 500); do
		if "$@" >/dev/null 2>&1; then return 0; fi
		sleep 0.02
	done
	echo "never true: $*" >&2
	return 1
}
has() { jq -es "any(.[]; $1)" out; }
clocks() { jq -c 'select(.type=="clock")' "$@"; }

# uplink T COUNT OFFSET: as evse-ocpp tells it
uplink() {
	printf '{"t":"%s","type":"uplink","src":"ocpp.uplink","n":"o.%s","connected":true,"clock":{"offset_ms":%s,"rtt_ms":4,"resolution_ms":1,"at":"%s"}}\n' "$1" "$2" "$3" "$1"
}

@test "without any source it says so, and that it does not know" {
	run -0 --separate-stderr evse-clock $ALONE --interval 0.1 --count 3
	[ "$(clocks <<<"$output" | jq -s 'length')" = 2 ]
	clocks <<<"$output" | jq -e '.synced == false and .source == "none" and .bound_ms == null and .within_10ms == false and .last_sync == null'
	# the pair: the same instant on both clocks, with the boot it belongs to
	clocks <<<"$output" | jq -se 'def ms: .real[20:23] | tonumber; .[0].boot_id == "'"$(cat /proc/sys/kernel/random/boot_id)"'" and
		((.[1].boot_ms - .[0].boot_ms) - ((.[1] | ms) - (.[0] | ms) + 1000) | fabs | . < 1.001 or (. - 1000 | fabs) < 1.001)'
}

@test "usage, end of input, broken pipe, /dev/full, SIGTERM" {
	run -64 --separate-stderr evse-clock --nonsense
	run -64 --separate-stderr evse-clock --interval 0
	run -78 --separate-stderr evse-clock --chrony not.an.address:x
	run -0 evse-clock --help
	run -0 bash -c "evse-clock $ALONE --interval 0.05 | head -n 1"
	run -74 --separate-stderr bash -c "evse-clock $ALONE --interval 0.05 --count 5 >/dev/full"
	evse-clock $ALONE --interval 0.1 </dev/null >out 3>&- &
	PIDS=$!
	until_true has '.type == "clock"' # the end of input means nothing
	kill -TERM $!
	wait $!
}

@test "lines that are no records are counted and skipped" {
	{
		head -c 70000 /dev/zero | tr '\0' 'x'
		echo
		echo '{"t":"2026-11-22T10:00:00Z","type":"uplink"'
		uplink 2026-11-22T10:00:00.000Z 1 '"x"'
		uplink "$(date -u +%FT%T.000Z)" 2 3
	} >in
	run -0 --separate-stderr evse-clock $ALONE --interval 0.1 --count 4 <in
	[[ "$stderr" == *"line 1"* && "$stderr" == *"line 2"* ]]
	clocks <<<"$output" | jq -se 'last | .source == "ocpp"'
}

@test "the back office's clock bounds ours, and a lost week is told (DAT-4)" {
	uplink 2026-11-22T10:00:00.000Z 1 3 >in
	EVSE_CLOCK=$PWD/clock "$BUILD/tests/test-clock" clock 2026-11-22T10:00:01Z 691200 1 >steps 3>&- &
	PIDS=$!
	until_true test -S clock
	EVSE_CLOCK=$PWD/clock evse-clock $ALONE --interval 3600 -d state <in >out 2>err || true
	clocks out | jq -se 'map(select(.source == "ocpp")) | .[0] | .synced and .within_10ms and .offset_ms == 3 and .bound_ms < 6'
	# over 10 ms within minutes, unsynchronised after a day without a Heartbeat, 30 s and more after a week
	has '.cause == "bound" and .within_10ms == false and .synced'
	has '.cause == "lost" and .synced == false'
	jq -se 'map(select(.type == "alert" and .raised and .code == "unsynchronised")) | length == 1' out
	clocks out | jq -se 'last | .holdover_s > 600000 and .bound_ms > 30000 and .bound_ms < 40000'
	grep -q '"overdue":true' state/clock
}

@test "a restart goes on in holdover" {
	uplink "$(date -u +%FT%T.000Z)" 1 0 >in
	evse-clock $ALONE --interval 0.1 -d state --count 4 <in >first
	clocks first | jq -se 'last | .synced and .source == "ocpp"'
	evse-clock $ALONE --interval 0.1 -d state --count 2 </dev/null >out
	clocks out | jq -se 'length >= 1 and all(.[]; .synced == false and .source == "ocpp" and .last_sync != null and .bound_ms != null)'
}

@test "a step of the clock is told with its size, and order survives" {
	lib=$(echo /usr/lib/*/faketime/libfaketimeMT.so.1)
	[ -r "$lib" ] || skip "faketime is not installed"
	if ldd "$(command -v evse-clock)" | grep -q libasan; then skip "faketime does not go with the address sanitizer"; fi
	echo '+0' >offset
	uplink "$(date -u +%FT%T.000Z)" 1 0 >in
	LD_PRELOAD=$lib FAKETIME_TIMESTAMP_FILE=$PWD/offset FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1 \
		evse-clock $ALONE --interval 0.1 <in >out 2>err 3>&- &
	PIDS=$!
	until_true has '.type == "clock" and .source == "ocpp"'
	echo '+3600' >offset
	until_true has '.type == "security"'
	has '.type == "security" and .event == "SettingSystemTime" and ((.step_ms - 3600000) | fabs) < 50'
	has '.type == "clock" and .cause == "step" and ((.step_ms - 3600000) | fabs) < 50 and .bound_ms >= 3599950 and .within_10ms == false and .steps == 1'
	echo '-3600' >offset
	until_true has '.type == "clock" and .cause == "step" and .step_ms < -7000000 and .steps == 2'
	jq -se 'map(.m) | . == sort' out
}

@test "timesyncd is asked through timedatectl, which may hang" {
	mkdir sync && touch sync/synchronized
	printf '#!/bin/sh\ncat <<END\nPoll interval: 1min 4s (min: 32s; max 34min 8s)\n         Leap: normal\n      Stratum: 2\nRoot distance: 1.2ms (max: 5s)\n       Offset: +1.5ms\n        Delay: 2ms\n       Jitter: 300us\n    Frequency: +7ppm\nEND\n' >told
	printf '#!/bin/sh\nexec sleep 60\n' >hangs
	chmod +x told hangs
	run -0 --separate-stderr evse-clock --chrony 127.0.0.1:9 --rtc none --timesync-dir sync --timedatectl ./told --interval 0.2 --count 2
	clocks <<<"$output" | jq -e '.synced and .source == "timesyncd" and .bound_ms >= 4 and .bound_ms < 10 and .drift_ppm == 7'
	SECONDS=0
	run -0 --separate-stderr evse-clock --chrony 127.0.0.1:9 --rtc none --timesync-dir sync --timedatectl ./hangs --interval 2 --count 2
	[ "$SECONDS" -le 3 ]
	clocks <<<"$output" | jq -e '.synced == false'
}

@test "the RTC is told beside it" {
	mkdir rtc && date -u +%s >rtc/since_epoch
	run -0 --separate-stderr evse-clock --chrony 127.0.0.1:9 --timesync-dir none --rtc rtc --count 2
	clocks <<<"$output" | jq -e '.synced == false and .source == "rtc" and (.rtc_offset_ms | fabs) < 3000'
}

@test "what a journal holds is said again, byte for byte" {
	uplink "$(date -u +%FT%T.000Z)" 1 2 >in
	evse-clock $ALONE --interval 0.1 --count 6 --journal j <in >live
	evse-clock $ALONE --interval 0.1 --count 6 --replay j >again
	cmp live again
}

@test "a real chronyd that follows another one, in namespaces of their own (DAT-1)" {
	command -v chronyd >/dev/null || skip "chrony is not installed"
	a=evA$$ b=evB$$
	ip netns add "$a" 2>/dev/null || skip "network namespaces are not permitted here"
	SPACES="$a $b"
	ip netns add "$b"
	ip link add name "v$$" netns "$a" type veth peer name "v$$" netns "$b" || skip "no veth here"
	for n in "$a" "$b"; do
		ip -n "$n" link set lo up || skip "ip cannot enter a namespace here"
		ip -n "$n" link set "v$$" up
	done
	ip -n "$a" addr add 10.9.9.1/24 dev "v$$"
	ip -n "$b" addr add 10.9.9.2/24 dev "v$$"
	# -x: neither touches this machine's clock
	printf 'local stratum 1\nallow all\nbindcmdaddress /\ncmdport 0\npidfile %s/a.pid\n' "$PWD" >a.conf
	printf 'server 10.9.9.1 iburst minpoll 0 maxpoll 0\nbindcmdaddress 127.0.0.1\npidfile %s/b.pid\n' "$PWD" >b.conf
	ip netns exec "$a" chronyd -x -d -u root -f a.conf >a.log 2>&1 3>&- &
	PIDS=$!
	ip netns exec "$b" chronyd -x -d -u root -f b.conf >b.log 2>&1 3>&- &
	B=$!
	PIDS="$PIDS $B"
	ip netns exec "$b" evse-clock --timesync-dir none --rtc none --interval 0.5 </dev/null >out 2>err 3>&- &
	PIDS="$PIDS $!"
	until_true has '.synced and .source == "chrony" and .within_10ms'
	# the same figures as chrony's own client, to a millisecond
	bound=$(ip netns exec "$b" chronyc -c tracking | awk -F, '{ o = $5 < 0 ? -$5 : $5; print 1000 * (o + $11 / 2 + $12) }')
	clocks out | jq -se --argjson b "$bound" 'last | (.bound_ms - $b | fabs) < 1 and .bound_ms >= (.offset_ms | fabs)'
	# gone: from the next question on it is holdover, and the bound grows
	kill -TERM "$B"
	until_true has '.cause == "lost" and .synced == false and .source == "chrony"'
	until_true has '.synced == false and .holdover_s >= 2'
	# (only since it was last synchronised: chronyd may lose and find its server while it starts)
	clocks out | jq -se '(map(.synced) | rindex(true)) as $i | .[$i + 1:] | map(.bound_ms) | . == sort and last > first'
}

@test "in a charger the back office's clock is a source, and evse-status tells the bound" {
	EVSE_BUILD=$BUILD
	# shellcheck source=tests/lib/charger.bash
	. "$BATS_TEST_DIRNAME/../lib/charger.bash"
	charger_start '.clock += {"source": "ocpp"}'
	wait_record 20 clock '.source == "ocpp" and .synced and .bound_ms < 1000' >told || { charger_stop; return 1; }
	evse-status >status || true
	charger_stop
	grep -q 'synchronised (ocpp), off by' status
	jq -e '.offset_ms | fabs < 500' told
}
