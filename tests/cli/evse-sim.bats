#!/usr/bin/env bats
# evse-sim: the simulated hardware on its sockets, ports and devices.

bats_require_minimum_version 1.5.0

setup() {
	PATH="${EVSE_BIN:-$BATS_TEST_DIRNAME/../../build/bin}:$PATH"
	FAKES="$BATS_TEST_DIRNAME/../fakes"
	PY=/usr/bin/python3
	D="$BATS_TEST_TMPDIR/sim"
	SIM=
}

teardown() {
	exec 7>&-
	[ -z "$SIM" ] || kill "$SIM" 2>/dev/null || true
}

# Starts the simulator with its standard input on descriptor 7 and waits until it is ready.
start() {
	mkfifo "$BATS_TEST_TMPDIR/in" "$BATS_TEST_TMPDIR/ready" 2>/dev/null || true
	evse-sim -d "$D" --keepalive-ms 20 --cp-noise 0 --notify-fd 5 "$@" <"$BATS_TEST_TMPDIR/in" \
		>>"$BATS_TEST_TMPDIR/out" 2>>"$BATS_TEST_TMPDIR/err" 5>"$BATS_TEST_TMPDIR/ready" 3>&- 7>&- &
	SIM=$!
	exec 7>"$BATS_TEST_TMPDIR/in"
	timeout 5 cat "$BATS_TEST_TMPDIR/ready"
}

say() {
	printf '%s\n' "$1" >&7
}

# Waits until the output has a line that jq finds true.
await() {
	for _ in $(seq 100); do
		if jq -e -n --raw-input "first(inputs | fromjson? | select($1))" \
			"$BATS_TEST_TMPDIR/out" 2>/dev/null; then
			return 0
		fi
		sleep 0.05
	done
	echo "never seen: $1" >&2
	cat "$BATS_TEST_TMPDIR/out" "$BATS_TEST_TMPDIR/err" >&2
	return 1
}

pilot() {
	local n=$1
	shift
	$PY "$FAKES/pilot-client.py" "$D/pilot.$n.sock" "$@"
}

modbus() {
	$PY "$FAKES/modbus-client.py" "$@"
}

need_pymodbus() {
	$PY -c 'import pymodbus' 2>/dev/null || skip "python3-pymodbus is not installed"
}

# ---- what every tool does ----

@test "help and version" {
	run -0 --separate-stderr evse-sim --help
	[[ $output == *"--scenario"* ]]
	run -0 evse-sim --version
}

@test "wrong usage is 64" {
	run -64 --separate-stderr evse-sim --no-such-option
	[[ $stderr == *"try --help"* || $stderr == *"--help"* ]]
	run -64 --separate-stderr evse-sim
	[[ $stderr == *"-d DIR"* ]]
	run -64 --separate-stderr evse-sim -d "$D" --evses 65
	run -64 --separate-stderr evse-sim -d "$D" --seed x
}

@test "full disk behind the output is 74" {
	run -74 --separate-stderr sh -c 'evse-sim -d "$1" </dev/null >/dev/full' sh "$D"
	run -74 --separate-stderr sh -c 'evse-sim --help >/dev/full'
}

@test "a reader that left ends it quietly" {
	run -0 --separate-stderr timeout 10 sh -c 'evse-sim -d "$1" --interval 10 </dev/null | head -n 3 >/dev/null' sh "$D"
	[ -z "$stderr" ]
}

@test "the end of input means nothing, SIGTERM ends it with 0" {
	start </dev/null
	exec 7>&-
	await '.type == "car"'
	kill -TERM "$SIM"
	wait "$SIM"
	SIM=
	[ ! -e "$D/pilot.1.sock" ]
	[ ! -L "$D/meter.1.tty" ]
}

