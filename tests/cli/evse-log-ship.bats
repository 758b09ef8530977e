#!/usr/bin/env bats
# evse-log ship: delivery in order, acknowledged, once; against Debian's nginx through faults. Serves DAT-2, SEC-1.

bats_require_minimum_version 1.5.0

setup() {
	ROOT=$BATS_TEST_DIRNAME/../..
	PATH=${EVSE_BIN:-$ROOT/build/bin}:$PATH
	FAKES=$ROOT/tests/fakes
	export LC_ALL=C
	cd "$BATS_TEST_TMPDIR" || return
}

say() { /usr/bin/python3 "$FAKES/log_say.py" "$@"; }
more() { say "$@" | evse-log record -q -d store >/dev/null; }

@test "to a directory: each segment once, in order, with a receipt; then only what is new" {
	more 30
	more 30 2
	run -0 evse-log ship -q -d store --to dir:far --once
	[ "$(jq -r 'select(.event == "shipped") | .segment' <<<"$output" | xargs)" = "1 2" ]
	jq -e '.seq == 2' store/shipped
	more 30 3
	run -0 evse-log ship -q -d store --to dir:far --once
	[ "$(jq -r .segment <<<"$output")" = 3 ]
	run -0 evse-log ship -q -d store --to dir:far --once
	[ -z "$output" ]
	for i in 1 2 3; do cmp store/0000000$i.seg far/*/0000000$i.seg; done
	evse-log verify -d far/* --delivered --pub store/keys/sign.pub
	# another place begins anew
	run -0 evse-log ship -q -d store --to dir:other --once
	[ "$(wc -l <<<"$output")" = 3 ]
}

@test "what cannot be delivered waits, with 75 and a reason" {
	more 5
	: >file
	run -75 --separate-stderr evse-log ship -d store --to dir:file/x --once
	[[ $stderr == *"segment 1 is not delivered"* ]]
	[ "$(jq -r .event <<<"$output")" = waiting ]
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k -out c -subj /CN=a -days 2 2>/dev/null
	chmod 600 k
	run -75 --separate-stderr evse-log ship -d store --to https://127.0.0.1:9/x --cert c --key k --ca c --once --timeout 3
	[[ $stderr == *"not delivered: 127.0.0.1/x/"* ]]
	chmod 644 k
	run -77 evse-log ship -d store --to https://127.0.0.1:9/x --cert c --key k --ca c --once
	chmod 600 k
	run -78 --separate-stderr evse-log ship -d store --to http://127.0.0.1:9/x --cert c --key k --once
	[[ $stderr == *"expected https://"* ]]
	run -78 evse-log ship -d store --to https://127.0.0.1:99999/x --cert c --key k --once
	run -78 evse-log ship -d store --to https://127.0.0.1:9/x --cert file --key k --once
	run -66 evse-log ship -d nowhere --to dir:x --once
}

@test "SIGTERM ends it while it waits for segments and while it waits to try again" {
	more 5
	: >file
	for to in dir:far dir:file/x; do
		evse-log ship -q -d store --to $to >out 2>err 3>&- &
		pid=$!
		for _ in $(seq 250); do
			[ ! -s out ] || break
			sleep 0.02
		done
		kill -TERM $pid
		wait $pid
		rm out
	done
}

@test "record needs neither TLS nor HTTP" {
	run -0 ldd "$(command -v evse-log)"
	[[ $output != *libssl* && $output != *libwebsockets* ]]
}

@test "nginx: killed, refusing, full, slow, stalled, cut off in mid-body; the sender killed" {
	[ -n "${EVSE_TEST_SLOW:-}" ] || skip "make soak runs it"
	[ -x /usr/sbin/nginx ] || skip "nginx is not installed"
	say 3600 >input
	EVSE_LOG=$(command -v evse-log) run -0 timeout 120 /usr/bin/python3 "$FAKES/ship_faults.py" input
	echo "$output" >&3
	[[ $output == *"each there once, byte for byte"* ]]
}
