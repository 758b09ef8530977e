#!/bin/sh
# check-source.sh: rules of the house that no compiler knows. Prints each breach; exit 1 when there is one.
set -u
bad=0
say() {
	[ -z "$2" ] || { printf '%s\n%s\n' "check-source: $1" "$2"; bad=$((bad + 1)); }
}
c='*.c'
h='*.h'
say 'banned functions' "$(grep -rnE '\b(strcpy|strcat|sprintf|vsprintf|atoi|atol|gets|alloca)\(' --include="$c" --include="$h" lib cmd)"
say 'the clock is read only in lib/core/clock.c (confine_calls.c names calls)' "$(grep -rnE '\b(clock_gettime|gettimeofday|time\(NULL\))' --include="$c" lib cmd | grep -vE '^lib/core/(clock|confine_calls)\.c')"
say 'jv.h is shown only by core/json.h' "$(grep -rnE '#include <(jv|jq)\.h>' --include="$c" --include="$h" lib cmd | grep -vE '^lib/core/(json\.h|jqf\.c)')"
say 'modbus.h in its module only' "$(grep -rln '#include <modbus' --include="$c" --include="$h" lib cmd | grep -vE '^lib/(meter|sim|modbus|hems)/')"
say 'libwebsockets.h in lib/ws, and lib/ship for its HTTP client' "$(grep -rln '#include <libwebsockets' --include="$c" --include="$h" lib cmd | grep -vE '^lib/(ws|ship)/')"
say 'unfinished work' "$(grep -rnE '\b(TODO|FIXME|XXX|HACK)\b' --include="$c" --include="$h" --include='*.sh' lib cmd tests/unit tests/tools | grep -v 'XXXXXX')"
say 'lib includes nothing of cmd' "$(grep -rnE '#include "(\.\./)*cmd/' --include="$c" --include="$h" lib)"
say 'files over 600 lines (generated tables excepted)' "$(find lib cmd \( -name "$c" -o -name "$h" \) ! -path '*/tables/*' ! -path '*/generated/*' -exec awk 'END { if (NR > 600) print FILENAME ": " NR }' {} \;)"
[ "$bad" -eq 0 ] && echo "check-source: clean"
[ "$bad" -eq 0 ]
