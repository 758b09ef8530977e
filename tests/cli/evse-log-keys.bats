#!/usr/bin/env bats
# evse-log: who can open what is kept, who can prove it, and who is forgotten. Serves SEC-2, DAT-3, REG-4.

bats_require_minimum_version 1.5.0

load log_lib

@test "without the persons' keys the rest of the records is shown all the same" {
	say 60 >want
	record <want >/dev/null
	echo damaged >store/persons
	run -65 --separate-stderr evse-log show -d store
	[[ $stderr == *"persons"*"tags"* ]]
	[ "$(wc -l <<<"$output")" = 125 ] && [ "$(grep -c '"#' <<<"$output")" = 2 ]
}

@test "recipients open what they receive, with evse-log and with openssl alone" {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ec.key -out ec.pem -subj /CN=a -days 2 2>/dev/null
	openssl req -x509 -newkey rsa:2048 -nodes -keyout rsa.key -out rsa.pem -subj /CN=b -days 2 2>/dev/null
	chmod 600 ec.key rsa.key
	mkdir -p store/keys/recipients
	cp ec.pem rsa.pem store/keys/recipients/
	say 60 | record >/dev/null
	evse-log ship -q -d store --to dir:far --once >/dev/null
	for who in ec rsa; do
		evse-log show -d far/* --recipient-key $who.key --recipient-cert $who.pem | jq -c 'del(.token)' | cmp - <(say 60 | jq -c 'del(.token)')
	done
	run -65 evse-log show -d far/* --keys <(true) --recipient-key rsa.key --recipient-cert ec.pem
	f=store/00000001.seg
	head=$(head -n 2 $f | wc -c)
	first=$(head -n 1 $f | jq '.parts[0].bytes')
	tail -c +$((head + 1)) $f | head -c "$first" >part.der
	openssl cms -decrypt -inform DER -in part.der -inkey ec.key -recip ec.pem -out plain
	[ -s plain ]
	# the signature, with openssl alone
	head -n 1 $f >line
	sed -n 2p $f | jq -r .sig | xxd -r -p >sig
	openssl pkeyutl -verify -pubin -inkey store/keys/sign.pub -rawin -in line -sigfile sig
}

@test "a stolen board without its device key opens nothing; an open key file is refused" {
	say 30 | record >/dev/null
	cp -r store stolen
	rm stolen/keys/device.key
	run -66 evse-log show -d stolen
	head -c 32 /dev/urandom | xxd -p -c 64 >stolen/keys/device.key
	chmod 600 stolen/keys/device.key
	run -65 --separate-stderr evse-log show -d stolen
	[ -z "$output" ]
	chmod 644 store/keys/device.key
	run -77 --separate-stderr evse-log show -d store
	[[ $stderr == *"can be read by others"* ]]
	run -77 --separate-stderr evse-log record -d store </dev/null
}

@test "proof of one record, checked with the public key alone" {
	say 60 | record >/dev/null
	evse-log prove -d store meter.1/e65.33 >proof
	run -0 evse-log verify-proof --pub store/keys/sign.pub proof
	[ "$output" = "$(say 60 | grep -F '"meter.1","n":"e65.33"')" ]
	[ "$(jq -r '.path | length' proof)" -ge 6 ]
	jq -c '.record |= sub("2026"; "2025")' proof >changed
	run -1 evse-log verify-proof --pub store/keys/sign.pub changed
	evse-log prove -d store session.1/e65.1 >proof
	run -0 evse-log verify-proof --pub store/keys/sign.pub proof
	[[ $output == *'"id_hash":"#'* ]]
	run -1 evse-log prove -d store meter.1/e65.999
	run -66 evse-log verify-proof --pub store/keys/sign.pub nowhere
	openssl genpkey -algorithm ed25519 2>/dev/null | openssl pkey -pubout >other.pub
	run -1 evse-log verify-proof --pub other.pub proof
}

@test "a person's data are erased, the chain stays whole" {
	say 120 >want
	record <want >/dev/null
	evse-log show -d store | cmp - want
	card=$(jq -r 'select(.type == "token") | .token.id' want | head -1)
	printf '%s\nh%s\n' "$card" "$card" | evse-log erase -d store --person-file -
	evse-log show -d store >after
	run -1 grep -q "$card" after
	[ "$(grep -c '"id":"#' after)" -ge 1 ]
	[ "$(wc -l <after)" = "$(wc -l <want)" ]
	evse-log verify -d store --deep
	# however the value is written
	head='{"t":"2026-11-22T10:00:00.000Z","type":"token","src":"sim.rfid.1","n":"z'
	cat >want <<-E
		$head.1","m":1,"token":{"kind":"x","id":"ZZ1"}}
		$head.2","m":1, "token" : { "id" : "ZZ1" } }
		$head.3","m":1,"a":[{"b":{}},"id_hash"],"deep":[{"auth":{"x":[],"id_hash"	:"ZZ1","evccid": "ZZ1"}}],"id":"kept"}
	E
	evse-log record -q -d other <want >/dev/null
	evse-log show -d other | cmp - want
	echo ZZ1 | evse-log erase -d other --person-file -
	evse-log show -d other >after
	run -1 grep ZZ1 after
	grep -q '"id":"kept"}' after
	run -1 sh -c 'echo nobody | evse-log erase -d store --person-file -'
}

@test "erase is whole: any record type, any place, however it is written (REG-4)" {
	head() { printf '{"t":"2026-11-22T10:00:00.000Z","type":"%s","src":"%s","n":"a.%d","m":1,' "$@"; }
	{
		head display x 1; echo '"text":"hello 04A2B3C4D5, welcome","id":"0-1"}'
		head auth s 2; echo '"id_hash":"9f8e7d6c","token":{"id":"04A2B3C4D5","kind":"ISO14443","group":"fam-77"}}'
		head session s 3; echo '"id":"u1","token":{"id_hash":"9f8e7d6c","kind":"ISO14443"}}'
		head ev iso 4; echo '"evccid":"00:11:22:33:44:55","soc_pct":33,"emaid":"DE-8AA-1A2B3C4D5-6"}'
		head alert a 5; echo '"text":"card 04a2b3c4d5 and 00:11:22:33:44:55 (DE-8AA-1A2B3C4D5-6)","esc":"\u0030\u0034A2B3C4D5 x04A2B3C4D5x","num":1234567890}'
		head config c 6; echo '"new":[1,"04A2B3C4D5"],"Id-Token":{"id\u0054oken":"04A2\u0042\u0033C4D5","x":["04A2B3C4D5",{"y":"04A2B3C4D5"}]}}'
		head var v 7; echo '"token":{"id":"","kind":"04A2B3C4D5"},"card":1234567890,"card2":1234567890.0,"other":12345678901}'
	} >want
	for now in sealed rows; do
		rm -rf store
		record <want >/dev/null
		if [ $now = rows ]; then
			rm -rf store
			recorder --sync 20
			cat want >&8
			kept() { [ "$(evse-log show -d store | wc -l)" = 7 ]; }
			until_true kept
		fi
		evse-log show -d store | cmp - want
		printf '%s\n' 04A2B3C4D5 00:11:22:33:44:55 DE-8AA-1A2B3C4D5-6 1234567890 >values
		evse-log erase -d store --person-file values
		for how in "show -d store" "export -d store --format csv" "show -d store --format table" "show -d store --clock" "show -d store --filter ."; do
			# shellcheck disable=SC2086
			run -0 evse-log $how
			run -1 grep -iE '04A2|B3C4D5|9f8e7d6c|11:22|1A2B3C|1234567890([^1]|$)' <<<"$output"
		done
		evse-log show -d store | jq -c . | wc -l | grep -qx 7
		[ "$(evse-log show -d store | sed -n 1p)" = "$(head display x 1)\"text\":\"hello #, welcome\",\"id\":\"0-1\"}" ]
		run -0 --separate-stderr evse-log verify -d store --deep
		run -1 evse-log erase -d store --person-file values
		if [ $now = rows ]; then
			kill -TERM $LOG
			wait $LOG
			run -1 grep -iE '04A2|B3C4D5|9f8e7d6c' <(evse-log show -d store)
		fi
	done
	run -1 evse-log prove -d store x/a.1
	[[ $output == *"a proof would show it"* ]]
	evse-log prove -d store a/a.5 >proof || true
	run -1 grep -i B3C4D5 proof
	# the list says only what the signer said
	sed -i 's/,1\]/,0]/' store/hidden
	run -1 evse-log verify -d store
	[ "$output" = "bad: hidden: its signature is wrong" ]
}

@test "who comes again after an erasure while the writer runs is somebody new" {
	t() { printf '{"t":"2026-11-22T10:00:00.000Z","type":"ev","src":"iso","n":"a.%d","m":1,%s}\n' "$@" >&8; }
	kept() { [ "$(evse-log show -d store | wc -l)" = "$1" ]; }
	recorder --sync 20
	t 1 '"evccid":"AABBCCDDEE01"'
	t 2 '"text":"car AABBCCDDEE01"'
	until_true kept 2
	echo AABBCCDDEE01 | evse-log erase -d store --person-file -
	t 3 '"text":"car AABBCCDDEE01"'
	t 4 '"evccid":"AABBCCDDEE01"'
	until_true kept 4
	kill -TERM $LOG
	wait $LOG
	[ "$(evse-log show -d store | grep -c AABBCCDDEE01)" = 2 ]
	evse-log show -d store | tail -2 | grep -c AABBCCDDEE01 | grep -qx 2
	evse-log verify -d store --deep
}

@test "keys elsewhere are found by who reads" {
	mkdir away
	say 10 | record --keys away/keys >/dev/null
	evse-log show -d store | cmp - <(say 10)
	evse-log verify -d store --deep
	evse-log stat -d store --json | jq -e '.records == 20'
	cp -r away/keys away/moved
	say 10 2 | record --keys away/moved >/dev/null
	rm -r away/keys
	evse-log show -d store | cmp - <(say 10; say 10 2)
	# keys of the store's own are never put aside
	say 10 | evse-log record -q -d own >/dev/null
	run -0 evse-log record -q -d own --keys away/moved </dev/null
	[ -d own/keys ] && [ ! -L own/keys ]
	rm -r away
	run -66 evse-log show -d store
}

@test "keys change without a gap; the old or the new public key is enough" {
	say 20 | record >/dev/null
	cp store/keys/sign.pub first.pub
	evse-log rotate -d store --sign --device
	say 20 2 | record >/dev/null
	say 20 3 | record >/dev/null
	! cmp -s first.pub store/keys/sign.pub
	evse-log verify -d store --deep
	evse-log verify -d store --pub first.pub
	evse-log show -d store | cmp - <(say 20; say 20 2; say 20 3)
	# what the first key signed after it was replaced counts for nothing
	rm store/rotations
	run -1 evse-log verify -d store --pub first.pub
}

@test "an anchor finds the roll-back of a whole store" {
	say 20 | record >/dev/null
	cp -r store old
	say 20 2 | record >/dev/null
	evse-log ship -q -d store --to dir:far --once --receipt receipt >/dev/null
	run -0 evse-log verify -d store --anchor receipt
	[[ $output == *"anchored: yes"* ]]
	run -0 evse-log verify -d old
	[[ $output == *"anchored: no"* ]]
	run -1 evse-log verify -d old --pub store/keys/sign.pub --anchor receipt
	[[ $output == *"rolled back"* ]]
	# what was delivered can be checked by itself
	evse-log verify -d far/* --delivered --pub store/keys/sign.pub --anchor receipt
	rm far/*/00000001.seg
	evse-log verify -d far/* --delivered --pub store/keys/sign.pub
}

@test "a device key in a PKCS#11 token: without the token or its PIN nothing opens" {
	module=/usr/lib/softhsm/libsofthsm2.so
	[ -e $module ] && command -v softhsm2-util >/dev/null || skip "softhsm2 is not installed"
	export SOFTHSM2_CONF=$PWD/softhsm.conf
	mkdir tokens
	printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n' "$PWD/tokens" >softhsm.conf
	softhsm2-util --init-token --free --label charger --so-pin 123456 --pin 9876 >/dev/null
	openssl rand -hex 16 | tr -d "\n" >aes
	softhsm2-util --import aes --aes --token charger --label log-kek --id 01 --pin 9876 >/dev/null
	echo 9876 >pin
	chmod 600 pin
	say 10 | record >/dev/null
	evse-log rotate -d store --device --token "pkcs11:token=charger;object=log%2Dkek?module-path=$module&pin-source=file:$PWD/pin"
	grep -q '^pkcs11:' store/keys/device.key
	# the keys are read again at each seal, which the confined recorder must be able to
	say 10 2 | evse-log record -d store 2>err >/dev/null
	say 10 3 | evse-log record -d store 2>>err >/dev/null
	run -1 grep 'the keys stay as they are' err
	evse-log show -d store | cmp - <(say 10; say 10 2; say 10 3)
	evse-log verify -d store --deep
	echo 1111 >pin
	run -66 --separate-stderr evse-log show -d store
	[[ $stderr == *"refused the PIN"* ]]
	chmod 644 pin
	run -77 evse-log show -d store
	chmod 600 pin
	mv tokens gone
	mkdir tokens
	run -66 --separate-stderr evse-log show -d store
	[[ $stderr == *"no token 'charger'"* ]]
	rmdir tokens
	mv gone tokens
	echo 9876 >pin
	run -64 evse-log rotate -d store --sign --token x
	run -74 --separate-stderr evse-log rotate -d store --device --token pkcs11:token=x
	[[ $stderr == *"expected pkcs11:token="* ]]
}
