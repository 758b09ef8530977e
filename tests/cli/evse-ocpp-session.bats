#!/usr/bin/env bats
# A whole session of evse-ocpp with an independent back office (python3-websockets) that checks every frame
# against the published schemas where they are at hand ($EVSE_OCPP_SCHEMAS). COM-5

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

begin() {
	ocpp_meter 0 1000.5
	ocpp_rec pilot pilot.1 ',"state":"B1","limit_a":null,"faults":[]'
	ocpp_edge connected connected
	ocpp_rec command session ',"to":"ocpp","id":"q1","kind":"authorize","valid_ms":5000,"token":{"id":"04A2B3","kind":"ISO14443"}'
}

charge() {
	ocpp_rec auth session.1 ",\"verdict\":\"Accepted\",\"by\":\"ocpp\",\"id_hash\":\"h\",\"token\":{\"id\":\"04A2B3\",\"kind\":\"ISO14443\"},\"session\":\"$OCPP_SESSION\""
	ocpp_edge authorized authorized
	ocpp_edge authorized signed ',"reading":{"import_wh":1000.5,"context":"Transaction.Begin"}'
	ocpp_edge authorized path_closed
	ocpp_edge charging energy_on
}

finish() {
	ocpp_edge finishing deauthorized ",\"reason\":\"$1\""
	ocpp_edge finishing path_open ",\"reason\":\"$1\",\"reading\":{\"import_wh\":1500.25,\"context\":\"Transaction.End\"}"
	ocpp_rec pilot pilot.1 ',"state":"A1","limit_a":null,"faults":[]'
	ocpp_edge ended departed
}

no_complaint() {
	run ! grep -F '"complaint"' "$D/csms.out"
}

@test "a session from boot to end, with remote control, without a complaint" {
	ocpp_csms
	ocpp_station --evses 2
	ocpp_wait ocpp_csms_has '"connectorStatus": "Available", "evseId": 2'
	begin
	ocpp_wait ocpp_rec_has '"id":"q1","status":"accepted","auth":{"verdict":"Accepted","by":"ocpp"}'
	charge
	ocpp_wait ocpp_csms_has '"eventType": "Started"'
	ocpp_wait ocpp_csms_has '"chargingState": "Charging"'
	ocpp_call SetChargingProfile '{"evseId":1,"chargingProfile":{"id":7,"stackLevel":0,"chargingProfilePurpose":"TxProfile","chargingProfileKind":"Relative","transactionId":"'$OCPP_SESSION'","chargingSchedule":[{"id":1,"chargingRateUnit":"A","chargingSchedulePeriod":[{"startPeriod":0,"limit":10},{"startPeriod":3600,"limit":16}]}]}}'
	ocpp_wait ocpp_rec_has '"src":"ocpp.tx.1"'
	grep -F '"src":"ocpp.tx.1"' "$D/rec.out" | grep -qF '"import_max_a":10},{"at"'
	ocpp_call GetCompositeSchedule '{"evseId":1,"duration":7200,"chargingRateUnit":"W"}'
	ocpp_wait ocpp_csms_has '"limit": 6900'
	ocpp_call GetBaseReport '{"requestId":1,"reportBase":"FullInventory"}'
	ocpp_wait ocpp_csms_has '"tbc": false'
	ocpp_call GetVariables '{"getVariableData":[{"component":{"name":"OCPPCommCtrlr"},"variable":{"name":"HeartbeatInterval"}},{"component":{"name":"X"},"variable":{"name":"Y"}}]}'
	ocpp_wait ocpp_csms_has '"attributeStatus": "UnknownComponent"'
	ocpp_call SetVariables '{"setVariableData":[{"component":{"name":"TxCtrlr"},"variable":{"name":"TxStartPoint"},"attributeValue":"Authorized"},{"component":{"name":"TxCtrlr"},"variable":{"name":"TxStartPoint"},"attributeValue":"Nonsense"}]}'
	ocpp_wait ocpp_csms_has '"reasonCode": "InvalidValue"'
	ocpp_call TriggerMessage '{"requestedMessage":"MeterValues","evse":{"id":1}}'
	ocpp_wait ocpp_csms_has '"action": "MeterValues"'
	ocpp_call GetChargingProfiles '{"requestId":3,"chargingProfile":{}}'
	ocpp_wait ocpp_csms_has '"action": "ReportChargingProfiles"'
	ocpp_call GetTransactionStatus '{"transactionId":"'$OCPP_SESSION'"}'
	ocpp_wait ocpp_csms_has '"ongoingIndicator": true'
	ocpp_call ChangeAvailability '{"operationalStatus":"Inoperative","evse":{"id":1}}'
	ocpp_wait ocpp_csms_has '"status": "Scheduled"'
	ocpp_call SendLocalList '{"versionNumber":3,"updateType":"Full","localAuthorizationList":[{"idToken":{"idToken":"AA","type":"ISO14443"},"idTokenInfo":{"status":"Blocked"}}]}'
	ocpp_call GetLocalListVersion '{}'
	ocpp_wait ocpp_csms_has '"versionNumber": 3'
	ocpp_call DataTransfer '{"vendorId":"example"}'
	ocpp_wait ocpp_csms_has '"status": "UnknownVendorId"'
	ocpp_call RequestStopTransaction '{"transactionId":"'$OCPP_SESSION'"}'
	ocpp_wait ocpp_rec_has '"kind":"stop"'
	finish Remote
	ocpp_wait ocpp_csms_has '"eventType": "Ended"'
	grep -F '"eventType": "Ended"' "$D/csms.out" | grep -qF '"triggerReason": "RemoteStop"'
	grep -F '"eventType": "Ended"' "$D/csms.out" | grep -qF '"value": 1500.25'
	ocpp_wait ocpp_csms_has '"connectorStatus": "Unavailable"'
	ocpp_rec_has '"type":"limit","src":"ocpp.tx.1"'
	grep -F '"src":"ocpp.tx.1"' "$D/rec.out" | tail -n 1 | grep -qF '"gone":true'
	no_complaint
}

