# Every tool, relay and the bus killed with kill -9 in the middle of a session: safe states, back again, nothing lost, nothing twice.
# Serves SAF-1, COM-1, DAT-3 and design section 6.
bats_require_minimum_version 1.5.0
load ../lib/charger.bash

teardown() { charger_stop; }

# kill_one SERVICE tool|relay: kills, and waits until another process has taken its place. A tool may just be on its way
# down for an earlier kill of its relay: then the next one is taken.
kill_one() {
	wait_until 15 kill_present "$1" "$2"
	kills=$((kills + 1))
	wait_until 15 another_pid "$1" "$(cat "$dir/old")"
}
kill_present() {
	local tool pid
	tool=$(pid_of "$1")
	pid=$tool
	[ "$2" = tool ] || pid=$(relay_of "$1")
	echo "$tool" >"$dir/old"
	[ -n "$pid" ] && kill -9 "$pid"
}
another_pid() { [ -s "$EVSE_RUN/sv/$1/supervise/pid" ] && [ "$(pid_of "$1")" != "$2" ] && kill -0 "$(pid_of "$1")"; }

# Every event of a writer of events only stands once in the log, without a gap in its counts (from 3: 1 and 2 are boot and var, no events).
whole_and_once() {
	jq -rs --arg src "$1" '[.[]|select((.src|startswith($src)) and .type!="boot" and .type!="var")|.n|split(".")|{e:.[0],c:(.[1]|tonumber)}]
		|group_by(.e)|map({e:.[0].e, counts:map(.c)|sort})
		|map(select(.counts != (.counts|unique) or .counts != [range(.counts[0]; .counts[-1]+1)] or .counts[0] > 3))
		|if length==0 then "whole" else tojson end' "$dir/log.ndjson"
}

# In order and each once: 0, 1, 2 … for each transaction at the back office.
transactions_whole() {
	jq -rs '[.[]|select(.kind=="call" and .dir=="in" and .action=="TransactionEvent").payload|{t:.transactionInfo.transactionId,s:.seqNo}]
		|group_by(.t)|map(map(.s)|unique|. == [range(0; length)] and length >= 2)
		|if length > 0 and all then "whole" else "not whole" end' "$EVSE_RUN/csms.out"
}

