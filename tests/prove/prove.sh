#!/bin/sh
# prove.sh [FUNCTION…]: Frama-C's Eva on the pilot core; see pilot.c. Exit 1 where anything is left to be shown.
set -u
cd "$(dirname "$0")/../.." || exit 66
command -v frama-c >/dev/null || { echo "prove: frama-c is not installed (Debian: frama-c-base)" >&2; exit 69; }
report=$(mktemp) || exit 71
trap 'rm -f "$report"' EXIT
code=0
[ $# -gt 0 ] || set -- prove_tables prove_machine
for what in "$@"; do
	case $what in
	prove_tables) set -- lib/pilot/duty.c lib/pilot/level.c -eva-slevel 200 -eva-split-return auto ;;
	*) set -- lib/pilot/*.c -eva-precision 0 ;;
	esac
	frama-c -machdep gcc_x86_64 -cpp-extra-args="-Ilib -D_GNU_SOURCE" -eva -eva-verbose 0 -kernel-verbose 0 \
		-main "$what" tests/prove/pilot.c "$@" -then -report >"$report" 2>&1 || code=1
	sed -n '/Status Report Summary/,$p' "$report" | grep -E '^ +[0-9]' || code=1
	if grep -q 'To be validated\|Alarms\|Invalid' "$report"; then
		grep -B 1 -A 1 '^\[ *\(-\|Partial\|Alarm\)' "$report"
		code=1
	fi
	[ $code -ne 0 ] || echo "prove: $what: everything shown"
done
exit $code
