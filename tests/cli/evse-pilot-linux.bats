#!/usr/bin/env bats
# The linux driver on a replaced sysfs root and a fake of the GPIO character device (LD_PRELOAD): the
# program's own ioctls and files, no hardware.

bats_require_minimum_version 1.5.0
load pilot-lib

setup() {
	D=$BATS_TEST_TMPDIR
	cc -shared -fPIC -o "$D/gpio.so" tests/fakes/pilot-gpio-preload.c
	mkfifo "$D/tree.in"
	/usr/bin/python3 tests/fakes/pilot-tree.py "$D/tree" <"$D/tree.in" >"$D/tree.out" 2>"$D/tree.err" 3>&- &
	SIM=$!
	exec 6>"$D/tree.in"
	until_true 50 grep -q ready "$D/tree.out"
	cat >"$D/board.json" <<-'END'
	{"name": "fake", "connector": "socket", "phases": 3, "max_a": 20,
	 "pwm": {"chip": "20fc000.pwm", "channel": 0},
	 "cp": {"pos": {"iio": "2198000.adc", "channel": "voltage2", "scale": 1, "offset_mv": -20000},
	        "neg": {"iio": "2198000.adc", "channel": "voltage3", "scale": 1, "offset_mv": -20000},
	        "reset_lines": ["RST_P", "RST_N"]},
	 "pp": {"iio": "2198000.adc", "channel": "voltage5", "scale": 1,
	        "above_mv": {"none": 2459, "13": 1813, "20": 1170, "32": 891, "63": 751}},
	 "contactors": [{"line": "K1", "sense": {"line": "K1_SENSE", "active": "low"}},
	                {"line": "K2", "sense": {"line": "K2_SENSE", "active": "low"}, "three_phase": true}],
	 "rcd": {"trip": "RCD", "test": "RCD_TEST"},
	 "lock": {"in1": "IN1", "in2": "IN2", "pulse_ms": 200,
	          "pos": {"iio": "2198000.adc", "channel": "voltage0", "scale": 1,
	                  "locked_mv": [2500, 3300], "unlocked_mv": [0, 900]}},
	 "pe": "PE", "estop": {"line": "ESTOP", "active": "low"}, "cp_disconnect": "CUT", "alive_line": "ALIVE",
	 "temp": [{"iio": "2198000.adc", "channel": "voltage4", "scale": 1000}]}
	END
}

teardown() {
	gone
}

# The environment of the fake board, for a command that replaces the shell.
in_tree() {
	exec env EVSE_SYSFS="$D/tree/sys" EVSE_DEV="$D/tree/dev" FAKE_GPIO="$D/tree/gpio" \
		LD_PRELOAD="$D/gpio.so" ASAN_OPTIONS=verify_asan_link_order=0 "$@"
}

on_tree() {
	(in_tree "$@")
}

board_start() {
	mkfifo "$D/in"
	(in_tree "$BIN/evse-pilot" -D "linux:$D/board.json" --min-close 300 "$@") <"$D/in" >"$D/out" 2>"$D/err" 3>&- 6>&- &
	PILOT=$!
	exec 5>"$D/in"
}

# A regular file keeps what stood behind a shorter value; sysfs does not.
duty_ns() {
	head -n 1 "$D/tree/sys/class/pwm/pwmchip3/pwm0/duty_cycle"
}

tree() {
	echo "$1" >&6
}

@test "a session on files: period before duty, PP, lock pulse, both contactors, 20 A of the board" {
	board_start
	AGAIN="setpoint true 32"
	shows 30 '.state == "A1" and .rcd.ok'
	[ "$(cat "$D/tree/sys/class/pwm/pwmchip3/pwm0/period")" -eq 1000000 ]
	[ "$(cat "$D/tree/sys/class/pwm/pwmchip3/pwm0/enable")" -eq 1 ]
	tree 'pp 1000'
	tree 'car B'
	shows 40 '.state == "B2" and .limit_a == 20 and .pp_a == 32 and .lock.feedback == "locked"'
	[ "$(duty_ns)" -eq 333300 ]
	tree 'car C'
	shows 40 '.state == "C2" and .contactor.feedback == true'
	# The contactor of the other phases closes first.
	[ "$(grep -n ' K2 1' "$D/tree/gpio.log" | head -n 1 | cut -d: -f1)" -lt "$(grep -n ' K1 1' "$D/tree/gpio.log" | head -n 1 | cut -d: -f1)" ]
	tree 'car A'
	tree 'pp 3000'
	shows 40 '.state == "A1" and .contactor.feedback == false and .lock.feedback == "unlocked"'
	[ "$(duty_ns)" -eq 1000000 ]
	# In the end opened in the reverse order.
	[ "$(grep -n ' K1 0' "$D/tree/gpio.log" | tail -n 1 | cut -d: -f1)" -lt "$(grep -n ' K2 0' "$D/tree/gpio.log" | tail -n 1 | cut -d: -f1)" ]
	[ "$(grep -c ' ALIVE ' "$D/tree/gpio.log")" -gt 10 ]
}

