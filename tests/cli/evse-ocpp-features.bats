#!/usr/bin/env bats
# Variables of evse-ocpp that the back office may write because something real follows them; the back office is
# python3-websockets and checks every frame against the published schemas. COM-5

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

# write COMPONENT VARIABLE VALUE, and its answer
write() {
	local before
	before=$(grep -c '"kind": "result", "action": "SetVariables"' "$D/csms.out") || :
	ocpp_call SetVariables '{"setVariableData":[{"component":{"name":"'"$1"'"},"variable":{"name":"'"$2"'"},"attributeValue":"'"$3"'"}]}'
	ocpp_wait more_than "$before"
	grep '"kind": "result", "action": "SetVariables"' "$D/csms.out" | tail -n 1 | grep -qF '"attributeStatus": "Accepted"'
}

more_than() { [ "$(grep -c '"kind": "result", "action": "SetVariables"' "$D/csms.out")" -gt "$1" ]; }

four_told() { [ "$(grep -c '"connectorStatus"' "$D/csms.out")" -ge 4 ]; }

no_complaint() {
	run ! grep -F '"complaint"' "$D/csms.out"
}

begin() {
	ocpp_meter 16 1000
	ocpp_edge connected connected
	ocpp_rec auth session.1 ",\"verdict\":\"Accepted\",\"by\":\"ocpp\",\"token\":{\"id\":\"BAD\",\"kind\":\"ISO14443\"},\"session\":\"$OCPP_SESSION\""
	ocpp_edge authorized authorized
	ocpp_edge charging energy_on
}

@test "smart charging switched off: its messages are refused, its limits gone; on again: back" {
	ocpp_csms
	ocpp_station
	ocpp_wait ocpp_csms_has '"action": "StatusNotification"'
	ocpp_call SetChargingProfile '{"evseId":0,"chargingProfile":{"id":1,"stackLevel":0,"chargingProfilePurpose":"TxDefaultProfile","chargingProfileKind":"Absolute","chargingSchedule":[{"id":1,"startSchedule":"2026-01-01T00:00:00Z","chargingRateUnit":"A","chargingSchedulePeriod":[{"startPeriod":0,"limit":13.5}]}]}}'
	ocpp_wait ocpp_rec_has '"import_max_a":13.5'
	write SmartChargingCtrlr Enabled false
	ocpp_wait ocpp_rec_has '"gone":true'
	ocpp_call GetCompositeSchedule '{"evseId":1,"duration":60}'
	ocpp_wait ocpp_csms_has '"code": "NotSupported"'
	: >"$D/rec.out"
	write SmartChargingCtrlr Enabled true
	ocpp_wait ocpp_rec_has '"import_max_a":13.5'
	no_complaint
}

@test "a token that the back office refuses while it charges gets the energy allowed, then none" {
	ocpp_csms --invalid BAD
	ocpp_station
	ocpp_wait ocpp_csms_has '"action": "StatusNotification"'
	write TxCtrlr StopTxOnInvalidId false
	write TxCtrlr MaxEnergyOnInvalidId 200
	begin
	ocpp_wait ocpp_csms_has '"chargingState": "Charging"'
	ocpp_meter 16 1199
	ocpp_meter 16 1200
	ocpp_wait ocpp_csms_has '"triggerReason": "Deauthorized"'
	grep -F '"triggerReason": "Deauthorized"' "$D/csms.out" | grep -qF '"chargingState": "SuspendedEVSE"'
	grep -F '"src":"ocpp.tx.1"' "$D/rec.out" | grep -qF '"import_max_a":0}'
	run ! ocpp_rec_has '"kind":"stop"'
	no_complaint
}

@test "no charging before the boot is accepted, when that is written; the time source too is kept" {
	ocpp_csms
	ocpp_station
	ocpp_wait ocpp_csms_has '"action": "StatusNotification"'
	ocpp_wait ocpp_rec_has '"offset_ms"'
	write TxCtrlr TxBeforeAcceptedEnabled false
	run ! write ClockCtrlr TimeSource Heartbeat
	write ClockCtrlr TimeSource NTP,RealTimeClock
	kill -9 "$STATION"
	wait "$STATION" 2>/dev/null || :
	exec 8>&-
	: >"$D/rec.out"
	ocpp_station
	ocpp_wait ocpp_rec_has '"operative":true'
	grep '"type":"availability"' "$D/rec.out" | head -n 1 | grep -qF '"operative":false'
	run ! ocpp_rec_has '"offset_ms"'
	no_complaint
}

