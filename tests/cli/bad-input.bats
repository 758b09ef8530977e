#!/usr/bin/env bats
# shellcheck disable=SC2086,SC2030,SC2031 # tools with their options are split on purpose; each test is a subshell
# What every program does with what it cannot use: says what, where and what was expected, with the exit code of
# evse-tools(7). The tools' own files test what is special to each.

bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	export EVSE_RUN=$PWD/run EVSE_STATE=$PWD/state
	echo '{"t":"2026-11-22T10:00:00Z","type":"pilot","src":"pilot.1","n":"a.1","m":1000,"evse":1,"state":"C2","cable_a":20}' >ok
}

# Tools that read records until the end of their input, each ready to run.
readers=(
	"evse-session"
	"evse-setpoint --ceiling 16"
	"evse-log record -d store"
	"evse-csms -l 127.0.0.1:0"
	"evse-ocpp -u ws://127.0.0.1:1/ocpp/CS1 -d ocpp --security-profile 0"
	"evse-status -"
	"evse-why"
)

# each CHECK INPUT…: CHECK is called for each reader, with $status and $err as it went.
each() {
	local check=$1 tool
	shift
	for tool in "${readers[@]}"; do
		status=0
		cat "$@" | timeout 20 $tool >out 2>err || status=$?
		err=$(<err)
		"$check" "$tool" || { echo "$tool: exit $status"; head -n 5 err; return 1; }
	done
}

# A bad line costs that line: it is named with its number, and the input goes on to its end.
lives_and_names_line_1() { [ "$status" -le 1 ] && [[ $err == *"line 1: "*"; skipped"* ]]; }

@test "a line of 70 KB is named and skipped" {
	{ head -c 70000 /dev/zero | tr '\0' x; echo; } >bad
	each lives_and_names_line_1 bad ok
}

@test "JSON nested 400 deep is named and skipped" {
	python3 - >bad <<'PY'
print('{"t":"2026-11-22T10:00:00Z","type":"session","src":"x","evse":1,"a":' + '[' * 400 + ']' * 400 + '}')
PY
	readers=("evse-session --evses 1 -p" "evse-setpoint --ceiling 16 -p" "evse-log record -d store" "evse-status -" "evse-why")
	each lives_and_names_line_1 bad ok
	[[ $err == *"depth"* ]]
}

@test "what is not UTF-8 is named with its place, and skipped" {
	printf '{"t":"2026-11-22T10:00:00Z","type":"pilot","src":"pilot.1","evse":1,"state":"\377"}\n' >bad
	readers=("evse-session" "evse-setpoint --ceiling 16" "evse-status -" "evse-why")
	each lives_and_names_line_1 bad ok
	[[ $err == *"not UTF-8 at byte 78"* ]]
}

@test "a megabyte of noise ends no tool and blocks none" {
	head -c 1000000 /dev/urandom >bad
	readers+=("evse-exi decode" "evse-exi encode")
	lives() { [ "$status" -le 1 ]; }
	each lives bad
}

@test "an input that cannot be read is an error, not an end" {
	for tool in "${readers[@]}"; do
		status=0
		timeout 20 $tool <. >out 2>err || status=$?
		echo "$tool: $status $(<err)"
		[ "$status" -eq 74 ]
		grep -q "unable to read.*: Is a directory" err
	done
}

@test "a full and a closed standard output are errors" {
	evse-log record -q -d store <ok >/dev/null
	for tool in "evse-session" "evse-setpoint" "evse-log record -d other" "evse-log show -d store" \
		"evse-log stat -d store" "evse-csms -l 127.0.0.1:0" "evse-exi list" "evse-meter models" "evse-status -" \
		"evse-ocpp -u ws://127.0.0.1:1/ocpp/CS1 -d ocpp --security-profile 0" "evse-pilot --help" "evse-bus --help" \
		"evse-sim --help" "evse-log --version"; do
		status=0
		timeout 20 $tool <ok >/dev/full 2>err || status=$?
		echo "$tool >/dev/full: $status $(<err)"
		[ "$status" -eq 74 ]
		grep -q "unable to write.*: No space left on device" err
		status=0
		timeout 20 $tool <ok 2>err >&- || status=$?
		echo "$tool >&-: $status $(<err)"
		[ "$status" -eq 74 ]
		grep -q "unable to write.*: Bad file descriptor" err
	done
}

@test "a file that is missing, not readable, broken or misspelt is named" {
	echo '{"setpoint":{"ceiling":16,}' >broken
	echo '{"setpoint":{"cieling":16}}' >misspelt
	run -78 evse-setpoint -c missing <ok
	[[ $output == *"unable to open missing: No such file or directory"* ]]
	run -78 evse-setpoint -c . <ok
	[[ $output == *"unable to read .* "*"Is a directory"* || $output == *": Is a directory"* ]]
	run -78 evse-setpoint -c broken <ok
	[[ $output == *"broken: not JSON: "*"line 1, column 27"* ]]
	run -78 evse-setpoint -c misspelt <ok
	[[ $output == *'misspelt: section "setpoint": unknown key "cieling"; did you mean "ceiling"?'* ]]
	run -66 evse-setpoint -i missing/fifo <ok
	[[ $output == *"unable to open missing/fifo: No such file or directory"* ]]
	[ "$(id -u)" -eq 0 ] || skip "needs root to become another user"
	echo '{}' >secret
	chmod 600 secret
	# reading goes through the present directory, which the other user need not be able to name
	run -78 setpriv --reuid 65534 --regid 65534 --clear-groups "$(command -v evse-setpoint)" -c secret <ok
	[[ $output == *"unable to open secret: Permission denied"* ]]
}

@test "a file size limit costs no tool its life" {
	# SIGXFSZ ignored gives EFBIG, as a full disk gives ENOSPC; what is said goes through a pipe
	(trap '' XFSZ; ulimit -f 0; exec timeout 20 evse-log record -q -d store <ok 2>&1) | cat >out
	status=${PIPESTATUS[0]}
	echo "$status $(<out)"
	[ "$status" -gt 0 ] && [ "$status" -lt 128 ]
	grep -q "File too large" out
	(trap '' XFSZ; ulimit -f 0; exec timeout 20 evse-session -d sessions <ok 2>&1) | cat >out
	status=${PIPESTATUS[0]}
	echo "$status $(<out)"
	[ "$status" -lt 128 ]
	grep -q "File too large" out
}

@test "numbers out of range, unknown options and words are named" {
	run -64 evse-setpoint --ceiling 1e9
	[[ $output == *"--ceiling: expected a number from 0 to 10000, got '1e9'"* ]]
	run -64 evse-sim -d sim -n 65
	[[ $output == *"--evses: expected a number from 1 to 64, got '65'"* ]]
	run -64 evse-session --evsses 2
	[[ $output == *"unknown option '--evsses'; did you mean"* ]]
	run -64 evse-log recrod
	[[ $output == *"unknown command 'recrod'; did you mean 'record'?"* ]]
	run -64 evse-exi explain zz
	[[ $output == *"'zz'"*"hex"* ]]
	run -64 evse-meter -D tcp://127.0.0.1:99999/1
	[[ $output == *"99999"*"the port must be 1 to 65535"* ]]
	for tool in charger clock csms exi meter ocpp pilot pki session setpoint sim status top why; do
		run -64 evse-$tool --nonsense
		[[ $output == *"--nonsense"* ]] || { echo "$tool: $output"; false; }
	done
}
