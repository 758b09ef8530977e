#!/usr/bin/env bats
# What the manual pages show works: each line of EXAMPLES that begins with "$ " is run.

setup() { root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd); }

works() {
	run timeout 60 "$root/tests/run-examples.sh" "$root/man/$1"
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "every page has an example that can be run" {
	for page in "$root"/man/*.[1-9]; do
		name=$(basename "$page")
		grep -qF "works $name" "$BATS_TEST_FILENAME" || { echo "no test runs $name"; false; }
	done
}

@test "evse-bus(1)" { works evse-bus.1; }
@test "evse-charger(1)" { works evse-charger.1; }
@test "evse-clock(1)" { works evse-clock.1; }
@test "evse-csms(1)" { works evse-csms.1; }
@test "evse-exi(1)" { works evse-exi.1; }
@test "evse-log-ship(1)" { works evse-log-ship.1; }
@test "evse-log(1)" { works evse-log.1; }
@test "evse-meter(1)" { works evse-meter.1; }
@test "evse-ocpp(1)" { works evse-ocpp.1; }
@test "evse-pilot(1)" { works evse-pilot.1; }
@test "evse-pki(1)" { works evse-pki.1; }
@test "evse-plot(1)" { works evse-plot.1; }
@test "evse-records(7)" { works evse-records.7; }
@test "evse-session(1)" { works evse-session.1; }
@test "evse-setpoint(1)" { works evse-setpoint.1; }
@test "evse-sim(1)" { works evse-sim.1; }
@test "evse-status(1)" { works evse-status.1; }
@test "evse-tools(7)" { works evse-tools.7; }
@test "evse-top(1)" { works evse-top.1; }
@test "evse-why(1)" { works evse-why.1; }

@test "an example that fails is named, with its page" {
	page=$BATS_TEST_TMPDIR/wrong.1
	printf '%s\n' .Dd .Dt WRONG 1 .Os '.Sh NAME' '.Nm wrong' '.Nd a page' '.Sh EXAMPLES' '.Dl $ true' '.Dl $ false | cat' >"$page"
	run "$root/tests/run-examples.sh" "$page"
	[ "$status" -eq 1 ]
	[[ $output == *"wrong.1: fails:"*"false | cat"* ]]
}
