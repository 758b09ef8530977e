# The whole charger: the one-line charger, a day under the test clock, journals that replay, the summary of make run, configuration.
# Serves CTL-1, CTL-3, COM-5 and design sections 1, 6, 7.
bats_require_minimum_version 1.5.0
load ../lib/charger.bash

setup() {
	work=$(mktemp -d "${TMPDIR:-/tmp}/evse-line.XXXXXX")
	pids=
}
teardown() {
	for p in $pids; do kill "$p" 2>/dev/null || true; done
	[ -z "${dir:-}" ] || charger_stop
	# shellcheck disable=SC2086 # numbers
	wait $pids 2>/dev/null || true # what still writes there ends first
	[ -n "${KEEP:-}" ] || rm -rf "$work"
}

# one_line SIM-OPTIONS…: sim; meter | setpoint | pilot | log as in the manual. All records come to $work/all; $work/world
# takes commands for the simulation; the meter's process is $meter.
one_line() {
	mkfifo "$work/back" "$work/world"
	exec 7<>"$work/world"
	evse-sim -d "$work/sim" -n 2 --no-tty "$@" <"$work/world" >"$work/sim.out" 2>"$work/sim.err" 3>&- &
	pids="$pids $!"
	wait_until 10 test -S "$work/sim/pilot.1.sock" -a -s "$work/sim/modbus.port"
	mkfifo "$work/meter"
	evse-meter -D "tcp://127.0.0.1:$(cat "$work/sim/modbus.port")/1" --evse 1 --interval "${interval:-1000}" \
		</dev/null >"$work/meter" 2>>"$work/line.err" 3>&- 7>&- &
	meter=$!
	pids="$pids $meter"
	evse-setpoint -p --ceiling 16 -i "$work/back" <"$work/meter" 2>>"$work/line.err" 3>&- 7>&- |
		evse-pilot -p -D "sim:$work/sim/pilot.1.sock" --socket ${journal:+--journal "$journal"} 2>>"$work/line.err" 3>&- 7>&- |
		tee -p "$work/back" 3>&- 7>&- | tee "$work/all" 3>&- 7>&- |
		evse-log record -d "$work/store" >/dev/null 2>>"$work/line.err" 3>&- 7>&- &
	line=$!
}

in_all() { jq -ec "select($1)" "$work/all" | grep .; }

@test "the one-line charger charges, and ends safely at the end of its input" {
	one_line
	wait_until 10 in_all '.type=="pilot" and .state=="A1"'
	echo '{"kind":"plug","evse":1,"car":{"name":"family","soc_pct":35},"cable_a":32}' >&7
	wait_until 25 in_all '.type=="pilot" and .contactor.feedback==true and .limit_a==16'
	wait_until 10 in_all '.type=="meter" and .power_total_w > 8000 and .current_a[0] <= 16.1'
	kill "$meter"
	wait "$line"
	# the pilot's last word: the contactor is open
	[ "$(jq -rs '[.[]|select(.type=="pilot")]|last|"\(.contactor.commanded) \(.duty_pct)"' "$work/all")" = "false 100" ]
	# and the log has every record of every writer
	cmp <(evse-log show -d "$work/store" | sort) <(sort "$work/all")
}

@test "a journal of evse-pilot replays byte for byte" {
	journal=$work/journal
	one_line
	wait_until 10 in_all '.type=="pilot" and .state=="A1"'
	echo '{"kind":"plug","evse":1,"car":{"name":"family","soc_pct":35},"cable_a":32}' >&7
	wait_until 10 in_all '.type=="pilot" and .state=="B2"'
	kill "$meter"
	wait "$line"
	evse-pilot -p -D sim:/nowhere --socket --replay "$journal" >"$work/again"
	cmp "$work/again" "$work/all"
}

@test "a day under the test clock: sessions, energy that agrees, in one run" {
	"$EVSE_BUILD/tests/test-clock" "$work/clock" 2026-11-22T00:00:00Z 86400 5 >"$work/clock.out" 2>"$work/clock.err" 3>&- &
	clock=$!
	pids="$pids $clock"
	wait_until 5 test -S "$work/clock"
	export EVSE_CLOCK=$work/clock
	interval=10000 one_line --keepalive-ms 900 --interval 60000 --scenario day
	wait "$clock" || { cat "$work/clock.err"; false; }
	unset EVSE_CLOCK
	cat "$work/clock.out"
	grep -q '86400 s$' "$work/clock.out"
	# sessions happened, the contactor closed and opened
	[ "$(jq -r 'select(.type=="pilot" and .contactor.feedback==true)|.closings' "$work/all" | sort -un | wc -l)" -ge 3 ]
	# what the car took is what the meter counted
	meter=$(jq -rs '[.[]|select(.type=="meter").import_wh]|(max-min)' "$work/all")
	car=$(jq -rs '[.[]|select(.type=="car" and .evse==1)]|reduce .[] as $c ({sum:0,last:0};
		if $c.energy_wh < .last then {sum:(.sum+.last),last:$c.energy_wh} else .last=$c.energy_wh end)|.sum+.last' "$work/sim.out")
	echo "# car $car Wh, meter $meter Wh" >&3
	awk -v a="$car" -v b="$meter" 'BEGIN { d = a - b; if (d < 0) d = -d; exit !(a > 1000 && d <= a * 0.01 + 5) }'
}
