#!/bin/sh
# run-unit.sh BUILD PROGRAM…: runs each unit test program, sums up, keeps each output in BUILD/tests/log/.
set -u
build=$1
shift
mkdir -p "$build/tests/log"
passed=0 failed=0
for program in "$@"; do
	log=$build/tests/log/$(basename "$program").txt
	if ! timeout 300 "$program" >"$log" 2>&1; then
		echo "FAIL $(basename "$program")"
		tail -n 20 "$log"
		tail -n 1 "$log" | grep -q 'passed, .* failed' || failed=$((failed + 1))
	fi
	p=$(sed -n '$s/^\([0-9]*\) passed, [0-9]* failed$/\1/p' "$log")
	f=$(sed -n '$s/^[0-9]* passed, \([0-9]*\) failed$/\1/p' "$log")
	passed=$((passed + ${p:-0})) failed=$((failed + ${f:-0}))
done
echo "unit: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
