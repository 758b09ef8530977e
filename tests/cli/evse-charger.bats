# evse-charger, evse-status, evse-top: start, stop, leftovers, wrong configurations, the screen.
bats_require_minimum_version 1.5.0
load ../lib/charger.bash

teardown() { [ -z "${dir:-}" ] || charger_stop; }

@test "usage errors are 64, help is 0, no configuration is 66" {
	run -64 evse-charger
	run -64 evse-charger strat
	run -64 evse-charger start --colour
	run -0 evse-charger --help
	run -0 evse-charger --version
	run -74 sh -c 'evse-charger --help >/dev/full'
	run -66 evse-charger check -c /nonexistent -d "$BATS_TEST_TMPDIR/run"
	run -1 evse-charger status -d "$BATS_TEST_TMPDIR/none"
}

@test "check: what is wrong is named, nothing starts" {
	export EVSE_RUN=$BATS_TEST_TMPDIR/run EVSE_STATE=$BATS_TEST_TMPDIR/state
	echo '{"meter.1":{"devise":"tcp://127.0.0.1:1/1"}}' >"$BATS_TEST_TMPDIR/c.json"
	run -78 evse-charger start -c "$BATS_TEST_TMPDIR/c.json"
	[[ $output == *'unknown key "devise"; did you mean "device"?'* ]]
	[[ $output == *'section "meter.1" is wrong'* ]]
	[ ! -d "$EVSE_RUN/sv" ]
	echo '{"heater":{}}' >"$BATS_TEST_TMPDIR/c.json"
	run -78 evse-charger check -c "$BATS_TEST_TMPDIR/c.json"
	[[ $output == *'there is no program evse-heater'* ]]
	echo 'not json' >"$BATS_TEST_TMPDIR/c.json"
	run -78 evse-charger check -c "$BATS_TEST_TMPDIR/c.json"
	echo '{}' >"$BATS_TEST_TMPDIR/c.json"
	run -78 evse-charger check -c "$BATS_TEST_TMPDIR/c.json"
}

@test "SAF-7: a hardware board without watchdog or alive line is refused" {
	export EVSE_RUN=$BATS_TEST_TMPDIR/run EVSE_STATE=$BATS_TEST_TMPDIR/state
	board=$(ls "$EVSE_BUILD"/share/evse/boards/*mx6* | head -n 1)
	jq 'del(.alive_line, .watchdog)' "$board" >"$BATS_TEST_TMPDIR/board.json"
	echo '{"pilot.1":{"device":"linux:'"$BATS_TEST_TMPDIR"'/board.json"}}' >"$BATS_TEST_TMPDIR/c.json"
	run -78 evse-charger check -c "$BATS_TEST_TMPDIR/c.json"
	[[ $output == *'names no watchdog and no alive_line: refused'* ]]
}

@test "start, status, restart, stop; healthy in between; a second start is refused" {
	charger_start
	run -75 evse-charger start -c "$dir/evse.json"
	wait_until 10 evse-charger status
	wait_until 10 evse-status
	wait_until 10 sh -c 'evse-status --json | jq -e .healthy'
	old=$(pid_of meter.1)
	run -0 evse-charger restart meter.1 -c "$dir/evse.json"
	[ "$(pid_of meter.1)" != "$old" ]
	run -64 evse-charger restart nobody -c "$dir/evse.json"
	run -0 evse-charger stop
	[ ! -d "$EVSE_RUN/sv" ]
	run -69 evse-status
}

@test "a supervisor killed with kill -9: the next start takes over, with nothing left behind" {
	charger_start
	old=$(for s in bus log ocpp pilot.1; do pid_of $s; done)
	kill -9 "$(cat "$EVSE_RUN/supervisor")"
	wait_until 5 sh -c '! kill -0 $(cat "$EVSE_RUN/supervisor")'
	evse-charger start -q -c "$dir/evse.json" 3>&- 4>&-
	for p in $old; do
		run -1 kill -0 "$p"
	done
	wait_until 10 evse-charger status
}

@test "evse-status says what is wrong and exits 1" {
	charger_start 'del(.csms)'
	wait_until 10 evse-charger status
	wait_until 10 sh -c 'evse-status | grep -q "NOT CONNECTED"'
	run -1 evse-status
	[[ $output == *"Look at:"*"not connected to the back office"* ]]
	say '{"to":"sim","kind":"fault","evse":1,"name":"estop","on":true}'
	wait_until 10 sh -c 'evse-status | grep -q "EVSE 1: fault estop"'
	# What to do about each stands beneath it, and a service that does not run is named.
	[[ $(evse-status) == *"fault estop"*"-> release the emergency stop"* ]]
	sv down "$EVSE_RUN/sv/session"
	wait_until 10 sh -c 'evse-status | grep -q "^session: does not run"'
	run -1 evse-status
	[[ $output == *"-> evse-charger restart session"* ]]
	awk 'length($0) > 80 {exit 1}' <<<"$output"
	evse-charger restart session
	wait_until 10 sh -c '! evse-status | grep -q "^session:"'
}

@test "evse-status and evse-top: usage, no bus, no terminal; records of the past on standard input" {
	run -64 evse-status --jason
	run -69 evse-status -d "$BATS_TEST_TMPDIR"
	TERM=dumb run -71 timeout 20 script -qec "evse-top --seconds 2 -d $BATS_TEST_TMPDIR - </dev/null" /dev/null
	[[ $output == *"TERM=dumb); evse-status prints"* ]]
	run -64 --separate-stderr evse-top -d "$BATS_TEST_TMPDIR"
	[[ $stderr == *"standard output is no terminal"* ]]
	echo '{"t":"2026-11-22T10:00:00.000Z","type":"pilot","src":"pilot.1","n":"a.1","evse":1,"state":"C2","limit_a":16,"faults":[]}
{"t":"2026-11-22T10:00:00.500Z","type":"setpoint","src":"setpoint.1","n":"b.1","evse":1,"import_max_a":16,"because":[{"src":"x","rule":"ceiling","role":"winner"}]}' >"$BATS_TEST_TMPDIR/in"
	run -0 evse-status - <"$BATS_TEST_TMPDIR/in"
	[[ $output == *"C2"*"16 A by x (ceiling)"* ]]
}

@test "evse-top draws, follows keys and ends at q" {
	charger_start
	wait_until 10 evse-status
	run -0 /usr/bin/python3 "$BATS_TEST_DIRNAME/../fakes/top-screen.py"
}
