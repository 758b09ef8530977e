#!/bin/sh
# run-valgrind.sh BUILD PROGRAM…: unit tests under valgrind; errors and definite leaks fail. Tests that take their length from
# EVSE_TEST_SCALE run shorter.
set -u
shift
failed=0 passed=0
EVSE_TEST_SCALE=0.02
export EVSE_TEST_SCALE
for program in "$@"; do
	if timeout 900 valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite --suppressions=tests/valgrind.supp \
		"$program" >"$program.valgrind" 2>&1; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAIL $(basename "$program")"
		grep -A 12 '^==' "$program.valgrind" | head -n 30
	fi
done
echo "valgrind: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
