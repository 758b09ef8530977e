#!/usr/bin/env bats
# A whole session of evse-ocpp with a second independent back office: npm ocpp-rpc in strict mode. COM-5
# Its packages are installed below the build directory at the first run; without a registry the test is skipped.

bats_require_minimum_version 1.5.0

setup_file() {
	ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	NODE=$ROOT/build/node
	if command -v npm >/dev/null && [ ! -d "$NODE/node_modules/ocpp-rpc" ]; then
		mkdir -p "$NODE"
		cp "$ROOT/tests/node/package.json" "$ROOT/tests/node/package-lock.json" "$NODE/"
		(cd "$NODE" && timeout 120 npm ci --no-audit --no-fund --ignore-scripts >/dev/null 2>&1 3>&-) || :
	fi
}

setup() {
	ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	BIN=${EVSE_BIN:-$ROOT/build/bin}
	NODE=$ROOT/build/node/node_modules
	[ -d "$NODE/ocpp-rpc" ] || skip "npm ocpp-rpc is not installed"
	D=$BATS_TEST_TMPDIR
	STATION='' CSMS='' OCPP_N=0 URL='' SCHEMAS=''
	load ocpp_lib
	mkfifo "$D/csms.in"
	NODE_PATH=$NODE node "$ROOT/tests/fakes/ocpp_rpc_csms.js" "$D/port" \
		<"$D/csms.in" >"$D/csms.out" 2>"$D/csms.err" 3>&- &
	CSMS=$!
	exec 7>"$D/csms.in"
	ocpp_wait test -s "$D/port"
	PORT=$(cat "$D/port")
}

teardown() { [ -z "${D:-}" ] || ocpp_stop; }

@test "ocpp-rpc in strict mode holds a whole session and has nothing to complain of" {
	ocpp_station --evses 2
	ocpp_wait ocpp_csms_has '"connectorStatus":"Available","evseId":2'
	ocpp_meter 0 1000.5
	ocpp_rec pilot pilot.1 ',"state":"B1","limit_a":null,"faults":[]'
	ocpp_call RequestStartTransaction '{"idToken":{"idToken":"r1","type":"Central"},"remoteStartId":9,"evseId":1}'
	ocpp_wait ocpp_rec_has '"src":"ocpp.remote"'
	ocpp_edge connected connected
	ocpp_rec command session ',"to":"ocpp","id":"q1","kind":"authorize","token":{"id":"04A2B3","kind":"ISO14443"}'
	ocpp_wait ocpp_rec_has '"id":"q1","status":"accepted"'
	ocpp_rec auth session.1 ",\"verdict\":\"Accepted\",\"by\":\"ocpp\",\"token\":{\"id\":\"r1\",\"kind\":\"Central\"},\"session\":\"$OCPP_SESSION\""
	ocpp_edge authorized authorized ',"remote_start_id":9'
	ocpp_edge authorized signed ',"reading":{"import_wh":1000.5,"context":"Transaction.Begin"}'
	ocpp_edge authorized path_closed
	ocpp_edge charging energy_on
	ocpp_wait ocpp_csms_has '"chargingState":"Charging"'
	ocpp_call SetChargingProfile '{"evseId":1,"chargingProfile":{"id":7,"stackLevel":0,"chargingProfilePurpose":"TxProfile","chargingProfileKind":"Relative","transactionId":"'$OCPP_SESSION'","chargingSchedule":[{"id":1,"chargingRateUnit":"W","chargingSchedulePeriod":[{"startPeriod":0,"limit":4600,"numberPhases":1}]}]}}'
	ocpp_wait ocpp_rec_has '"import_max_w":4600,"phases":1'
	ocpp_call GetCompositeSchedule '{"evseId":0,"duration":600,"chargingRateUnit":"A"}'
	ocpp_wait ocpp_csms_has '"scheduleStart"'
	ocpp_call GetBaseReport '{"requestId":1,"reportBase":"FullInventory"}'
	ocpp_wait ocpp_csms_has '"tbc":false'
	ocpp_call GetChargingProfiles '{"requestId":3,"evseId":1,"chargingProfile":{"chargingProfilePurpose":"TxProfile"}}'
	ocpp_wait ocpp_csms_has '"action":"ReportChargingProfiles"'
	ocpp_call ClearChargingProfile '{"chargingProfileId":7}'
	ocpp_call ClearChargingProfile '{"chargingProfileId":7}'
	ocpp_wait ocpp_csms_has '"status":"Unknown"'
	ocpp_call UnlockConnector '{"evseId":1,"connectorId":1}'
	ocpp_wait ocpp_csms_has '"status":"OngoingAuthorizedTransaction"'
	ocpp_call TriggerMessage '{"requestedMessage":"TransactionEvent","evse":{"id":1}}'
	ocpp_wait ocpp_csms_has '"triggerReason":"Trigger"'
	ocpp_call SetNetworkProfile '{"configurationSlot":9,"connectionData":{"ocppVersion":"OCPP20","ocppTransport":"JSON","ocppCsmsUrl":"wss://x/y","messageTimeout":30,"securityProfile":3,"ocppInterface":"Wired0"}}'
	ocpp_wait ocpp_csms_has '"reasonCode":"ValueOutOfRange"'
	ocpp_call ReserveNow '{"id":1,"expiryDateTime":"2027-01-01T00:00:00Z","idToken":{"idToken":"x","type":"Central"}}'
	ocpp_wait ocpp_csms_has '"code":"NotSupported"'
	ocpp_rec alert pilot.1.alert.rcd ',"code":"rcd","severity":1,"component":"EVSE","raised":true,"text":"residual current"'
	ocpp_wait ocpp_csms_has '"action":"NotifyEvent"'
	ocpp_call Reset '{"type":"OnIdle"}'
	ocpp_wait ocpp_csms_has '"status":"Scheduled"'
	ocpp_call RequestStopTransaction '{"transactionId":"'$OCPP_SESSION'"}'
	ocpp_wait ocpp_rec_has '"kind":"stop"'
	ocpp_edge finishing deauthorized ',"reason":"Remote"'
	ocpp_edge finishing path_open ',"reason":"Remote","reading":{"import_wh":1234.5,"context":"Transaction.End"}'
	ocpp_wait ocpp_csms_has '"stoppedReason":"Remote"'
	ocpp_wait ocpp_rec_has '"kind":"reset"'
	ocpp_wait ocpp_csms_has '"type":"ResetOrReboot"'
	run ! grep -F '"complaint"' "$D/csms.out"
}
