#!/usr/bin/env bats
# evse-pilot on the simulated board: charging, ends of every kind, bad input, commands, --safe.

bats_require_minimum_version 1.5.0
load pilot-lib

teardown() {
	gone
}

@test "help, version, usage errors" {
	run -0 "$BIN/evse-pilot" --help
	[[ $output == *--safe* ]]
	run -0 "$BIN/evse-pilot" --version
	run -64 --separate-stderr "$BIN/evse-pilot" --nonsense
	run -64 --separate-stderr "$BIN/evse-pilot" </dev/null
	[[ $stderr == *"no device"* ]]
	run -64 --separate-stderr "$BIN/evse-pilot" -D "toaster:1" </dev/null
	[[ $stderr == *toaster* ]]
	run -64 --separate-stderr "$BIN/evse-pilot" -D sim:x --max-a 5 </dev/null
	run -64 --separate-stderr "$BIN/evse-pilot" -D sim:x --phases 2 </dev/null
	run -64 --separate-stderr "$BIN/evse-pilot" -D sim:x --socket --tethered 16 </dev/null
	run -78 --separate-stderr "$BIN/evse-pilot" -D sim:x --wake 5:x:5 </dev/null
	run -78 --separate-stderr "$BIN/evse-pilot" -D sim:x --wake 2000:cut:4000x </dev/null
	run -74 --separate-stderr sh -c "'$BIN/evse-pilot' --help >/dev/full"
}

@test "charges, follows to 0.1 A, locks, opens when the car is full, frees the plug" {
	sim_start
	pilot_start --socket
	charging 16
	last '.state == "C2" and .duty_pct == 26.66 and .limit_a == 16 and .pp_a == 32 and .lock.feedback == "locked" and .rcd.ok'
	setpoint true 10.17
	AGAIN=
	shows 20 '.limit_a == 10.1 and .duty_pct == 16.83 and .cause == "setpoint"'
	AGAIN="setpoint true 10.1"
	sim '{"kind":"unplug","force":true}'
	shows 30 '.state == "A1" and .contactor.feedback == false and .lock.feedback == "unlocked"'
	[ "$(grep -c '"type":"alert"' "$D/out")" -eq 0 ]
}

@test "end of input stops by X1, waits for the car, exits 0" {
	sim_start
	pilot_start
	charging
	exec 5>&-
	wait "$PILOT"
	PILOT=
	last '.contactor.commanded == false and .duty_pct == 100 and .opened_under_load == 0'
}

@test "SIGTERM stops as the end of input does" {
	sim_start
	pilot_start
	charging
	kill "$PILOT"
	wait "$PILOT"
	PILOT=
	last '.contactor.commanded == false and .duty_pct == 100'
}

@test "a reader that goes away: safe state, exit 74" {
	sim_start
	mkfifo "$D/in"
	{ "$BIN/evse-pilot" -D "sim:$D/pilot.1.sock" <"$D/in" 2>"$D/err" || echo $? >"$D/code"; } | head -n 1 >/dev/null 3>&- 6>&- &
	exec 5>"$D/in"
	setpoint true 16
	sim '{"kind":"plug","car":"family"}'
	until_true 80 test -s "$D/code"
	[ "$(cat "$D/code")" -eq 74 ]
}

@test "a full output device: exit 74" {
	sim_start
	run -74 --separate-stderr sh -c "'$BIN/evse-pilot' -D 'sim:$D/pilot.1.sock' </dev/null >/dev/full"
}

@test "bad lines are named, skipped, and harm nothing" {
	sim_start
	pilot_start
	charging
	echo 'nonsense' >&5
	head -c 70000 /dev/zero | tr '\0' x >&5
	echo >&5
	setpoint '"yes"' 16
	setpoint true -5
	setpoint true 1e9
	setpoint true 7
	AGAIN="setpoint true 7"
	shows 30 '.limit_a == 7'
	grep -q 'line 2: not a record' "$D/err" || grep -q 'not a record' "$D/err"
	grep -q 'longer than 65536' "$D/err"
	[ "$(grep -c 'refused' "$D/err")" -ge 3 ]
	last '.contactor.feedback == true'
}

@test "an unknown must is refused with an alert" {
	sim_start
	pilot_start
	charging 16
	setpoint true 32 '"must":["warp"]'
	until_true 20 grep -q '"code":"setpoint_refused"' "$D/out"
	last '.limit_a == 16'
}

