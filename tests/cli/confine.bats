# Least privilege: every tool is held by the kernel to the calls that it needs (core/confine.h). What each call is answered
# with is in tests/unit/core_confine.c; here that every program is confined, and that a running one can't be made to break out.
bats_require_minimum_version 1.5.0
load ../lib/charger.bash

setup_file() {
	evse-setpoint --count 1 -v </dev/null 2>&1 >/dev/null | grep -q 'not confined' && export UNCONFINED=1
	return 0
}

setup() {
	[ -z "${UNCONFINED:-}" ] || skip "this build, or this kernel, does not confine"
	pids=''
}

teardown() {
	# shellcheck disable=SC2086 # a list of numbers
	[ -z "$pids" ] || { kill $pids; wait $pids; } 2>/dev/null || true
	[ -z "${dir:-}" ] || charger_stop
}

# confined PID: a filter is on, nothing is to be gained, and root's own rights are gone.
confined() {
	grep -qx 'Seccomp:	2' "/proc/$1/status" && grep -qx 'NoNewPrivs:	1' "/proc/$1/status" &&
		[ $((0x$(sed -n 's/^CapEff:\t//p' "/proc/$1/status") & (1 << 21 | 1 << 19 | 1 << 7))) -eq 0 ]
}

# within PID CALL: its answer when the process itself makes that call.
# shellcheck disable=SC2016 # gdb's $1
within() { timeout 30 gdb -nx -batch -p "$1" -ex "print $2" 2>/dev/null | sed -n 's/^\$1 = //p'; }

@test "rule 6: every process of a running charger is confined" {
	charger_start
	for d in "$EVSE_RUN"/sv/*/; do
		s=$(basename "$d")
		echo "$s"
		wait_until 10 confined "$(pid_of "$s")"
		relay=$(relay_of "$s")
		[ -z "$relay" ] || [ "$(cat "/proc/$relay/comm")" != evse-relay ] || wait_until 5 confined "$relay"
	done
	# what people run beside it
	evse-bus tap -s pilot >/dev/null 3>&- &
	pids="$pids $!"
	wait_until 5 confined $!
	mkfifo "$dir/said"
	evse-bus put <"$dir/said" >/dev/null 3>&- &
	pids="$pids $!"
	exec 7>"$dir/said"
	wait_until 5 confined $!
	exec 7>&-
	TERM=xterm script -qfc 'exec evse-top' /dev/null </dev/zero >/dev/null 2>&1 3>&- &
	pids="$pids $!"
	top() { top=$(pgrep -P "$1" -x evse-top) && confined "$top"; }
	wait_until 5 top $!
	kill "$top"
}

@test "a tool that is made to call what it does not need is refused, or ends and comes back" {
	command -v gdb >/dev/null || skip "gdb is not there"
	charger_start
	wait_until 10 confined "$(pid_of setpoint)"
	wait_until 10 confined "$(pid_of pilot.1)"
	pilot=$(pid_of pilot.1) setpoint=$(pid_of setpoint)
	[ "$(within "$setpoint" '(int)getpid()')" = "$setpoint" ]
	[ "$(within "$setpoint" '(int)socket(2, 1, 0)')" = -1 ]
	[ "$(within "$setpoint" '(int)fork()')" = -1 ]
	# the relay writes no file
	[ "$(within "$(relay_of setpoint)" "(int)creat(\"$dir/made\", 0600)")" = -1 ]
	[ ! -e "$dir/made" ]
	# evse-pilot is never ended by it
	[ "$(within "$pilot" '(int)socket(2, 1, 0)')" = -1 ]
	[ "$(within "$pilot" '(int)execl("/bin/true", "true", (char *)0)')" = -1 ]
	[ "$(within "$pilot" '(int)setuid(0)')" = -1 ]
	[ "$(pid_of pilot.1)" = "$pilot" ]
	# any other is, and its supervisor starts a clean one
	within "$setpoint" '(int)execl("/bin/true", "true", (char *)0)'
	another() { [ "$(pid_of setpoint)" != "$setpoint" ] && confined "$(pid_of setpoint)"; }
	wait_until 10 another
	wait_record 10 setpoint '.evse==1'
	[ "$(pid_of pilot.1)" = "$pilot" ]
}

# alone PROGRAM…: confined while its input is open, also where there is no bus.
alone() {
	mkfifo "$BATS_TEST_TMPDIR/$n.in"
	"$@" <"$BATS_TEST_TMPDIR/$n.in" >/dev/null 2>>"$BATS_TEST_TMPDIR/err" 3>&- &
	pids="$pids $!"
	exec {hold}>"$BATS_TEST_TMPDIR/$n.in"
	echo "$*"
	wait_until 10 confined $!
	n=$((n + 1))
}

@test "each tool alone is confined too, on a journal as well" {
	n=1
	cd "$BATS_TEST_TMPDIR"
	alone evse-sim -d sim
	alone evse-pilot -D "sim:$PWD/sim/pilot.1.sock"
	alone evse-setpoint --ceiling 16 --journal journal
	alone evse-session --free -d session
	alone evse-meter -D tcp://127.0.0.1:9/1 --model sdm630
	alone evse-clock
	alone evse-clock --source chrony
	alone evse-csms --listen 127.0.0.1:0
	alone evse-log record -d store
	alone evse-exi decode
	alone evse-exi pcap -
	alone evse-plot
	alone evse-status -
	alone evse-why
	mkdir run
	alone evse-bus serve -d run
	wait_until 10 test -S run/tap.sock
	EVSE_RUN=$PWD/run evse-bus attach -S token -- sleep 60 3>&- &
	pids="$pids $!"
	relay() { relay=$(pgrep -P "$1" -x evse-relay) && confined "$relay"; }
	wait_until 5 relay $!
	alone evse-log ship -d store --to dir:there
	alone evse-log show -d store --follow
}

@test "EVSE_CONFINE: off leaves it away and says so, log refuses nothing" {
	EVSE_CONFINE=off run -0 --separate-stderr evse-setpoint -v </dev/null
	[[ $stderr == *'not confined'* ]]
	EVSE_CONFINE=log run -0 --separate-stderr evse-setpoint -v </dev/null
	[[ $stderr != *'not confined'* ]]
	# no configuration can
	echo '{"setpoint":{"confine":"off"}}' >"$BATS_TEST_TMPDIR/c.json"
	run -78 evse-setpoint -c "$BATS_TEST_TMPDIR/c.json" </dev/null
}
