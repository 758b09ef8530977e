#!/usr/bin/env bats
# evse-plot: pictures of records.

bats_require_minimum_version 1.5.0

setup() {
	PATH=${EVSE_BIN:-$BATS_TEST_DIRNAME/../../build/bin}:$PATH
	export LC_ALL=C
	unset COLUMNS
	cd "$BATS_TEST_TMPDIR" || return
	awk 'BEGIN { for (i = 0; i < 3600; i++) {
		t = sprintf("2026-11-22T10:%02d:%02d.000Z", i / 60, i % 60)
		for (e = 1; e <= 2; e++) {
			printf "{\"t\":\"%s\",\"type\":\"meter\",\"src\":\"meter.%d\",\"n\":\"a.%d\",\"evse\":%d,\"current_a\":[%d,0,0],\"power_total_w\":%d,\"freq_hz\":50}\n", t, e, i, e, 6 + e, 1000 * e + i
			if (i % 5 == 0) printf "{\"t\":\"%s\",\"type\":\"pilot\",\"src\":\"pilot.%d\",\"n\":\"b.%d\",\"evse\":%d,\"limit_a\":16}\n", t, e, i, e
			if (i == 60 || i == 3000) printf "{\"t\":\"%s\",\"type\":\"session\",\"src\":\"session.%d\",\"n\":\"c.%d\",\"evse\":%d,\"id\":\"s%d\",\"reading\":{\"import_wh\":%d}}\n", t, e, i, e, e, i * e }
	} }' >records
}

@test "an SVG that is XML, with its panels, its names and its times" {
	evse-plot <records >p.svg
	/usr/bin/python3 -c 'import xml.dom.minidom as m; m.parse("p.svg")'
	for text in 'Power, kW' 'Current and signalled limit, A' 'Frequency, Hz' 'Energy by session, kWh' 'EVSE 2 limit' '22 Nov 10:00' '10:30' '22 Nov 2026 10:00:00 – 22 Nov 2026 10:59:59 UTC'; do
		grep -q "$text" p.svg
	done
	[ "$(wc -c <p.svg)" -lt 200000 ]
	if command -v rsvg-convert >/dev/null; then rsvg-convert -o p.png p.svg && [ "$(wc -c <p.png)" -gt 5000 ]; fi
}

@test "ranges, panels and one EVSE" {
	evse-plot --what power --evse 2 --from 2026-11-22T10:10:00Z --to 2026-11-22T10:20:00Z --title 'a & b' <records >p.svg
	grep -q '22 Nov 2026 10:10:00 – 22 Nov 2026 10:20:00 UTC' p.svg
	grep -q 'a &#38; b' p.svg
	run ! grep -q 'EVSE 1\|Frequency' p.svg
	run -1 --separate-stderr evse-plot --what soc <records
	run -1 --separate-stderr evse-plot --from 2027-01-01T00:00:00Z <records
	[ -z "$output" ]
}

@test "in a terminal: dots and bars, colours only there" {
	evse-plot --term --width 80 <records >p.txt
	grep -q 'Power, kW:  ━━ EVSE 1' p.txt && grep -q 'Power, kW:  ━━ EVSE 2' p.txt
	grep -q '⠉\|⣀\|⠤' p.txt
	grep -q 'EVSE 2 *5.88 █' p.txt
	run ! grep -q $'\e' p.txt
	/usr/bin/python3 -c 'assert max(len(l.rstrip("\n")) for l in open("p.txt", encoding="utf-8")) <= 80'
	script -qec 'evse-plot --term --width 80 --what power <records' /dev/null >tty.txt </dev/null
	grep -q $'\e\[34m' tty.txt
	evse-plot --term --colour always <records | grep -q $'\e\[33m'
}

@test "usage, empty input, broken pipe, /dev/full, lines that are no records" {
	run -64 --separate-stderr evse-plot --what colour </dev/null
	run -64 --separate-stderr evse-plot --from yesterday </dev/null
	run -64 --separate-stderr evse-plot --from 2026-11-22T10:00:00Z --to 2026-11-22T09:00:00Z </dev/null
	run -64 --separate-stderr evse-plot something
	run -1 --separate-stderr evse-plot </dev/null
	run -74 --separate-stderr bash -c 'evse-plot <records >/dev/full'
	run -74 --separate-stderr bash -c 'evse-plot --help >/dev/full'
	run -0 bash -c 'evse-plot <records | head -n 1'
	{ head -c 70000 /dev/zero | tr '\0' x; echo; echo '{"t":1}'; cat records; printf '{"t":"2026'; } >mixed
	run -0 --separate-stderr bash -c 'evse-plot <mixed >m.svg'
	[[ "$stderr" == *'line 1:'* && "$stderr" == *'line 2:'* ]]
	evse-plot <records | cmp - m.svg
}

@test "SIGTERM ends it" {
	mkfifo in
	evse-plot <in >out 3>&- &
	pid=$!
	exec 8>in
	kill -TERM $pid
	exec 8>&-
	rc=0
	wait $pid || rc=$?
	[ $rc = 143 ]
}
