#!/usr/bin/env bats
# evse-meter against pymodbus, which shares no code with it, on TCP and on a pty. Serves MEA-2, MEA-4, COM-1.

bats_require_minimum_version 1.5.0

setup() {
	ROOT=$BATS_TEST_DIRNAME/../..
	BUILD=${EVSE_BUILD:-$ROOT/build}
	PATH=$BUILD/bin:$PATH
	MODELS=$ROOT/share/evse/meters
	export LC_ALL=C
	cd "$BATS_TEST_TMPDIR" || return
	PIDS=
}

teardown() {
	exec 7>&- 8>&-
	for pid in $PIDS; do
		kill -TERM "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
}

# Wait up to 10 s for a command to be true.
until_true() {
	for _ in $(seq 500); do
		if "$@" >/dev/null 2>&1; then return 0; fi
		sleep 0.02
	done
	echo "never true: $*" >&2
	[ ! -s peer.err ] || tail -n 3 peer.err >&2
	return 1
}

# peer KIND MODEL VALUES: a device; sets DEV. KIND is tcp, bad or pty.
peer() {
	rm -f place orders said
	mkfifo orders
	/usr/bin/python3 "$ROOT/tests/fakes/meter_pymodbus.py" "$MODELS/$2.json" "$1" place \
		<orders >said 2>peer.err 3>&- 7>&- 8>&- &
	PIDS="$PIDS $!"
	PEER=$!
	exec 7>orders
	TOLD=0
	tell "$3"
	until_true test -e place
	case $1 in
	pty) DEV=rtu:$PWD/place ;;
	*) DEV=tcp://127.0.0.1:$(cat place) ;;
	esac
}

peer_end() {
	exec 7>&-
	kill -KILL "$PEER" 2>/dev/null || true
	wait "$PEER" 2>/dev/null || true
}

told() { [ "$(wc -l <said)" -ge "$TOLD" ]; }

# tell ORDER: to the peer, and wait until it has it.
tell() {
	TOLD=$((TOLD + 1))
	echo "$1" >&7
	until_true told
}

# meter ARG…: in the background, its input on descriptor 8, its output in `out`.
meter() {
	rm -f in out err
	mkfifo in
	evse-meter -D "$DEV" --interval 100 --timeout 200 "$@" <in >out 2>err 3>&- 7>&- 8>&- &
	METER=$!
	PIDS="$PIDS $METER"
	exec 8>in
}

# has FILTER: some record written satisfies it.
has() { jq -es "any(.[]; $1)" out; }
count() { jq -s "[.[] | select($1)] | length" out; }
more_meters() { [ "$(count '.type == "meter"')" -gt "$1" ]; }
fresh_meter() { until_true more_meters "$(count '.type == "meter"')"; }

command_line() {
	echo '{"t":"'"$(date -u +%Y-%m-%dT%H:%M:%S.%3NZ)"'","type":"command","src":"session","to":"meter.1","id":"'"$1"'",'"$2"'}'
}

SDM='{"voltage l1":230.1,"voltage l2":231.2,"voltage l3":229.9,"current l1":16.01,"power_active l1":3684,"power_active":3684,"frequency":49.98,"energy_import":12345670,"energy_export":10,"power_factor":0.98,"serial":20123456}'

@test "wrong usage is refused with 64, a wrong model with 78" {
	run -64 --separate-stderr evse-meter --devise x
	[[ $stderr == *"did you mean '--device'"* ]]
	run -64 --separate-stderr evse-meter </dev/null
	[[ $stderr == *"no device"* ]]
	run -64 --separate-stderr evse-meter -D tcp://host:99999/1
	[[ $stderr == *"port must be 1 to 65535"* ]]
	run -64 --separate-stderr evse-meter -D tcp://host extra
	run -64 --separate-stderr evse-meter -D tcp://host --phase-rotation RRS
	run -64 --separate-stderr evse-meter -D tcp://host --interval 5
	run -78 --separate-stderr evse-meter -D tcp://host -m nothing
	[[ $stderr == *"evse-meter models"* ]]
	echo '{"format":1,"name":"x"}' >bad.json
	run -78 --separate-stderr evse-meter -D tcp://host -m ./bad.json
	[[ $stderr == *"bad.json"*"vendor: missing"* ]]
	run -64 --separate-stderr evse-meter probe -D tcp://host --whatever
	run -64 --separate-stderr evse-meter models extra
}

