# What the tests of the back office, the websockets and the PKI share.

csms_setup() {
	PATH=${EVSE_BIN:-$BATS_TEST_DIRNAME/../../build/bin}:$PATH
	PROBE=$(dirname "$(command -v evse-csms)")/../tests/ws-probe
	FAKES=$BATS_TEST_DIRNAME/../fakes
	export LC_ALL=C TZ=UTC
	unset EVSE_CLOCK EVSE_SPOOL EVSE_LOG
	cd "$BATS_TEST_TMPDIR" || return
	PIDS=
}

csms_teardown() {
	exec 7>&- 8>&-
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
	cat -- *.out >&2 || true
	return 1
}

# counted N PATTERN FILE: so many lines have it. at_least: or more.
counted() { [ "$(grep -c -- "$2" "$3")" -eq "$1" ]; }
at_least() { [ "$(grep -c -- "$2" "$3")" -ge "$1" ]; }

# Keys and certificates, good and bad; made once a file.
csms_pki() {
	PKI=$BATS_FILE_TMPDIR/pki
	[ -e "$PKI/done" ] || {
		evse-pki -d "$PKI" demo CS001 CS002
		evse-pki -d "$PKI" ca --file other-ca --name 'Other CA'
		evse-pki -d "$PKI" server localhost 127.0.0.1 --file expired --expired
		evse-pki -d "$PKI" server localhost 127.0.0.1 --file notyet --not-yet
		evse-pki -d "$PKI" server elsewhere.example --file wrongname
		evse-pki -d "$PKI" server localhost 127.0.0.1 --file otherca --ca other-ca
		evse-pki -d "$PKI" charger CS001 --file CS001-expired --expired
		evse-pki -d "$PKI" charger CS001 --file CS001-otherca --ca other-ca
		touch "$PKI/done"
	} >/dev/null
}

# csms OPTION…: in the background; its input is descriptor 7, its output csms.out, its port in PORT.
csms() {
	rm -f csms.port csms.in
	mkfifo csms.in
	evse-csms -l 127.0.0.1:0 --port-file csms.port "$@" <csms.in >csms.out 2>csms.err 3>&- &
	CSMS=$!
	PIDS="$PIDS $CSMS"
	exec 7>csms.in
	until_true test -s csms.port
	PORT=$(cat csms.port)
}

# csms3 OPTION…: with TLS and client certificates.
csms3() {
	csms --cert "$PKI/server.crt" --key "$PKI/server.key" --ca "$PKI/ca.crt" "$@"
}

# charger ID OPTION…: the independent charger, profile 3; its input is descriptor 8, its output ID.out.
charger() {
	local id=$1
	shift
	rm -f "$id.in"
	mkfifo "$id.in"
	"$FAKES/csms-charger.py" "wss://127.0.0.1:$PORT/ocpp/$id" --ca "$PKI/ca.crt" --cert "$PKI/$id.crt" \
		--key "$PKI/$id.key" "$@" <"$id.in" >"$id.out" 2>&1 3>&- 7>&- &
	CHARGER=$!
	PIDS="$PIDS $CHARGER"
	exec 8>"$id.in"
	until_true grep -q '^open\|^refused' "$id.out"
}

order() { printf '%s\n' "$*" >&7; }
frame() { printf '%s\n' "$*" >&8; }
