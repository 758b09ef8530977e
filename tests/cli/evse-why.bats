#!/usr/bin/env bats
# evse-why: the reasons of a current, in words.

bats_require_minimum_version 1.5.0

setup() {
	PATH=${EVSE_BIN:-$BATS_TEST_DIRNAME/../../build/bin}:$PATH
	export LC_ALL=C
	cd "$BATS_TEST_TMPDIR" || return
	cat >records <<'END'
{"t":"2026-11-22T10:00:00.000Z","type":"limit","src":"ocpp.tx.1","n":"o.1","evse":1,"scope":"evse","valid_s":60,"schedule":[{"at":"2026-11-22T09:00:00Z","import_max_a":13},{"at":"2026-11-22T11:30:00Z","import_max_w":7400}]}
{"t":"2026-11-22T10:00:00.010Z","type":"setpoint","src":"setpoint.1","n":"s.1","m":1,"evse":1,"enable":true,"import_max_a":13,"because":[{"src":"ocpp.tx.1","n":"o.1","rule":"schedule","value_a":13,"role":"winner"},{"src":"pilot.1","n":"p.1","rule":"cable","value_a":32,"role":"loser"}]}
{"t":"2026-11-22T10:00:00.020Z","type":"pilot","src":"pilot.1","n":"p.2","m":1,"evse":1,"state":"C2","limit_a":13,"setpoint":"s.1"}
{"t":"2026-11-22T10:00:00.020Z","type":"session","src":"session.1","n":"q.2","m":1,"evse":1,"state":"charging"}
{"t":"2026-11-22T10:00:20.000Z","type":"setpoint","src":"setpoint.1","n":"s.2","m":1,"evse":1,"enable":true,"import_max_a":13,"because":[{"src":"ocpp.tx.1","n":"o.1","rule":"schedule","value_a":13,"role":"winner"}]}
{"t":"2026-11-22T10:02:00.000Z","type":"setpoint","src":"setpoint.1","n":"s.3","m":1,"evse":1,"enable":true,"import_max_a":6,"because":[{"src":"ocpp.tx.1","n":"o.1","rule":"lease_expired","value_a":6,"role":"winner"}]}
END
}

@test "a moment: the sentence, the pilot and the table" {
	run -0 --separate-stderr evse-why --at 2026-11-22T10:00:10Z <records
	[ "${lines[0]}" = "EVSE 1 may take 13 A since 10:00:00.010, because the plan of ocpp.tx.1 allows no more at this time." ]
	[ "${lines[1]}" = "The pilot is in C2 and signals 13 A, following this very record." ]
	[ "${lines[2]}" = "The session is charging." ]
	[[ "${lines[4]}" == *winner*13*schedule*ocpp.tx.1*"evse, 50 s of 60 s left; from 11:30:00.000 7400 W" ]]
	[[ "${lines[5]}" == *loser*32*cable*pilot.1* ]]
}

@test "the same decision said again keeps its beginning" {
	run -0 evse-why --at 2026-11-22T10:00:30Z <records
	[[ "${lines[0]}" == *"since 10:00:00.010"* ]]
}

@test "the newest: the lease ran out" {
	run -0 evse-why <records
	[[ "${lines[0]}" == "EVSE 1 may take 6 A since 10:02:00.000, because the lease of ocpp.tx.1 ran out, so its fail-safe holds." ]]
	[[ "$output" == *"ran out 60 s ago"* ]]
}

@test "out of the log" {
	evse-log record -d log <records >/dev/null
	run -0 --separate-stderr evse-why --log log --at 2026-11-22T10:00:10Z
	[[ "${lines[0]}" == "EVSE 1 may take 13 A since 10:00:00.010, because the plan of ocpp.tx.1 "* ]]
	run --separate-stderr evse-why --log nowhere
	[ "$status" -ne 0 ]
}

@test "a gap, before the first record, and an EVSE that is not there: said, with what there is" {
	run -0 evse-why --at 2026-11-22T10:01:00Z <records
	[ "${lines[1]}" = "Nothing is known of the 40 s before that moment: this is what held at 2026-11-22T10:00:20.000Z." ]
	run -1 --separate-stderr evse-why --at 2026-11-22T09:00:00Z <records
	[ "$stderr" = "evse-why: error: no setpoint record at or before 2026-11-22T09:00:00Z" ]
	run -1 --separate-stderr evse-why -e 7 <records
	[ "$stderr" = "evse-why: error: no setpoint record of EVSE 7; there is EVSE 1" ]
	evse-log record -d log <records >/dev/null
	run -1 --separate-stderr evse-why -e 7 --log log --back 60 --at 2026-11-22T10:00:10Z
	[ "$stderr" = "evse-why: error: no setpoint record of EVSE 7 at or before 2026-11-22T10:00:10Z in the 60 s before it; --back S looks further; there is EVSE 1" ]
}

@test "a past moment without input: the charger's log" {
	mkdir state
	evse-log record -d state/log <records >/dev/null
	EVSE_STATE=$PWD/state run -0 evse-why --at 2026-11-22T10:00:10Z </dev/null
	[[ "${lines[0]}" == "EVSE 1 may take 13 A since 10:00:00.010, because the plan of ocpp.tx.1 "* ]]
}

@test "as JSON" {
	run -0 --separate-stderr evse-why --json <records
	[ "$(jq -c '[.evse, .import_max_a, .setpoint, .because[0].rule]' <<<"$output")" = '[1,6,"s.3","lease_expired"]' ]
}

@test "rules without a limit behind them" {
	printf '%s\n' '{"t":"2026-11-22T10:00:00Z","type":"pilot","src":"pilot.1","state":"B1","cable_a":20}' >p
	evse-setpoint --managed <p >o
	run -0 evse-why <o
	[[ "${lines[0]}" == "EVSE 1 may take nothing since "*" because there is no session (session)." ]]
	evse-setpoint --ceiling 3 <p >o
	run -0 evse-why <o
	[[ "${lines[0]}" == *"because setpoint.station leaves too little"* ]]
}

@test "the bus that is asked is not there; no setpoint; wrong time; wrong use" {
	: >empty
	run -1 --separate-stderr evse-why <empty
	run -1 --separate-stderr evse-why --at 2025-01-01T00:00:00Z <records
	[[ $stderr == *"no setpoint record at or before 2025"* ]]
	run -64 --separate-stderr evse-why --at yesterday <records
	run -64 --separate-stderr evse-why --dir run --at 2026-11-22T10:00:00Z
	run -64 --separate-stderr evse-why --evse 0
	run evse-why --dir "$PWD/none"
	[ "$status" -ne 0 ]
}

@test "bad lines are skipped with their number; a full output is told" {
	{
		echo 'no record'
		head -c 70000 /dev/zero | tr '\0' x
		echo
		cat records
	} >more
	run -0 --separate-stderr evse-why <more
	[[ $stderr == *"line 1:"* && $stderr == *"line 2:"* ]]
	run -74 bash -c 'evse-why <records >/dev/full'
}
