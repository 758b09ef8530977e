#!/usr/bin/env bats
# Each fault on the simulated board: reaction, alert, recovery.
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
