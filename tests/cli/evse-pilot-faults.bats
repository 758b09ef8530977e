#!/usr/bin/env bats
# Each fault on the simulated board and each misbehaviour of its cars: reaction, alert, recovery.
# SAF-1 to SAF-5. Reaction times stand in tests/tools/evse-pilot-timing.py.

bats_require_minimum_version 1.5.0
load pilot-lib

teardown() {
	gone
}

plug() {
	sim '{"kind":"plug","cable_a":32,"car":'"$1"'}'
	AGAIN="setpoint true ${2:-16}"
	eval "$AGAIN"
}

alerts() {
	grep -q '"code":"'"$1"'".*"raised":'"$2" "$D/out"
}

@test "RCD: F, latched until reset, then charges again" {
	sim_start
	pilot_start
	charging
	sim '{"kind":"fault","name":"rcd"}'
	shows 20 '.state == "F" and .contactor.feedback == false and .faults == ["rcd"]'
	alerts rcd true
	sim '{"kind":"fault","name":"rcd","on":false}'
	AGAIN='setpoint true 16; command_to reset_fault r$n'
	shows 80 '.contactor.feedback == true and .faults == []'
	alerts rcd false
}

@test "6 mA DC counts as a trip" {
	sim_start
	pilot_start
	charging
	sim '{"kind":"fault","name":"rcd6"}'
	shows 20 '.state == "F" and .contactor.feedback == false'
}

@test "RCD self-test unanswered: never closes" {
	sim_start
	sim '{"kind":"fault","name":"rcd_selftest"}'
	pilot_start
	plug '"family"'
	shows 60 '.faults == ["rcd_selftest"] and .closings == 0'
}

@test "earth lost: F, then X1" {
	sim_start
	pilot_start
	charging
	sim '{"kind":"fault","name":"pe"}'
	shows 20 '.faults == ["pe"] and .contactor.feedback == false'
	shows 20 '.state != "F" and .duty_pct == 100'
	grep -q '"state":"F"' "$D/out"
}

@test "welded: F, stays locked, the upstream breaker is tripped" {
	sim_start
	pilot_start --socket
	charging
	sim '{"kind":"fault","name":"welded"}'
	AGAIN="setpoint false 0"
	eval "$AGAIN"
	shows 90 '.faults == ["welded"] and .state == "F" and .lock.feedback == "locked"'
	until_true 30 sh -c "grep '\"type\":\"car\"' '$D/sim.out' | tail -n 1 | jq -e '.power_w == 0'"
}

@test "contactor does not close: latched until unplugged" {
	sim_start
	sim '{"kind":"fault","name":"not_closed"}'
	pilot_start
	plug '"family"'
	shows 80 '.faults == ["not_closed"] and .closings == 1 and .contactor.commanded == false'
	sim '{"kind":"fault","name":"not_closed","on":false}'
	sim '{"kind":"unplug","force":true}'
	AGAIN=
	shows 20 '.state == "A1" and .faults == []'
}

@test "feedback that lies closed: welded at the start" {
	sim_start
	sim '{"kind":"fault","name":"feedback"}'
	pilot_start
	AGAIN=
	shows 20 '.faults == ["welded"]'
}

@test "lock jams: no power" {
	sim_start
	sim '{"kind":"fault","name":"lock"}'
	pilot_start --socket
	plug '"family"'
	shows 80 '.faults == ["lock"] and .closings == 0'
}

@test "emergency stop: F while pressed, off until unplugged" {
	sim_start
	pilot_start
	charging
	sim '{"kind":"estop"}'
	shows 20 '.state == "F" and .contactor.feedback == false and .faults == ["estop"]'
	sim '{"kind":"estop","on":false}'
	shows 20 '.state != "F" and .faults == ["estop"] and .closings == 1'
	sim '{"kind":"unplug","force":true}'
	shows 20 '.state == "A1" and .faults == []'
}

@test "too warm derates, too hot stops, cool again charges" {
	sim_start
	pilot_start
	charging 32
	sim '{"kind":"temp","c":66}'
	shows 20 '.limit_a == 16 and .contactor.feedback == true'
	sim '{"kind":"temp","c":72}'
	shows 20 '.faults == ["temperature"] and .contactor.feedback == false'
	sim '{"kind":"temp","c":40}'
	AGAIN="setpoint true 32"
	shows 60 '.limit_a == 32 and .contactor.feedback == true'
}

