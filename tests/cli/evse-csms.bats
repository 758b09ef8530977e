#!/usr/bin/env bats
# evse-csms: the small back office, against an independent charger (python3-websockets). Serves COM-5, SEC-1.

bats_require_minimum_version 1.5.0
load csms-lib

setup() {
	csms_setup
	csms_pki
}
teardown() { csms_teardown; }

@test "a charger over TLS 1.3 with its certificate is answered" {
	csms3
	charger CS001
	frame '[2,"1","BootNotification",{"reason":"PowerUp","chargingStation":{"model":"m","vendorName":"v"}}]'
	until_true grep -q '^frame \[3,"1",{"currentTime":"20.*Z","interval":300,"status":"Accepted"}\]' CS001.out
	grep -q '^open ocpp2.0.1 TLSv1.3' CS001.out
	grep -q '"from":"CS001","dir":"in","kind":"open","subprotocol":"ocpp2.0.1","tls":"TLSv1.3","certificate":"CS001"' csms.out
	grep -q '"from":"CS001","dir":"in","kind":"call","action":"BootNotification","id":"1","payload":{"reason":"PowerUp",' csms.out
	grep -q '"to":"CS001","dir":"out","kind":"result","action":"BootNotification","id":"1"' csms.out
	frame '[2,"2","NoSuchThing",{}]'
	until_true grep -q '^frame \[4,"2","NotImplemented"' CS001.out
	frame '[2,"3","Heartbeat",[]]'
	until_true grep -q '^frame \[4,"3","FormatViolation","payload: expected an object"' CS001.out
	frame 'rubbish'
	until_true grep -q '^frame \[4,"-1","RpcFrameworkError"' CS001.out
}

@test "calls go one at a time, answers come back with their action" {
	csms3
	charger CS001 --answer none
	order '{"to":"CS001","action":"GetBaseReport","id":"a","payload":{"requestId":1,"reportBase":"FullInventory"}}'
	order '{"to":"CS001","action":"Reset","id":"b","payload":{"type":"OnIdle"}}'
	until_true grep -q 'frame \[2,"a","GetBaseReport",{"requestId":1,"reportBase":"FullInventory"}\]' CS001.out
	order '{"command":"list"}'
	until_true grep -q '"kind":"list","chargers":\[{"id":"CS001","connected":true,"waiting":2}\]' csms.out
	! grep -q '"b"' CS001.out
	frame '[3,"a",{"status":"Accepted"}]'
	until_true grep -q 'frame \[2,"b","Reset"' CS001.out
	grep -q '"kind":"result","action":"GetBaseReport","id":"a","payload":{"status":"Accepted"}' csms.out
	frame '[4,"b","InternalError","not \"now\"",{"x":1}]'
	until_true grep -q '"from":"CS001","dir":"in","kind":"error","action":"Reset","id":"b","code":"InternalError","description":"not \\"now\\"","details":{"x":1}' csms.out
	frame '[3,"zzz",{}]'
	until_true grep -q '"kind":"result","action":null,"id":"zzz","payload":{},"unexpected":true' csms.out
}

@test "a call without an answer times out, and the next one goes" {
	csms3
	charger CS001 --answer none
	order '{"to":"CS001","action":"ClearCache","id":"a","timeout_ms":100}'
	order '{"to":"CS001","action":"ClearCache","id":"b"}'
	until_true grep -q '"id":"a","code":"Timeout","description":"no answer in time","local":true' csms.out
	until_true grep -q 'frame \[2,"b"' CS001.out
	order '{"command":"break","to":"CS001"}'
	until_true grep -q '"id":"b","code":"ConnectionLost"' csms.out
	until_true grep -q '^closed 1006' CS001.out
}

@test "many chargers at once, addressed by * too" {
	csms3
	charger CS001
	charger CS002
	order '{"to":"*","action":"TriggerMessage","payload":{"requestedMessage":"Heartbeat"}}'
	until_true grep -q TriggerMessage CS001.out
	until_true grep -q TriggerMessage CS002.out
	until_true counted 2 '"kind":"result","action":"TriggerMessage"' csms.out
}

