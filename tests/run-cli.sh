#!/bin/sh
# run-cli.sh BUILD FILE…: runs bats files, two at a time since most of them mostly wait, the longest first, and sums up.
set -u
build=$1
shift
mkdir -p "$build/tests/log"
EVSE_BUILD=$(cd "$build" && pwd) EVSE_BIN=$(cd "$build" && pwd)/bin PATH=$(cd "$build" && pwd)/bin:$PATH LC_ALL=C.UTF-8 TZ=UTC
export EVSE_BUILD EVSE_BIN PATH LC_ALL TZ
out=$build/tests/log/cli.tap
: >"$out"
: >"$build/tests/log/cli.times"
# Some seconds each, by what they took here before; others count as one.
long='evse-pilot-faults 215 evse-pilot-cars 100 evse-pilot 85 charger-kill 80 charger 72 evse-pilot-kill 48 evse-pilot-rapi 44 evse-charger 30'
# shellcheck disable=SC2016 # expanded by the inner shell
for f in "$@"; do
	name=$(basename "$f" .bats)
	seconds=$(printf ' %s ' "$long" | sed -n "s/.* $name \([0-9]*\) .*/\1/p")
	printf '%s %s\n' "${seconds:-1}" "$f"
done | sort -rn | cut -d ' ' -f 2- | xargs -P 2 -I{} sh -c '
	log="$1/tests/log/$(basename "$2").tap" begun=$(date +%s)
	timeout 900 bats --tap "$2" >"$log" 2>&1
	rc=$?
	awk "/^not ok/ { n = 20 } /^ok/ { n = 0 } n-- > 0" "$log"
	[ "$rc" -le 1 ] || echo "not ok - $2 ended with $rc" | tee -a "$log"
	echo "$(($(date +%s) - begun)) s $(basename "$2")" >>"$1/tests/log/cli.times"
	cat "$log" >>"$1/tests/log/cli.tap"' sh "$build" {}
passed=$(grep -cE '^ok ' "$out")
skipped=$(grep -cE '^ok .*# skip' "$out")
failed=$(grep -cE '^not ok' "$out")
echo "cli: $((passed - skipped)) passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
