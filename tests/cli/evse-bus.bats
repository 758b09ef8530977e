# evse-bus: rights, retained state, commands, subscriptions, relays, bad input.
bats_require_minimum_version 1.5.0

setup() {
	EVSE_RUN=$BATS_TEST_TMPDIR/run
	export EVSE_RUN
	mkdir -p "$EVSE_RUN"
	pids=
}
teardown() { for p in $pids; do kill "$p" 2>/dev/null || true; done; }

serve() {
	mkfifo "$BATS_TEST_TMPDIR/ready"
	evse-bus serve "$@" 3>&- 5>"$BATS_TEST_TMPDIR/ready" --notify-fd 5 2>"$BATS_TEST_TMPDIR/serve.err" &
	pids="$pids $!"
	bus=$!
	read -r _ <"$BATS_TEST_TMPDIR/ready"
}
rec() { printf '{"t":"2026-11-22T10:00:00.000Z","type":"%s","src":"%s","n":"%s"%s}\n' "$1" "$2" "$3" "${4:-}"; }
tap() { timeout 5 evse-bus tap "$@"; }
until_true() { for _ in $(seq 100); do "$@" >/dev/null 2>&1 && return 0; sleep 0.05; done; return 1; }

@test "usage errors are 64 with a hint; help and version are 0; /dev/full is 74" {
	run -64 --separate-stderr evse-bus
	[[ $stderr == *"expected a command"* ]]
	run -64 --separate-stderr evse-bus srve
	[[ $stderr == *"did you mean 'serve'"* ]]
	run -64 --separate-stderr evse-bus tap --subscrib x
	[[ $stderr == *"--subscribe"* ]]
	run -64 evse-bus attach -S x
	run -64 evse-bus attach -s 'Bad,' -S x -- true
	run -0 evse-bus --help
	run -0 evse-bus tap --help
	run -0 evse-bus --version
	run -74 sh -c 'evse-bus --help >/dev/full'
	run -69 --separate-stderr evse-bus tap -d "$BATS_TEST_TMPDIR"
	[[ $stderr == *"is evse-bus serve running"* ]]
}

@test "retained state: newest per type and src, withdrawn, leases end" {
	serve
	{ rec meter meter.1 a.1 ',"x":1'; rec meter meter.1 a.2 ',"x":2'; rec boot meter.1 a.3; rec boot meter.1 a.4 ',"gone":true'; } | evse-bus put -S meter.1
	rec limit operator b.1 ',"scope":"evse","valid_s":0.2,"schedule":[]' | evse-bus put
	run -0 tap -r
	[ "${#lines[@]}" = 2 ]
	[[ ${lines[0]} == *'"n":"a.2","x":2'* ]]
	[[ ${lines[1]} == *'"type":"limit"'* ]]
	until_true sh -c '[ "$(evse-bus tap -r | wc -l)" = 1 ]'
}

@test "rights: another's src and another's type are refused, with a security record" {
	serve
	evse-bus tap -s security >"$BATS_TEST_TMPDIR/security" 3>&- &
	pids="$pids $!"
	{ rec pilot pilot.2 a.1; rec setpoint pilot.1 a.2; rec command pilot.1 a.3 ',"to":"sim","id":"1","kind":"plug"'; rec pilot pilot.1 a.4; } >"$BATS_TEST_TMPDIR/in"
	until_true sh -c 'evse-bus put -S pilot.1 -w 0 <"$0/in"; [ "$(jq -r "select(.type==\"security\").what" "$0/security" | sort -u | wc -l)" = 3 ]' "$BATS_TEST_TMPDIR"
	[ "$(jq -r 'select(.type=="security").text' "$BATS_TEST_TMPDIR/security" | sort -u | wc -l)" = 2 ]
	[ "$(jq -r 'select(.type=="security").what' "$BATS_TEST_TMPDIR/security" | sort -u | tr '\n' ' ')" = "command pilot setpoint " ]
	run -0 tap -r -s pilot
	[ "${#lines[@]}" = 1 ]
}

@test "a command to nobody is unreachable at once; to somebody it is delivered alone" {
	serve
	run -1 sh -c "echo '{\"to\":\"sim\",\"kind\":\"plug\",\"evse\":1}' | evse-bus put"
	[[ $output == *'"status":"unreachable"'* ]]
	evse-bus attach -S sim -- sh "$BATS_TEST_DIRNAME/../fakes/bus-answer.sh" 3>&- &
	pids="$pids $!"
	until_true sh -c "echo '{\"to\":\"sim\",\"kind\":\"plug\",\"evse\":1}' | evse-bus put -w 1000 | grep accepted"
}

