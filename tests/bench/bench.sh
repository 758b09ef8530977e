#!/bin/bash
# bench.sh BUILD: the budgets of evse-tools(7), measured in one run; prints a table and writes BUILD/bench.tsv:
# name, value, unit, budget, ok or missed. Machines are noisy: compare ratios and medians, not single figures.
set -u
build=$1
here=$(dirname "$0")
out=$build/bench.tsv
log=$build/bench.log
: >"$out"
: >"$log"
echo "machine: $(nproc) processors, $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1), load $(cut -d ' ' -f 1 /proc/loadavg), $(uname -r)"

row() { # row NAME VALUE UNIT [BUDGET [max|min]]
	local verdict=-
	if [ -n "${4:-}" ]; then
		verdict=$(awk -v v="$2" -v b="$4" -v how="${5:-max}" 'BEGIN { print (how == "min" ? v >= b : v <= b) ? "ok" : "missed" }')
	fi
	printf '%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "${4:--}" "$verdict" >>"$out"
	printf '%-34s %12s %-10s %12s  %s\n' "$1" "$2" "$3" "${4:--}" "$verdict"
}
# field NAME LINE: the number behind the word
field() { printf '%s\n' "$2" | sed -n "s/.*\b$1 \([0-9.]*\).*/\1/p"; }
section() { printf '\n%s\n' "$*"; }

section "Routing: one record a write, four readers of every record"
line=$("$build/bench/bus_routing" "$build/bin/evse-bus" 4 2>>"$log") || echo "routing: not every record arrived"
row routing_per_core "$(printf '%s' "$line" | sed -n 's/.*: \([0-9]*\) records\/s of a core.*/\1/p')" records/s 400000 min

line=$("$build/bench/bus_depot" "$build/bin/evse-bus" 64 2>>"$log")
row depot_64_evses_cpu "$(field cpu "$line")" % 25

section "Limit in, through bus, setpoint, bus, pilot, to the duty at the board"
while read -r line; do
	name=${line%% *}
	case $name in
	limit_to_duty_idle) row path_idle_p99 "$(field p99 "$line")" ms 2; row path_idle_max "$(field max "$line")" ms 50 ;;
	limit_to_duty_flood) row path_flood_p99 "$(field p99 "$line")" ms 10; row path_flood_max "$(field max "$line")" ms 50 ;;
	schedule_step) row schedule_step_max "$(field max "$line")" ms 20 ;;
	esac
done < <("$build/bench/path" "$build/bin" "${BENCH_LIMITS:-2000}" 200 2>>"$log")
rm -rf /tmp/evse-path-*

section "A whole charger of one EVSE"
while read -r name value unit; do
	case $name in
	charger_pss) row "$name" "$value" "$unit" 24 ;;
	profile_to_duty_p99) row "$name" "$value" "$unit" 20 ;;
	charger_cpu) row "$name" "$value" "$unit" 1 ;;
	start_cp_driven) row "$name" "$value" "$unit" 300 ;;
	start_boot_accepted) row "$name" "$value" "$unit" 1000 ;;
	start_able_to_close) row "$name" "$value" "$unit" 12000 ;;
	*) row "$name" "$value" "$unit" ;;
	esac
done < <(bash "$here/charger.sh" "$build" 2>>"$log")

# Lines "bench NAME VALUE UNIT [BUDGET [min]]" become rows, others are shown as they are.
fold() {
	while read -r word name value unit budget how; do
		if [ "$word" = bench ]; then
			[ "$budget" != - ] || budget=
			row "$name" "$value" "$unit" "$budget" "$how"
		else
			printf '%s\n' "$word $name $value $unit $budget $how"
		fi
	done
}
# The others print their own tables; their lines "bench NAME VALUE UNIT [BUDGET [min]]" come into the table too.
for b in pilot_path setpoint_path ocpp_limit exi; do
	[ -x "$build/bench/$b" ] || continue
	section "$b"
	PATH=$(cd "$build/bin" && pwd):$PATH "$build/bench/$b" 2>>"$log" | fold
done
for s in "$here"/*.sh; do
	case $s in */bench.sh | */charger.sh) continue ;; esac
	section "$(basename "$s" .sh)"
	bash "$s" "$build" 2>>"$log" | fold
done
echo
echo "table: $out; messages: $log"
