#!/usr/bin/env bats
# evse-setpoint: limits become amperes. Serves COM-7, CTL-1, CTL-4, CTL-7, CTL-8.

bats_require_minimum_version 1.5.0

setup() {
	PATH=${EVSE_BIN:-$BATS_TEST_DIRNAME/../../build/bin}:$PATH
	export LC_ALL=C
	unset EVSE_BUS
	cd "$BATS_TEST_TMPDIR" || return
	PIDS=
	N=0
}

teardown() {
	exec 8>&-
	for pid in $PIDS; do
		kill -KILL "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
}

until_true() {
	for _ in $(seq 500); do
		if "$@" >/dev/null 2>&1; then return 0; fi
		sleep 0.02
	done
	echo "never true: $*" >&2
	return 1
}

# record TYPE SRC MEMBERS: one line.
record() {
	N=$((N + 1))
	printf '{"t":"2026-11-22T10:00:00.000Z","type":"%s","src":"%s","n":"x.%d",%s}\n' "$1" "$2" "$N" "$3"
}
pilot() { record pilot "pilot.$1" "\"evse\":$1,\"state\":\"$2\",\"limit_a\":$3,\"cable_a\":32,\"step_a\":0.1,\"phases\":3,\"faults\":[]"; }
limit() { record limit "$1" "\"evse\":1,\"scope\":\"evse\",\"valid_s\":30,$2"; }

# setpoint ARG…: in the background, input on descriptor 8, output in `out`.
setpoint() {
	mkfifo in
	evse-setpoint "$@" <in >out 2>err 3>&- 8>&- &
	TOOL=$!
	PIDS="$PIDS $TOOL"
	exec 8>in
}
has() { jq -es "any(.[]; $1)" out; }
says() { until_true has "$1"; }

@test "the cable, a ceiling and a limit: the lowest wins and the losers are named" {
	{
		pilot 1 C2 16
		limit ocpp.tx.1 '"schedule":[{"import_max_a":13.27}]'
	} >lines
	run -0 --separate-stderr evse-setpoint --source 'ocpp.*' --ceiling 20 <lines
	[ "$(jq -c 'select(.type == "setpoint") | [.src, .evse, .enable, .import_max_a, .export_max_a]' <<<"$output")" = \
		'["setpoint.1",1,true,13.2,0]' ]
	[ "$(jq -c 'select(.type == "setpoint") | .because | map([.src, .rule, .role])' <<<"$output")" = \
		'[["ocpp.tx.1","ceiling","winner"],["setpoint.station","ceiling","loser"],["pilot.1","cable","loser"]]' ]
}

@test "two cars share the supply, a third waits for its minimum" {
	for evse in 1 2 3; do pilot $evse C2 6; done >lines
	run -0 --separate-stderr evse-setpoint --evses 3 --ceiling 13 <lines
	[ "$(jq -sc 'map(select(.type == "setpoint") | [.import_max_a, .because[0].rule])' <<<"$output")" = \
		'[[6.5,"station_share"],[6.5,"station_share"],[0,"minimum_wait"]]' ]
}

@test "managed: energy follows the session" {
	setpoint --managed
	pilot 1 B1 0 >&8
	says '.because[0].rule == "no_session" and .enable == false'
	record session session.1 '"evse":1,"id":"s1","state":"authorized","allow":false' >&8
	says '.because[0].rule == "not_allowed"'
	record session session.1 '"evse":1,"id":"s1","state":"authorized","allow":true' >&8
	says '.enable and .session == "s1" and .import_max_a == 32'
}

@test "an expired lease gives the fail-safe, without any input" {
	setpoint --sources '[{"src":"site","valid_s":1,"fail_safe":{"import_max_a":8}}]'
	{
		pilot 1 C2 16
		limit site '"import_max_a":20'
	} >&8
	says '.import_max_a == 20'
	says '.import_max_a == 8 and .because[0].rule == "lease_expired"'
}

