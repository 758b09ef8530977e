#!/bin/bash
# pilot_path.sh BUILD: unplug or S2 open to the command to open, under full load: two spinning processes, and a whole charger
# of two EVSEs beside it whose tools and relays are killed with kill -9 at random, five a second. Three times: ordinary scheduling
# without any right, ordinary scheduling, SCHED_FIFO. Budget: p99 30 ms, max 80 ms. BENCH_EVENTS: 6000 (100000 for the budget's count).
set -u
EVSE_BUILD=$(cd "$1" && pwd)
PATH=$EVSE_BUILD/bin:$PATH
export EVSE_BUILD PATH
# shellcheck source=tests/lib/charger.bash
. "$(dirname "$0")/../lib/charger.bash"
events=${BENCH_EVENTS:-6000}
charger_start .
killer=
trap 'kill "$killer" 2>/dev/null; charger_stop' EXIT

kill_at_random() {
	local services=("$EVSE_RUN"/sv/*/) s pid n=0
	while :; do
		s=$(basename "${services[RANDOM % ${#services[@]}]}")
		pid=$(pid_of "$s")
		[ $((RANDOM % 2)) = 0 ] || pid=$(relay_of "$s")
		[ -z "$pid" ] || ! kill -9 "$pid" || n=$((n + 1))
		echo "$n" >"$dir/kills"
		sleep 0.2
	done 2>/dev/null
}
kill_at_random &
killer=$!

cat >"$dir/without-rights" <<-EOF
	#!/bin/sh
	exec setpriv --bounding-set=-sys_nice --inh-caps=-sys_nice "$EVSE_BUILD/bin/evse-pilot" "\$@"
EOF
chmod +x "$dir/without-rights"
if [ "$(id -u)" = 0 ]; then
	"$EVSE_BUILD/bench/pilot_path" -n 50 -e "$events" -l -r 20 "$dir/without-rights" |
		sed -u 's/_rt / /; s/^bench pilot_open/bench pilot_open_loaded_no_rights/; s/SCHED_FIFO and mlockall/no right to any priority/'
fi
"$EVSE_BUILD/bench/pilot_path" -n 50 -e "$events" -l "$EVSE_BUILD/bin/evse-pilot" | sed -u 's/^bench pilot_open/bench pilot_open_loaded/'
echo "# tools and relays of the charger killed: $(cat "$dir/kills")"
