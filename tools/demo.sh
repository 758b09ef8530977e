#!/bin/sh
# demo.sh BUILD: a whole charger on the simulation: a car plugs in, a card is shown, the back office authorises, the contactor
# closes, the back office lowers the current, the session ends, and four accounts of the energy are compared.
#
# On a terminal the session runs beneath evse-top, until q. Else it runs to its end and prints a summary; exit 0 only when all
# of it is true. Everything lives in a temporary directory and on loopback.
set -u
bin=$(cd "$1/bin" && pwd)
PATH=$bin:$PATH
export PATH
dir=$(mktemp -d "${TMPDIR:-/tmp}/evse-demo.XXXXXX")
EVSE_RUN=$dir/run EVSE_STATE=$dir/state
export EVSE_RUN EVSE_STATE
facts=$dir/facts
problem=
tap=
# A terminal on which evse-top can draw: one that can place its cursor.
top=
if [ -t 0 ] && [ -t 1 ] && [ -x "$bin/evse-top" ] && tput cup 0 0 >/dev/null 2>&1; then top=1; fi

finish() {
	[ -z "$tap" ] || kill "$tap" 2>/dev/null
	evse-charger stop -q >/dev/null 2>&1
	if [ -n "${KEEP:-}" ]; then
		echo "kept: $dir"
	else
		rm -rf "$dir"
	fi
}
trap finish EXIT
trap 'exit 130' INT TERM

step() {
	printf '%s  %s\n' "$(date -u +%T.%3N)" "$*" >>"$dir/story"
	[ -n "$top" ] || printf '%s  %s\n' "$(date -u +%T.%3N)" "$*"
}
wrong() {
	problem=1
	printf 'demo: %s\n' "$*" >>"$dir/story"
	printf 'demo: %s\n' "$*" >&2
}

# wait_record SECONDS TYPES CONDITION: the first record, retained ones included, for which the jq condition holds.
wait_record() {
	timeout "$1" evse-bus tap -s "$2" --count 1 "select($3)"
}
say() { printf '%s\n' "$1" | evse-bus put >/dev/null || wrong "refused: $1"; }
call() { printf '%s\n' "$1" >"$EVSE_RUN/csms.in"; }
# In csms.out: wait_line SECONDS CONDITION
wait_line() {
	n=$(($1 * 20))
	while [ "$n" -gt 0 ]; do
		found=$(jq -c "select($2)" "$EVSE_RUN/csms.out" 2>/dev/null | tail -n 1)
		[ -z "$found" ] || { printf '%s\n' "$found"; return 0; }
		n=$((n - 1))
		sleep 0.05
	done
	return 1
}

profile='{"to":"CS001","action":"SetChargingProfile","payload":{"evseId":1,"chargingProfile":{"id":1,"stackLevel":0,"chargingProfilePurpose":"TxDefaultProfile","chargingProfileKind":"Absolute","chargingSchedule":[{"id":1,"chargingRateUnit":"A","startSchedule":"2026-01-01T00:00:00Z","chargingSchedulePeriod":[{"startPeriod":0,"limit":10.0,"numberPhases":3}]}]}}}'

session() {
	wait_line 10 '.kind=="result" and .action=="BootNotification" and .payload.status=="Accepted"' >/dev/null ||
		{ wrong "the back office did not accept the station"; return; }
	step "the back office accepted the station over $(wait_line 1 '.kind=="open"' | jq -r '.tls'), certificates on both ends"
	say '{"to":"sim","kind":"plug","evse":1,"car":{"name":"family","soc_pct":35},"cable_a":32}'
	step "a car plugs in"
	say '{"to":"sim","kind":"swipe","evse":1,"token":{"id":"04A2B3C4D5E680","kind":"ISO14443"}}'
	step "a card is shown"
	who=$(wait_record 10 auth '.evse==1 and .verdict=="Accepted"' | jq -r .by)
	[ -n "$who" ] || { wrong "the card was not accepted"; return; }
	step "accepted by $who"
	wait_record 25 pilot '.evse==1 and .contactor.feedback==true' >"$dir/closed" || { wrong "the contactor did not close"; return; }
	step "contactor closed, $(jq -r '.limit_a' "$dir/closed") A signalled"
	wait_record 10 car '.evse==1 and .current_a[0] > 12' >/dev/null || { wrong "the car did not draw"; return; }
	step "the car draws $(wait_record 5 meter '.evse==1 and .power_total_w > 8000' | jq -r '.power_total_w') W"
	call "$profile"
	wait_record 10 pilot '.evse==1 and .limit_a==10' >"$dir/lowered" || { wrong "the current was not lowered"; return; }
	asked=$(wait_line 5 '.kind=="call" and .dir=="out" and .action=="SetChargingProfile"')
	wait_record 10 car '.evse==1 and .current_a[0] <= 10.1 and .current_a[0] > 1' >"$dir/followed" || wrong "the car did not follow"
	ms=$(jq -n --argjson a "$asked" --slurpfile p "$dir/lowered" --slurpfile c "$dir/followed" -r \
		'def ms: (.[0:19]+"Z"|fromdate)*1000 + (.[20:23]|tonumber); "\(($p[0].t|ms)-($a.t|ms)) \(($c[0].t|ms)-($a.t|ms))"')
	echo "latency_ms ${ms% *}" >>"$facts"
	step "the back office lowers the current: duty changed after ${ms% *} ms, the car drew 10 A after ${ms#* } ms"
	sleep 3
	evse-why -e 1 >"$dir/why" 2>&1 || wrong "evse-why: $(cat "$dir/why")"
	say '{"to":"sim","kind":"swipe","evse":1,"token":{"id":"04A2B3C4D5E680","kind":"ISO14443"}}'
	wait_record 15 pilot '.evse==1 and .contactor.feedback==false' >/dev/null || { wrong "the contactor did not open"; return; }
	wait_record 10 session '.evse==1 and (.edge=="path_open" or .state=="ended" or .state=="finishing") and .reading' >"$dir/ended" ||
		{ wrong "the session did not end"; return; }
	step "the card again: the session ends ($(jq -r '.reason // "-"' "$dir/ended"))"
	say '{"to":"sim","kind":"unplug","evse":1}'
	wait_record 10 pilot '.evse==1 and (.state|startswith("A"))' >/dev/null || wrong "the plug did not come free"
	step "unplugged"
	wait_line 10 '.kind=="call" and .action=="TransactionEvent" and .payload.eventType=="Ended"' >/dev/null ||
		wrong "the back office did not hear the end of the transaction"
}