@test "a reset that the supervisor refuses is asked for again" {
	ocpp_csms
	ocpp_station
	ocpp_wait ocpp_csms_has '"action": "StatusNotification"'
	write OCPPCommCtrlr ResetRetries 1
	ocpp_call Reset '{"type":"Immediate"}'
	ocpp_wait ocpp_rec_has '"to":"charger"'
	id=$(sed -n 's/.*"to":"charger","id":"\([^"]*\)".*/\1/p' "$D/rec.out")
	: >"$D/rec.out"
	ocpp_rec reply charger ",\"to\":\"ocpp\",\"id\":\"$id\",\"status\":\"failed\""
	ocpp_wait ocpp_rec_has '"to":"charger"' # after 5 s
	id=$(sed -n 's/.*"to":"charger","id":"\([^"]*\)".*/\1/p' "$D/rec.out")
	ocpp_rec reply charger ",\"to\":\"ocpp\",\"id\":\"$id\",\"status\":\"accepted\""
	exec 8>&-
	wait "$STATION"
	STATION=''
	no_complaint
}

@test "every message waits for the connection, in order, when that is written" {
	ocpp_csms
	ocpp_station
	ocpp_wait ocpp_csms_has '"action": "StatusNotification"'
	write OCPPCommCtrlr RetryBackOffWaitMinimum 0
	write OCPPCommCtrlr RetryBackOffRandomRange 3
	write OCPPCommCtrlr QueueAllMessages true
	echo '{"mute":true}' >&7
	ocpp_rec pilot pilot.1 ',"state":"B1","limit_a":null,"faults":[]'
	ocpp_wait ocpp_csms_has '"connectorStatus": "Occupied"'
	kill -9 "$CSMS"
	wait "$CSMS" 2>/dev/null || :
	ocpp_wait ocpp_rec_has '"connected":false,'
	ocpp_rec pilot pilot.1 ',"state":"A1","limit_a":null,"faults":[]'
	ocpp_rec pilot pilot.1 ',"state":"B1","limit_a":null,"faults":["rcd"]'
	ocpp_rec pilot pilot.1 ',"state":"A1","limit_a":null,"faults":[]'
	: >"$D/csms.out"
	ocpp_csms --port "$PORT"
	ocpp_wait ocpp_csms_has '"connectorStatus": "Faulted"'
	ocpp_wait four_told
	[ "$(sed -n 's/.*"connectorStatus": "\([A-Za-z]*\)".*/\1/p' "$D/csms.out" | head -n 4 | tr '\n' ' ')" = "Occupied Available Faulted Available " ]
	no_complaint
}

@test "a back office that is gone: after so many tries the next network profile, also after kill -9" {
	ocpp_csms
	first=$CSMS
	port=$PORT
	ocpp_station
	ocpp_wait ocpp_csms_has '"action": "StatusNotification"'
	mv "$D/csms.in" "$D/csms1.in"
	exec 6>&7
	mv "$D/csms.out" "$D/csms1.out"
	ocpp_csms
	echo '{"action":"SetNetworkProfile","payload":{"configurationSlot":2,"connectionData":{"ocppVersion":"OCPP20","ocppTransport":"JSON","ocppCsmsUrl":"ws://127.0.0.1:'"$PORT"'/other","messageTimeout":30,"securityProfile":0,"ocppInterface":"Wired0"}}}' >&6
	ocpp_wait grep -q '"action": "SetNetworkProfile".*"status": "Accepted"' "$D/csms1.out"
	for v in NetworkConfigurationPriority=1,2 NetworkProfileConnectionAttempts=2 RetryBackOffWaitMinimum=0 RetryBackOffRandomRange=1; do
		echo '{"action":"SetVariables","payload":{"setVariableData":[{"component":{"name":"OCPPCommCtrlr"},"variable":{"name":"'"${v%=*}"'"},"attributeValue":"'"${v#*=}"'"}]}}' >&6
	done
	ocpp_wait four_accepted
	kill "$first"
	exec 6>&-
	ocpp_wait ocpp_csms_has '"path": "/other/CS001"'
	ocpp_wait ocpp_csms_has '"action": "StatusNotification"'
	ocpp_rec_has "\"url\":\"ws://127.0.0.1:$PORT/other/CS001\""
	write OCPPCommCtrlr NetworkConfigurationPriority 2,1
	kill -9 "$STATION"
	wait "$STATION" 2>/dev/null || :
	exec 8>&-
	: >"$D/csms.out"
	URL=ws://127.0.0.1:$port/ocpp/CS001
	ocpp_station
	ocpp_wait ocpp_csms_has '"action": "StatusNotification"'
	no_complaint
}

four_accepted() { [ "$(grep -c '"attributeStatus": "Accepted"' "$D/csms1.out")" -ge 4 ]; }

@test "pings go on when the back-off is written" {
	ocpp_csms
	ocpp_station
	ocpp_wait ocpp_csms_has '"action": "StatusNotification"'
	write OCPPCommCtrlr WebSocketPingInterval 1
	write OCPPCommCtrlr RetryBackOffRandomRange 2
	: >"$D/csms.out"
	ocpp_wait ocpp_csms_has '"kind": "ping"'
}
