#!/usr/bin/env bats
# evse-ocpp as a program: options, ends, bad input.

bats_require_minimum_version 1.5.0

setup() {
	ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	BIN=${EVSE_BIN:-$ROOT/build/bin}
	D=$BATS_TEST_TMPDIR
	STATION='' CSMS='' OCPP_N=0 URL='' SCHEMAS=''
	load ocpp_lib
	NOWHERE=ws://127.0.0.1:1/ocpp/CS001
}

teardown() { ocpp_stop; }

@test "usage errors" {
	run -64 --separate-stderr "$BIN/evse-ocpp" --no-such-option
	[[ "$stderr" == *"--help"* ]]
	run -64 --separate-stderr "$BIN/evse-ocpp" </dev/null
	[[ "$stderr" == *"URL"* ]]
	run -64 "$BIN/evse-ocpp" -u "$NOWHERE" --evses 65
	run -78 "$BIN/evse-ocpp" -u http://x/y </dev/null
	run -78 --separate-stderr "$BIN/evse-ocpp" -u ws://127.0.0.1:1/ocpp/ </dev/null
	[[ "$stderr" == *"IDENTITY"* ]]
	run -78 "$BIN/evse-ocpp" -u "$NOWHERE" --phases 2 </dev/null
	for wrong in '--model 123456789012345678901' '--serial 12345678901234567890123456' '--boot-reason Monday'; do
		run -78 --separate-stderr "$BIN/evse-ocpp" -u "$NOWHERE" "${wrong% *}" "${wrong#* }" </dev/null
		[[ "$stderr" == *"BootNotification can't be sent: "*": expected "* ]]
	done
	run -66 "$BIN/evse-ocpp" -u wss://127.0.0.1:1/CS001 --ca "$D/none.pem" </dev/null
}

@test "help goes to standard output, and a full device is an error" {
	run -0 "$BIN/evse-ocpp" --help
	[[ "$output" == *"--security-profile"* ]]
	run -74 bash -c "'$BIN/evse-ocpp' --help >/dev/full"
	run -74 bash -c "'$BIN/evse-ocpp' -u $NOWHERE </dev/null >/dev/full"
}

@test "end of input without a connection: exit 0" {
	run -0 "$BIN/evse-ocpp" -q -u "$NOWHERE" </dev/null
	[[ "$output" == *'"src":"ocpp.max"'* ]]
}

@test "end of input with a connection: what waits is sent, then exit 0" {
	ocpp_csms
	ocpp_station
	ocpp_wait ocpp_csms_has '"action": "StatusNotification"'
	ocpp_edge connected connected
	ocpp_edge charging energy_on
	exec 8>&-
	wait "$STATION"
	STATION=''
	ocpp_wait ocpp_csms_has '"eventType": "Started"'
}

@test "SIGTERM: exit 0" {
	ocpp_csms
	ocpp_station
	ocpp_wait ocpp_csms_has '"action": "StatusNotification"'
	kill "$STATION"
	wait "$STATION"
	STATION=''
}

@test "a reader that is gone: exit 74" {
	ocpp_csms
	mkfifo "$D/rec.in"
	(
		set +e
		"$BIN/evse-ocpp" -u "ws://127.0.0.1:$PORT/ocpp/CS001" <"$D/rec.in" 2>/dev/null 3>&- 7>&-
		echo $? >"$D/code"
	) | head -n 1 >/dev/null &
	exec 8>"$D/rec.in"
	ocpp_wait test -s "$D/code"
	[ "$(cat "$D/code")" = 74 ]
}

@test "lines that are no records are reported with their number and skipped" {
	{
		printf 'garbage\n'
		head -c 70000 /dev/zero | tr '\0' x
		printf '\n{"t":"2026-11-22T10:00:00.000Z","type":"command","src":"session","n":"a.1","to":"ocpp","id":"q1","kind":"dance"}\n'
		printf '{"t":"2026-11-22T10:00:00.000Z","type":"command","src":"session","n":"a.2","to":"ocpp","id":"q2","kind":"authorize","token":{"id":""}}\n'
		printf '{"t":"2026-11-22T10:00:00.000Z","type":"session","src":"session.9","n":"a.3","m":1,"evse":9,"state":7}\n'
	} >"$D/in"
	run -0 --separate-stderr "$BIN/evse-ocpp" -u "$NOWHERE" <"$D/in"
	[[ "$stderr" == *"line 1:"* ]]
	[[ "$stderr" == *"line 2:"* ]]
	[[ "$output" == *'"to":"session","id":"q1","status":"unknown_kind"'* ]]
	[[ "$output" == *'"to":"session","id":"q2","status":"rejected"'* ]]
}

