#!/usr/bin/env bats
# evse-session: who may charge, edge by edge, through restarts.

bats_require_minimum_version 1.5.0

setup() {
	PATH=${EVSE_BIN:-$BATS_TEST_DIRNAME/../../build/bin}:$PATH
	export LC_ALL=C
	unset EVSE_BUS EVSE_SPOOL
	cd "$BATS_TEST_TMPDIR" || return
	PIDS=
	N=0
	mkfifo in
	printf '# ours\n04A2B3C4 family\n04FFEE00 family # the other card\n' >cards
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

record() {
	N=$((N + 1))
	printf '{"t":"2026-11-22T10:00:00.000Z","type":"%s","src":"%s","n":"x.%d",%s}\n' "$1" "$2" "$N" "$3"
}
pilot() { record pilot pilot.1 "\"evse\":1,\"state\":\"$1\",\"contactor\":{\"commanded\":$2,\"feedback\":$2},\"faults\":[]" >&8; }
token() { record token sim.rfid.1 "\"evse\":1,\"token\":{\"id\":\"$1\",\"kind\":\"ISO14443\"}" >&8; }

# session ARG…: in the background, input on descriptor 8, output appended to `out`.
session() {
	evse-session "$@" <in >>out 2>>err 3>&- 8>&- &
	TOOL=$!
	PIDS="$PIDS $TOOL"
	exec 8>in
}
has() { jq -es "any(.[]; $1)" out; }
says() { until_true has "$1"; }
edges() { jq -rs 'map(select(.type == "session" and .edge)) | unique_by(.n) | sort_by(.m, (.n | split(".")[1] | tonumber)) | map(.edge) | join(" ")' out; }
# answer CONTEXT WH: the meter gives the reading last asked for.
answer() {
	says ".kind == \"reading\" and .context == \"Transaction.$1\""
	id=$(jq -rs "map(select(.kind == \"reading\" and .context == \"Transaction.$1\"))[-1].id" out)
	record reading meter.1 "\"evse\":1,\"command_id\":\"$id\",\"import_wh\":$2,\"register\":{\"import_wh\":\"$2.0\"}" >&8
}
charging() {
	pilot B1 false
	token 04a2b3c4
	answer Begin 1000
	says '.edge == "signed" and .allow'
	pilot C2 true
	says '.edge == "energy_on" and .state == "charging"'
}

@test "a session from plug to plug, with its readings" {
	session --list cards
	charging
	token 04FFEE00 # another card of the same group
	says '.edge == "deauthorized" and .reason == "Local" and (.allow | not)'
	pilot B1 false
	answer End 3500
	says '.edge == "path_open" and .reading.import_wh == 3500 and .reading.register.import_wh == "3500.0"'
	pilot A1 false
	says '.edge == "departed" and .state == "ended"'
	[ "$(edges)" = "connected authorized signed path_closed energy_on deauthorized energy_off path_open departed" ]
	[ "$(jq -s 'map(select(.edge) | .id) | unique | length' out)" = 1 ]
}

@test "the clear token stands in auth alone, elsewhere its hash" {
	session --list cards
	charging
	has '.type == "auth" and .verdict == "Accepted" and .by == "list" and .token.id == "04a2b3c4"'
	[ "$(jq -rs 'map(select(.type == "session" and .token) | .token.id_hash) | unique | length' out)" = 1 ]
	! jq -c 'select(.type != "auth")' out | grep -qi 04a2b3c4
	token DEADBEEF
	says '.type == "auth" and .verdict == "Unknown"'
}

@test "evse-ocpp is asked, and who can't be reached leaves the list" {
	session --ocpp --list cards
	pilot B1 false
	token 04A2B3C4
	says '.type == "command" and .to == "ocpp" and .kind == "authorize" and .token.id == "04A2B3C4"'
	id=$(jq -rs 'map(select(.kind == "authorize"))[-1].id' out)
	record reply ocpp "\"to\":\"session\",\"id\":\"$id\",\"status\":\"accepted\",\"auth\":{\"verdict\":\"Blocked\",\"by\":\"ocpp\"}" >&8
	says '.type == "auth" and .verdict == "Blocked" and .by == "ocpp"'
	token 04FFEE00
	says '.kind == "authorize" and .token.id == "04FFEE00"'
	id=$(jq -rs 'map(select(.kind == "authorize"))[-1].id' out)
	record reply bus "\"to\":\"session\",\"id\":\"$id\",\"status\":\"unreachable\"" >&8
	says '.edge == "authorized" and .auth.by == "list"'
}

@test "commands: stop and start; a fault stops with its reason" {
	session --list cards
	charging
	record command evse-check '"to":"session","id":"c1","kind":"stop","reason":"Remote"' >&8
	says '.type == "reply" and .id == "c1" and .status == "rejected"'
	record command evse-check '"evse":1,"to":"session","id":"c2","kind":"stop","reason":"Remote"' >&8
	says '.type == "reply" and .id == "c2" and .status == "accepted" and .to == "evse-check"'
	says '.edge == "deauthorized" and .reason == "Remote"'
	pilot B1 false
	answer End 1
	pilot A1 false
	says '.edge == "departed"'
	record command evse-check '"evse":1,"to":"session","id":"c3","kind":"start","token":{"id":"04A2B3C4","kind":"Central"},"remote_start_id":7' >&8
	says '.type == "reply" and .id == "c3" and .status == "accepted"'
	says '.edge == "authorized" and .remote_start_id == 7'
	record command evse-check '"evse":1,"to":"session","id":"c4","kind":"sing"' >&8
	says '.id == "c4" and .status == "unknown_kind"'
	pilot B1 false
	answer Begin 2
	says '.edge == "signed" and .remote_start_id == 7'
	record pilot pilot.1 '"evse":1,"state":"F","contactor":{"feedback":false},"faults":["rcd"]' >&8
	says '.edge == "deauthorized" and .reason == "GroundFault"'
}

@test "a card of the group that a remote start named ends its session" {
	printf '04FFEE00 FLEET\n04FFEE01 OTHER\n' >cards
	session --list cards
	pilot B1 false
	record token ocpp.remote '"evse":1,"token":{"id":"R1","kind":"Central","group":"FLEET"},"remote_start_id":9,"authorized":true' >&8
	answer Begin 1000
	says '.edge == "authorized" and .remote_start_id == 9'
	pilot C2 true
	token 04FFEE01
	says '.type == "auth" and .verdict == "ConcurrentTx"'
	run ! has '.edge == "deauthorized"'
	token 04FFEE00
	says '.edge == "deauthorized" and .reason == "Local"'
}

@test "the back office sets how long a token waits for the plug" {
	session --list cards
	record command ocpp '"to":"session","id":"c1","kind":"set","values":{"plug-timeout":1}' >&8
	pilot A1 false
	token 04a2b3c4
	says '.edge == "deauthorized" and .reason == "Timeout"'
}

@test "kill -9 at each edge: the session goes on, no edge twice, none lost" {
	session --list cards -d state
	pilot B1 false
	says '.edge == "connected"'
	kills=0
	again() { # the tool dies and comes back; the pilot says how things stand
		kill -KILL "$TOOL"
		wait "$TOOL" || true
		kills=$((kills + 1))
		exec 8>&-
		session --list cards -d state
		pilot "$1" "$2"
	}
	again B1 false
	token 04A2B3C4
	says '.edge == "authorized"'
	again B1 false
	says '.kind == "reading" and .id != null'
	until_true eval '[ "$(jq -s "map(select(.kind == \"reading\")) | length" out)" -ge 2 ]'
	answer Begin 1000
	says '.edge == "signed"'
	again C2 true
	says '.edge == "energy_on"'
	again C2 true
	token 04A2B3C4
	says '.edge == "deauthorized"'
	again B1 false
	until_true eval '[ "$(jq -s "map(select(.context == \"Transaction.End\")) | length" out)" -ge 1 ]'
	again B1 false
	until_true eval '[ "$(jq -s "map(select(.context == \"Transaction.End\")) | length" out)" -ge 2 ]'
	answer End 2000
	says '.edge == "path_open"'
	again A1 false
	says '.edge == "departed"'
	echo "killed $kills times" >&3
	[ "$(jq -s 'map(select(.edge) | .id) | unique | length' out)" = 1 ]
	# Lines said again carry the n of the first time: a reader that drops repeats has each edge once.
	[ "$(edges)" = "connected authorized signed path_closed energy_on deauthorized energy_off path_open departed" ]
}

@test "stored sessions of a newer format are refused" {
	mkdir -m 700 state
	printf 'evse-state session 99\n[]' >state/session
	run -78 --separate-stderr evse-session -d state </dev/null
	[[ $stderr == *"format 99"* ]]
}

@test "a journal gives the same output again, without the key" {
	session --list cards -d state --journal j
	charging
	exec 8>&-
	wait "$TOOL"
	evse-session --list cards --replay j >again
	cmp out again
}

@test "free vending" {
	session --free
	pilot B1 false
	says '.edge == "authorized" and .auth.by == "free"'
	says '.edge == "signed" and .reading.flagged and .allow' # no meter answered within 3 s
}

@test "wrong use, a bad list, malformed and over-long lines" {
	run -64 --separate-stderr evse-session --evses 65
	run -78 --separate-stderr evse-session --list nowhere </dev/null
	[[ $stderr == *nowhere* ]]
	printf 'a b c\n' >bad
	run -78 --separate-stderr evse-session --list bad </dev/null
	[[ $stderr == *bad:1:* ]]
	{
		echo 'no record'
		head -c 70000 /dev/zero | tr '\0' x
		echo
		echo '{"t":"2026-11-22T10:00:00.000Z","type":"pilot","src":"pilot.1","n":"a.1","state":7}'
		echo '{"t":"2026-11-22T10:00:00.000Z","type":"token","src":"r","n":"a.1","token":"x"}'
	} >lines
	run -0 --separate-stderr evse-session <lines
	[[ $stderr == *"line 1:"* && $stderr == *"line 2:"* && $stderr == *"pilot record"* && $stderr == *"token record"* ]]
}

@test "end of input, SIGTERM, a closed and a full output" {
	run -0 --separate-stderr evse-session </dev/null
	session
	until_true test -s out
	kill -TERM "$TOOL"
	wait "$TOOL"
	run -74 bash -c 'evse-session </dev/null >/dev/full 2>err2'
	grep -q 'unable to write' err2
	exec 8>&-
	record pilot pilot.1 '"evse":1,"state":"B1"' >lines
	run bash -c 'set -o pipefail; { sleep 0.3; cat lines; } | evse-session | true'
	[ "$status" -ne 0 ]
}