@test "help and the list of models" {
	run -0 evse-meter --help
	[[ $output == *"--phase-rotation"* ]]
	run -0 evse-meter models
	[[ $output == *"sdm630"*"Eastron"* ]]
	[ "${#lines[@]}" -ge 9 ]
	run -0 evse-meter probe --help
	run -74 sh -c 'evse-meter models >/dev/full'
}

@test "pymodbus over TCP: all values, exact registers" {
	peer tcp sdm630 "$SDM"
	run -0 evse-meter -D "$DEV" --evse 1 --interval 100 --count 4 </dev/null
	echo "$output" | jq -es '
		[.[] | select(.type == "meter")] | length == 2 and all(.[];
			.src == "meter.1" and .evse == 1 and .voltage_v == [230.1,231.2,229.9] and
			.current_a == [16.01,0,0] and .power_w == [3684,0,0] and .power_total_w == 3684 and
			.freq_hz == 49.98 and .cosphi == 0.98 and .import_wh == 12345670 and
			.register == {"import_wh":"12345670","export_wh":"10"} and
			.epoch == "20123456.1" and .serial == "20123456" and .t_half_ms >= 0)'
}

@test "pymodbus over a pty" {
	peer pty sdm630 "$SDM"
	run -0 evse-meter -D "$DEV@9600,8N1/1" -S meter.grid --interval 200 --count 4 </dev/null
	echo "$output" | jq -es '[.[] | select(.type == "meter")] | length == 2 and
		all(.[]; .src == "meter.grid" and .voltage_v[0] == 230.1 and .register.import_wh == "12345670")'
}

@test "every kind of register: words, counters, exponents, scale factors" {
	local v='{"voltage l1":230.1,"voltage l2":231.2,"voltage l3":229.9,"current l1":16.01,"power_active":-3680,"frequency":50,"energy_import":123400,"energy_export":5600,"serial":"7654321"}'
	for m in em340 b23 iem3155 pac2200 wm3m4c em377 dtsu666 sunspec-int sunspec-float; do
		case $m in
		b23 | iem3155) peer tcp $m "${v/\"7654321\"/7654321}" ;;
		*) peer tcp $m "$v" ;;
		esac
		run -0 evse-meter -D "$DEV" -m $m --interval 100 --count 3 </dev/null
		echo "$m: $output"
		echo "$output" | jq -es 'map(select(.type != "var")) | .[2] | .type == "meter" and .voltage_v == [230.1,231.2,229.9] and
			(.current_a[0] - 16.01 | fabs) < 0.1 and .power_total_w == -3680 and .freq_hz == 50 and
			.register == {"import_wh":"123400","export_wh":"5600"}'
		run -0 evse-meter probe -D "$DEV" -m $m
		[[ $output == *"123400 Wh"* ]]
		peer_end
	done
}

@test "a value that the device does not have is null" {
	peer tcp sdm630 '{"voltage l1":230,"voltage l2":null,"current l1":null,"current l2":null,"current l3":null,"energy_export":null}'
	run -0 evse-meter -D "$DEV" --interval 100 --count 3 </dev/null
	echo "$output" | jq -es 'map(select(.type != "var")) | .[2] | .voltage_v == [230,null,0] and (has("current_a") | not) and
		.export_wh == null and .register == {"import_wh":"0"}'
}

