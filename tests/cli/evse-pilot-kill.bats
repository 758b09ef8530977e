#!/usr/bin/env bats
# evse-pilot killed, stopped by SIGSTOP and killed, or ended, in every state: with --safe after it the
# outputs are as the table of safe states says. SAF-7.

bats_require_minimum_version 1.5.0
load pilot-lib

teardown() {
	gone
}

# reach STATE: from the start of a world to that moment
reach() {
	case $1 in
	A1) shows 30 '.state == "A1"' ;;
	selftest) shows 30 '.state == "A1" and (.rcd.ok | not)' ;;
	B1)
		sim '{"kind":"plug","car":"family","cable_a":32}'
		AGAIN="setpoint false 0"
		shows 40 '.state == "B1" and .lock.feedback == "locked"'
		;;
	locking)
		sim '{"kind":"plug","car":"family","cable_a":32}'
		AGAIN=
		shows 40 '.lock.commanded == "locked"'
		;;
	B2)
		sim '{"kind":"plug","cable_a":32,"car":{"name":"family","s2_close_ms":60000}}'
		AGAIN="setpoint true 16"
		shows 60 '.state == "B2"'
		;;
	C2) charging ;;
	closing)
		sim '{"kind":"plug","car":"family","cable_a":32}'
		AGAIN="setpoint true 16"
		shows 100 '.contactor.commanded == true'
		;;
	C1)
		sim '{"kind":"plug","car":"stubborn","cable_a":32}'
		AGAIN="setpoint true 16"
		shows 100 '.contactor.feedback == true'
		AGAIN="setpoint false 0"
		shows 20 '.state == "C1" and .contactor.feedback == true'
		;;
	fault)
		charging
		sim '{"kind":"fault","name":"rcd"}'
		shows 20 '.state == "F"'
		;;
	phases)
		charging
		AGAIN="setpoint true 16 '\"phases\":1'"
		eval "$AGAIN"
		shows 100 '.state == "E"'
		;;
	esac
}

round() {
	D=$BATS_TEST_TMPDIR
	rm -f "$D"/*
	sim_start
	pilot_start --socket --phase-wait 5000
	reach "$1"
	before=$(last '.lock.feedback == "locked"' && echo locked || echo unlocked)
	case $2 in
	stop) kill -STOP "$PILOT" ;;
	esac
	kill -9 "$PILOT"
	wait "$PILOT" || :
	PILOT=
	"$BIN/evse-pilot" --safe -D "sim:$D/pilot.1.sock"
	# Open and X1 now; the board says so on its own socket. The lock is where it was.
	line=$(timeout 1 socat -u "UNIX-CONNECT:$D/pilot.1.sock" - | head -n 1)
	echo "$1 $2 $line"
	[ "$(jq -c .contactor <<<"$line")" = '[false]' ]
	[ "$(jq .cp_pos_mv <<<"$line")" -gt -1000 ]
	[ "$(jq .cp_pos_mv <<<"$line")" -eq "$(jq .cp_neg_mv <<<"$line")" ] ||
		[ "$(($(jq .cp_pos_mv <<<"$line") - $(jq .cp_neg_mv <<<"$line")))" -lt 100 ]
	[ "$1" = locking ] || [ "$(jq -r .lock <<<"$line")" = "$before" ]
	gone
}

@test "killed at rest, in self-test, in B1, while locking, in B2" {
	for s in A1 selftest B1 locking B2; do
		round $s kill
	done
}

@test "killed while closing, charging, stopping" {
	for s in closing C2 C1; do
		round $s kill
	done
}

@test "killed in a fault and in a phase switch" {
	for s in fault phases; do
		round $s kill
	done
}

@test "stopped, then killed, while charging" {
	round C2 stop
}

@test "killed at random moments, twenty times: always open after --safe, and charges again" {
	sim_start
	AGAIN="setpoint true 16"
	sim '{"kind":"plug","car":"family","cable_a":32}'
	kills=0
	while [ $kills -lt 20 ]; do
		pilot_start
		setpoint true 16
		sleep "$(awk -v s=$RANDOM 'BEGIN { srand(s); printf "%.2f", rand() * 2 }')"
		kill -9 "$PILOT"
		wait "$PILOT" || :
		"$BIN/evse-pilot" --safe -D "sim:$D/pilot.1.sock"
		line=$(timeout 1 socat -u "UNIX-CONNECT:$D/pilot.1.sock" - | head -n 1)
		[ "$(jq -c .contactor <<<"$line")" = '[false]' ]
		kills=$((kills + 1))
	done
	pilot_start
	eval "$AGAIN"
	shows 100 '.contactor.feedback == true'
	echo "$kills kills" >&3
}