energy() { # the four accounts, as "car meter transaction log"
	local car meter tx log
	car=$(jq -rs 'map(select(.type=="car" and .evse==1 and .energy_wh > 0))|map(.energy_wh)|max' "$dir/log.ndjson")
	meter=$(jq -rs '[.[]|select(.type=="meter" and .evse==1).import_wh]|(max-min)' "$dir/log.ndjson")
	tx=$(jq -rs '[.[]|select(.kind=="call" and .action=="TransactionEvent").payload.meterValue[]?.sampledValue[]?
		|select((.measurand // "Energy.Active.Import.Register")=="Energy.Active.Import.Register" and .phase==null)
		|.value * (if .unitOfMeasure.unit == "kWh" then 1000 else 1 end)]|(max-min)' "$EVSE_RUN/csms.out")
	log=$(jq -rs '[.[]|select(.type=="reading" and .evse==1).import_wh]|(max-min)' "$dir/log.ndjson")
	echo "$car $meter $tx $log"
}

agree() {
	echo "$1" | awk '{ lo = hi = $1 + 0; for (i = 1; i <= 4; i++) { v = $i + 0; if (v <= 0) exit 1; if (v < lo) lo = v; if (v > hi) hi = v }
		exit !(hi - lo <= 2.0) }'
}

@test "each tool, each relay and the bus killed in turn, mid-session" {
	kills=0
	charger_start
	wait_until 10 csms_line '.kind=="result" and .action=="BootNotification"'
	plug_in 1
	swipe 1
	wait_record 25 pilot '.evse==1 and .contactor.feedback==true' >/dev/null
	id=$(wait_record 5 session '.evse==1 and .id' | jq -r .id)

	for s in ocpp log setpoint session meter.1 meter.grid bus; do
		kill_one $s tool
		[ "$s" = bus ] || kill_one $s relay
	done
	# none of these opens the contactor: the session goes on
	wait_record 10 pilot '.evse==1 and .contactor.feedback==true' >/dev/null
	[ "$(wait_record 5 session '.evse==1 and .id' | jq -r .id)" = "$id" ]

	# the pilot is another matter: open at once, closed again after its hold-off, the same session
	kill_one pilot.1 tool
	wait_record 5 pilot '.evse==1 and .contactor.feedback==false' >/dev/null
	wait_record 25 pilot '.evse==1 and .contactor.feedback==true' >/dev/null
	kill_one pilot.1 relay
	wait_record 25 pilot '.evse==1 and .contactor.feedback==true' >/dev/null
	[ "$(wait_record 5 session '.evse==1 and .id' | jq -r .id)" = "$id" ]

	wait_record 10 meter '.evse==1 and .power_total_w > 1000' >/dev/null
	swipe 1
	wait_record 15 pilot '.evse==1 and .contactor.feedback==false' >/dev/null
	say '{"to":"sim","kind":"unplug","evse":1}'
	wait_record 10 session '.evse==1 and .state=="ended"' >/dev/null
	wait_until 20 csms_line '.kind=="call" and .action=="TransactionEvent" and .payload.eventType=="Ended"'
	evse-charger status
	sleep 1.2 # the log's promise for data is one second
	evse-charger stop -q 3>&-
	log_records >"$dir/log.ndjson"
	echo "# $kills kills" >&3
	[ "$(whole_and_once session)" = whole ] || { whole_and_once session; false; }
	[ "$(transactions_whole)" = whole ]
	accounts=$(energy)
	echo "# energy: car, meter, transaction, log: $accounts Wh" >&3
	agree "$accounts"
	[ "$(jq -s '[.[]|select(.kind=="call" and .action=="TransactionEvent" and .payload.eventType=="Started")|.payload.transactionInfo.transactionId]|unique|length' "$EVSE_RUN/csms.out")" = 1 ]
}

@test "random kills, seeded, while two cars charge" {
	kills=0
	charger_start
	RANDOM=${EVSE_TEST_SEED:-7}
	wait_until 10 csms_line '.kind=="result" and .action=="BootNotification"'
	plug_in 1
	swipe 1
	plug_in 2
	say '{"to":"sim","kind":"swipe","evse":2,"token":{"id":"04A2B3C4D5E680","kind":"ISO14443"}}'
	wait_record 25 pilot '.evse==1 and .contactor.feedback==true' >/dev/null
	names=(ocpp log setpoint session meter.1 meter.2 meter.grid bus pilot.2)
	for _ in $(seq "${EVSE_TEST_KILLS:-20}"); do
		s=${names[RANDOM % ${#names[@]}]}
		if [ "$s" = bus ] || [ $((RANDOM % 2)) = 0 ]; then kill_one "$s" tool; else kill_one "$s" relay; fi
	done
	wait_until 15 evse-charger status
	for e in 1 2; do
		wait_record 25 pilot ".evse==$e and .contactor.feedback==true" >/dev/null
		say '{"to":"sim","kind":"swipe","evse":'$e',"token":{"id":"04A2B3C4D5E680","kind":"ISO14443"}}'
		wait_record 15 pilot ".evse==$e and .contactor.feedback==false" >/dev/null
		say '{"to":"sim","kind":"unplug","evse":'$e'}'
		wait_record 10 session ".evse==$e and .state==\"ended\"" >/dev/null
	done
	wait_until 20 sh -c '[ "$(jq -s "[.[]|select(.kind==\"call\" and .action==\"TransactionEvent\" and .payload.eventType==\"Ended\")]|length" "$EVSE_RUN/csms.out")" -ge 2 ]'
	sleep 1.2
	evse-charger stop -q 3>&-
	log_records >"$dir/log.ndjson"
	echo "# $kills kills" >&3
	[ "$(whole_and_once session)" = whole ] || { whole_and_once session; false; }
	[ "$(transactions_whole)" = whole ]
}