@test "what is wrong is answered with the right CALLERROR" {
	ocpp_csms
	ocpp_station
	ocpp_wait ocpp_csms_has '"action": "StatusNotification"'
	echo '{"action":"Foo","payload":{},"bad":true}' >&7
	ocpp_wait ocpp_csms_has '"code": "NotImplemented"'
	echo '{"action":"Heartbeat","payload":{},"bad":true}' >&7
	ocpp_wait ocpp_csms_has '"code": "NotSupported"'
	echo '{"action":"SetChargingProfile","payload":{"evseId":"1","chargingProfile":{}},"bad":true}' >&7
	ocpp_wait ocpp_csms_has '"code": "TypeConstraintViolation", "text": "evseId: expected a whole number"' ||
		ocpp_csms_has '"code": "TypeConstraintViolation"'
	echo '{"action":"Reset","payload":{},"bad":true}' >&7
	ocpp_wait ocpp_csms_has '"code": "OccurrenceConstraintViolation", "text": "type: expected a value'
	echo '{"action":"Reset","payload":{"type":"Never"},"bad":true}' >&7
	ocpp_wait ocpp_csms_has '"code": "PropertyConstraintViolation"'
	echo '{"action":"Reset","payload":{"type":"OnIdle","x":1},"bad":true}' >&7
	ocpp_wait ocpp_csms_has '"code": "FormatViolation"'
	echo '{"raw":"garbage"}' >&7
	ocpp_wait ocpp_csms_has '"id": "-1", "code": "RpcFrameworkError"'
	echo '{"raw":"[7,\"x\"]"}' >&7
	ocpp_wait ocpp_csms_has '"code": "MessageTypeNotSupported"'
	no_complaint
}
