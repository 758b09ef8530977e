# Functions for tests that run a whole charger: evse-charger on the simulation, in a directory of its own.
# shellcheck shell=bash

# charger_start [JQ-FILTER]: the demonstration's configuration, changed by the filter.
charger_start() {
	dir=$(mktemp -d "${TMPDIR:-/tmp}/evse-test.XXXXXX")
	export EVSE_RUN=$dir/run EVSE_STATE=$dir/state
	jq "${1:-.}" "$EVSE_BUILD/share/evse/evse.json" >"$dir/evse.json"
	evse-charger start -q -c "$dir/evse.json" 3>&- 4>&-
}

charger_stop() {
	evse-charger stop -q 3>&- || true
	[ -n "${KEEP:-}" ] || rm -rf "$dir"
}

# wait_record SECONDS TYPES CONDITION: prints the first record, retained ones included, for which the condition holds. The bus
# may die meanwhile: then asks again.
wait_record() {
	local end=$((SECONDS + $1)) found
	while [ "$SECONDS" -le "$end" ]; do
		found=$(timeout $((end - SECONDS + 1)) evse-bus tap -s "$2" --count 1 "select($3)" 2>/dev/null)
		[ -z "$found" ] || { printf '%s\n' "$found"; return 0; }
		sleep 0.1
	done
	echo "no $2 record with $3 within $1 s" >&2
	return 1
}

# wait_until SECONDS COMMAND…: until it succeeds.
wait_until() {
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -le "$end" ] || { echo "not true in time: $*" >&2; return 1; }
		sleep 0.05
	done
}

say() {
	wait_until 10 test -S "$EVSE_RUN/operator.sock"
	printf '%s\n' "$1" | evse-bus put >/dev/null
}
call() { printf '%s\n' "$1" >"$EVSE_RUN/csms.in"; }
csms_line() { jq -ec "select($1)" "$EVSE_RUN/csms.out" | tail -n 1 | grep .; }

# pid_of SERVICE: of the supervised tool; relay_of SERVICE: of its relay, the tool's child.
pid_of() { cat "$EVSE_RUN/sv/$1/supervise/pid"; }
relay_of() { pgrep -P "$(pid_of "$1")" | head -n 1; }

plug_in() { say '{"to":"sim","kind":"plug","evse":'"$1"',"car":{"name":"family","soc_pct":35},"cable_a":32}'; }
swipe() { say '{"to":"sim","kind":"swipe","evse":'"$1"',"token":{"id":"04A2B3C4D5E680","kind":"ISO14443"}}'; }
log_records() { evse-log show -d "$EVSE_STATE/log" --keys "$EVSE_STATE/keys"; }
