#!/bin/sh
# run-cli.sh BUILD FILE…: runs bats files, two at a time, and sums up.
set -u
build=$1
shift
mkdir -p "$build/tests/log"
EVSE_BUILD=$(cd "$build" && pwd) EVSE_BIN=$(cd "$build" && pwd)/bin PATH=$(cd "$build" && pwd)/bin:$PATH LC_ALL=C.UTF-8 TZ=UTC
export EVSE_BUILD EVSE_BIN PATH LC_ALL TZ
out=$build/tests/log/cli.tap
: >"$out"
: >"$build/tests/log/cli.times"
# shellcheck disable=SC2016 # expanded by the inner shell
for f in "$@"; do
	printf '%s\n' "$f"
done | xargs -P 2 -I{} sh -c '
	log="$1/tests/log/$(basename "$2").tap" begun=$(date +%s)
	timeout 400 bats --tap "$2" >"$log" 2>&1
	rc=$?
	if [ "$rc" -ne 0 ]; then # machines are noisy: a second try, and both are told
		echo "again: $2: $(grep -E "^not ok" "$log" | tr "\n" ";")"
		mv "$log" "$log.first"
		timeout 400 bats --tap "$2" >"$log" 2>&1
		rc=$?
	fi
	grep -E "^not ok|^# \(" "$log"
	[ "$rc" -le 1 ] || echo "not ok - $2 ended with $rc" | tee -a "$log"
	echo "$(($(date +%s) - begun)) s $(basename "$2")" >>"$1/tests/log/cli.times"
	cat "$log" >>"$1/tests/log/cli.tap"' sh "$build" {}
passed=$(grep -cE '^ok ' "$out")
skipped=$(grep -cE '^ok .*# skip' "$out")
failed=$(grep -cE '^not ok' "$out")
echo "cli: $((passed - skipped)) passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