@test "phases, network and direction" {
	peer tcp sdm630 "$SDM"
	run -0 evse-meter -D "$DEV" --phase-rotation STR --invert --count 3 </dev/null
	echo "$output" | jq -es 'map(select(.type != "var")) | .[2] | .voltage_v == [229.9,230.1,231.2] and .power_w == [0,-3684,0] and
		.current_a == [0,16.01,0] and .register == {"import_wh":"10","export_wh":"12345670"}'
	run -0 evse-meter -D "$DEV" --network it --count 3 </dev/null
	echo "$output" | jq -es 'map(select(.type != "var")) | .[2] | .voltage_ll_v == [230.1,231.2,229.9] and
		(has("voltage_v") or has("power_w") | not) and .power_total_w == 3684'
}

@test "reads fall on the instants, exactly, under the test clock" {
	peer tcp sdm630 "$SDM"
	"$BUILD/tests/test-clock" "$PWD/clock" 2026-11-22T10:00:00.250Z 30 1 >steps 3>&- 7>&- &
	PIDS="$PIDS $!"
	until_true test -S clock
	run env EVSE_CLOCK="$PWD/clock" evse-meter -D "$DEV" --interval 500 </dev/null
	# The first is read at once; a clock that stands still while a tool works makes the rest exact.
	echo "$output" | jq -es '[.[] | select(.type == "meter") | .t[17:23]] |
		.[:4] == ["00.250","00.500","01.000","01.500"] and length >= 60 and
		all(.[1:][]; test("[.][05]00$"))'
}

@test "a command is answered from a read that began after it" {
	peer tcp sdm630 "$SDM"
	meter -S meter.1 --interval 3600000
	until_true has '.type == "meter"'
	tell '{"energy_import":12345680}'
	command_line c1 '"kind":"reading","context":"Transaction.Begin","session":"s-1"' >&8
	until_true has '.type == "reply"'
	jq -es '.[-2].type == "reading" and (.[-2] | .context == "Transaction.Begin" and .session == "s-1" and
		.import_wh == 12345680 and .register.import_wh == "12345680" and .command_id == "c1") and
		(.[-1] | .to == "session" and .id == "c1" and .status == "accepted") and
		.[-1].reading == .[-2].n' out
	# The same command again does nothing; others are told what is wrong.
	command_line c1 '"kind":"reading"' >&8
	command_line c2 '"kind":"dance"' >&8
	command_line c3 '"kind":"reading","valid_ms":"x"' >&8
	command_line c4 '"kind":"reading"' | sed 's/"t":"20/"t":"19/' >&8
	until_true has '.type == "reply" and .id == "c4"'
	[ "$(count '.type == "reading"')" -eq 1 ]
	has '.id == "c2" and .status == "unknown_kind"'
	has '.id == "c3" and .status == "rejected"'
	has '.id == "c4" and .status == "expired"'
}

@test "no answer: an alert, no old value with a new time, and a reply in time" {
	peer bad sdm630 "$SDM"
	meter -S meter.1 --timeout 50
	until_true has '.type == "meter"'
	tell '{"misbehave":"silence"}'
	until_true has '.type == "alert" and .raised'
	local before
	before=$(count '.type == "meter"')
	command_line c1 '"kind":"reading","valid_ms":300' >&8
	until_true has '.type == "reply" and .id == "c1" and .status == "failed"'
	[ "$(count '.type == "meter"')" -eq "$before" ]
	jq -es '[.[] | select(.type == "alert")][-1] | .src == "meter.1.alert.comm" and .code == "comm"' out
	tell '{"misbehave":null}'
	until_true more_meters "$before"
	jq -es '[.[] | select(.type == "alert")][-1] | .raised == false' out
}

@test "whatever a device on TCP does, no wrong value is published" {
	peer bad sdm630 "$SDM"
	meter --timeout 100
	until_true has '.type == "meter"'
	for how in late trickle exception id unit garbage short close; do
		tell '{"misbehave":"'$how'","times":1,"ms":150}'
		fresh_meter
		fresh_meter
	done
	jq -es 'all(.[] | select(.type == "meter"); .voltage_v == [230.1,231.2,229.9] and
		.register.import_wh == "12345670")' out
}

