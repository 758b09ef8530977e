#!/usr/bin/env bats
# Security profiles 1 to 3 of evse-ocpp, and each refusal said by its reason. SEC-1, SEC-6

bats_require_minimum_version 1.5.0

setup_file() {
	ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	PKI=$BATS_FILE_TMPDIR/pki
	pki="${EVSE_BIN:-$ROOT/build/bin}/evse-pki"
	mkdir -p "$PKI"
	cd "$PKI"
	"$pki" ca >/dev/null
	"$pki" ca --name "another authority" --file other >/dev/null 2>&1 || { mkdir o && "$pki" -d o ca >/dev/null; }
	"$pki" server localhost 127.0.0.1 >/dev/null
	"$pki" server elsewhere.example --file wrong >/dev/null
	"$pki" server localhost 127.0.0.1 --file old --expired >/dev/null
	"$pki" charger CS001 >/dev/null
	export PKI
	printf 'correct-horse-battery' >password
	chmod 600 password
}

setup() {
	ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	BIN=${EVSE_BIN:-$ROOT/build/bin}
	D=$BATS_TEST_TMPDIR
	STATION='' CSMS='' OCPP_N=0 URL='' SCHEMAS=''
	load ocpp_lib
}

teardown() { ocpp_stop; }

tls_url() { URL=wss://127.0.0.1:$PORT/ocpp/CS001; }
says() { grep -qF -e "$1" "$D/rec.err"; }

profile3() {
	ocpp_station --security-profile 3 --ca "$PKI/ca.crt" --cert "$PKI/CS001.crt" --key "$PKI/CS001.key" "$@"
}

@test "profile 1: password in clear" {
	ocpp_csms --user CS001 --password correct-horse-battery
	ocpp_station --security-profile 1 --password-file "$PKI/password"
	ocpp_wait ocpp_csms_has '"action": "StatusNotification"'
}

@test "profile 1: a wrong password is said, and told later as a security event" {
	ocpp_csms --user CS001 --password something-else-16
	ocpp_station --security-profile 1 --password-file "$PKI/password"
	ocpp_wait says '(http)'
	ocpp_wait ocpp_rec_has '"event":"FailedToAuthenticateAtCsms"'
}

@test "profile 2: TLS 1.3 and password; the password is changed by the back office" {
	cp -p "$PKI/password" "$D/password"
	ocpp_csms --cert "$PKI/server.crt" --key "$PKI/server.key" --user CS001 --password correct-horse-battery
	tls_url
	ocpp_station --security-profile 2 --ca "$PKI/ca.crt" --password-file "$D/password"
	ocpp_wait ocpp_rec_has '"security_profile":2,"tls":"TLSv1.3"'
	ocpp_wait ocpp_csms_has '"action": "StatusNotification"'
	ocpp_call SetVariables '{"setVariableData":[{"component":{"name":"SecurityCtrlr"},"variable":{"name":"BasicAuthPassword"},"attributeValue":"a-new-password-of-24-chr"}]}'
	ocpp_wait ocpp_csms_has '"attributeStatus": "Accepted"'
	[ "$(cat "$D/password")" = a-new-password-of-24-chr ]
	[ "$(stat -c %a "$D/password")" = 600 ]
	ocpp_wait ocpp_csms_has '"kind": "refused"'
	run ! grep -rF a-new-password "$D/rec.out" "$D/rec.err" "$D/state"
}

@test "profile 3: certificates on both ends" {
	ocpp_csms --cert "$PKI/server.crt" --key "$PKI/server.key" --ca "$PKI/ca.crt"
	tls_url
	profile3
	ocpp_wait ocpp_rec_has '"security_profile":3,"tls":"TLSv1.3"'
	ocpp_wait ocpp_csms_has '"action": "StatusNotification"'
}

@test "a server with another name is refused" {
	ocpp_csms --cert "$PKI/wrong.crt" --key "$PKI/wrong.key" --ca "$PKI/ca.crt"
	tls_url
	profile3
	ocpp_wait says '(wrong_name)'
	ocpp_wait ocpp_rec_has '"event":"InvalidCsmsCertificate"'
}

@test "an expired server certificate is refused" {
	ocpp_csms --cert "$PKI/old.crt" --key "$PKI/old.key" --ca "$PKI/ca.crt"
	tls_url
	profile3
	ocpp_wait says '(expired)'
}

@test "an unknown authority is refused" {
	ocpp_csms --cert "$PKI/server.crt" --key "$PKI/server.key"
	tls_url
	other=$PKI/other.crt
	[ -e "$other" ] || other=$PKI/o/ca.crt
	profile3 --ca "$other"
	ocpp_wait says '(unknown_ca)'
}

@test "TLS 1.2 is refused unless allowed" {
	ocpp_csms --cert "$PKI/server.crt" --key "$PKI/server.key" --ca "$PKI/ca.crt" --tls12
	tls_url
	profile3 --tls12
	ocpp_wait ocpp_rec_has '"tls":"TLSv1.2"'
	kill "$STATION" "$CSMS"
	exec 8>&- 7>&-
	# openssl says why it refuses; python's server only hangs up
	openssl s_server -accept "127.0.0.1:$PORT" -cert "$PKI/server.crt" -key "$PKI/server.key" -tls1_2 \
		-quiet </dev/null >"$D/s_server" 2>&1 3>&- &
	CSMS=$!
	profile3
	ocpp_wait says '(tls_version)'
	ocpp_wait ocpp_rec_has '"event":"InvalidTLSVersion"'
}

@test "a station without its certificate is refused by the server" {
	ocpp_csms --cert "$PKI/server.crt" --key "$PKI/server.key" --ca "$PKI/ca.crt"
	tls_url
	printf 'correct-horse-battery' >"$D/password"
	chmod 600 "$D/password"
	ocpp_station --security-profile 2 --ca "$PKI/ca.crt" --password-file "$D/password"
	ocpp_wait says '(certificate_missing)' || ocpp_wait says '(certificate_refused)'
}

@test "a profile without what it needs, and a key that others can read, are refused at once" {
	run -78 "$BIN/evse-ocpp" -u wss://127.0.0.1:1/CS001 --security-profile 3 --ca "$PKI/ca.crt" </dev/null
	run -78 "$BIN/evse-ocpp" -u ws://127.0.0.1:1/CS001 --security-profile 2 </dev/null
	cp "$PKI/CS001.key" "$D/open.key"
	chmod 644 "$D/open.key"
	run ! "$BIN/evse-ocpp" -u wss://127.0.0.1:1/CS001 --security-profile 3 --ca "$PKI/ca.crt" \
		--cert "$PKI/CS001.crt" --key "$D/open.key" </dev/null
}
