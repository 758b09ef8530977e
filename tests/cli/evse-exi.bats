#!/usr/bin/env bats
# evse-exi as a filter (COM-4): the vectors, the rules for every tool, explain, and the generated tables.

bats_require_minimum_version 1.5.0

setup() {
	ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	BIN=${EVSE_BIN:-$ROOT/build/bin}
	PATH=$BIN:$PATH
	KNOWN=$ROOT/tests/fixtures/exi/messages.jsonl
	export LC_ALL=C
	cd "$BATS_TEST_TMPDIR" || return
}

# The folder NAME of the facts beside the tree, where there is one.
beside() {
	for up in .. ../..; do
		if [ -d "$ROOT/$up/shared/iso15118/$1" ]; then
			echo "$ROOT/$up/shared/iso15118/$1"
			return
		fi
	done
}

@test "usage errors are 64, with a hint" {
	run -64 --separate-stderr evse-exi
	[ -z "$output" ]
	run -64 --separate-stderr evse-exi decoed
	[[ $stderr == *"did you mean decode"* ]]
	run -64 evse-exi --nonsense list
	run -64 evse-exi explain
	run -64 evse-exi explain xyz
	run -64 evse-exi explain 804880 804880
	run -64 evse-exi decode file
	run -64 evse-exi --schema=none explain 804880
	run -64 evse-exi --schema=none list
}

@test "help and version" {
	run -0 evse-exi --help
	[[ ${lines[0]} == "Usage: evse-exi"* ]]
	run -0 evse-exi --version
	run -74 --separate-stderr sh -c 'evse-exi --help >/dev/full'
}

@test "known messages both ways" {
	evse-exi decode <"$KNOWN" >decoded
	evse-exi encode <decoded >encoded
	[ "$(wc -l <encoded)" -eq 18 ]
	[ "$(grep -o '"exi":"[^"]*"' encoded)" = "$(grep -o '"exi":"[^"]*"' "$KNOWN")" ]
}

@test "all vectors" {
	vectors=${EVSE_EXI_VECTORS:-$(beside vectors)}
	[ -d "$vectors" ] || skip "no vectors: set EVSE_EXI_VECTORS to their folder"
	run -0 /usr/bin/python3 "$ROOT/tests/cli/exi-vectors.py" "$BIN/evse-exi" "$vectors"
	echo "$output"
	[[ ${lines[-1]} == *" 0 bad" ]]
}

@test "the committed tables are those of the schemas" {
	schemas=${EVSE_XSD_DIR:-$(beside xsd)}
	[ -d "$schemas" ] || skip "no schemas: set EVSE_XSD_DIR to their folder"
	"$ROOT/tools/exi-tables/generate" "$schemas" .
	for file in *.[ch]; do
		cmp "$file" "$ROOT/lib/exi/tables/$file"
	done
}

@test "schema by name, by payload type, by frame" {
	want='"message":"supportedAppProtocolRes","json":{"supportedAppProtocolRes":{"ResponseCode":"Failed_NoNegotiation"}}}'
	run -0 evse-exi decode <<<'{"schema":"appprotocol","exi":"804880"}'
	[ "$output" = "{\"schema\":\"appprotocol\",\"exi\":\"804880\",$want" ]
	run -0 evse-exi decode <<<'{"payload_type":"0x8001","exi":"804880"}'
	[ "$output" = "{\"payload_type\":\"0x8001\",\"exi\":\"804880\",\"schema\":\"appprotocol\",$want" ]
	run -0 evse-exi decode <<<'{"v2gtp":"01fe800100000003804880"}'
	[ "$output" = "{\"v2gtp\":\"01fe800100000003804880\",\"schema\":\"appprotocol\",$want" ]
	for bad in '{"v2gtp":"01fe800100000004804880"}' '{"v2gtp":"01fe9000000000020000"}' '{"exi":"804880"}' \
		'{"schema":"appprotocol"}' '{"schema":"appprotocol","exi":7}' '{"schema":"x","exi":"804880"}'; do
		run -1 evse-exi decode <<<"$bad"
		[[ $output == *'"error":{"what":'* ]]
	done
}

