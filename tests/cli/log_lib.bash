# For the evse-log tests: a place for each, a recorder, and waiting without blind sleeps.
# shellcheck shell=bash

setup() {
	ROOT=$BATS_TEST_DIRNAME/../..
	PATH=${EVSE_BIN:-$ROOT/build/bin}:$PATH
	FAKES=$ROOT/tests/fakes
	export LC_ALL=C
	cd "$BATS_TEST_TMPDIR" || return
	PIDS=
}

teardown() {
	exec 8>&-
	[ ! -d small ] || umount small 2>/dev/null || true
	for pid in $PIDS; do
		kill -KILL "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
}

until_true() {
	for _ in $(seq 500); do
		if "$@" >/dev/null 2>&1; then return 0; fi
		sleep 0.02
	done
	echo "never true: $*" >&2
	return 1
}

say() { /usr/bin/python3 "$FAKES/log_say.py" "$@"; }
record() { evse-log record -q -d store "$@"; }

# recorder ARG…: in the background, its input on descriptor 8, its output in `out`.
recorder() {
	rm -f in out err
	mkfifo in
	evse-log record -d store "$@" <in >out 2>err 3>&- 8>&- &
	LOG=$!
	PIDS="$PIDS $LOG"
	exec 8>in
}

has() { jq -es "any(.[]; $1)" out; }
