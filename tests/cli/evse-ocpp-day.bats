#!/usr/bin/env bats
# A day of evse-ocpp under the test clock, with evse-csms: heartbeats, samples, leases, each at its instant.

bats_require_minimum_version 1.5.0

setup() {
	ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	BIN=${EVSE_BIN:-$ROOT/build/bin}
	BUILD=${EVSE_BUILD:-$ROOT/build}
	D=$BATS_TEST_TMPDIR
	STATION='' CSMS='' CLOCK='' OCPP_N=0
	load ocpp_lib
	cd "$D"
}

teardown() {
	unset EVSE_CLOCK
	[ -z "$CLOCK" ] || kill "$CLOCK" 2>/dev/null || :
	ocpp_stop
}

# A state file of a profile that comes again each day: 16 A until 08:00, then 10 A until 20:00, then 6 A.
daily_profile() {
	mkdir -m 700 state
	printf 'evse-state variables 1\n{"SampledDataCtrlr.TxUpdatedInterval":"300"}' >state/variables
	printf 'evse-state profiles 1\n[{"evse":0,"profile":{"id":1,"stackLevel":0,"chargingProfilePurpose":"TxDefaultProfile","chargingProfileKind":"Recurring","recurrencyKind":"Daily","chargingSchedule":[{"id":1,"startSchedule":"2026-11-01T00:00:00Z","chargingRateUnit":"A","chargingSchedulePeriod":[{"startPeriod":0,"limit":16},{"startPeriod":28800,"limit":10},{"startPeriod":72000,"limit":6}]}]}}]' >state/profiles
}

session() {
	local head='{"t":"2026-11-22T00:00:00.000Z"'
	# a meter whose one value is of the whole day: dated at its end, so that it is never old
	echo "{\"t\":\"2026-11-23T00:00:00.000Z\",\"type\":\"meter\",\"src\":\"meter.1\",\"n\":\"d.1\",\"m\":1,\"evse\":1,\"current_a\":[6,6,6],\"voltage_v\":[230,230,230],\"power_total_w\":4140,\"import_wh\":5}"
	echo "$head,\"type\":\"session\",\"src\":\"session.1\",\"n\":\"d.1\",\"m\":1,\"evse\":1,\"id\":\"$OCPP_SESSION\",\"state\":\"connected\",\"edge\":\"connected\"}"
	echo "$head,\"type\":\"session\",\"src\":\"session.1\",\"n\":\"d.2\",\"m\":1,\"evse\":1,\"id\":\"$OCPP_SESSION\",\"state\":\"charging\",\"edge\":\"energy_on\"}"
}

@test "a day: every heartbeat, sample and lease, and no number missing" {
	daily_profile
	session >records
	mkfifo csms.in rec.in
	"$BUILD/tests/test-clock" "$D/clock" 2026-11-22T00:00:00Z 86400 2 >clock.out 2>clock.err 3>&- &
	CLOCK=$!
	ocpp_wait test -S "$D/clock"
	export EVSE_CLOCK=$D/clock
	"$BIN/evse-csms" --listen 127.0.0.1:0 --port-file "$D/port" <csms.in >csms.out 2>csms.err 3>&- &
	CSMS=$!
	exec 7>csms.in
	ocpp_wait test -s "$D/port"
	"$BIN/evse-ocpp" -u "ws://$(sed 's/^\([0-9]*\)$/127.0.0.1:\1/' port)/ocpp/CS001" -d state -i records \
		<rec.in >rec.out 2>rec.err 3>&- 7>&- &
	STATION=$!
	exec 8>rec.in
	wait "$CLOCK"
	CLOCK=''
	grep -q '86400 s$' clock.out
	# the day's samples: one each five minutes, a clock-aligned one each quarter; the last of each may still be on its way
	run -0 bash -c "grep -c '\"dir\":\"in\".*MeterValuePeriodic' csms.out"
	((output >= 286 && output <= 288))
	run -0 bash -c "grep -c '\"dir\":\"in\".*MeterValueClock' csms.out"
	((output >= 95 && output <= 96))
	# numbers of the transaction without a gap
	sed -n 's/.*"dir":"in".*"seqNo":\([0-9]*\),"offline".*/\1/p' csms.out >numbers
	diff numbers <(seq 0 $(($(wc -l <numbers) - 1)))
	# a lease each 10 s, that tells each step ahead
	[ "$(grep -c '"src":"ocpp.default.1"' rec.out)" -ge 8640 ]
	grep -F '"t":"2026-11-22T07:59:50' rec.out | grep -qF '"import_max_a":16},{"at":"2026-11-22T08:00:00.000Z","import_max_a":10},{"at":"2026-11-22T20:00:00.000Z","import_max_a":6},{"at":"2026-11-23T00:00:00.000Z","import_max_a":16}'
	grep -F '"t":"2026-11-22T12:00:00' rec.out | grep -qF '"schedule":[{"at":"2026-11-22T12:00:00'
}