@test "a silent setpoint: the lower of last and 6 A at 3 s, X1 at 15 s" {
	sim_start
	pilot_start
	charging 16
	AGAIN=
	shows 40 '.limit_a == 6 and .cause == "watch"'
	grep -q '"code":"no_setpoint"' "$D/out"
	last '.contactor.feedback == true'
	shows 140 '.duty_pct == 100'
	shows 70 '.contactor.feedback == false'
	last '.opened_under_load == 0'
}

@test "commands: unlock, reset_fault, replug, unknown, repeated" {
	sim_start
	pilot_start --socket
	charging 16
	command_to unlock u1
	until_true 20 grep -q '"id":"u1","status":"rejected","reason":"contactor_closed"' "$D/out"
	command_to reset_fault r1
	until_true 20 grep -q '"id":"r1","status":"rejected","reason":"no_fault"' "$D/out"
	command_to dance d1
	until_true 20 grep -q '"id":"d1","status":"unknown_kind"' "$D/out"
	AGAIN="setpoint false 0"
	eval "$AGAIN"
	shows 80 '.contactor.feedback == false'
	command_to unlock u2
	command_to unlock u2
	until_true 30 grep -q '"id":"u2","status":"accepted"' "$D/out"
	[ "$(grep -c '"id":"u2"' "$D/out")" -eq 1 ]
	shows 10 '.lock.feedback == "unlocked"'
	command_to replug p1
	until_true 20 grep -q '"id":"p1","status":"accepted"' "$D/out"
	shows 20 '.state == "E"'
}

@test "killed: --safe opens at once and X1, F when nobody is back after 10 s" {
	sim_start
	pilot_start
	charging
	kill -9 "$PILOT"
	wait "$PILOT" || :
	PILOT=
	"$BIN/evse-pilot" --safe -D "sim:$D/pilot.1.sock" >"$D/safe.out" 2>"$D/safe.err"
	[ ! -s "$D/safe.out" ]
	until_true 20 sh -c "tail -n 1 '$D/sim.out' | jq -e '.power_w == 0'"
	until_true 130 sh -c "grep '\"type\":\"car\"' '$D/sim.out' | tail -n 1 | jq -e '.duty_seen_pct == 0'"
}

@test "killed and back at once: charges again after the hold-off, never F" {
	sim_start
	pilot_start
	charging
	kill -9 "$PILOT"
	wait "$PILOT" || :
	"$BIN/evse-pilot" --safe -D "sim:$D/pilot.1.sock"
	: >"$D/out"
	pilot_start
	AGAIN="setpoint true 16"
	shows 100 '.contactor.feedback == true'
	[ "$(grep -c '"state":"F"' "$D/out")" -eq 0 ]
}

@test "one board, one pilot: the second is refused, and so is --safe" {
	sim_start
	pilot_start
	until_true 20 grep -q pilot.1 "$D/out"
	run -75 --separate-stderr "$BIN/evse-pilot" -D "sim:$D/pilot.1.sock" </dev/null
	[[ $stderr == *lock* ]]
	run -75 --separate-stderr "$BIN/evse-pilot" --safe -D "sim:$D/pilot.1.sock"
}

@test "the board goes and comes back" {
	sim_start
	pilot_start
	charging
	kill -9 "$SIM"
	wait "$SIM" || :
	shows 20 '.faults == ["driver"] and .contactor.commanded == false'
	exec 6>&-
	rm "$D/sim.in"
	sim_start_again() {
		mkfifo "$D/sim.in"
		"$BIN/evse-sim" -d "$D" --no-tty <"$D/sim.in" >"$D/sim.out" 2>"$D/sim.err" 3>&- 5>&- &
		SIM=$!
		exec 6>"$D/sim.in"
	}
	sim_start_again
	shows 80 '.faults == [] and .contactor.feedback == true'
}

@test "a journal replays byte for byte" {
	sim_start
	pilot_start --socket --journal "$BATS_TEST_TMPDIR/journal"
	charging 16
	setpoint true 9
	sim '{"kind":"unplug","force":true}'
	shows 30 '.state == "A1"'
	exec 5>&-
	wait "$PILOT"
	PILOT=
	"$BIN/evse-pilot" -D "sim:$D/pilot.1.sock" --min-close 300 --socket --replay "$D/journal" </dev/null >"$D/again"
	cmp "$D/out" "$D/again"
}