@test "events wait for their durable reader, through a bus that dies; once each" {
	serve
	export EVSE_DURABLE=log
	for i in 1 2 3; do rec session session.1 "e.$i"; done >"$BATS_TEST_TMPDIR/in"
	evse-bus attach -S session -- sh -c 'cat "$0"; exec sleep 30' "$BATS_TEST_TMPDIR/in" 3>&- &
	pids="$pids $!"
	until_true sh -c 'evse-bus tap -r -s session | grep -q e.3'
	kill -9 "$bus"
	rm "$BATS_TEST_TMPDIR/ready"
	serve
	evse-bus attach -S log -s '*!' -- sh -c 'exec cat >"$0"' "$BATS_TEST_TMPDIR/got" 3>&- &
	pids="$pids $!"
	until_true sh -c "[ \"\$(grep -c '\"type\":\"session\"' '$BATS_TEST_TMPDIR/got')\" -ge 3 ]"
	[ "$(grep -o '"n":"e\.[0-9]"' "$BATS_TEST_TMPDIR/got" | sort -u | wc -l)" = 3 ]
}

@test "bad lines: malformed, over-long, cut at the end: reported with their number, skipped" {
	serve
	{ echo 'nonsense'; head -c 70000 /dev/zero | tr '\0' x; echo; rec meter meter.1 a.1; printf '{"t":"cut'; } >"$BATS_TEST_TMPDIR/in"
	evse-bus attach -S meter.1 -- cat "$BATS_TEST_TMPDIR/in" 2>"$BATS_TEST_TMPDIR/err"
	until_true sh -c 'evse-bus tap -r -s meter | grep -q a.1'
	until_true grep -q "output line 4" "$BATS_TEST_TMPDIR/err"
	grep -q "output line 1: not a record" "$BATS_TEST_TMPDIR/err"
	grep -q "output line 2" "$BATS_TEST_TMPDIR/err"
}

@test "several put at once through one socket: each gets its own replies" {
	serve
	evse-bus attach -S sim -- sh "$BATS_TEST_DIRNAME/../fakes/bus-answer.sh" 3>&- &
	pids="$pids $!"
	until_true sh -c "echo '{\"to\":\"sim\",\"kind\":\"plug\"}' | evse-bus put -w 1000 | grep accepted"
	yes '{"to":"sim","kind":"plug"}' | head -20 >"$BATS_TEST_TMPDIR/in"
	for i in 1 2 3; do
		evse-bus put <"$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/got.$i" 3>&- &
		puts="${puts:-} $!"
	done
	for p in $puts; do wait "$p"; done
	[ "$(cat "$BATS_TEST_TMPDIR"/got.* | sort -u | wc -l)" = 60 ]
	for i in 1 2 3; do [ "$(wc -l <"$BATS_TEST_TMPDIR/got.$i")" = 20 ]; done
}

@test "a service's name that cannot be one is 64 and names it" {
	for name in ../x '' a/b Meter sim .x 'x y'; do
		run -64 --separate-stderr evse-bus serve -s "$name"
		[[ $stderr == *"--service '$name': "* ]]
	done
}

@test "no room for the event spool: said at the start, not a crash later" {
	run --separate-stderr sh -c 'ulimit -f 100; trap "" XFSZ; EVSE_DURABLE=log exec evse-bus attach -S session -- cat'
	[[ $stderr == *"unable to open the event spool $EVSE_RUN/session.spool: File too large"* ]]
}

@test "tap: filters with jq, ends at a broken pipe and when asked" {
	serve
	rec meter meter.1 a.1 ',"power_w":5' | evse-bus put -S meter.1
	run -0 tap -s meter --count 1 '.power_w'
	[ "$output" = 5 ]
	run -64 --separate-stderr evse-bus tap 'this is no jq ('
	run -1 tap -s meter --count 5 --idle-timeout 100
	run -0 sh -c 'timeout 5 evse-bus tap -r | head -c 1 >/dev/null'
}

@test "serve: SIGTERM ends it with 0 and takes its sockets away; a second one is refused with 75" {
	serve
	run -75 evse-bus serve
	kill -TERM "$bus"
	wait "$bus"
	[ ! -e "$EVSE_RUN/tap.sock" ]
}

@test "configuration: wrong key with a hint, wrong rights file, wrong value: 78 or 64" {
	echo '{"bus":{"ring-kb":5}}' >"$BATS_TEST_TMPDIR/c.json"
	run -78 --separate-stderr evse-bus serve -c "$BATS_TEST_TMPDIR/c.json"
	[[ $stderr == *'unknown key "ring-kb"; did you mean "ring-kib"?'* ]]
	echo '{"x":{"type":["a"]}}' >"$BATS_TEST_TMPDIR/r.json"
	run -78 --separate-stderr evse-bus serve --rights "$BATS_TEST_TMPDIR/r.json"
	[[ $stderr == *'unknown member "type"'* ]]
	run -64 evse-bus serve --evses 65
	run -0 evse-bus serve --check-config
	run -0 evse-bus serve --print-config
	[[ $output == *'ring-kib'*'1024'*'(default)'* ]]
}
