#!/usr/bin/env bats
# Variables: the `var` record and the commands get and set, on real tools. Serves design section 6, "Configuration".
bats_require_minimum_version 1.5.0
load ../lib/charger.bash

setup() {
	PATH=${EVSE_BIN:-$BATS_TEST_DIRNAME/../../build/bin}:$PATH
	export LC_ALL=C EVSE_RUN=$BATS_TEST_TMPDIR/run
	unset EVSE_BUS
	cd "$BATS_TEST_TMPDIR" || return
	mkdir -p run
	PIDS= N=0 dir=
}
teardown() {
	exec 8>&-
	for pid in $PIDS; do
		kill -KILL "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	[ -z "$dir" ] || charger_stop
}

# command TO KIND [MEMBERS]: one line, as from a technician.
command_line() {
	N=$((N + 1))
	printf '{"t":"2026-11-22T10:00:00.000Z","type":"command","src":"operator","n":"x.%d","to":"%s","id":"c%d","kind":"%s"%s}\n' \
		"$N" "$1" "$N" "$2" "${3:+,$3}"
}
replies() { jq -c 'select(.type == "reply") | [.id, .status, .reason // ""]' "$@"; }
var() { jq -c "select(.type == \"var\") | .vars$1" | tail -n 1; }

serve() {
	mkfifo ready
	evse-bus serve 3>&- 5>ready --notify-fd 5 2>serve.err &
	PIDS="$PIDS $!"
	read -r _ <ready
}
# attached NAME TOOL…: on the bus, in the background.
attached() {
	local name=$1
	shift
	evse-bus attach -S "$name" -- "$@" 3>&- 2>>"$name.err" &
	TOOL=$!
	PIDS="$PIDS $TOOL"
	wait_until 10 sh -c "evse-bus tap -r -s var | grep -q '\"src\":\"$name\"'"
}
ask() { printf '%s\n' "$1" | evse-bus put; }
retained() { evse-bus tap -r -s var "select(.src == \"$1\") | .vars$2"; }

@test "each tool writes its variables after its boot record; paths and keys never" {
	run -0 --separate-stderr evse-setpoint --ceiling 40 </dev/null
	[ "$(jq -r .type <<<"$output" | head -n 2 | tr '\n' ' ')" = "boot var " ]
	[ "$(var '["ceiling"]' <<<"$output")" = '{"value":40,"unit":"A","min":0,"max":40,"from":"command line","settable":true}' ]
	[ "$(var '["managed"]' <<<"$output")" = '{"value":false,"from":"default","settable":false}' ]
	evse-session -d state --list /dev/null </dev/null >session
	[ "$(var '| keys - ["evses","free","ocpp","plug-timeout"]' <session)" = '[]' ]
	evse-clock --chrony 127.0.0.1:9 --rtc none --timesync-dir none --timedatectl false --interval 0.1 --count 2 >clock
	[ "$(var '["source"]' <clock)" = '{"value":"auto","words":["auto","chrony","timesyncd","ocpp","rtc"],"from":"default","settable":true,"restart":true}' ]
	evse-log record -d store --age 9 </dev/null >log
	[ "$(var '["age"]|[.value,.unit,.min]' <log)" = '[9,"days",9]' ]
	evse-ocpp -u ws://127.0.0.1:9/CS --key /secret --password-file /secret </dev/null >ocpp || true
	[ "$(var '["evses"].settable' <ocpp)" = false ]
	! grep -e secret -e '"key"' ocpp
}

