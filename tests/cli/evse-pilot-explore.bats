#!/usr/bin/env bats
# The smaller slices of the exhaustive exploration; all of them: build/tests/pilot-explore.

bats_require_minimum_version 1.5.0

@test "no reachable state breaks an invariant (guard, sequence)" {
	run -0 "${EVSE_BUILD:-build}/tests/pilot-explore" -m 1500000 guard sequence
	echo "$output" >&3
	[ "${#lines[@]}" -eq 2 ]
}
