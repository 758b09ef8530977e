#!/usr/bin/env bats
# probe, test and scope.

bats_require_minimum_version 1.5.0
load pilot-lib

teardown() {
	gone
}

@test "probe: a board's capabilities, and what the machine has" {
	run -0 "$BIN/evse-pilot" probe sim:x
	[[ $output == *"PP	yes"* ]]
	run -0 "$BIN/evse-pilot" probe rapi:x
	[[ $output == *"step	1.0 A"*"PP	no"* ]]
	run -0 env EVSE_SYSFS=/nonexistent EVSE_DEV=/nonexistent "$BIN/evse-pilot" probe
	run -64 --separate-stderr "$BIN/evse-pilot" probe toaster:1
	run -64 --separate-stderr "$BIN/evse-pilot" test
	[[ $stderr == *"expected the address"* ]]
}

@test "test: a good board passes step by step" {
	sim_start
	mkfifo "$D/answers"
	"$BIN/evse-pilot" test "sim:$D/pilot.1.sock" <"$D/answers" >"$D/out" 2>"$D/err" 3>&- 6>&- &
	PILOT=$!
	exec 5>"$D/answers"
	until_true 50 grep -q 'line dead' "$D/out"
	echo y >&5
	until_true 100 grep -q '^ok.RCD quiet again' "$D/out"
	sim '{"kind":"estop"}'
	until_true 30 grep -q '^ok.emergency stop pressed' "$D/out"
	sim '{"kind":"estop","on":false}'
	until_true 30 grep -q '^ok.emergency stop released' "$D/out"
	sim '{"kind":"plug","car":"family","cable_a":32}'
	until_true 30 grep -q 'mains switched off' "$D/out"
	[ "$(grep -c 'contactor closed' "$D/out")" -eq 0 ]
	echo y >&5
	until_true 30 grep -q 'relay move' "$D/out"
	echo y >&5
	wait "$PILOT"
	PILOT=
	grep -q '^0 failed' "$D/out"
	[ "$(grep -o 'ok	' "$D/out" | wc -l)" -eq 19 ]
}

@test "test: a dead output is found; live mains end the walk before the contactor" {
	sim_start
	sim '{"kind":"fault","name":"cp_short"}'
	mkfifo "$D/answers"
	"$BIN/evse-pilot" test "sim:$D/pilot.1.sock" <"$D/answers" >"$D/out" 2>"$D/err" 3>&- 6>&- &
	PILOT=$!
	exec 5>"$D/answers"
	until_true 50 grep -q '^FAILED.outputs at rest' "$D/out"
	exec 5>&-
	rc=0
	wait "$PILOT" || rc=$?
	[ "$rc" -eq 1 ]
	PILOT=
	grep -q 'answers ended' "$D/err"
}

@test "scope draws pilot records and boards" {
	sim_start
	echo '{"cp_pos_v":9,"cp_neg_v":-12,"duty_pct":26.66}' | "$BIN/evse-pilot" scope >"$D/drawn"
	grep -q -- '-12.00 V  +9.00 V  26.66 %' "$D/drawn"
	# shellcheck disable=SC2094 # what it draws is watched as it comes
	until_true 50 grep -q "50.00 %" "$D/drawn" | "$BIN/evse-pilot" scope --duty 50 "sim:$D/pilot.1.sock" >"$D/drawn"
	grep -q "50.00 %" "$D/drawn"
}
