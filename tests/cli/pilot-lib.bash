# For the evse-pilot tests: a simulated board, a pilot, and waiting without blind sleeps.
# shellcheck shell=bash

B=${EVSE_BUILD:-build}
BIN=${EVSE_BIN:-$PWD/build/bin}

# sim_start [OPTION…]: a fresh world in $D; commands for it go to sim COMMAND
sim_start() {
	D=$BATS_TEST_TMPDIR
	mkfifo "$D/sim.in"
	"$BIN/evse-sim" -d "$D" --fresh --no-tty --lock-ms 100 "$@" <"$D/sim.in" >"$D/sim.out" 2>"$D/sim.err" 3>&- &
	SIM=$!
	exec 6>"$D/sim.in"
	until_true 50 test -S "$D/pilot.1.sock"
}

sim() {
	echo "$1" >&6
}

# pilot_start [OPTION…]: on that board; its input stays open for setpoint and record
pilot_start() {
	[ -p "$D/in" ] || mkfifo "$D/in"
	"$BIN/evse-pilot" -D "sim:$D/pilot.1.sock" --min-close 300 "$@" <"$D/in" >>"$D/out" 2>>"$D/err" 3>&- 6>&- &
	PILOT=$!
	exec 5>"$D/in"
}

# setpoint ENABLE AMPERES [MORE]
setpoint() {
	echo '{"t":"2026-11-22T10:00:00.123Z","type":"setpoint","src":"setpoint.1","evse":1,"enable":'"$1"',"import_max_a":'"$2${3:+,$3}"'}' >&5
}

# command KIND ID
command_to() {
	echo '{"t":"2026-11-22T10:00:00.123Z","type":"command","src":"test","to":"pilot.1","id":"'"$2"'","kind":"'"$1"'"}' >&5
}

# until_true TENTHS COMMAND…: bounded
until_true() {
	local n=$1
	shift
	while [ "$n" -gt 0 ]; do
		if "$@" >/dev/null 2>&1; then return 0; fi
		sleep 0.1
		n=$((n - 1))
	done
	echo "never true: $*" >&2
	tail -n 3 "$D/out" >&2
	cat "$D/err" >&2
	return 1
}

# last JQ: of the newest pilot record
last() {
	grep '"type":"pilot"' "$D/out" | tail -n 1 | jq "$1" | grep -qx true
}

# shows TENTHS JQ: until the newest pilot record says so, repeating the setpoint each second
shows() {
	local n=$1 said=$SECONDS
	while [ "$n" -gt 0 ]; do
		if last "$2" >/dev/null 2>&1; then return 0; fi
		[ "$SECONDS" = "$said" ] || [ -z "$AGAIN" ] || eval "$AGAIN"
		said=$SECONDS
		sleep 0.1
		n=$((n - 1))
	done
	echo "never shown: $2" >&2
	tail -n 2 "$D/out" >&2
	cat "$D/err" >&2
	return 1
}

# charging [AMPERES]: a car is plugged and charges
charging() {
	sim '{"kind":"plug","car":"family","cable_a":32}'
	AGAIN="setpoint true ${1:-16}"
	eval "$AGAIN"
	shows 100 '.contactor.feedback == true'
}

gone() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || tail -n 8 "$D/out" "$D/err" "$D/sim.err" 2>/dev/null || :
	exec 5>&- 6>&-
	for p in $PILOT $SIM; do
		kill "$p" 2>/dev/null || :
	done
	for p in $PILOT $SIM; do
		wait "$p" 2>/dev/null || :
	done
	PILOT='' SIM=''
}