@test "a call for an absent charger is refused, or waits when told to" {
	csms3
	order '{"to":"CS001","action":"ClearCache"}'
	until_true grep -q '"command":"call","to":"CS001","status":"rejected","reason":"not connected' csms.out
	order '{"to":"CS001","action":"ClearCache","id":"later","wait":true}'
	charger CS001
	until_true grep -q 'frame \[2,"later","ClearCache",{}\]' CS001.out
}

@test "cards are accepted, blocked, expired, unknown, with groups" {
	echo '{"04A2":{"status":"Accepted","group":"FLEET"},"DEAD":"Blocked","OLD":{"status":"Accepted","expires":"2020-01-01T00:00:00Z"}}' >cards
	csms3 --cards cards
	charger CS001
	for id in 04a2 DEAD OLD NEW; do
		frame "[2,\"$id\",\"Authorize\",{\"idToken\":{\"idToken\":\"$id\",\"type\":\"ISO14443\"}}]"
	done
	until_true grep -q '\[3,"04a2",{"idTokenInfo":{"status":"Accepted","groupIdToken":{"idToken":"FLEET","type":"Central"}}}\]' CS001.out
	until_true grep -q '\[3,"DEAD",{"idTokenInfo":{"status":"Blocked"}}\]' CS001.out
	until_true grep -q '\[3,"OLD",{"idTokenInfo":{"status":"Expired"' CS001.out
	until_true grep -q '\[3,"NEW",{"idTokenInfo":{"status":"Unknown"}}\]' CS001.out
	order '{"command":"card","card":"NEW","status":"NoCredit"}'
	until_true grep -q '"command":"card".*"accepted"' csms.out
	frame '[2,"tx","TransactionEvent",{"idToken":{"idToken":"NEW","type":"ISO14443"}}]'
	until_true grep -q '\[3,"tx",{"idTokenInfo":{"status":"NoCredit"}}\]' CS001.out
}

@test "told to delay, drop, reject, answer otherwise or break, it does, as often as told" {
	csms3
	charger CS001
	order '{"command":"drop","to":"CS001","action":"Heartbeat","count":1}'
	order '{"command":"reject","action":"Heartbeat","count":1,"code":"InternalError","description":"told"}'
	order '{"command":"answer","action":"Heartbeat","count":1,"payload":{"currentTime":"2001-01-01T00:00:00Z"}}'
	order '{"command":"delay","action":"Heartbeat","count":1,"ms":150}'
	until_true grep -q '"command":"delay"' csms.out
	for i in 1 2 3 4 5; do frame "[2,\"$i\",\"Heartbeat\",{}]"; done
	until_true grep -q 'frame \[3,"5"' CS001.out
	grep -q 'frame \[4,"2","InternalError","told",{}\]' CS001.out
	grep -q 'frame \[3,"3",{"currentTime":"2001-01-01T00:00:00Z"}\]' CS001.out
	! grep -q 'frame \[3,"4"' CS001.out
	until_true grep -q 'frame \[3,"4"' CS001.out
	! grep -q '^frame \[.,"1"' CS001.out
	grep -q '"kind":"dropped","action":"Heartbeat","id":"1"' csms.out
	order '{"command":"break","action":"StatusNotification","count":1,"skip":1}'
	until_true grep -q '"command":"break"' csms.out
	frame '[2,"6","StatusNotification",{}]'
	until_true grep -q 'frame \[3,"6",{}\]' CS001.out
	frame '[2,"7","StatusNotification",{}]'
	until_true grep -q '^closed 1006' CS001.out
	until_true grep -q '"kind":"close","reason":"local"' csms.out
}

@test "told to refuse a charger or to close it, it does" {
	csms3
	order '{"command":"refuse","to":"CS001","status":503,"count":1}'
	until_true grep -q '"command":"refuse"' csms.out
	charger CS001
	grep -q '^refused InvalidStatusCode .*503' CS001.out
	charger CS001
	grep -q '^open' CS001.out
	order '{"command":"close","to":"CS001","code":1012}'
	until_true grep -q '^closed 1012' CS001.out
	order '{"command":"boot","status":"Pending"}'
	order '{"command":"interval","interval_s":7}'
	until_true grep -q '"command":"interval"' csms.out
	charger CS001
	frame '[2,"1","BootNotification",{}]'
	until_true grep -q '"interval":7,"status":"Pending"' CS001.out
}

