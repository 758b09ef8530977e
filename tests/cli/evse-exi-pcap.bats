#!/usr/bin/env bats
# evse-exi pcap: captures that were made on a real network stack, kept in tests/fixtures/pcap or made anew where
# the machine permits namespaces, against what was sent and against tshark (COM-4, COM-8).

bats_require_minimum_version 1.5.0

setup() {
	ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	PATH=${EVSE_BIN:-$ROOT/build/bin}:$PATH
	KEPT=$ROOT/tests/fixtures/pcap
	FAKES=$ROOT/tests/fakes
	export LC_ALL=C
	cd "$BATS_TEST_TMPDIR" || return
}

need() {
	for tool; do
		command -v "$tool" >/dev/null || skip "no $tool"
	done
}

# capture SESSION [option...]: makes live.pcapng and sent; skips where that isn't permitted.
capture() {
	need dumpcap unshare nsenter ip
	for up in .. ../..; do
		sessions=$ROOT/$up/shared/iso15118/vectors/sessions
		[ ! -d "$sessions" ] || break
	done
	sessions=${EVSE_EXI_VECTORS:+$EVSE_EXI_VECTORS/sessions}${EVSE_EXI_VECTORS:-$sessions}
	[ -d "$sessions" ] || skip "no vectors: set EVSE_EXI_VECTORS to their folder"
	session=$1
	shift
	rc=0
	"$FAKES/exi-capture.sh" live.pcapng "$sessions/$session" "$@" >sent 3>&- || rc=$?
	[ "$rc" -ne 77 ] || skip "no namespaces permitted"
	return "$rc"
}

certificate() {
	openssl req -x509 -newkey "$@" -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=evse 2>/dev/null
	cat cert.pem >>key.pem
}

# same_as_sent: the lines of out are the frames of sent.
same_as_sent() {
	jq -r 'select(.exi and .json) | .dir + " 01fe" + .payload_type[2:] + " " + .exi' out >got
	sed -E 's/ (01fe....)......../ \1 /' sent >want
	cmp got want
	[ "$(wc -l <want)" -gt 7 ]
}

tshark_agrees() {
	need tshark
	run -0 "$FAKES/exi-tshark.py" "$@" <out
	[ "$output" -eq "$(wc -l <out)" ]
}

@test "kept captures give the kept lines" {
	for name in din-slac-sdp.pcapng iso2-sll.pcapng iso20-tls13.pcapng; do
		evse-exi pcap "$KEPT/$name" >out
		cmp out "$KEPT/${name%.*}.out"
	done
	evse-exi pcap --keys="$KEPT/iso2-tls12-cbc.keys" "$KEPT/iso2-tls12-cbc.pcap" >out
	cmp out "$KEPT/iso2-tls12-cbc.out"
}

@test "kept captures, against tshark" {
	need tshark
	for name in din-slac-sdp iso2-sll; do
		cp "$KEPT/$name.out" out
		tshark_agrees "$KEPT/$name.pcapng"
	done
	cp "$KEPT/iso2-tls12-cbc.out" out
	tshark_agrees "$KEPT/iso2-tls12-cbc.pcap" "$KEPT/iso2-tls12-cbc.keys"
}

@test "from a pipe, an octet at a time, a line as soon as its packet is whole" {
	evse-exi pcap - <"$KEPT/din-slac-sdp.pcapng" >out
	cmp out "$KEPT/din-slac-sdp.out"
	dd if="$KEPT/din-slac-sdp.pcapng" bs=1 status=none | evse-exi pcap - >out
	cmp out "$KEPT/din-slac-sdp.out"
	mkfifo in
	evse-exi pcap - <in >out 3>&- &
	pid=$!
	exec 4>in
	head -c 3000 "$KEPT/din-slac-sdp.pcapng" >&4
	for _ in $(seq 100); do
		[ ! -s out ] || break
		sleep 0.05
	done
	[ -s out ]
	kill "$pid"
	wait "$pid"
	exec 4>&-
	cmp out <(head -n "$(wc -l <out)" "$KEPT/din-slac-sdp.out")
}

@test "the lines can be encoded again" {
	jq -c 'select(.json and .schema)' "$KEPT/din-slac-sdp.out" >lines
	evse-exi encode <lines | jq -r .exi >again
	jq -r .exi lines >exi
	cmp again exi
	[ "$(wc -l <exi)" -eq 16 ]
}