@test "inputs: RCD, e-stop active low, earth, temperature" {
	board_start
	AGAIN="setpoint true 16"
	tree 'pp 1000'
	tree 'car C'
	shows 60 '.contactor.feedback == true'
	tree 'temp 66'
	shows 30 '.limit_a == 10'
	tree 'temp 25'
	tree 'line ESTOP 0'
	shows 20 '.faults == ["estop"] and .state == "F" and .contactor.feedback == false'
	[ "$(duty_ns)" -eq 0 ]
	tree 'line PE 0'
	shows 20 '.faults == ["pe","estop"]'
	kill -9 "$PILOT"
	wait "$PILOT" || :
	on_tree "$BIN/evse-pilot" --safe -D "linux:$D/board.json"
	[ "$(duty_ns)" -eq 1000000 ]
	[ "$(cat "$D/tree/gpio/K1")" -eq 0 ]
}

@test "a board without current: the EVSE's meter is watched for overcurrent" {
	board_start
	meter='{"t":"2026-11-22T10:00:00.123Z","type":"meter","src":"meter.1","evse":1,"current_a":[10,25,null]}'
	AGAIN='setpoint true 16; echo "$meter" >&5'
	tree 'pp 1000'
	tree 'car C'
	shows 60 '.contactor.feedback == true'
	shows 100 '.faults == ["overcurrent"] and .contactor.feedback == false'
}

@test "three to one phase: the second contactor stays open" {
	board_start --phase-wait 1000
	AGAIN="setpoint true 16"
	tree 'pp 1000'
	tree 'car C'
	shows 60 '.contactor.feedback == true and .phases == 3'
	AGAIN="setpoint true 16 '\"phases\":1'"
	eval "$AGAIN"
	until_true 30 last '.duty_pct == 100'
	tree 'car B'
	shows 60 '.phases == 1 and .state == "B2"'
	tree 'car C'
	shows 60 '.contactor.feedback == true'
	[ "$(cat "$D/tree/gpio/K1")" -eq 1 ]
	[ "$(cat "$D/tree/gpio/K2")" -eq 0 ]
	grep -q ' CUT 1' "$D/tree/gpio.log"
	# The second reported closed though it should be open: no charging beside that.
	echo 1 >"$D/tree/gpio/K2"
	shows 30 '(.faults | index("not_closed")) and .contactor.commanded == false'
	[ "$(cat "$D/tree/gpio/K1")" -eq 0 ]
}

@test "one of two thermometers that can't be read stops charging" {
	PLACE=$(readlink -f "$(dirname "$(grep -lr 2198000.adc "$D/tree/sys" | head -n 1)")")
	echo 25000 >"$PLACE/in_temp_ambient_raw"
	jq '.temp += [{"iio": "2198000.adc", "channel": "temp_ambient", "scale": 1}]' "$D/board.json" >"$D/b" && mv "$D/b" "$D/board.json"
	board_start
	AGAIN="setpoint true 16"
	tree 'pp 1000'
	tree 'car C'
	shows 60 '.contactor.feedback == true'
	echo torn >"$PLACE/in_temp_ambient_raw"
	shows 30 '.faults == ["temperature"] and .contactor.commanded == false'
}

beats() {
	grep -c ' ALIVE ' "$D/tree/gpio.log"
}

@test "an input that can't be read is no good input: driver fault, until it can" {
	board_start
	AGAIN="setpoint true 16"
	tree 'pp 1000'
	tree 'car C'
	shows 60 '.contactor.feedback == true'
	touch "$D/tree/gpio/.RCD.broken"
	shows 30 '.faults == ["driver"] and .contactor.commanded == false'
	[ "$(cat "$D/tree/gpio/K1")" -eq 0 ]
	rm "$D/tree/gpio/.RCD.broken"
	shows 60 '.faults == [] and .contactor.feedback == true'
}

@test "a contactor line that can't be set: tried again, and no pulse for the hardware until it is" {
	board_start
	AGAIN="setpoint true 16"
	tree 'pp 1000'
	tree 'car C'
	shows 60 '.contactor.feedback == true'
	touch "$D/tree/gpio/.K1.broken"
	tree 'car B'
	shows 30 '.faults | index("driver") != null'
	[ "$(cat "$D/tree/gpio/K1")" -eq 1 ]
	before=$(beats)
	sleep 0.5
	[ "$(beats)" -eq "$before" ]
	rm "$D/tree/gpio/.K1.broken"
	until_true 20 grep -qx 0 "$D/tree/gpio/K1"
	resumed() { [ "$(beats)" -gt "$before" ]; }
	until_true 20 resumed
	# What the feedback said meanwhile stands until it is cleared.
	shows 60 '.faults == ["welded"] and .contactor.feedback == false'
}