@test "a state file of a newer format is refused with 78, a damaged one with 74" {
	mkdir "$D/state"
	printf 'evse-state variables 99\n{}' >"$D/state/variables"
	run -78 "$BIN/evse-ocpp" -u "$NOWHERE" -d "$D/state" </dev/null
	printf 'evse-state variables 1\n{' >"$D/state/variables"
	run -74 "$BIN/evse-ocpp" -u "$NOWHERE" -d "$D/state" </dev/null
}

@test "a boot that is Pending, then Rejected, then Accepted" {
	ocpp_csms --boot Pending,Rejected,Accepted --interval 1
	ocpp_station
	ocpp_wait ocpp_csms_has '"status": "Pending"'
	ocpp_call GetVariables '{"getVariableData":[{"component":{"name":"ClockCtrlr"},"variable":{"name":"DateTime"}}]}'
	ocpp_wait ocpp_csms_has '"attributeStatus": "Accepted"'
	ocpp_call RequestStartTransaction '{"idToken":{"idToken":"r1","type":"Central"},"remoteStartId":9,"evseId":1}'
	ocpp_wait ocpp_csms_has '"reasonCode": "CSNotAccepted"'
	ocpp_wait ocpp_csms_has '"status": "Rejected"}'
	ocpp_call Reset '{"type":"OnIdle"}'
	ocpp_wait ocpp_csms_has '"code": "SecurityError"'
	run ! ocpp_csms_has StatusNotification
	ocpp_wait ocpp_csms_has StatusNotification
	[ "$(grep -c '"kind": "call", "action": "BootNotification"' "$D/csms.out")" = 3 ]
}

@test "a heartbeat after silence" {
	ocpp_csms --interval 1
	ocpp_station
	ocpp_wait ocpp_csms_has '"action": "Heartbeat"'
}

@test "a journal replays byte for byte" {
	ocpp_csms
	mkfifo "$D/rec.in"
	"$BIN/evse-ocpp" -q -u "ws://127.0.0.1:$PORT/ocpp/CS001" --journal "$D/journal" \
		<"$D/rec.in" >"$D/live" 3>&- 7>&- &
	STATION=$!
	exec 8>"$D/rec.in"
	ocpp_wait ocpp_csms_has '"action": "StatusNotification"'
	ocpp_edge charging energy_on
	ocpp_wait ocpp_csms_has '"eventType": "Started"'
	ocpp_call SetChargingProfile '{"evseId":0,"chargingProfile":{"id":1,"stackLevel":0,"chargingProfilePurpose":"TxDefaultProfile","chargingProfileKind":"Absolute","chargingSchedule":[{"id":1,"startSchedule":"2026-01-01T00:00:00Z","chargingRateUnit":"A","chargingSchedulePeriod":[{"startPeriod":0,"limit":13.5}]}]}}'
	ocpp_wait grep -qF 13.5 "$D/live"
	exec 8>&-
	wait "$STATION"
	STATION=''
	run -0 "$BIN/evse-ocpp" -q -u "ws://127.0.0.1:$PORT/ocpp/CS001" --replay "$D/journal"
	printf '%s\n' "$output" >"$D/replayed"
	diff "$D/live" "$D/replayed"
}

@test "a reset that no supervisor takes: exit 75, and the next boot says why" {
	ocpp_csms
	ocpp_station
	ocpp_wait ocpp_csms_has '"action": "StatusNotification"'
	ocpp_call Reset '{"type":"Immediate"}'
	ocpp_wait ocpp_rec_has '"to":"charger"'
	id=$(sed -n 's/.*"to":"charger","id":"\([^"]*\)".*/\1/p' "$D/rec.out")
	ocpp_rec reply bus ",\"to\":\"ocpp\",\"id\":\"$id\",\"status\":\"unreachable\""
	code=0
	wait "$STATION" || code=$?
	[ "$code" = 75 ]
	STATION=''
	exec 8>&-
	ocpp_station
	ocpp_wait ocpp_csms_has '"reason": "RemoteReset"'
}
