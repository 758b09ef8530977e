#!/usr/bin/env bats
# The rapi driver against a fake OpenEVSE controller on a pty: dialogue, faults, and a line that is spoilt,
# late, chopped and interleaved.

bats_require_minimum_version 1.5.0
load pilot-lib

setup() {
	D=$BATS_TEST_TMPDIR
	mkfifo "$D/evse.in" "$D/in"
	/usr/bin/python3 tests/fakes/openevse.py "$D/tty" "$D/evse.log" <"$D/evse.in" >"$D/evse.out" 2>"$D/evse.err" 3>&- &
	SIM=$!
	exec 6>"$D/evse.in"
	until_true 50 grep -q ready "$D/evse.out"
}

teardown() {
	gone
}

rapi_start() {
	"$BIN/evse-pilot" -D "rapi:$D/tty" --phases 1 <"$D/in" >>"$D/out" 2>>"$D/err" 3>&- 6>&- &
	PILOT=$!
	exec 5>"$D/in"
}

evse() {
	echo "$1" >&6
}

session() {
	AGAIN="setpoint true 16"
	evse 'car B'
	shows 60 '.state == "B2" and .limit_a == 16'
	evse 'car C'
	shows 60 '.state == "C2" and .contactor.feedback == true'
}

@test "a session; amperes whole and volatile; what is absent is absent" {
	rapi_start
	session
	last '.step_a == 1 and (has("cp_pos_v") | not) and (has("pp_a") | not) and (has("lock") | not) and (has("rcd") | not)'
	AGAIN="setpoint true 12.9"
	shows 30 '.limit_a == 12'
	until_true 20 grep -q 'SC 12 V' "$D/evse.log"
	evse 'car B'
	shows 20 '.state == "B2" and .contactor.commanded == false'
	AGAIN="setpoint false 0"
	shows 30 '.state == "B1" and .limit_a == null'
	until_true 20 grep -q 'FS' "$D/evse.log"
	[ "$(grep -c EEPROM "$D/evse.log")" -eq 0 ]
	grep -q 'SY 5 6' "$D/evse.log"
	! grep -q 'missed beat' "$D/evse.log"
	! grep -q '"alert"' "$D/out"
}

@test "a planned stop and the end of input leave it asleep, without a fault" {
	rapi_start
	session
	exec 5>&-
	wait "$PILOT"
	PILOT=
	last '.contactor.commanded == false and .faults == []'
	[ "$(grep -o 'F[ESD]' "$D/evse.log" | tail -n 1)" = FS ]
}

@test "its faults are ours: GFCI, ground, stuck relay, temperature, not closed" {
	rapi_start
	session
	evse 'fault 06'
	shows 20 '.faults == ["rcd"] and .contactor.commanded == false'
	until_true 20 grep -q 'FD' "$D/evse.log"
	evse 'fault 07'
	shows 20 '.faults == ["pe","rcd"]'
	evse 'fault 08'
	shows 30 '.faults | index("welded") != null'
	evse 'fault 0A'
	shows 30 '.faults | index("temperature") != null'
}

@test "a diode fault of the car" {
	rapi_start
	AGAIN="setpoint true 16"
	evse 'car B'
	shows 60 '.state == "B2"'
	evse 'fault 05'
	shows 20 '.faults == ["diode"]'
}

@test "spoilt, late, chopped and interleaved lines: the session goes on" {
	evse 'corrupt 5'
	evse 'late 60'
	evse 'chatter'
	rapi_start
	session
	evse split
	AGAIN="setpoint true 9"
	shows 80 '.limit_a == 9'
	until_true 50 grep -q 'SC 9 V' "$D/evse.log"
	last '.faults == [] and .contactor.feedback == true'
}

@test "a controller that falls silent: driver fault, and back" {
	rapi_start
	session
	evse deaf
	shows 60 '.faults == ["driver"] and .contactor.commanded == false'
	evse hear
	shows 100 '.faults == [] and .state == "C2"'
}

@test "a reboot of the controller: everything volatile is told again" {
	rapi_start
	session
	: >"$D/evse.log"
	evse reboot
	until_true 30 grep -q 'SC 16 V' "$D/evse.log"
	until_true 30 grep -q 'FE' "$D/evse.log"
	until_true 30 grep -q 'SY 5 6' "$D/evse.log"
}

@test "killed: --safe disables at once, then sleeps" {
	rapi_start
	session
	kill -9 "$PILOT"
	wait "$PILOT" || :
	PILOT=
	: >"$D/evse.log"
	"$BIN/evse-pilot" --safe -D "rapi:$D/tty"
	grep -q 'FD' "$D/evse.log"
}