@test "pilot shorted: E, open; latched until unplugged" {
	sim_start
	pilot_start
	charging
	sim '{"kind":"fault","name":"cp_short"}'
	shows 20 '.state == "E" and .contactor.feedback == false and .faults == ["cp_short"]'
	sim '{"kind":"fault","name":"cp_short","on":false}'
	shows 20 '.state != "E" and .faults == ["cp_short"]'
	sim '{"kind":"unplug","force":true}'
	shows 20 '.faults == []'
}

@test "pilot cut: as an unplug" {
	sim_start
	pilot_start
	charging
	sim '{"kind":"fault","name":"cp_open"}'
	shows 20 '.state == "A1" and .contactor.feedback == false'
}

@test "coding lost under power, and coding shorted at plug-in" {
	sim_start
	pilot_start --socket
	charging
	sim '{"kind":"fault","name":"pp_open"}'
	shows 20 '.faults == ["pp"] and .contactor.feedback == false'
	sim '{"kind":"fault","name":"pp_open","on":false}'
	shows 60 '.faults == [] and .contactor.feedback == true'
	sim '{"kind":"unplug","force":true}'
	AGAIN=
	shows 20 '.state == "A1"'
	sim '{"kind":"fault","name":"pp_short"}'
	plug '"family"'
	shows 30 '.faults == ["pp"] and .duty_pct == 100'
}

@test "a car without a diode is never given power" {
	sim_start
	pilot_start
	plug '{"name":"family","no_diode":true}'
	shows 40 '.faults == ["diode"] and .closings == 0'
}

@test "a car that draws too much is stopped" {
	sim_start
	pilot_start
	plug '{"name":"family","over_a":4,"max_a":32,"max_w":22000}' 10
	shows 200 '.faults == ["overcurrent"] and .contactor.feedback == false'
}

@test "a car that ignores X1 is opened under load at 6 s, and counted" {
	sim_start
	pilot_start
	plug '"stubborn"'
	shows 100 '.contactor.feedback == true'
	AGAIN="setpoint false 0"
	eval "$AGAIN"
	shows 80 '.contactor.feedback == false and .opened_under_load == 1'
}

@test "ventilation: refused where not fitted, charged where fitted" {
	sim_start
	pilot_start
	plug '"vented"'
	shows 60 '.faults == ["ventilation"] and .closings == 0'
	exec 5>&-
	wait "$PILOT"
	pilot_start --ventilation
	AGAIN="setpoint true 16"
	shows 60 '.state == "D2" and .contactor.feedback == true'
}

@test "an old car with the simplified pilot is known and held to 10 A" {
	sim_start
	pilot_start --simplified-10a
	until_true 30 last '.state == "A1" and .rcd.ok'
	plug '"old"'
	shows 60 '.simplified and .contactor.feedback == true and .limit_a == 10'
}

@test "a car that pulses S2 when the duty starts does not make the contactor chatter" {
	sim_start
	pilot_start
	plug '"waker"'
	shows 100 '.contactor.feedback == true and .closings == 1'
}

@test "BCB pulses while the duty is off are counted, and close nothing" {
	sim_start
	pilot_start
	plug '{"name":"family","pulse_on_x1":true,"pulse_ms":300,"pulse_gap_ms":300,"pulse_count":3,"s2_close_ms":60000}'
	shows 30 '.state == "B2"'
	AGAIN="setpoint false 0"
	eval "$AGAIN"
	until_true 60 grep -q '"bcb":[123]' "$D/out"
	last '.closings == 0'
}

@test "a sleeping car is woken by a cut pilot" {
	sim_start
	pilot_start --wake 2000:cut:4000
	AGAIN="setpoint false 0"
	sim '{"kind":"plug","cable_a":32,"car":{"name":"family","sleep_after_s":1,"wakes_on_e":true,"wake_hold_ms":3000}}'
	shows 30 '.state == "B1"'
	sleep 2 # it falls asleep
	AGAIN="setpoint true 16"
	eval "$AGAIN"
	shows 150 '.contactor.feedback == true'
	grep -q '"state":"E"' "$D/out"
}

@test "phases: three to one with the pilot cut and the contactor open, and the car charges on" {
	sim_start
	pilot_start --phase-wait 1000
	charging 16
	AGAIN='setpoint true 16 "\"phases\":1"'
	AGAIN="setpoint true 16 '\"phases\":1'"
	eval "$AGAIN"
	shows 200 '.phases == 1 and .contactor.feedback == true and .closings == 2'
	grep '"state":"E"' "$D/out" | jq -e '.contactor.feedback == false' >/dev/null
	until_true 60 sh -c "grep '\"type\":\"car\"' '$D/sim.out' | tail -n 1 | jq -e '.current_a[0] > 5 and .current_a[1] == 0'"
}