@test "one bad line does not stop the others" {
	printf '%s\n' '{"schema":"appprotocol","exi":"804880"}' 'no json' '[1]' '{"schema":"appprotocol","exi":"8048"}' \
		'{"schema":"appprotocol","exi":"804880","id":7}' >in
	run -1 evse-exi decode <in
	[ "${#lines[@]}" -eq 5 ]
	[[ ${lines[1]} == '{"error":{"what":"not JSON:'* ]]
	[ "${lines[2]}" = '{"error":{"what":"not a JSON object"}}' ]
	[[ ${lines[3]} == *'"error":{"what":"'*'the stream ends '*'"bit":'* ]]
	[[ ${lines[4]} == '{"schema":"appprotocol","exi":"804880","id":7,"message"'* ]]
}

@test "integers beyond 2^53 are strings in both directions" {
	run -0 sh -c "grep 18446744073709551615 '$KNOWN' | evse-exi decode"
	[[ $output == *'"ChargedEnergyReadingWh":"18446744073709551615","BPT_DischargedEnergyReadingWh":"9007199254740993"'* ]]
	head='{"schema":"iso15118-20-common","json":{"VehicleCheckOutReq":{"Header":{"SessionID":"0000000000000000","TimeStamp":'
	tail='},"EVCheckOutStatus":"CheckOut","CheckOutTime":0}}}'
	for time in 9007199254740992 9007199254740993 18446744073709551615; do
		plain=$(evse-exi encode <<<"$head$time$tail")
		string=$(evse-exi encode <<<"$head\"$time\"$tail")
		[ -n "${plain##*\"exi\"}" ]
		[ "${plain##*\"exi\"}" = "${string##*\"exi\"}" ]
	done
	for time in 18446744073709551616 1e30 -1 0.5 '"1.0"' '" 1"' nan; do
		run -1 evse-exi encode <<<"$head$time$tail"
		[[ $output == *"TimeStamp: "* ]]
	done
}

@test "an over-long line is reported and skipped" {
	{ head -c 70000 /dev/zero | tr '\0' x; echo; echo '{"schema":"appprotocol","exi":"804880"}'; } >in
	run -1 --separate-stderr evse-exi decode <in
	[ "${#lines[@]}" -eq 1 ]
	[[ $stderr == *"line 1"* ]]
}

@test "no input is no error" {
	run -0 evse-exi decode </dev/null
	[ -z "$output" ]
}

@test "full disk is 74, a closed pipe is quiet" {
	run -74 sh -c "evse-exi decode <'$KNOWN' >/dev/full"
	for _ in $(seq 200); do cat "$KNOWN"; done >many
	run -0 --separate-stderr bash -c 'evse-exi decode <many | head -n 1 >/dev/null'
	[ -z "$stderr" ]
}

@test "SIGTERM ends it with 0 after the line" {
	mkfifo in
	evse-exi decode <in >out 3>&- &
	pid=$!
	exec 4>in
	echo '{"schema":"appprotocol","exi":"804880"}' >&4
	for _ in $(seq 200); do
		[ -s out ] && break
		sleep 0.02
	done
	kill -TERM "$pid"
	wait "$pid"
	exec 4>&-
	[ "$(wc -l <out)" -eq 1 ]
}

@test "list names every message" {
	run -0 evse-exi list
	[ "${#lines[@]}" -eq 130 ]
	[ "${lines[0]}" = "$(printf 'appprotocol\t0x8001\tsupportedAppProtocolReq')" ]
	run -0 evse-exi list -s iso15118-20-acdp
	[ "${#lines[@]}" -eq 8 ]
}

@test "explain shows the bits and the step" {
	run -0 evse-exi explain 804880
	[[ ${lines[1]} == *"8  01 "*"SE(supportedAppProtocolRes)" ]]
	[[ ${lines[4]} == *"ResponseCode = Failed_NoNegotiation (word 2)" ]]
	[ "${lines[-1]}" = "good: supportedAppProtocolRes, 3 octets" ]
	run -0 evse-exi explain 01fe800100000003804880
	run -1 evse-exi explain -s appprotocol 8048
	[[ ${lines[-1]} == "wrong at bit "*"the stream ends"* ]]
	run -0 evse-exi explain -f -s iso15118-2 8004015a590c40873f773b0af79af98724da4170ae573a81e8
}

@test "the examples of the manual page run" {
	grep '^\$ ' "$ROOT/man/evse-exi.1" | sed 's/^\$ //' >examples
	[ "$(wc -l <examples)" -ge 4 ]
	while read -r line; do
		run -0 sh -c "$line"
		[ -n "$output" ]
	done <examples
}
