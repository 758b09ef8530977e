#!/usr/bin/env bats
# What README.md shows is run as it stands there: the charger, each pipeline, the charger of one line.

bats_require_minimum_version 1.5.0
load ../lib/charger.bash

setup() {
	root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	cd "$BATS_TEST_TMPDIR" || return
}

teardown() {
	[ -z "${dir:-}" ] || charger_stop
	[ -z "${line:-}" ] || kill -- "-$line" 2>/dev/null || :
}

# shown HEADING: the commands below that heading.
shown() {
	awk -v h="## $1" '$0 == h {on = 1; next} /^## / {on = 0} on && /^    / {print substr($0, 5)}' "$root/README.md"
}

@test "each pipeline of a technician runs beside a charger" {
	charger_start
	wait_until 15 evse-status
	shown "Start it and look" | grep 'evse-bus put' >start
	[ "$(wc -l <start)" -eq 2 ]
	sh -e start >replies
	[ "$(jq -r .status replies | xargs)" = "accepted accepted" ]
	wait_record 25 pilot '.contactor.feedback == true' >/dev/null
	wait_record 10 meter '.evse == 1 and .power_total_w > 5000' >/dev/null
	ran=0
	while IFS= read -r command; do
		case $command in
		*ttyUSB0* | *car.pcap* | "evse-pilot probe"*) continue ;; # needs a device, a capture, a board
		*--at*) command="evse-why --at $(date -u +%FT%TZ)" ;;
		esac
		ran=$((ran + 1))
		code=0
		timeout 3 bash -o pipefail -c "$command" >out 2>err </dev/null || code=$?
		case $command in
		*" tap "* | tail*) [ "$code" -eq 124 ] ;; # goes on for ever
		*) [ "$code" -eq 0 ] ;;
		esac || { echo "exit $code: $command"; cat err; return 1; }
		case $command in
		*"evse-bus put") ;; # a limit has no answer
		*">all.svg"*) grep -q '</svg>' all.svg ;;
		*) [ -s out ] ;;
		esac || { echo "nothing printed: $command"; cat err; return 1; }
	done < <(shown "Pipelines that a technician uses")
	[ "$ran" -ge 9 ]
}

@test "the charger of one line charges" {
	shown "The smallest charger is one line" >line.sh
	echo 'echo $$ >pid; wait' >>line.sh
	# Its ten seconds before the first closing are shortened, as on any bench.
	EVSE_PILOT_MIN_CLOSE=0 setsid bash line.sh >/dev/null 2>err 3>&- 4>&- &
	wait_until 10 test -s pid
	line=$(cat pid)
	closed() { evse-log show -d store --type pilot --filter 'select(.contactor.feedback)' | grep -q .; }
	wait_until 20 closed
}