@test "IIO: devices of one name are told apart by their place; scale and offset of a kind" {
	I2C=$D/tree/sys/devices/i2c-0
	DEVICES=$D/tree/sys/bus/iio/devices
	mkdir -p "$I2C/0-005a/iio:device1"
	ln -s "../../../devices/i2c-0/0-005a/iio:device1" "$DEVICES/iio:device1"
	(
		cd "$I2C/0-005a/iio:device1"
		echo 2198000.adc >name
		echo 16910 >in_temp_object_raw
		echo 20 >in_temp_scale
		echo -13657.5 >in_temp_offset
	)
	run -66 --separate-stderr on_tree "$BIN/evse-pilot" -D "linux:$D/board.json" </dev/null
	[[ $stderr == *"2 IIO devices are named 2198000.adc"* ]]
	run -0 --separate-stderr on_tree "$BIN/evse-pilot" probe
	[[ $output == *$'iio\t2198000.adc\tin_temp_object_raw\t0-005a'* ]]
	sed -i 's/"iio": "2198000.adc"/"iio": "iio:device0"/; s/"temp": .*/"temp": [{"iio": "0-005a", "channel": "temp_object"}]}/' "$D/board.json"
	board_start
	AGAIN="setpoint true 16"
	tree 'pp 1000'
	tree 'car C'
	# 65 degrees: half of 20 A.
	shows 60 '.contactor.feedback == true and .limit_a == 10'
}

@test "PWM left on with the wrong polarity is put right" {
	PWM=$D/tree/sys/class/pwm/pwmchip3/pwm0
	echo 1 >"$PWM/enable"
	echo inversed >"$PWM/polarity"
	board_start
	shows 30 '.state == "A1"'
	[ "$(head -c 6 "$PWM/polarity")" = normal ]
	[ "$(cat "$PWM/enable")" -eq 1 ]
}

@test "a board file that is wrong says where" {
	try() {
		jq "$1" "$D/board.json" >"$D/bad.json"
		run -"$2" --separate-stderr on_tree "$BIN/evse-pilot" -D "linux:$D/bad.json" </dev/null
		[[ $stderr == *"$3"* ]]
	}
	try '.contactor = 1' 78 'did you mean contactors'
	try 'del(.pwm.chip)' 78 'pwm: chip: expected'
	try '.contactors = []' 78 'contactors: expected'
	try '.pp.above_mv["20"] = 5000' 78 'pp: above_mv: 20: expected less'
	try 'del(.lock)' 78 'a socket needs'
	try '.phases = 2' 78 'phases: expected'
	try '.watchdog_s = 0' 78 'watchdog_s: expected'
	# A misspelt member of a part would leave a protection out in silence.
	try '.contactors[0] |= (.sens = .sense | del(.sense))' 78 'contactors: 1: sens: no such member; did you mean sense'
	try '.rcd.trp = "X"' 78 'rcd: trp: no such member; did you mean trip'
	try '.lock.pos.lock_mv = [1, 2]' 78 'lock: pos: lock_mv: no such member'
	try '.lock.pos.unlocked_mv = [2600, 2700]' 78 'lock: pos: expected locked_mv and unlocked_mv, apart'
	try 'del(.cp.neg)' 78 'cp: neg: expected an IIO channel'
	try '.pwm.polarity = "up"' 78 'pwm: polarity: expected "normal" or "inversed"'
	try '.alive_line = ""' 78 'alive_line: expected the name of a GPIO line'
	try '.contactors[0].line = {"line": "K1", "active": "low"}' 78 '"active" stands beside it'
	try '.temp = {"iio": "a"}' 78 'temp: expected a list'
	try '.driver = "rapi"' 78 'driver: this is a board of rapi'
	try '.pwm.chip = "x.pwm"' 66 'no PWM chip is x.pwm'
	try '.cp.pos.iio = "y"' 66 'no IIO device is named y'
	try '.pe = "NOPE"' 66 'no GPIO line is named NOPE'
	run -66 --separate-stderr "$BIN/evse-pilot" -D linux:nothing-such </dev/null
	[[ $stderr == *"no board file is named nothing-such"* ]]
	jq 'del(.alive_line)' "$D/board.json" >"$D/bad.json"
	run -0 --separate-stderr on_tree "$BIN/evse-pilot" -D "linux:$D/bad.json" </dev/null
	[[ $stderr == *"names neither alive_line nor watchdog"* ]]
}

@test "the board files that are shipped are right" {
	for b in share/evse/boards/*.json; do
		[ "$(jq -r .driver "$b")" = linux ] || continue
		run -66 --separate-stderr on_tree "$BIN/evse-pilot" -D "linux:$PWD/$b" </dev/null
		[[ $stderr == *"no "* ]]
	done
}