@test "get: values by name or all; an unknown name is rejected with the nearest" {
	{
		command_line setpoint get '"names":["ceiling","ramp"]'
		command_line setpoint get
		command_line setpoint get '"names":["celing"]'
		command_line setpoint get '"names":"ceiling"'
		command_line setpoint get '"names":[]'
		command_line meter get
	} >in
	run -0 --separate-stderr evse-setpoint --ceiling 16 <in
	[ "$(jq -c 'select(.id == "c1").values' <<<"$output")" = '{"ceiling":16,"ramp":0}' ]
	[ "$(jq -c 'select(.id == "c2").values | [.evses, .["idle-turn"]]' <<<"$output")" = '[1,300]' ]
	[ "$(replies <<<"$output" | tail -n +3)" = '["c3","rejected","unknown variable \"celing\"; did you mean \"ceiling\"?"]
["c4","rejected","names: expected an array of names"]
["c5","rejected","names: expected an array of names"]' ]
}

@test "set: checked as the command line checks, whole or not at all, told once" {
	{
		command_line setpoint set '"values":{"idle-turn":60,"ramp":-3}'
		command_line setpoint set '"values":{"idle-turn":60,"evses":2}'
		command_line setpoint set '"values":{"idle-turn":60,"rmp":1}'
		command_line setpoint set '"values":{"idle-turn":"soon"}'
		command_line setpoint set '"values":{"idle-turn":[60]}'
		command_line setpoint set '"values":{}'
		command_line setpoint set
		command_line setpoint get '"names":["idle-turn"]'
		command_line setpoint set '"values":{"idle-turn":"60","ramp":0.5}'
		command_line setpoint set '"values":{"idle-turn":7}' >again
		sed 's/"c10"/"c9"/' again
		command_line setpoint get '"names":["idle-turn","ramp"]'
	} >in
	run -0 --separate-stderr evse-setpoint <in
	[ "$(replies <<<"$output")" = '["c1","rejected","ramp: expected a number from 0 to 1000, got '"'-3'"'"]
["c2","rejected","evses: can be read, not set"]
["c3","rejected","unknown variable \"rmp\"; did you mean \"ramp\"?"]
["c4","rejected","idle-turn: expected a number from 0 to 86400, got '"'soon'"'"]
["c5","rejected","idle-turn: expected a number from 0 to 86400, got '"'[60]'"'"]
["c6","rejected","values: expected an object of names and values"]
["c7","rejected","values: expected an object of names and values"]
["c8","accepted",""]
["c9","accepted","holds until evse-setpoint ends: it has no directory to keep it (--vars DIR)"]
["c11","accepted",""]' ]
	[ "$(jq -c 'select(.id == "c8").values' <<<"$output")" = '{"idle-turn":300}' ]
	[ "$(jq -c 'select(.id == "c11").values' <<<"$output")" = '{"idle-turn":60,"ramp":0.5}' ]
	[ "$(jq -c 'select(.type == "var") | .vars["idle-turn"] | [.value, .from]' <<<"$output" | tr '\n' ' ')" = '[300,"default"] [60,"set"] ' ]
	run -64 --separate-stderr evse-setpoint --ramp -3
	[[ $stderr == *"--ramp: expected a number from 0 to 1000, got '-3'"* ]]
}

@test "what the installer fixed for safety can be lowered, not raised, and taken back" {
	{
		command_line setpoint set '"values":{"ceiling":32.1}'
		command_line setpoint set '"values":{"ceiling":20}'
		command_line setpoint set '"values":{"ceiling":25}'
		command_line setpoint set '"values":{"ceiling":null}'
		command_line setpoint get '"names":["ceiling"]'
		command_line setpoint set '"values":{"pcc-unseen":7}'
		command_line setpoint set '"values":{"random-delay":9}'
	} >in
	run -0 --separate-stderr evse-setpoint --ceiling 32 --random-delay 10 --vars state <in
	[ "$(replies <<<"$output")" = '["c1","rejected","ceiling: expected at most 32, as the command line gives, got '"'32.1'"'"]
["c2","accepted",""]
["c3","accepted",""]
["c4","accepted",""]
["c5","accepted",""]
["c6","rejected","pcc-unseen: expected at most 6, as the built-in default gives, got '"'7'"'"]
["c7","rejected","random-delay: expected at least 10, as the command line gives, got '"'9'"'"]' ]
	[ "$(jq -c 'select(.id == "c5").values' <<<"$output")" = '{"ceiling":32}' ]
	# a stored value that the configuration does not allow any more is left out, with a word
	command_line setpoint set '"values":{"ceiling":20,"ramp":1}' | evse-setpoint --ceiling 32 --vars state >/dev/null
	run -0 --separate-stderr evse-setpoint --ceiling 16 --vars state </dev/null
	[ "$(var '|[.ceiling.value, .ramp.value]' <<<"$output")" = '[16,1]' ]
	[[ $stderr == *"state/vars: not used: ceiling: expected at most 16"* ]]
}

@test "a ceiling set while it runs holds in the next decision" {
	{
		printf '{"t":"2026-11-22T10:00:00Z","type":"pilot","src":"pilot.1","n":"p.1","evse":1,"state":"C2","cable_a":32,"step_a":0.1,"phases":3,"faults":[]}\n'
		command_line setpoint set '"values":{"ceiling":12}'
	} >in
	run -0 --separate-stderr evse-setpoint --ceiling 20 <in
	[ "$(jq -c 'select(.type == "setpoint").import_max_a' <<<"$output" | tail -n 1)" = 12 ]
}

@test "on the bus: kept through kill -9, said at the start, and taken back" {
	serve
	attached setpoint evse-setpoint --ceiling 40 --vars state
	run -0 ask '{"to":"setpoint","kind":"set","values":{"ceiling":16}}'
	[ "$(jq -c '[.status, .stored]' <<<"$output")" = '["accepted",true]' ]
	kill -9 "$TOOL"
	attached setpoint evse-setpoint --ceiling 40 --vars state
	wait_until 10 grep -q 'notice: set earlier, kept in state/vars: ceiling 16 for 40 (command line)' setpoint.err
	wait_until 10 sh -c 'evse-bus tap -r -s var | grep -q "\"ceiling\":{\"value\":16,"'
	run -0 ask '{"to":"setpoint","kind":"get","names":["ceiling"]}'
	[ "$(jq -c .values <<<"$output")" = '{"ceiling":16}' ]
	run -1 ask '{"to":"setpoint","kind":"set","values":{"ceiling":41}}'
	run -0 ask '{"to":"setpoint","kind":"set","values":{"ceiling":null}}'
	[ "$(retained setpoint '.ceiling|.value')" = 40 ]
	[ "$(tail -n 1 state/vars)" = '{}' ]
}

@test "kill -9 again and again while it is set: always a whole old or a whole new file" {
	for n in 1 2 3 4 5 6 7 8; do
		rm -f in
		mkfifo in
		evse-setpoint --vars state <in >out 2>err 3>&- &
		PIDS="$PIDS $!"
		exec 8>in
		for i in 1 2 3 4 5 6 7 8 9; do command_line setpoint set "\"values\":{\"idle-turn\":$n$i,\"resume-hold\":$n$i}"; done >&8
		wait_until 10 grep -q reply out
		kill -9 $!
		wait $! || true
		exec 8>&-
		evse-setpoint --vars state </dev/null >again 2>err
		[ "$(var '|.["idle-turn"].value == .["resume-hold"].value and .["idle-turn"].value > 10' <again)" = true ]
		! grep -q error err
	done
}

@test "a full disk: rejected, nothing half-applied, the old file whole" {
	{ command_line setpoint set '"values":{"idle-turn":50}'; } | evse-setpoint --vars state >/dev/null
	cp state/vars before
	ln -s /dev/full state/vars.new
	{
		command_line setpoint set '"values":{"idle-turn":70,"ramp":2}'
		command_line setpoint get '"names":["idle-turn","ramp"]'
	} >in
	run -0 --separate-stderr evse-setpoint --vars state <in
	[[ $(replies <<<"$output") == *'"rejected","unable to write state/vars.new: No space left on device; nothing is changed"'* ]]
	[ "$(jq -c 'select(.values).values' <<<"$output")" = '{"idle-turn":50,"ramp":0}' ]
	cmp before state/vars
}

@test "what takes effect at the next start: reboot_required, next in var; without a directory rejected" {
	sources="--chrony 127.0.0.1:9 --rtc none --timesync-dir none --timedatectl false"
	serve
	# shellcheck disable=SC2086 # options
	attached clock evse-clock $sources --interval 1 -d state
	run -0 ask '{"to":"clock","kind":"set","values":{"source":"chrony","interval":0.5}}'
	[ "$(jq -c '[.status, .restart]' <<<"$output")" = '["reboot_required",["source"]]' ]
	[[ $output == *'evse-charger restart clock'* ]]
	[ "$(retained clock '.source|[.value,.next]' | jq -c .)" = '["auto","chrony"]' ]
	run -1 ask '{"to":"clock","kind":"set","values":{"source":"sundial"}}'
	[[ $output == *"source: expected one of auto|chrony|timesyncd|ocpp|rtc, got 'sundial'"* ]]
	kill "$TOOL"
	wait "$TOOL" || true
	# shellcheck disable=SC2086 # options
	attached clock evse-clock $sources --interval 1 -d state
	wait_until 10 sh -c 'evse-bus tap -r -s var | jq -e ".vars.source.value == \"chrony\" and .vars.interval.value == 0.5"'
	kill "$TOOL"
	wait "$TOOL" || true
	# shellcheck disable=SC2086 # options
	attached clock evse-clock $sources --interval 1
	wait_until 10 sh -c 'evse-bus tap -r -s var | jq -e ".vars.source.value == \"auto\""'
	run -1 ask '{"to":"clock","kind":"set","values":{"source":"rtc"}}'
	[[ $output == *'has no directory to keep it'* ]]
}

@test "a damaged file is told and not used; a newer one is 78; a command too old is expired" {
	mkdir state
	echo garbage >state/vars
	run -0 --separate-stderr evse-setpoint --vars state </dev/null
	[[ $stderr == *'error: state/vars: expected "evse-state vars FORMAT" in line 1; what was set is not used'* ]]
	printf 'evse-state vars 1\n{"ceiling":' >state/vars
	run -0 --separate-stderr evse-setpoint --vars state </dev/null
	[[ $stderr == *'state/vars: '*'; what was set is not used'* ]]
	printf 'evse-state vars 1\n{"ceiling":[1],"gone":2,"idle-turn":9}\n' >state/vars
	run -0 --separate-stderr evse-setpoint --vars state </dev/null
	[[ $stderr == *"not used: ceiling: expected a number from 0 to 10000, got '[1]'; gone: no such variable"* ]]
	[ "$(var '["idle-turn"].value' <<<"$output")" = 9 ]
	printf 'evse-state vars 2\n{}\n' >state/vars
	run -78 --separate-stderr evse-setpoint --vars state </dev/null
	command_line setpoint get | sed 's/"to"/"m":1,"to"/' >in
	run -0 --separate-stderr evse-setpoint <in
	[ "$(replies <<<"$output")" = '["c1","expired",""]' ]
}

@test "a replay reads and writes no file and gives the same, byte for byte" {
	command_line setpoint set '"values":{"ceiling":16}' | evse-setpoint --ceiling 20 --vars state >/dev/null
	mkdir -p full
	ln -s /dev/full full/vars.new
	{
		command_line setpoint set '"values":{"idle-turn":5}'
		command_line setpoint get
	} >in
	evse-setpoint --ceiling 20 --vars state --journal one <in >live 2>/dev/null
	evse-setpoint --ceiling 20 --vars full --journal two <in >failed 2>/dev/null
	rm -r state full
	evse-setpoint --ceiling 20 --vars state --replay one >again 2>/dev/null
	cmp live again
	evse-setpoint --ceiling 20 --replay two >again
	cmp failed again
	[ ! -e state ]
	[ "$(jq -c 'select(.values).values.ceiling' live)" = 16 ]
	grep -q '"rejected"' failed
}

@test "rights: who may not command a tool may not set it" {
	serve
	attached setpoint evse-setpoint
	for s in meter.1 session hems log; do
		run -1 sh -c "echo '{\"to\":\"setpoint\",\"kind\":\"set\",\"values\":{\"ramp\":1}}' | evse-bus put -S $s -w 300"
		[[ $output != *accepted* ]]
	done
	[ "$(retained setpoint '.ramp.value')" = 0 ]
	run -0 sh -c "echo '{\"to\":\"setpoint\",\"kind\":\"set\",\"values\":{\"ramp\":1}}' | evse-bus put -S ocpp"
	run -1 sh -c "echo '{\"to\":\"setpoint\",\"kind\":\"get\"}' | evse-bus put -S ocpp -w 300"
}

@test "a whole charger: evse-charger get and set; the pilot not while its contactor is closed" {
	charger_start
	run -0 evse-charger get setpoint ceiling
	[ "$output" = ceiling=40 ]
	wait_until 10 evse-charger set setpoint ceiling=30 idle-turn=90
	run -1 evse-charger set setpoint ceiling=50
	[[ $output == *'ceiling: expected at most 40, as the file gives, got '"'50'"* ]]
	run -1 evse-charger set setpoint celing=5
	[[ $output == *'did you mean "ceiling"?'* ]]
	run -69 evse-charger get nobody
	run -0 evse-charger set log seal=600
	run -0 evse-charger set meter.1 timeout=400
	[[ $output == *'evse-charger restart meter.1'* ]]
	run -0 evse-charger set session plug-timeout=61
	# lower what the pilot signals
	run -0 evse-charger set pilot.1 max-a=10
	run -1 evse-charger set pilot.1 no-rcd-test=true
	[[ $output == *'can be read, not set'* ]]
	plug_in 1
	swipe 1
	wait_record 25 pilot '.src=="pilot.1" and .contactor.feedback == true and .limit_a == 10'
	run -1 evse-charger set pilot.1 max-a=8
	[[ $output == *'the contactor is closed: stop charging first'* ]]
	for s in setpoint session log; do kill -9 "$(pid_of $s)"; done
	wait_until 15 sh -c '[ "$(evse-charger get setpoint ceiling)$(evse-charger get session plug-timeout)$(evse-charger get log seal)" = ceiling=30plug-timeout=61seal=600 ]'
	evse-charger restart meter.1 -q -c "$dir/evse.json"
	wait_until 10 sh -c '[ "$(evse-charger get meter.1 timeout)" = timeout=400 ]'
	run -0 evse-charger set setpoint ceiling=
	run -0 evse-charger get setpoint ceiling
	[ "$output" = ceiling=40 ]
	wait_until 10 sh -c 'evse-log show -d "$EVSE_STATE/log" --keys "$EVSE_STATE/keys" -t command | grep -q "\"kind\":\"set\""'
}