@test "whatever a device on a line does, no wrong value is published" {
	peer pty sdm630 "$SDM"
	meter --timeout 100
	until_true has '.type == "meter"'
	for how in late silence exception unit garbage short trickle; do
		tell '{"misbehave":"'$how'","times":1,"ms":120}'
		fresh_meter
		fresh_meter
	done
	jq -es 'all(.[] | select(.type == "meter"); .voltage_v == [230.1,231.2,229.9] and
		.register.import_wh == "12345670")' out
}

@test "killed in the middle of requests, the next one takes no answer that is not its own" {
	peer pty sdm630 "$SDM"
	tell '{"misbehave":"late","ms":25}'
	: >all
	for i in $(seq 8); do
		meter --timeout 100
		if [ "$i" -eq 8 ]; then until_true has '.type == "meter"'; else sleep 0.$((10 + i * 7 % 60)); fi
		kill -KILL $METER
		wait $METER || true
		exec 8>&-
		cat out >>all
	done
	jq -es '[.[] | select(.type == "meter")] | length >= 1 and
		all(.[]; .voltage_v == [230.1,231.2,229.9] and .register.import_wh == "12345670")' all
}

@test "a slow answer within the time-out is an answer" {
	peer pty sdm630 "$SDM"
	tell '{"misbehave":"trickle","ms":1}'
	run -0 evse-meter -D "$DEV" --timeout 2000 --count 3 </dev/null
	echo "$output" | jq -es 'map(select(.type != "var")) | .[2].voltage_v == [230.1,231.2,229.9]'
}

@test "a device of another kind is reported" {
	peer bad sdm630 "$SDM"
	tell '{"misbehave":"refuse"}'
	meter
	until_true has '.type == "alert" and .raised and (.text | test("refuses all registers"))'
	run -69 --separate-stderr evse-meter probe -D "$DEV"
}

@test "a device that is not there yet is waited for" {
	DEV=rtu:$PWD/later.tty
	meter --timeout 50
	until_true has '.type == "alert" and .raised and (.text | test("No such file"))'
	local out=$PWD/place
	peer pty sdm630 "$SDM"
	ln -s "$out" later.tty
	until_true has '.type == "meter"'
	has '.type == "alert" and (.raised | not)'
}

@test "a counter that went back begins a new epoch, also while nobody read" {
	peer tcp sdm630 "$SDM"
	meter -d state
	fresh_meter
	tell '{"energy_import":500}'
	until_true has '.type == "alert" and .code == "epoch" and .raised'
	until_true has '.type == "meter" and .epoch == "20123456.2" and .import_wh == 500'
	# Between the two readings none was published with an energy.
	jq -es '[.[] | select(.type == "meter") | .import_wh] | map(select(. != null)) | unique == [500,12345670]' out
	kill -TERM $METER
	wait $METER
	tell '{"energy_import":20}'
	run -0 --separate-stderr evse-meter -D "$DEV" --interval 100 --count 6 -d state </dev/null
	echo "$output" | jq -es 'any(.[]; .epoch == "20123456.3" and .import_wh == 20)'
	tell '{"serial":9}'
	run -0 --separate-stderr evse-meter -D "$DEV" --interval 100 --count 5 -d state </dev/null
	echo "$output" | jq -es 'any(.[]; .type == "alert" and .raised and (.text | test("exchanged: epoch 9.4")))'
}

@test "more commands at once than can wait are rejected, the others answered" {
	peer bad sdm630 "$SDM"
	meter -S meter.1 --timeout 300
	fresh_meter
	tell '{"misbehave":"silence","times":1}'
	for i in 1 2 3 4 5 6 7 8 9 10; do command_line c$i '"kind":"reading"'; done >many
	cat many >&8
	until_true has '.type == "reply" and .id == "c10"'
	until_true has '.type == "reply" and .id == "c8"'
	[ "$(count '.type == "reply" and .status == "accepted"')" -eq 8 ]
	[ "$(count '.type == "reply" and .status == "rejected"')" -eq 2 ]
	[ "$(count '.type == "reading"')" -eq 8 ]
}