@test "a schedule steps by itself" {
	at=$(date -u -d '+1 second' +%Y-%m-%dT%H:%M:%S.%3NZ)
	setpoint --source site
	{
		pilot 1 C2 16
		limit site "\"schedule\":[{\"at\":\"2026-01-01T00:00:00Z\",\"import_max_a\":20},{\"at\":\"$at\",\"import_max_a\":10}]"
	} >&8
	says '.import_max_a == 20 and .because[0].rule == "schedule"'
	says ".import_max_a == 10 and .t >= \"$at\""
}

@test "who acts refuses: unknown word, must, scope, source; the alert is cleared by a good limit" {
	setpoint --source site
	pilot 1 C2 16 >&8
	limit site '"must":["setpoint_var"],"import_max_a":20' >&8
	says '.type == "alert" and .code == "limit.site" and .raised and (.text | test("setpoint_var"))'
	says '.import_max_a == 6 and .because[0].rule == "fail_safe"'
	limit site '"import_max_a":20' >&8
	says '.type == "alert" and .raised == false'
	says '.import_max_a == 20'
	record limit site '"evse":2,"scope":"evse","valid_s":30,"import_max_a":20' >&8
	says '.type == "alert" and .raised and (.text | test("no such EVSE"))'
	limit site '"import_max_a":20' >&8
	says '.type == "alert" and .raised == false'
	record limit site '"scope":"planet","valid_s":30,"import_max_a":20' >&8
	says '.type == "alert" and .raised and (.text | test("scope"))'
	limit stranger '"import_max_a":32' >&8
	says '.type == "alert" and .code == "limit.stranger" and .text == "unknown_source"'
	limit site '"import_max_a":-3' >&8
	says '.type == "alert" and (.text | test("import_max_a: expected a number from 0"))'
}

@test "on a bus nothing rises before the mark" {
	export EVSE_BUS=run
	setpoint
	pilot 1 C2 10 >&8
	says '.import_max_a == 10 and .because[0].rule == "start_hold"'
	[ "$(jq -s 'map(select(.import_max_a > 10)) | length' out)" = 0 ]
	[ "$(jq -s 'map(select(.type == "setpoint" and .import_max_a < 10)) | length' out)" = 0 ]
	record bus bus '"state":"live"' >&8
	says '.import_max_a == 32'
}

@test "a command: cancel_delay is carried out, others are unknown" {
	setpoint --random-delay 3600
	pilot 1 B1 0 >&8
	says '.because[0].rule == "random_delay" and .import_max_a == 0'
	record command evse-check '"to":"setpoint","id":"c1","kind":"cancel_delay"' >&8
	says '.type == "reply" and .id == "c1" and .status == "accepted"'
	says '.import_max_a == 32'
	record command evse-check '"to":"setpoint","id":"c2","kind":"dance"' >&8
	says '.type == "reply" and .id == "c2" and .status == "unknown_kind"'
}

@test "a command is carried out once, and not when it is older than its valid_ms" {
	now=$(awk '{ printf "%d", $1 * 1000 }' /proc/uptime)
	for m in 1 $((now - 5500)) $((now - 500)); do
		printf '{"t":"2026-11-22T10:00:00.000Z","type":"command","src":"ocpp","n":"c.%d","m":%d,"to":"setpoint","id":"%d","kind":"cancel_delay"}\n' "$m" "$m" "$m"
	done >in
	printf '{"t":"2026-11-22T10:00:00.000Z","type":"command","src":"ocpp","n":"d.1","m":%d,"to":"setpoint","id":"own","kind":"cancel_delay","valid_ms":100}\n' $((now - 500)) >>in
	printf '{"t":"2026-11-22T10:00:00.000Z","type":"command","src":"ocpp","n":"d.2","m":%d,"to":"setpoint","id":"set","kind":"set","component":"setpoint","variable":"idle-turn","value":5}\n' 5 >>in
	printf '{"t":"2026-11-22T10:00:00.000Z","type":"command","src":"ocpp","to":"setpoint","id":"typed","kind":"cancel_delay"}\n' >>in
	run -0 --separate-stderr evse-setpoint <in
	[ "$(jq -rs 'map(select(.type == "reply").status) | join(" ")' <<<"$output")" = "expired expired accepted expired expired accepted" ]
	# once for each (src, id), whatever n it comes with
	now=$(awk '{ printf "%d", $1 * 1000 }' /proc/uptime)
	for n in 1 2 3; do
		printf '{"t":"2026-11-22T10:00:00.000Z","type":"command","src":"ocpp","n":"e.%d","m":%d,"to":"setpoint","id":"same","kind":"cancel_delay"}\n' "$n" "$now"
	done >in
	printf '{"t":"2026-11-22T10:00:00.000Z","type":"command","src":"hems","n":"e.4","m":%d,"to":"setpoint","id":"same","kind":"cancel_delay"}\n' "$now" >>in
	run -0 --separate-stderr evse-setpoint <in
	[ "$(jq -rs 'map(select(.type == "reply").to) | join(" ")' <<<"$output")" = "ocpp hems" ]
}

