#!/usr/bin/env bats
# evse-pki: authorities, servers, chargers; checked with openssl. Serves SEC-1.

bats_require_minimum_version 1.5.0
load csms-lib

setup() { csms_setup; }

@test "demo makes what a demonstration needs, once" {
	run -0 evse-pki -d pki demo
	[ "${#lines[@]}" -eq 6 ]
	openssl verify -CAfile pki/ca.crt pki/server.crt pki/CS001.crt
	openssl verify -CAfile pki/ca.crt -purpose sslserver -verify_ip 127.0.0.1 pki/server.crt
	openssl verify -CAfile pki/ca.crt -purpose sslserver -verify_hostname localhost pki/server.crt
	openssl verify -CAfile pki/ca.crt -purpose sslclient pki/CS001.crt
	run ! openssl verify -CAfile pki/ca.crt -purpose sslclient pki/server.crt
	run -0 evse-pki -d pki demo CS001 CS002
	[ "${lines[0]}" = pki/CS002.crt ]
	[ "${#lines[@]}" -eq 2 ]
}

@test "keys are P-256 and for their owner alone" {
	umask 022
	evse-pki -d pki demo
	for k in pki/*.key; do
		[ "$(stat -c %a "$k")" = 600 ]
		openssl pkey -in "$k" -noout -text | grep -q 'ASN1 OID: prime256v1'
	done
	[ -z "$(find pki -name '.evse-pki*')" ]
}

@test "bad ones are bad in just the way asked for" {
	evse-pki -d pki demo
	evse-pki -d pki server localhost --file old --expired
	run ! openssl verify -CAfile pki/ca.crt pki/old.crt
	[[ $output == *"certificate has expired"* ]]
	evse-pki -d pki charger CS9 --not-yet
	run ! openssl verify -CAfile pki/ca.crt pki/CS9.crt
	[[ $output == *"not yet valid"* ]]
	evse-pki -d pki ca --file ca2 --name 'Second CA'
	evse-pki -d pki server localhost --ca ca2 --file two
	openssl verify -CAfile pki/ca2.crt pki/two.crt
	run ! openssl verify -CAfile pki/ca.crt pki/two.crt
	run -0 evse-pki -d pki show two.crt
	[[ $output == *"issuer=CN = Second CA"* ]]
	[[ $output == *"DNS:localhost"* ]]
}

@test "names and addresses become the right kind" {
	evse-pki -d pki ca
	evse-pki -d pki server csms.example '*.depot.example' 192.0.2.7 2001:db8::7
	run -0 evse-pki -d pki show server.crt
	[[ $output == *"DNS:csms.example, DNS:*.depot.example, IP Address:192.0.2.7, IP Address:2001:DB8:0:0:0:0:0:7"* ]]
}

@test "nothing is replaced unless forced" {
	evse-pki -d pki ca
	before=$(cat pki/ca.crt)
	run -73 evse-pki -d pki ca
	[ "$(cat pki/ca.crt)" = "$before" ]
	evse-pki -d pki ca --force
	[ "$(cat pki/ca.crt)" != "$before" ]
}

@test "wrong usage" {
	run -64 --separate-stderr evse-pki
	[[ $stderr == *"try --help"* ]]
	run -64 evse-pki explode
	run -64 evse-pki --nothing
	run -64 evse-pki ca --days 0
	run -64 evse-pki ca --days
	run -66 evse-pki -d pki charger CS001
	evse-pki -d pki ca
	run -64 evse-pki -d pki charger 'a b'
	run -64 evse-pki -d pki charger ../x
	run -64 evse-pki -d pki charger "$(printf 'x%.0s' $(seq 49))"
	run -64 evse-pki -d pki server 'bad name'
	run -64 evse-pki -d pki server
	run -64 evse-pki -d pki ca --file ../x
	run -64 evse-pki -d pki ca --name 'a"b'
	run -66 evse-pki -d pki show nothing.crt
	echo x >pki/x.crt
	run -65 evse-pki -d pki show x.crt
	run -74 sh -c 'evse-pki --help >/dev/full'
	run -0 evse-pki --help
	run -0 evse-pki --version
	[[ $output == evse-pki\ * ]]
}