@test "a device without counters can't be read for a transaction" {
	peer tcp sdm630 '{"voltage l1":230,"energy_import":null,"energy_export":null}'
	meter -S meter.1
	command_line c1 '"kind":"reading"' >&8
	until_true has '.type == "reply" and .status == "failed" and (.reason | test("no counter"))'
}

@test "options come from the configuration file, by section" {
	peer tcp sdm630 "$SDM"
	echo '{"meter":{"interval":100,"model":"em340"},"meter.1":{"device":"'"$DEV"'","model":"sdm630","evse":1}}' >evse.json
	run -0 evse-meter -c evse.json -S meter.1 --count 3 </dev/null
	echo "$output" | jq -es 'map(select(.type != "var")) | .[2] | .src == "meter.1" and .evse == 1 and .voltage_v[0] == 230.1'
	echo '{"meter":{"intervall":100}}' >evse.json
	run -78 --separate-stderr evse-meter -c evse.json </dev/null
	[[ $stderr == *"did you mean \"interval\""* ]]
}

@test "a damaged or newer state is told" {
	peer tcp sdm630 "$SDM"
	run -0 --separate-stderr evse-meter -D "$DEV" --count 3 -d state </dev/null
	sed -i '2s/.*/{"count":"x"}/' state/epoch
	run -0 --separate-stderr evse-meter -D "$DEV" --count 3 -d state </dev/null
	[[ $stderr == *"a new one begins"* ]]
	sed -i '1s/1$/2/' state/epoch
	run -78 --separate-stderr evse-meter -D "$DEV" --count 3 -d state </dev/null
	[[ $stderr == *"newer version"* ]]
}

@test "the clock's bound is passed on" {
	peer tcp sdm630 "$SDM"
	meter
	fresh_meter
	has '.type == "meter" and (has("t_err_ms") | not)'
	echo '{"t":"2026-11-22T10:00:00.000Z","type":"clock","src":"clock","synced":true,"bound_ms":4.5}' >&8
	until_true has '.type == "meter" and .t_err_ms == 4.5'
}

@test "lines that are no record are reported once and skipped" {
	peer tcp sdm630 "$SDM"
	meter -S meter.1
	echo 'garbage' >&8
	head -c 70000 /dev/zero | tr '\0' x >&8
	echo >&8
	command_line c1 '"kind":"reading"' >&8
	until_true has '.type == "reading"'
	grep -q 'line 1: not a record' err
	grep -q 'line 2: not a record: longer than 65536' err
}

@test "SIGTERM ends it with 0, also while the device is silent" {
	peer bad sdm630 "$SDM"
	meter --timeout 300
	fresh_meter
	tell '{"misbehave":"silence"}'
	kill -TERM $METER
	wait $METER
	tail -c 1 out | od -An -c | grep -q '\\n'
}

@test "the end of input means nothing, the end of output ends it" {
	peer tcp sdm630 "$SDM"
	run -0 bash -c "evse-meter -D $DEV --interval 100 </dev/null | head -n 4 | wc -l"
	[ "$output" -eq 4 ]
	run -74 --separate-stderr sh -c "evse-meter -D $DEV --interval 100 </dev/null >/dev/full"
	[[ $stderr == *"No space left"* ]]
}

@test "a journal gives the same output again, without a device" {
	peer tcp sdm630 "$SDM"
	meter -S meter.1 --journal j
	fresh_meter
	command_line c1 '"kind":"reading"' >&8
	until_true has '.type == "reading"'
	tell '{"energy_import":500}'
	until_true has '.type == "alert" and .code == "epoch" and (.raised | not)'
	kill -TERM $METER
	wait $METER
	peer_end
	evse-meter -D tcp://127.0.0.1:1 --interval 100 --timeout 200 -S meter.1 --replay j >again </dev/null
	cmp out again
}
