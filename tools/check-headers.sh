#!/bin/sh
# check-headers.sh CC CPPFLAGS…: every header compiles alone.
set -u
cc=$1 bad=0 n=0
shift
for h in $(find lib -name '*.h' | sort); do
	n=$((n + 1))
	printf '#include "%s"\ntypedef int nothing;\n' "${h#lib/}" |
		$cc "$@" -std=gnu17 -Wall -fsyntax-only -x c - || { echo "check-headers: $h does not compile alone"; bad=$((bad + 1)); }
done
echo "check-headers: $n headers, $bad wrong"
[ "$bad" -eq 0 ]