@test "a newer connection of the same charger replaces the older" {
	csms3
	charger CS001
	mv CS001.out older.out
	charger CS001
	until_true grep -q '^closed 1008' older.out
	frame '[2,"1","Heartbeat",{}]'
	until_true grep -q 'frame \[3,"1"' CS001.out
	until_true grep -q '"kind":"close".*"replaced":true' csms.out
}

@test "subprotocols: 2.1 where asked for, else 2.0.1, nothing else" {
	csms3
	charger CS001 --subprotocols ocpp2.1,ocpp2.0.1
	grep -q '^open ocpp2.1' CS001.out
	charger CS002 --subprotocols ocpp1.6,ocpp2.0.1
	grep -q '^open ocpp2.0.1' CS002.out
}

@test "no subprotocol in common: upgraded without one and closed at once" {
	csms3
	charger CS002 --subprotocols ocpp1.6
	until_true grep -q '^open None' CS002.out
	until_true grep -q '^closed 1002' CS002.out
	until_true grep -q '"kind":"refused","reason":"subprotocol","status":101' csms.out
}

@test "a certificate for another identity is refused" {
	csms3
	run -1 "$PROBE" -u "wss://127.0.0.1:$PORT/ocpp/CS002" -P 3 -a "$PKI/ca.crt" -c "$PKI/CS001.crt" -k "$PKI/CS001.key" </dev/null
	[[ $output == 'refused http 401 '* ]]
}

@test "security profiles 1 and 2: user and password" {
	echo '{"CS001":"a good long password"}' >passwords
	chmod 600 passwords
	csms --passwords passwords
	grep -q '"security_profile":1,"tls":false' csms.out
	for try in 'CS001 wrong' 'CS002 wrong' 'CS002 a good long password'; do
		run -1 "$FAKES/csms-charger.py" "ws://127.0.0.1:$PORT/CS001" --user "${try%% *}" --password "${try#* }" </dev/null
		[[ $output == 'refused InvalidStatusCode '*401* ]]
	done
	run -1 "$FAKES/csms-charger.py" "ws://127.0.0.1:$PORT/CS001" </dev/null
	[[ $output == 'refused InvalidStatusCode '*401* ]]
	run -0 "$FAKES/csms-charger.py" "ws://127.0.0.1:$PORT/CS001" --user CS001 --password 'a good long password' </dev/null
	[[ $output == 'open ocpp2.0.1 -'* ]]
	kill "$CSMS"
	csms --passwords passwords --cert "$PKI/server.crt" --key "$PKI/server.key"
	grep -q '"security_profile":2,"tls":true' csms.out
	run -0 "$FAKES/csms-charger.py" "wss://127.0.0.1:$PORT/CS001" --ca "$PKI/ca.crt" --user CS001 --password 'a good long password' </dev/null
	[[ $output == 'open ocpp2.0.1 TLSv1.3'* ]]
}