@test "bad lines are counted and skipped" {
	start
	say 'no record'
	head -c 70000 /dev/zero | tr '\0' x >&7
	say ''
	say '{"kind":"plug"}'
	await '.type == "reply" and .status == "accepted"'
	grep -q 'line 1: not a record' "$BATS_TEST_TMPDIR/err"
	grep -q 'longer than' "$BATS_TEST_TMPDIR/err"
}

@test "two simulators do not share a directory" {
	start
	run -75 --separate-stderr evse-sim -d "$D"
	[[ $stderr == *"another evse-sim"* ]]
}

@test "a port that is taken is 69" {
	start
	run -69 --separate-stderr evse-sim -d "$D.2" --modbus-port "$(cat "$D/modbus.port")"
	[[ $stderr == *"$(cat "$D/modbus.port")"* ]]
}

# ---- commands ----

@test "records addressed to it get replies, others none" {
	t=$(date -u +%Y-%m-%dT%H:%M:%S.000Z)
	start
	say "{\"t\":\"$t\",\"type\":\"command\",\"src\":\"ocpp\",\"n\":\"a.1\",\"to\":\"meter.1\",\"id\":\"x1\",\"kind\":\"plug\"}"
	say "{\"t\":\"$t\",\"type\":\"command\",\"src\":\"ocpp\",\"n\":\"a.2\",\"to\":\"sim\",\"id\":\"x2\",\"kind\":\"plug\"}"
	say "{\"t\":\"$t\",\"type\":\"command\",\"src\":\"ocpp\",\"n\":\"a.2\",\"to\":\"sim\",\"id\":\"x2\",\"kind\":\"plug\"}"
	say "{\"t\":\"2020-01-01T00:00:00Z\",\"type\":\"command\",\"src\":\"ocpp\",\"n\":\"a.3\",\"to\":\"sim\",\"id\":\"x3\",\"kind\":\"unplug\"}"
	say '{"kind":"nothing","id":"x4"}'
	await '.id == "x4" and .status == "unknown_kind"'
	run -0 jq -rc 'select(.type == "reply") | [.id, .to, .status]' "$BATS_TEST_TMPDIR/out"
	[ "${lines[0]}" = '["x2","ocpp","accepted"]' ]
	[ "${lines[1]}" = '["x3","ocpp","expired"]' ]
	[ "${#lines[@]}" -eq 3 ]
}

@test "a swipe is a token record" {
	start -n 2
	say '{"kind":"swipe","evse":2,"token":{"id":"04A2","kind":"ISO14443"}}'
	await '.type == "token" and .src == "sim.rfid.2" and .evse == 2 and .token.id == "04A2"'
}

@test "a scenario runs by its times and conditions" {
	printf '%s\n' '# a comment' '{"at_s":0.1,"kind":"plug","car":"family","want_wh":1}' \
		'{"when":"done","after_s":0.1,"kind":"unplug"}' '{"at_s":0,"kind":"end"}' >"$D.ndjson"
	run -65 --separate-stderr evse-sim -d "$D" --scenario "$D.ndjson"
	[[ $stderr == *"line 4"*"earlier"* ]]
	sed -i 's/"at_s":0,/"at_s":0.2,/' "$D.ndjson"
	start --scenario "$D.ndjson"
	await '.type == "car" and .plugged'
	pilot 1 '{"duty_permyriad":2667}' '{"contactor":[true]}'
	await '.type == "car" and .energy_wh >= 1'
	wait "$SIM"
	SIM=
	run -0 jq -rc 'select(.type == "reply") | [.id, .status]' "$BATS_TEST_TMPDIR/out"
	[ "${lines[1]}" = '["scenario.3","accepted"]' ]
	[ "${lines[2]}" = '["scenario.4","accepted"]' ]
}