@test "TLS without its secrets, or with wrong ones, is told and is no message" {
	run -1 --separate-stderr evse-exi pcap "$KEPT/iso2-tls12-cbc.pcap"
	[[ $output == *'"cipher":"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256"},"error":{"what":"its secrets aren'* ]]
	[[ $output != *payload_type\":\"0x8* ]]
	sed 's/..$/00/' "$KEPT/iso2-tls12-cbc.keys" >wrong
	run -1 --separate-stderr evse-exi pcap -k wrong "$KEPT/iso2-tls12-cbc.pcap"
	[[ $output == *"doesn't decrypt"* ]]
}

@test "packets lost and doubled" {
	need editcap mergecap
	editcap -F pcap "$KEPT/iso2-sll.pcapng" whole.pcap
	evse-exi pcap whole.pcap | jq -c '[.dir,.exi]' >want
	for how in '' -a; do
		mergecap -F pcap $how -w twice.pcap whole.pcap whole.pcap
		evse-exi pcap twice.pcap | jq -c '[.dir,.exi]' >got
		cmp got want
	done
	# One packet with data away: the loss is told, the messages behind it are there.
	frame=$(evse-exi pcap whole.pcap | sed -n 3p | jq .frame)
	editcap -F pcap whole.pcap lost.pcap "$frame"
	run -1 --separate-stderr evse-exi pcap lost.pcap
	[[ $output == *"octets of the stream aren't in the capture"* ]]
	[ "$(grep -c '"json"' <<<"$output")" -eq "$(($(wc -l <want) - 1))" ]
}

@test "packets late and doubled" {
	need editcap
	editcap -F pcap "$KEPT/din-slac-sdp.pcapng" whole.pcap
	jq -r 'select(.exi) | .dir + .exi' "$KEPT/din-slac-sdp.out" | sort >want
	for seed in 1 2 3 4 5 6 7 8; do
		"$FAKES/exi-shuffle.py" whole.pcap mixed.pcap "$seed"
		! cmp -s whole.pcap mixed.pcap
		evse-exi pcap mixed.pcap | jq -r 'select(.exi) | .dir + .exi' | sort >got
		cmp got want
	done
}

@test "a capture that begins in the middle of a connection" {
	need editcap
	first=$(jq -r 'select(.message == "ServiceDiscoveryReq") | .frame' "$KEPT/din-slac-sdp.out")
	editcap -r -F pcap "$KEPT/din-slac-sdp.pcapng" late.pcap "$first-9999"
	evse-exi pcap late.pcap | jq -r .dir+.exi >got
	sed -n '/"ServiceDiscoveryReq"/,$p' "$KEPT/din-slac-sdp.out" | jq -r .dir+.exi >want
	cmp got want
	[ "$(wc -l <want)" -gt 5 ]
	# In the middle of a message too, whatever octet that is: only that message is not there.
	editcap -r -F pcap "$KEPT/din-slac-sdp.pcapng" late.pcap 23-9999
	evse-exi pcap late.pcap | jq -r .dir+.exi >got
	sed -n '/supportedAppProtocolRes/,$p' "$KEPT/din-slac-sdp.out" | jq -r .dir+.exi >want
	cmp got want
}

@test "what is no capture is 65, what is cut too, what isn't there 66, usage 64" {
	echo 'not a capture at all' >no
	run -65 evse-exi pcap no
	: >empty
	run -65 evse-exi pcap empty
	head -c 3000 "$KEPT/din-slac-sdp.pcapng" >cut
	run -65 --separate-stderr evse-exi pcap cut
	[[ $output == *CM_SLAC_PARM.REQ* ]]
	run -66 evse-exi pcap nowhere
	run -66 evse-exi pcap -k nowhere "$KEPT/iso2-sll.pcapng"
	run -64 evse-exi pcap
	run -64 evse-exi pcap a b
}

@test "broken pipe and full disk" {
	run -74 --separate-stderr sh -c 'evse-exi pcap "$1" >/dev/full' sh "$KEPT/din-slac-sdp.pcapng"
	evse-exi pcap "$KEPT/din-slac-sdp.pcapng" | head -n 1 >first
	[ "$(wc -l <first)" -eq 1 ]
}

@test "live: SLAC, SDP and a session in small segments" {
	capture din-dc-eim.json --slac --sdp --chunk 7
	evse-exi pcap live.pcapng >out
	same_as_sent
	[ "$(grep -c '"message":"CM_' out)" -eq 9 ]
	[ "$(grep -c '"message":"SDP' out)" -eq 2 ]
	tshark_agrees live.pcapng
}

@test "live: TLS 1.3" {
	certificate ec -pkeyopt ec_paramgen_curve:secp521r1
	capture iso20-dc-bpt-scheduled-eim.json --sdp --tls 1.3 --cert key.pem --keylog keys
	evse-exi pcap -k keys live.pcapng >out
	same_as_sent
	tshark_agrees live.pcapng keys
}

@test "live: TLS 1.2, each cipher suite" {
	certificate ec -pkeyopt ec_paramgen_curve:prime256v1
	for cipher in AES128-SHA256 AES128-GCM-SHA256 AES256-GCM-SHA384 CHACHA20-POLY1305; do
		rm -f keys
		capture iso2-ac-eim.json --tls 1.2 --cert key.pem --keylog keys --cipher "ECDHE-ECDSA-$cipher"
		evse-exi pcap -k keys live.pcapng >out
		same_as_sent
	done
	rm -f keys
	capture iso2-ac-eim.json --tls 1.2 --cert key.pem --keylog keys --cipher ECDHE-ECDSA-AES128-SHA256 --no-etm
	evse-exi pcap -k keys live.pcapng >out
	same_as_sent
	tshark_agrees live.pcapng keys
}

@test "live: TLS 1.3 of openssl s_client, each cipher suite, keys updated on the way" {
	need dumpcap openssl unshare ip
	unshare -rn true 2>/dev/null || skip "no namespaces permitted"
	certificate ec -pkeyopt ec_paramgen_curve:prime256v1
	printf '\x01\xfe\x80\x01\x00\x00\x00\x04\x80\x40\x00\x40' >frame
	for suite in TLS_AES_128_GCM_SHA256 TLS_AES_256_GCM_SHA384 TLS_CHACHA20_POLY1305_SHA256; do
		rm -f keys
		SUITE=$suite unshare -rn "$FAKES/exi-openssl.sh" live.pcapng keys 3>&-
		evse-exi pcap -k keys live.pcapng >out
		[ "$(jq -r '.json.cipher // empty' out)" = "$suite" ]
		[ "$(jq -c 'select(.exi) | [.exi,.message]' out | uniq -c | tr -s ' ')" = ' 2 ["80400040","supportedAppProtocolRes"]' ]
	done
}