@test "bad lines of input are refused with their number, and nothing else happens" {
	csms3
	charger CS001
	order 'rubbish'
	order '[]'
	order '{"action":"Reset"}'
	order '{"to":"CS001"}'
	order '{"to":"CS001","action":"Re\"set"}'
	order '{"to":"CS001","action":"Reset","payload":[]}'
	order '{"to":"CS001","action":"Reset","timeout_ms":"soon"}'
	order '{"command":"explode"}'
	order '{"command":"delay"}'
	order '{"command":"card","card":"X","status":"Maybe"}'
	order '{"command":"answer","payload":7}'
	order "{\"to\":\"CS001\",\"raw\":\"$(head -c 70000 /dev/zero | tr '\0' x)\"}"
	order '{"command":"list"}'
	until_true grep -q '"kind":"list"' csms.out
	[ "$(grep -c '"kind":"command".*"status":"rejected","reason":"' csms.out)" -eq 11 ]
	grep -q 'line 1: not JSON' csms.err
	grep -q 'line 12: .*longer than 65536 bytes' csms.err
	! grep -q '^frame' CS001.out
}

@test "raw text goes out as it is; big frames come in" {
	csms3
	charger CS001 --answer none
	order '{"to":"CS001","raw":"[2,\"x\",\"Odd\" ,{}]"}'
	until_true grep -q 'frame \[2,"x","Odd" ,{}\]' CS001.out
	big=$(head -c 200000 /dev/zero | tr '\0' x)
	frame "[2,\"1\",\"DataTransfer\",{\"vendorId\":\"v\",\"data\":\"$big\"}]"
	until_true grep -q 'frame \[3,"1",{"status":"UnknownVendorId"}\]' CS001.out
	grep -q '"action":"DataTransfer","id":"1","payload":null,"payload_bytes":2000' csms.out
}

@test "a message in fragments is one message; binary and over-long ones end the connection" {
	csms3
	charger CS001 --fragments 3
	frame '[2,"1","DataTransfer",{"vendorId":"in pieces, ä too"}]'
	until_true grep -q 'frame \[3,"1"' CS001.out
	grep -q '"payload":{"vendorId":"in pieces, ä too"}' csms.out
	charger CS002 --binary
	frame '[2,"1","Heartbeat",{}]'
	until_true grep -q '^closed 1003' CS002.out
	until_true grep -q '"from":"CS002","dir":"in","kind":"close","reason":"protocol"' csms.out
	charger CS002
	{
		printf '[2,"1","DataTransfer",{"vendorId":"v","data":"'
		head -c 4200000 /dev/zero | tr '\0' x
		printf '"}]\n'
	} >&8
	until_true grep -q '^closed 1009' CS002.out
	until_true grep -q '"from":"CS002","dir":"in","kind":"close","reason":"too_big"' csms.out
}

@test "end of input: answers are waited for, then goodbye" {
	csms3
	charger CS001
	order '{"to":"CS001","action":"ClearCache","id":"a"}'
	exec 7>&-
	wait "$CSMS"
	grep -q '"kind":"result","action":"ClearCache","id":"a"' csms.out
	until_true grep -q '^closed 1001' CS001.out
}

@test "--stay goes on at the end of input; SIGTERM ends it" {
	evse-csms -l 127.0.0.1:0 --port-file p --stay </dev/null >csms.out 2>csms.err 3>&- &
	PIDS=$!
	until_true test -s p
	run -0 "$FAKES/csms-charger.py" "ws://127.0.0.1:$(cat p)/CS001" </dev/null
	kill -TERM "$PIDS"
	wait "$PIDS"
}

@test "SIGTERM with a charger connected: goodbye, exit 0" {
	csms3
	charger CS001 --answer none
	order '{"to":"CS001","action":"ClearCache"}'
	until_true grep -q ClearCache CS001.out
	kill -TERM "$CSMS"
	wait "$CSMS"
	until_true grep -q '^closed 1001' CS001.out
}

@test "output that is not taken ends it with 74" {
	run -74 sh -c 'evse-csms -l 127.0.0.1:0 --stay </dev/null >/dev/full'
	run -74 sh -c 'evse-csms --help >/dev/full'
	mkfifo out in
	evse-csms -l 127.0.0.1:0 <in >out 2>err 3>&- &
	PIDS=$!
	exec 7>in 9<out
	read -r line <&9
	[[ $line == *'"kind":"listen"'* ]]
	exec 9<&-
	order '{"command":"list"}'
	rc=0
	wait "$PIDS" || rc=$?
	[ "$rc" -eq 74 ]
}

@test "wrong usage, wrong files, address in use" {
	run -64 --separate-stderr evse-csms --nothing
	[[ $stderr == *"evse-csms --help"* ]]
	run -64 --separate-stderr evse-csms --boot Maybe
	run -78 --separate-stderr evse-csms -l nowhere </dev/null
	[[ $stderr == *'listen address "nowhere": expected ADDRESS:PORT'* ]]
	run -78 --separate-stderr evse-csms --security-profile 3 </dev/null
	[[ $stderr == *"needs TLS"* ]]
	run -78 --separate-stderr evse-csms --cert "$PKI/server.crt" </dev/null
	[[ $stderr == *"one is missing"* ]]
	run -78 --separate-stderr evse-csms --cert "$PKI/server.crt" --key "$PKI/CS001.key" </dev/null
	[[ $stderr == *"do not go together"* ]]
	run -78 --separate-stderr evse-csms --cert none.crt --key "$PKI/server.key" </dev/null
	[[ $stderr == *'"none.crt": No such file'* ]]
	cp "$PKI/server.key" open.key
	chmod 644 open.key
	run -78 --separate-stderr evse-csms --cert "$PKI/server.crt" --key open.key </dev/null
	[[ $stderr == *"mode 644 lets others at it"* ]]
	echo '{"X":"maybe"}' >cards
	run -78 --separate-stderr evse-csms --cards cards </dev/null
	[[ $stderr == *'card list "cards": card "X": unknown status "maybe"'* ]]
	echo '{}' >passwords
	chmod 644 passwords
	run -78 --separate-stderr evse-csms --passwords passwords </dev/null
	[[ $stderr == *"make it 600"* ]]
	csms
	run -69 --separate-stderr evse-csms -l "127.0.0.1:$PORT" </dev/null
	[[ $stderr == *"Address already in use"* ]]
}

@test "--strict does not judge a late answer by the call that runs then" {
	csms3 --strict
	charger CS001 --answer none
	order '{"to":"CS001","action":"GetLocalListVersion","id":"1","timeout_ms":100}'
	order '{"to":"CS001","action":"ClearCache","id":"2"}'
	until_true grep -q '\[2,"2","ClearCache"' CS001.out
	frame '[3,"1",{"versionNumber":1}]'
	until_true grep -q '"id":"1","payload":{"versionNumber":1},"unexpected":true}' csms.out
}

@test "--strict finds what does not fit OCPP 2.0.1" {
	csms3 --strict
	charger CS001 --answer '{"status":"Maybe"}'
	frame '[2,"1","StatusNotification",{"timestamp":"2026-11-22T10:00:00Z","connectorStatus":"Occupied","evseId":1,"connectorId":1}]'
	until_true grep -q 'frame \[3,"1",{}\]' CS001.out
	frame '[2,"2","StatusNotification",{"timestamp":"2026-11-22T10:00:00Z","connectorStatus":"Busy","evseId":1,"connectorId":1}]'
	until_true grep -q 'frame \[4,"2","PropertyConstraintViolation","connectorStatus: expected ' CS001.out
	frame '[2,"3","StatusNotification",{}]'
	until_true grep -q 'frame \[4,"3","OccurrenceConstraintViolation"' CS001.out
	frame '[2,"4","Reset",{"type":"OnIdle"}]'
	until_true grep -q 'frame \[4,"4","NotSupported"' CS001.out
	order '{"to":"CS001","action":"ClearCache","id":"5"}'
	until_true grep -q '"id":"5","payload":{"status": "Maybe"},"violation":{"code":"PropertyConstraintViolation","where":"status"' csms.out
}

@test "fifty chargers at once" {
	csms
	"$FAKES/csms-fleet.py" "ws://127.0.0.1:$PORT" 50 10 >fleet.out 2>&1 3>&- 7>&- &
	local fleet=$!
	PIDS="$PIDS $fleet"
	until_true counted 50 '"kind":"open"' csms.out
	order '{"to":"*","action":"TriggerMessage","payload":{"requestedMessage":"Heartbeat"}}'
	wait "$fleet"
	grep -q '^50 chargers, 500 answers, 50 calls answered' fleet.out
	until_true counted 50 '"kind":"result","action":"TriggerMessage"' csms.out
}

@test "nothing is dropped when the output is read late" {
	mkfifo out
	evse-csms -l 127.0.0.1:0 --port-file p --stay </dev/null >out 2>err 3>&- &
	PIDS=$!
	exec 9<out
	until_true test -s p
	"$FAKES/csms-fleet.py" "ws://127.0.0.1:$(cat p)" 10 40 20000 >fleet.out 2>&1 3>&- 9<&- &
	local fleet=$!
	PIDS="$PIDS $fleet"
	# while nobody reads, the chargers are held up: they do not come to their end
	run -124 timeout 3 tail --pid="$fleet" -f /dev/null
	cat <&9 >csms.out 3>&- &
	PIDS="$PIDS $!"
	exec 9<&-
	wait "$fleet"
	grep -q '^10 chargers, 400 answers' fleet.out
	until_true counted 400 '"dir":"out","kind":"result","action":"DataTransfer"' csms.out
	! grep -q dropped err
}

@test "300 hostile connections, and the next charger is served" {
	csms --strict
	run -0 timeout 60 "$FAKES/csms-garbage.py" "$PORT" 300
	[[ $output == 'upgraded 1'* ]]
	order '{"command":"list"}'
	until_true grep -q '"kind":"list"' csms.out
	run -0 timeout 5 "$PROBE" -u "ws://127.0.0.1:$PORT/CS002" -n 1 < <(echo '[2,"1","Heartbeat",{}]')
	[[ $output == *'message [3,"1"'* ]]
	/usr/bin/python3 -c 'import json; [json.loads(line) for line in open("csms.out", encoding="utf-8")]'
}

@test "a quarter of a day with a charger under the test clock, over TLS" {
	"$(dirname "$PROBE")/test-clock" clock 2026-11-22T00:00:00Z 21600 2 >clock.out 2>&1 3>&- &
	local clock=$!
	PIDS="$PIDS $clock"
	until_true test -S clock
	export EVSE_CLOCK=$BATS_TEST_TMPDIR/clock
	csms3 --interval 60
	mkfifo ocpp.in
	evse-ocpp -u "wss://localhost:$PORT/CS001" --security-profile 3 --ca "$PKI/ca.crt" --cert "$PKI/CS001.crt" \
		--key "$PKI/CS001.key" <ocpp.in >ocpp.out 2>ocpp.err 3>&- 7>&- &
	PIDS="$PIDS $!"
	exec 8>ocpp.in
	wait "$clock"
	[ "$(grep -c '"dir":"in","kind":"call","action":"Heartbeat"' csms.out)" -ge 359 ]
	[ "$(grep -c '"kind":"open"' csms.out)" -eq 1 ]
}

@test "every answer fits the schemas" {
	OCPP_SCHEMAS=${EVSE_OCPP_SCHEMAS:-$BATS_TEST_DIRNAME/../../../shared/ocpp/schemas}
	[ -d "$OCPP_SCHEMAS/v21" ] || skip "no OCPP schemas: set EVSE_OCPP_SCHEMAS to their directory (v201/, v21/)"
	csms3
	charger CS001
	n=0
	for v in v201 v21; do
		for f in "$OCPP_SCHEMAS/$v"/*Request.json; do
			a=$(basename "$f" Request.json)
			n=$((n + 1))
			frame "[2,\"$v.$a\",\"$a\",{\"idToken\":{\"idToken\":\"x\"},\"vatNumber\":\"v\"}]"
		done
	done
	until_true counted $n '^frame' CS001.out
	/usr/bin/python3 - "$OCPP_SCHEMAS" CS001.out <<'END'
import json, sys, jsonschema
good = 0
for line in open(sys.argv[2]):
    if not line.startswith("frame [3,"):
        continue
    _, mid, payload = json.loads(line[6:])
    version, action = mid.split(".")
    jsonschema.validate(payload, json.load(open(f"{sys.argv[1]}/{version}/{action}Response.json", encoding="utf-8-sig")))
    good += 1
print(good, "answers fit")
assert good >= 25
END
}

@test "a silent charger is disconnected by the ping, a living one is not" {
	csms --ping 1
	run -0 timeout 5 "$PROBE" -u "ws://127.0.0.1:$PORT/CS002" -n 1 < <(sleep 2; echo '[2,"1","Heartbeat",{}]')
	[[ $output == *'message [3,"1"'* ]]
}
