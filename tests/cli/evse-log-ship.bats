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
	# Its records are records: a reader that parses them has nothing to complain of.
	evse-status - <<<"$output" >shown 2>complaints || [ $? -eq 1 ]
	grep -q "^Delivery  *up to segment 2 at dir:far" shown
	[ ! -s complaints ]
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

@test "a receipt that cannot be written: nothing goes twice, and an alert says so until it is written" {
	for i in 1 2 3; do more 5 $i; done
	mkdir receipt # no file may take its place
	: >receipt/x
	run -74 --separate-stderr evse-log ship -d store --to dir:far --receipt receipt --once
	[[ $stderr == *"segment 1 is delivered, but its receipt is not written"* ]]
	[ "$(jq -r 'select(.event == "shipped") | .segment' <<<"$output" | xargs)" = "1 2 3" ]
	[ "$(jq -c 'select(.type == "alert") | [.src,.code,.raised]' <<<"$output")" = '["log.ship.alert.receipt","receipt",true]' ]
	jq -e '.seq == 3' store/shipped
	# while it runs: the newest follows by itself
	more 5 4
	evse-log ship -q -d store --to dir:far --receipt receipt --poll 20 >out 2>err 3>&- &
	pid=$!
	raised() { jq -es 'any(.[]; .type == "alert" and .raised == '"$1"')' out; }
	for _ in $(seq 250); do ! raised true >/dev/null 2>&1 || break; sleep 0.02; done
	rm -r receipt
	for _ in $(seq 250); do ! raised false >/dev/null 2>&1 || break; sleep 0.02; done
	kill -TERM $pid
	wait $pid
	raised false
	jq -e '.seq == 4' receipt
	[ "$(jq -r 'select(.event == "shipped") | .segment' out | xargs)" = 4 ]
	run -0 --separate-stderr evse-log verify -d store --anchor receipt
	[[ $output == *"anchored: yes"* ]]
}

@test "a store that was rolled back, or set aside, while it is delivered" {
	more 5
	more 5 2
	cp -a store old
	more 5 3
	run -0 evse-log ship -q -d store --to dir:far --once
	cp store/shipped old/
	run -75 --separate-stderr evse-log ship -d old --to dir:far --once
	[[ $stderr == *"ends with segment 2, but segment 3 was delivered: it was rolled back"* ]]
	# it grew again, into another history
	for i in 7 8; do say 5 $i | evse-log record -q -d old >/dev/null; done
	run -75 --separate-stderr evse-log ship -d old --to dir:far --once
	[[ $stderr == *"does not follow from segment 3 as delivered"* ]]
	cmp store/00000003.seg far/*/00000003.seg
	# a new store in place of a damaged one is delivered from its beginning
	evse-log ship -q -d store --to dir:far --poll 20 >out 2>err 3>&- &
	pid=$!
	shipped() {
		for _ in $(seq 250); do
			if jq -es "any(.[]; .event == \"shipped\" and .segment == $1)" out >/dev/null 2>&1; then return 0; fi
			sleep 0.02
		done
		return 1
	}
	more 5 4
	shipped 4
	: >store/tip
	more 5 5
	shipped 1
	kill -TERM $pid
	wait $pid
}

@test "record needs neither TLS nor HTTP" {
	run -0 ldd "$(command -v evse-log)"
	[[ $output != *libssl* && $output != *libwebsockets* ]]
}

@test "nginx: killed, refusing, full, slow, stalled, cut off in mid-body; the sender killed" {
	[ -x /usr/sbin/nginx ] || skip "nginx is not installed"
	say 3600 >input
	EVSE_LOG=$(command -v evse-log) run -0 timeout 300 /usr/bin/python3 "$FAKES/ship_faults.py" input
	echo "$output" >&3
	[[ $output == *"each there once, byte for byte"* ]]
}

# serve MODE: an awkward server; its port in $PORT
serve() {
	mkfifo hold
	/usr/bin/python3 "$FAKES/ship_server.py" far "$1" <hold >port 2>err 3>&- &
	SERVER=$!
	exec 9>hold
	for _ in $(seq 500); do
		[ ! -s port ] || break
		sleep 0.02
	done
	PORT=$(cat port)
	PUT=(evse-log ship -q -d store --to "https://localhost:$PORT/in" --ca far/ca.pem --cert far/me.pem --key far/me.key)
}

teardown() {
	[ -z "${SERVER:-}" ] || kill $SERVER 2>/dev/null || true
}

put() {
	timeout 60 "${PUT[@]}" "$@" 9>&-
}

@test "a server that closes late: each segment goes once, under its own name" {
	serve late
	for i in 1 2 3 4 5; do more 5 $i; done
	run -0 put --once
	[ "$(cut -d' ' -f1 far/uploads | xargs)" = "00000001.seg 00000002.seg 00000003.seg 00000004.seg 00000005.seg" ]
	for i in 1 2 3 4 5; do cmp store/0000000$i.seg far/0000000$i.seg; done
}

@test "a server that answers too late: what was given up has no part in what follows" {
	for i in 1 2 3; do more 5 $i; done
	serve tardy
	"${PUT[@]}" --timeout 1 --wait-max 0.05 >out 3>&- 9>&- &
	pid=$!
	for _ in $(seq 500); do
		! grep -qx 3 <(jq -r 'select(.event == "shipped") | .segment' out) || break
		sleep 0.02
	done
	kill -TERM $pid
	wait $pid
	for i in 1 2 3; do cmp store/0000000$i.seg far/0000000$i.seg; done
	[ "$(cut -d' ' -f1 far/uploads | xargs)" = "$(printf '0000000%s.seg ' 1 1 2 2 3 3 | xargs)" ]
}

@test "a server that is deaf, silent or half way: given up after --timeout, ended at once by SIGTERM" {
	more 5
	for mode in deaf silent half; do
		rm -rf hold far
		serve $mode
		run -75 put --once --timeout 1
		[ "$(jq -r .event <<<"$output")" = waiting ]
		"${PUT[@]}" --timeout 60 >out 3>&- 9>&- &
		pid=$! SECONDS=0
		sleep 0.3
		kill -TERM $pid
		wait $pid
		[ "$SECONDS" -lt 10 ]
		kill $SERVER
	done
}

@test "--rate holds over many small segments, and waiting for it is no failure" {
	for i in 1 2 3 4; do more 5 $i; done
	serve prompt
	SECONDS=0
	run -0 put --once --rate 1 --timeout 1
	[ "$(wc -l <far/uploads)" = 4 ]
	[ "$SECONDS" -ge "$(($(cat store/0000000[123].seg | wc -c) / 1024))" ]
	[ "$SECONDS" -ge 3 ]
}