verify() {
	evse-log verify -d "$EVSE_STATE/log" --pub "$EVSE_STATE/keys/sign.pub" 2>&1
}

# ---- the four accounts of the energy ----

account() {
	say_wh() { printf '%s %s\n' "$1" "$2" >>"$facts"; }
	say_wh car "$(jq -rs 'map(select(.type=="car" and .evse==1 and .plugged))|last.energy_wh // "none"' "$dir/records")"
	say_wh meter "$(jq -rs '[.[]|select(.type=="meter" and .evse==1).import_wh]|(max-min)' "$dir/records")"
	say_wh transaction "$(jq -rs '[.[]|select(.kind=="call" and .action=="TransactionEvent").payload.meterValue[]?.sampledValue[]?
		|select((.measurand // "Energy.Active.Import.Register")=="Energy.Active.Import.Register" and .phase==null)
		|.value * pow(10; .unitOfMeasure.multiplier // 0) * (if .unitOfMeasure.unit == "kWh" then 1000 else 1 end)]
		|if length == 0 then "none" else (max-min) end' "$EVSE_RUN/csms.out")"
	say_wh log "$(evse-log show -d "$EVSE_STATE/log" --keys "$EVSE_STATE/keys" 2>/dev/null |
		jq -rs '[.[]|select(.type=="reading" and .evse==1).import_wh]|if length == 0 then "none" else (max-min) end')"
}

# All four within 1.5 Wh (a register of the SDM630 has steps of 0.06 Wh and is read once a second) and more than nothing.
agree() {
	awk '$1 != "latency_ms" { if ($2 == "none" || $2 + 0 <= 0) bad = 1; v = $2 + 0; if (!n++ || v < lo) lo = v; if (v > hi) hi = v }
		END { exit !(n == 4 && !bad && hi - lo <= 1.5) }' "$facts"
}

summary() {
	echo
	echo "What happened:"
	sed 's/^/  /' "$dir/story"
	echo
	echo "Energy, four accounts of it:"
	awk '$1 != "latency_ms" { printf "  %-12s %8.1f Wh\n", $1, $2 }' "$facts"
	awk '$1 == "latency_ms" { printf "Lower current: SetChargingProfile to CP duty %s ms\n", $2 }' "$facts"
	echo "Why the current was what it was:"
	sed 's/^/  /' "$dir/why" 2>/dev/null
	echo "The record on disk: $(verify | tail -n 1)"
}

start() {
	evse-charger start -q || { cat "$EVSE_RUN/log/current" 2>/dev/null; echo "demo: the charger did not start" >&2; exit 1; }
	evse-bus tap -s '*' >"$dir/records" &
	tap=$!
}

if [ -n "$top" ]; then
	echo "starting a charger on the simulation..."
	start
	session >/dev/null 2>&1 &
	story=$!
	evse-top
	kill "$story" 2>/dev/null
	echo "What happened:"
	sed 's/^/  /' "$dir/story"
	echo "This charger is gone. For one that stays: README.md, Start it and look"
	exit 0
fi

start
step "charger started"
session
evse-charger status >"$dir/status" || wrong "not all tools run: $(grep '^down' "$dir/status" | tr '\n' ' ')"
evse-status >"$dir/health" || wrong "not healthy: $(sed -n '/Look at/,$p' "$dir/health" | tr '\n' ' ')"
evse-charger stop -q || wrong "the charger did not stop"
account
agree || wrong "the accounts of the energy differ"
verify >/dev/null || wrong "the record on disk does not verify"
summary
if [ -n "$problem" ]; then
	echo "FAILED"
	KEEP=1
	exit 1
fi
echo "OK"
