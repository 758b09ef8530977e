#!/bin/sh
# summary.sh BUILD MAKE: all tests, then one line "N passed, N failed" over them.
set -u
build=$1 make=$2 rc=0
log=$build/tests/summary.txt
mkdir -p "$build/tests"
: >"$log"
for part in unit cli checks; do
	"$make" --no-print-directory B="$build" "$part" >"$build/tests/$part.txt" 2>&1 || { rc=1; [ "$part" = checks ] && echo "checks: 0 passed, 1 failed" >>"$log"; }
	grep -E '^(FAIL|not ok|# \(|.*\.c:[0-9]+: |check-|.*error)' "$build/tests/$part.txt"
	grep -E '^(unit|cli): ' "$build/tests/$part.txt" | tee -a "$log"
	[ "$part" = checks ] && [ "$rc" = 0 ] && echo "checks: 5 passed, 0 failed" >>"$log"
done
awk '{ for (i = 1; i <= NF; i++) { if ($i ~ /^passed/) p += $(i-1); if ($i ~ /^failed/) f += $(i-1); if ($i ~ /^skipped/) s += $(i-1) } }
	END { printf "%d passed, %d failed", p, f; if (s) printf ", %d skipped", s; print "" }' "$log"
exit $rc
