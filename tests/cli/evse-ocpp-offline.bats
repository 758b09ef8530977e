#!/usr/bin/env bats
# evse-ocpp without its back office, and killed: nothing is lost, nothing is told twice, order is kept. COM-1

bats_require_minimum_version 1.5.0

setup() {
	ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	BIN=${EVSE_BIN:-$ROOT/build/bin}
	D=$BATS_TEST_TMPDIR
	STATION='' CSMS='' OCPP_N=0 URL=''
	load ocpp_lib
	SCHEMAS=$(ocpp_schemas)
}

teardown() { ocpp_stop; }

# All sequence numbers that the back office was told, in order.
sequence() {
	sed -n 's/.*"dir": "in".*"action": "TransactionEvent".*"seqNo": \([0-9]*\).*/\1/p' "$D/csms.out" | tr '\n' ' '
}

kill_station() {
	kill -9 "$STATION"
	wait "$STATION" 2>/dev/null || :
	exec 8>&-
	STATION=''
}

# taken: the last edge is acknowledged, and so are those before it
taken() { ocpp_wait ocpp_rec_has "\"session.1\":\"t$$.$OCPP_N\""; }

start_session() {
	ocpp_meter 0 1000
	ocpp_edge connected connected
	ocpp_rec auth session.1 ",\"verdict\":\"Accepted\",\"by\":\"cache\",\"token\":{\"id\":\"04A2B3\",\"kind\":\"ISO14443\"},\"session\":\"$OCPP_SESSION\""
	ocpp_edge authorized authorized
	ocpp_edge charging energy_on
}

@test "a whole session offline is told later, in order, flagged" {
	PORT=1
	ocpp_station
	start_session
	ocpp_edge suspended_ev suspended_ev
	ocpp_edge finishing deauthorized ',"reason":"Local"'
	taken
	kill_station
	ocpp_csms
	ocpp_station
	ocpp_wait ocpp_csms_has '"eventType": "Ended"'
	[ "$(sequence)" = "0 1 2 3 " ]
	[ "$(grep -c '"offline": true' "$D/csms.out")" = 4 ]
	grep -F '"eventType": "Started"' "$D/csms.out" | grep -qF '"idToken": "04A2B3"'
	run ! grep -F '"complaint"' "$D/csms.out"
}

@test "a session across an outage and kills keeps its numbers" {
	ocpp_csms
	ocpp_station
	start_session
	ocpp_wait ocpp_csms_has '"chargingState": "Charging"'
	echo '{"mute":true}' >&7
	ocpp_edge suspended_ev suspended_ev
	ocpp_wait ocpp_csms_has '"chargingState": "SuspendedEV"'
	kill_station
	echo '{"mute":false}' >&7
	ocpp_station
	ocpp_wait ocpp_csms_has '"action": "StatusNotification"'
	ocpp_edge charging energy_on
	kill_station
	ocpp_station
	# the relay gives again what was not acknowledged: the same record, the same n
	OCPP_N=$((OCPP_N - 1))
	ocpp_edge charging energy_on
	ocpp_edge finishing deauthorized ',"reason":"Local"'
	ocpp_wait ocpp_csms_has '"eventType": "Ended"'
	# one message was sent twice: its answer was lost with the kill; the number says so to the back office
	[ "$(sequence | tr ' ' '\n' | sort -un | tr '\n' ' ' | sed 's/^ *//')" = "0 1 2 3 4 " ]
	run ! grep -F '"complaint"' "$D/csms.out"
}

@test "killed at random while records come: each event once in the end" {
	local round i
	ocpp_csms
	: >"$D/sent"
	ocpp_station
	start_session
	taken
	for round in 1 2 3 4 5 6; do
		for i in 1 2 3; do
			ocpp_edge suspended_ev suspended_ev
			ocpp_edge charging energy_on
		done
		sleep "0.0$((RANDOM % 9))"
		kill_station
		ocpp_station
		# all of this round again, as a relay does with what it has no acknowledgement for
		last=$OCPP_N
		OCPP_N=$((last - 6))
		for i in 1 2 3; do
			ocpp_edge suspended_ev suspended_ev
			ocpp_edge charging energy_on
		done
		taken
	done
	ocpp_edge finishing deauthorized ',"reason":"Local"'
	ocpp_wait ocpp_csms_has '"eventType": "Ended"'
	# Started, charging, 36 changes, Ended: numbers without a gap, and in order once repeats are taken out
	[ "$(sequence | tr ' ' '\n' | sed '/^$/d' | awk '!s[$0]++' | tr '\n' ' ')" = "$(seq -s ' ' 0 38) " ]
}

@test "profiles, variables and the list survive kill -9" {
	ocpp_csms
	ocpp_station
	ocpp_wait ocpp_csms_has '"action": "StatusNotification"'
	ocpp_call SetChargingProfile '{"evseId":0,"chargingProfile":{"id":1,"stackLevel":0,"chargingProfilePurpose":"ChargingStationMaxProfile","chargingProfileKind":"Absolute","chargingSchedule":[{"id":1,"startSchedule":"2026-01-01T00:00:00Z","chargingRateUnit":"A","chargingSchedulePeriod":[{"startPeriod":0,"limit":13.5}]}]}}'
	ocpp_call SetVariables '{"setVariableData":[{"component":{"name":"OCPPCommCtrlr"},"variable":{"name":"OfflineThreshold"},"attributeValue":"77"}]}'
	ocpp_call SendLocalList '{"versionNumber":5,"updateType":"Full","localAuthorizationList":[{"idToken":{"idToken":"aa","type":"ISO14443"},"idTokenInfo":{"status":"Accepted"}}]}'
	ocpp_call GetLocalListVersion '{}'
	ocpp_wait ocpp_csms_has '"versionNumber": 5}}'
	kill_station
	: >"$D/rec.out"
	: >"$D/csms.out"
	ocpp_station
	ocpp_wait ocpp_rec_has '"schedule":[{"at":"'
	grep -F '"src":"ocpp.max"' "$D/rec.out" | grep -qF '"import_max_a":13.5'
	ocpp_wait ocpp_csms_has '"action": "StatusNotification"'
	ocpp_call GetVariables '{"getVariableData":[{"component":{"name":"OCPPCommCtrlr"},"variable":{"name":"OfflineThreshold"}}]}'
	ocpp_wait ocpp_csms_has '"attributeValue": "77"'
	exec 7>&-
	kill "$CSMS"
	wait "$CSMS" || :
	CSMS=''
	ocpp_rec command session ',"to":"ocpp","id":"q9","kind":"authorize","token":{"id":"AA","kind":"ISO14443"}'
	ocpp_wait ocpp_rec_has '"id":"q9","status":"accepted","auth":{"verdict":"Accepted","by":"local_list"}'
}

@test "a back office that takes its time to let the station in" {
	ocpp_csms --slow 6
	ocpp_station
	ocpp_wait ocpp_csms_has '"action": "StatusNotification"'
	[ "$(grep -c '"kind": "open"' "$D/csms.out")" = 1 ]
}
