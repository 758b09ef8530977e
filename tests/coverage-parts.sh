#!/bin/sh
# coverage-parts.sh FILE: line coverage by folder of lib/, from gcovr's text report.
awk '$1 ~ /^lib\// && $2 ~ /^[0-9]+$/ { d = $1; sub(/^lib\//, "", d); sub(/\/[^\/]*$/, "", d); n[d] += $2; c[d] += $3; tn += $2; tc += $3 }
	END { for (d in n) printf "%-12s %6d lines %6.1f %%\n", d, n[d], 100 * c[d] / n[d];
	      printf "%-12s %6d lines %6.1f %%\n", "lib", tn, tn ? 100 * tc / tn : 0 }' "$1" | sort