@test "scenarios that are missing or wrong are refused" {
	run -66 --separate-stderr evse-sim -d "$D" --scenario "$D/none"
	printf '{"at_s":1,"kind":"dance"}\n' >"$D.ndjson"
	run -65 --separate-stderr evse-sim -d "$D" --scenario "$D.ndjson"
	[[ $stderr == *"line 1"*"dance"* ]]
	for wrong in '"kind":"plug","cable_a":"x"' '"kind":"plug","car":{"nope":1}' '"kind":"swipe","token":5' \
		'"kind":"fault","name":"nope"' '"kind":"want-energy","wh":-1' '"kind":"grid","voltage_v":[1,2]'; do
		printf '{"at_s":0,"kind":"plug"}\n{"at_s":1,%s}\n' "$wrong" >"$D.ndjson"
		run -65 --separate-stderr evse-sim -d "$D" --scenario "$D.ndjson"
		[[ $stderr == *"line 2: "* ]]
	done
	run -74 --separate-stderr evse-sim -d "$D" --scenario "$BATS_TEST_TMPDIR"
	[[ $stderr == *"unable to read scenario $BATS_TEST_TMPDIR: Is a directory"* ]]
	for f in "$BATS_TEST_DIRNAME"/../../share/evse/scenarios/*.ndjson; do
		run -0 --separate-stderr sh -c \
			'echo "{\"kind\":\"end\"}" | evse-sim -n 2 -d "$1" --fresh --scenario "$2" >/dev/null' \
			sh "$D.s" "$f"
	done
}

# ---- the pilot line ----

@test "the pilot socket shows the car and takes outputs" {
	start
	run -0 pilot 1 --until cp_pos_mv=12000 --until pp_ohm=null
	say '{"kind":"plug","car":"family","cable_a":20}'
	run -0 pilot 1 --until cp_pos_mv=8978 --until pp_ohm=680
	run -0 pilot 1 '{"duty_permyriad":2667}' --until cp_neg_mv=-12000
	run -0 pilot 1 --until cp_pos_mv=5995
	run -0 pilot 1 '{"contactor":[true],"lock":"locked"}' --until 'contactor=[true]' --until 'lock="locked"'
	await '.type == "car" and .current_a[2] == 16'
	say '{"kind":"fault","name":"welded"}'
	say '{"kind":"fault","name":"pe"}'
	run -0 pilot 1 '{"contactor":[false]}' --until pe=false --until 'contactor=[true]'
	run -0 pilot 1 '{"trip_upstream":true}' --until 'current_a=[0,0,0]'
}

@test "outputs hold when the controller dies; a second controller has the last word" {
	start
	say '{"kind":"plug","car":"family"}'
	run -0 pilot 1 '{"duty_permyriad":2667}' '{"contactor":[true]}' --until 'contactor=[true]'
	await '.type == "car" and .current_a[2] == 16'
	run -0 pilot 1 '{"contactor":[false]}' '{"duty_permyriad":10000}' --until 'contactor=[false]'
}

@test "a board with an alive line opens by itself" {
	start --alive-ms 200
	run -0 pilot 1 '{"alive":1}' '{"contactor":[true]}' --until 'contactor=[true]'
	run -0 pilot 1 --until 'contactor=[false]'
}

@test "wrong lines on the pilot socket are reported and ignored" {
	start
	run -0 pilot 1 'x' '{"duty_permyriad":-1}' '{"contactor":[true]}' --until 'contactor=[true]'
	grep -q 'pilot socket 1: duty_permyriad: expected' "$BATS_TEST_TMPDIR/err"
}

# ---- the meters, read by clients that are not ours ----

@test "pymodbus reads the meters over TCP" {
	need_pymodbus
	start -n 2
	P=$(cat "$D/modbus.port")
	run -0 modbus "tcp:$P" 1 0 6 --float
	[[ $output == 229.9* ]]
	run -0 modbus "tcp:$P" 1 70 2 --float
	[ "$output" = 50 ]
	run -0 modbus "tcp:$P" 100 72 2 --float
	[[ $output == 8000* ]]
	run -0 modbus "tcp:$P" 2 0 80
	[ "$(wc -w <<<"$output")" -eq 80 ]
	run -0 modbus "tcp:$P" 2 64512 2 --fc 3
	[ "$output" = "0 1002" ]
	run -1 modbus "tcp:$P" 1 0 82
	[ "$output" = "exception 3" ]
	run -1 modbus "tcp:$P" 1 1000 2
	[ "$output" = "exception 2" ]
	run -1 modbus "tcp:$P" 9 0 2 --timeout 0.3
	[ "$output" = "no answer" ]
}

@test "pymodbus and mbpoll read the meters over a serial line" {
	need_pymodbus
	start
	run -0 modbus "rtu:$D/meter.1.tty" 1 72 2 --float
	[ "$output" = 1000 ]
	run -0 modbus "rtu:$D/meter.grid.tty" 1 52 2 --float
	[ "$output" = 600 ]
	run -1 modbus "rtu:$D/meter.1.tty" 1 0 82
	[ "$output" = "exception 3" ]
	command -v mbpoll >/dev/null || skip "mbpoll is not installed"
	run -0 mbpoll -m rtu -b 9600 -P none -a 1 -t 3:float -B -r 71 -c 1 -1 -q "$D/meter.1.tty"
	[[ $output == *"[71]:"*"50"* ]]
	run -0 mbpoll -m tcp -p "$(cat "$D/modbus.port")" -a 100 -t 3:float -B -r 53 -c 1 -1 -q 127.0.0.1
	[[ $output == *"[53]:"*"600"* ]]
}

@test "what the car takes is what both meters count" {
	need_pymodbus
	start --base 0 --house-base 0 --house 0
	say '{"kind":"plug","car":"fast","want_wh":5}'
	pilot 1 '{"duty_permyriad":5333}' '{"contactor":[true]}'
	await '.type == "car" and .energy_wh >= 5 and .power_w == 0 and .s2 == false'
	say '{"kind":"end"}'
	wait "$SIM"
	start --base 0 --house-base 0 --house 0
	P=$(cat "$D/modbus.port")
	car=$(jq -s 'map(select(.type == "car")) | last | .energy_wh' "$BATS_TEST_TMPDIR/out")
	ev=$(modbus "tcp:$P" 1 72 2 --float)
	house=$(modbus "tcp:$P" 100 72 2 --float)
	[ "$ev" = "$house" ]
	jq -n -e "($car - $ev * 1000) | fabs < 0.001"
}

@test "meters fail as told" {
	need_pymodbus
	start
	P=$(cat "$D/modbus.port")
	say '{"kind":"fault","name":"meter_silent"}'
	await '.type == "reply"'
	run -1 modbus "tcp:$P" 1 0 2 --timeout 0.2
	[ "$output" = "no answer" ]
	say '{"kind":"fault","name":"meter_silent","on":false}'
	say '{"kind":"fault","name":"meter_exception","id":"2"}'
	await '.id == "2"'
	run -1 modbus "tcp:$P" 1 0 2
	[ "$output" = "exception 4" ]
	say '{"kind":"fault","name":"meter_exception","on":false}'
	say '{"kind":"fault","name":"meter_garbage","id":"3"}'
	await '.id == "3"'
	run -1 modbus "rtu:$D/meter.1.tty" 1 0 2 --timeout 0.3
	say '{"kind":"fault","name":"meter_garbage","on":false}'
	say '{"kind":"fault","name":"meter_late","ms":400,"id":"4"}'
	await '.id == "4"'
	run -1 modbus "rtu:$D/meter.1.tty" 1 0 2 --timeout 0.1
	run -0 modbus "tcp:$P" 1 0 2 --timeout 2
	say '{"kind":"fault","name":"meter_late","on":false}'
	say '{"kind":"fault","name":"meter_reset","id":"5"}'
	await '.id == "5"'
	run -0 modbus "tcp:$P" 1 72 2 --float
	[ "$output" = 0 ]
}

# ---- controllers ----

@test "an OpenEVSE controller answers on its serial line" {
	start --rapi
	timeout 10 cat "$D/rapi.1.tty" >"$BATS_TEST_TMPDIR/rapi" 3>&- 7>&- &
	say '{"kind":"plug","car":"family"}'
	printf '$GC^20\r' >"$D/rapi.1.tty"
	await '.type == "car" and .current_a[1] > 15.9'
	tr '\r' '\n' <"$BATS_TEST_TMPDIR/rapi" | grep -F '$OK 6 80 16 32^18'
	tr '\r' '\n' <"$BATS_TEST_TMPDIR/rapi" | grep -F '$AT 03 03 16 0140^33'
}

# ---- what survives ----

@test "the world goes on after kill -9" {
	start
	say '{"kind":"plug","car":"family"}'
	pilot 1 '{"duty_permyriad":2667,"lock":"locked"}' '{"contactor":[true]}'
	await '.type == "car" and .current_a[0] == 16'
	kill -KILL "$SIM"
	wait "$SIM" || true
	before=$(jq -s 'map(select(.type == "car")) | last | .energy_wh' "$BATS_TEST_TMPDIR/out")
	: >"$BATS_TEST_TMPDIR/out"
	start
	await ".type == \"car\" and .current_a[0] == 16 and .energy_wh > $before"
	run -0 pilot 1 --until 'contactor=[true]' --until 'lock="locked"'
}

@test "a scenario goes on after kill -9, and begins anew after an orderly end" {
	printf '%s\n' '{"at_s":0,"kind":"plug"}' '{"at_s":0.1,"kind":"house","power_w":1}' \
		'{"at_s":1.5,"kind":"unplug"}' >"$D.ndjson"
	start --scenario "$D.ndjson"
	await '.id == "scenario.2"'
	kill -KILL "$SIM"
	wait "$SIM" || true
	: >"$BATS_TEST_TMPDIR/out"
	start --scenario "$D.ndjson"
	await '.id == "scenario.3" and .status == "accepted"'
	run -0 jq -r 'select(.type == "reply") | .id' "$BATS_TEST_TMPDIR/out"
	[ "$output" = scenario.3 ]
	kill -TERM "$SIM"
	wait "$SIM"
	: >"$BATS_TEST_TMPDIR/out"
	start --scenario "$D.ndjson"
	await '.id == "scenario.1" and .status == "accepted"'
}

@test "a state file that is damaged or newer is refused" {
	mkdir "$D"
	printf 'evse-state world.json 1\n{"world":7}\n' >"$D/world.json"
	run -65 --separate-stderr evse-sim -d "$D"
	[[ $stderr == *"--fresh"* ]]
	printf 'evse-state world.json 99\n{}\n' >"$D/world.json"
	run -78 --separate-stderr evse-sim -d "$D"
	run -0 --separate-stderr sh -c 'echo "{\"kind\":\"end\"}" | evse-sim -d "$1" --fresh' sh "$D"
}

@test "a journal replays byte for byte" {
	start --fresh --journal "$D.journal"
	say '{"kind":"plug","car":"waker","want_wh":2}'
	pilot 1 '{"duty_permyriad":2667}' '{"contactor":[true]}' --until 'contactor=[true]'
	pilot 1 --until cp_pos_mv=5995
	say '{"kind":"swipe","token":"04A2"}'
	await '.type == "car" and .energy_wh > 2 and .power_w == 0'
	kill -TERM "$SIM"
	wait "$SIM"
	SIM=
	evse-sim -d "$D" --fresh --keepalive-ms 20 --cp-noise 0 --replay "$D.journal" \
		>"$BATS_TEST_TMPDIR/again" 2>"$BATS_TEST_TMPDIR/again.err" </dev/null
	cmp "$BATS_TEST_TMPDIR/out" "$BATS_TEST_TMPDIR/again"
	[ ! -s "$BATS_TEST_TMPDIR/again.err" ]
}
