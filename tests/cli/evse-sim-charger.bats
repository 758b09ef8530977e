#!/usr/bin/env bats
# The one-line charger on the simulation, under the test clock: what the README shows first, and whole days of it.

bats_require_minimum_version 1.5.0

setup() {
	export PATH="$BATS_TEST_DIRNAME/../../${B:-build}/bin:$PATH"
	CLOCK="$BATS_TEST_DIRNAME/../../${B:-build}/tests/test-clock"
	D="$BATS_TEST_TMPDIR"
	export EVSE_CLOCK="$D/clock"
	PIDS=
	[ -x "$CLOCK" ] || skip "test-clock is not built (make all)"
}

teardown() {
	exec 7>&- 8>&-
	for p in $PIDS; do kill -KILL "$p" 2>/dev/null || true; done
}

wait_for() {
	for _ in $(seq 200); do
		[ -e "$1" ] && return 0
		sleep 0.02
	done
	echo "no $1" >&2
	return 1
}

# charger SECONDS SCENARIO: meter | setpoint | pilot on EVSE 1 for so many seconds of the test clock.
charger() {
	"$CLOCK" "$EVSE_CLOCK" 2026-11-22T00:00:00Z "$1" 4 >"$D/clock.out" 2>&1 3>&- &
	local clock=$!
	PIDS="$PIDS $clock"
	wait_for "$EVSE_CLOCK"
	evse-sim -d "$D/sim" -n 2 --scenario "$2" --keepalive-ms 900 --interval 900 --base 0 \
		</dev/null >"$D/sim.out" 2>"$D/sim.err" 3>&- &
	PIDS="$PIDS $!"
	wait_for "$D/sim/modbus.port"
	mkfifo "$D/m" "$D/s" "$D/p" "$D/back"
	exec 8<>"$D/back"
	evse-meter -D "tcp://127.0.0.1:$(cat "$D/sim/modbus.port")/1" -m sdm630 -e 1 </dev/null >"$D/m" 2>"$D/m.err" 3>&- 8>&- &
	PIDS="$PIDS $!"
	evse-setpoint -p --ceiling 16 -i "$D/back" <"$D/m" >"$D/s" 2>"$D/s.err" 3>&- 8>&- &
	PIDS="$PIDS $!"
	evse-pilot -p --evse 1 --socket -D "sim:$D/sim/pilot.1.sock" <"$D/s" >"$D/p" 2>"$D/p.err" 3>&- 8>&- &
	PIDS="$PIDS $!"
	tee "$D/back" <"$D/p" >"$D/all" 3>&- &
	PIDS="$PIDS $!"
	timeout "${LIMIT:-60}" tail --pid="$clock" -f /dev/null
	grep -q steps "$D/clock.out" || { cat "$D"/*.err "$D/clock.out" >&2; return 1; }
}

# of TYPE PROGRAM FILE: jq over all records of a type; false and null fail.
of() {
	jq -en "[inputs | select(.type == \"$1\")] | $2" "$3"
}

@test "a car plugs in, charges what it wants, and leaves" {
	charger 60 demo
	run -0 jq -rc 'select(.type == "pilot" and .cause != "periodic") | .state' "$D/all"
	states=$(printf '%s\n' "${lines[@]}" | uniq | tr '\n' ' ')
	[[ $states == *"A1 B1 B2 C2 B2 A1"* ]]
	car=$(of car 'map(.energy_wh) | max' "$D/sim.out")
	meter=$(of meter '(last | .import_wh) - (first | .import_wh)' "$D/all")
	jq -n -e "$car >= 60 and $car < 63 and ($car - $meter | fabs) < 0.05"
	of pilot 'last | .closings == 1 and .opened_under_load == 0' "$D/all"
}

@test "two hours of the night: the meter agrees, nothing faults, nobody drives EVSE 2" {
	charger 7200 day
	car=$(of car 'map(select(.evse == 1) | .energy_wh) | max' "$D/sim.out")
	meter=$(of meter '(last | .import_wh) - (first | .import_wh)' "$D/all")
	jq -n -e "$car > 15000 and ($car - $meter | fabs) < 6"
	of car 'map(select(.evse == 2) | .power_w) | max == 0' "$D/sim.out"
	of pilot 'map(.faults) | add | length == 0' "$D/all"
}