@test "every second again, for who missed it" {
	setpoint
	pilot 1 C2 16 >&8
	until_true eval '[ "$(jq -s "map(select(.type == \"setpoint\")) | length" out)" -ge 3 ]'
}

@test "a journal gives the same output again" {
	mkfifo in
	evse-setpoint --ceiling 20 --source site --journal j <in >live 2>/dev/null 3>&- &
	tool=$!
	PIDS="$PIDS $tool"
	exec 8>in
	{
		pilot 1 C2 16
		limit site '"import_max_a":11'
	} >&8
	until_true grep -q '"import_max_a":11,' live
	until_true eval '[ $(wc -l <live) -ge 4 ]'
	exec 8>&-
	wait $tool
	evse-setpoint --ceiling 20 --source site --replay j >again 2>/dev/null
	cmp live again
}

@test "wrong use is 64, wrong configuration 78, each with its place" {
	run -64 --separate-stderr evse-setpoint --evses 0
	run -64 --separate-stderr evse-setpoint --nonsense
	run -64 --separate-stderr evse-setpoint --phase-rotation RSU </dev/null
	[[ $stderr == *RSU* ]]
	run -78 --separate-stderr evse-setpoint --sources '[{"src":"a","rank":"king"}]' </dev/null
	[[ $stderr == *"sources[0]: rank"*king* ]]
	run -78 --separate-stderr evse-setpoint --sources '[{"src":"a","ranks":1}]' </dev/null
	[[ $stderr == *"unknown key 'ranks'"* ]]
}

@test "malformed and over-long lines are reported with their number and skipped" {
	{
		echo 'no record'
		head -c 70000 /dev/zero | tr '\0' x
		echo
		record pilot pilot.1 '"evse":1,"state":"Z"'
		pilot 1 C2 16
		printf '{"t":"2026'
	} >lines
	run -0 --separate-stderr evse-setpoint <lines
	[[ $stderr == *"line 1:"* && $stderr == *"line 2:"* && $stderr == *"state: expected A to F"* ]]
	[ "$(jq -s 'map(select(.type == "setpoint")) | length' <<<"$output")" = 1 ]
}

@test "SIGTERM the moment the boot record is there is an orderly end" {
	mkfifo early
	for _ in $(seq 30); do
		: >out # not the boot record of the one before
		evse-setpoint <early >out 2>/dev/null 3>&- &
		pid=$!
		exec 9>early
		for _ in $(seq 5000); do ! grep -q boot out || break; done
		kill -TERM "$pid"
		wait "$pid"
		exec 9>&-
	done
}

@test "end of input, SIGTERM, a closed and a full output" {
	run -0 --separate-stderr evse-setpoint </dev/null
	setpoint
	until_true test -s out
	kill -TERM "$TOOL"
	wait "$TOOL"
	pilot 1 C2 16 >lines
	run -74 bash -c 'evse-setpoint <lines >/dev/full 2>err2'
	grep -q 'unable to write' err2
	run bash -c 'set -o pipefail; { cat lines; sleep 1.2; } | evse-setpoint | true'
	[ "$status" -ne 0 ]
}
