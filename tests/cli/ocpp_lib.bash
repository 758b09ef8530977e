# Helpers of the evse-ocpp tests: a station and a back office with open inputs, records by name, bounded waits.

OCPP_SESSION=11111111-2222-4333-8444-555555555555

# The folder of the 2.0.1 schemas: $EVSE_OCPP_SCHEMAS (itself or its v201), else beside the tree; else empty.
ocpp_schemas() {
	local dir
	for dir in "$EVSE_OCPP_SCHEMAS/v201" "$EVSE_OCPP_SCHEMAS" "$ROOT/../shared/ocpp/schemas/v201"; do
		[ ! -e "$dir/BootNotificationRequest.json" ] || { echo "$dir"; return; }
	done
	echo "# no OCPP schemas (\$EVSE_OCPP_SCHEMAS): frames are not checked against them" >&3
}

# Waits at most 10 s and the command's own time for it to succeed.
ocpp_wait() {
	local i
	for ((i = 0; i < 200; i++)); do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.05
	done
	echo "waited in vain for: $*" >&2
	return 1
}

# ocpp_csms [OPTION…]: starts the back office; its input is descriptor 7.
ocpp_csms() {
	rm -f "$D/csms.in" "$D/port"
	mkfifo "$D/csms.in"
	/usr/bin/python3 "$ROOT/tests/fakes/ocpp_csms.py" --port-file "$D/port" \
		${SCHEMAS:+--schemas "$SCHEMAS"} "$@" <"$D/csms.in" >>"$D/csms.out" 2>>"$D/csms.err" 3>&- &
	CSMS=$!
	exec 7>"$D/csms.in"
	ocpp_wait test -s "$D/port"
	PORT=$(cat "$D/port")
}

# ocpp_station [OPTION…]: starts evse-ocpp; its input is descriptor 8.
ocpp_station() {
	rm -f "$D/rec.in"
	mkfifo "$D/rec.in"
	"$BIN/evse-ocpp" -u "${URL:-ws://127.0.0.1:$PORT/ocpp/CS001}" -d "$D/state" "$@" \
		<"$D/rec.in" >>"$D/rec.out" 2>>"$D/rec.err" 3>&- 7>&- &
	STATION=$!
	exec 8>"$D/rec.in"
}

ocpp_stop() {
	exec 8>&- 7>&-
	[ -z "$STATION" ] || kill "$STATION" 2>/dev/null || :
	[ -z "$CSMS" ] || kill "$CSMS" 2>/dev/null || :
	wait 2>/dev/null || :
}

ocpp_now() { date -u +%FT%T.%3NZ; }

# ocpp_rec TYPE SRC REST: one record; REST begins with a comma.
ocpp_rec() {
	OCPP_N=$((OCPP_N + 1))
	printf '{"t":"%s","type":"%s","src":"%s","n":"t%s.%d","evse":1%s}\n' \
		"$(ocpp_now)" "$1" "$2" "$$" "$OCPP_N" "$3" >&8
}

# ocpp_edge STATE EDGE [REST]
ocpp_edge() {
	ocpp_rec session session.1 ",\"id\":\"$OCPP_SESSION\",\"state\":\"$1\",\"allow\":false,\"edge\":\"$2\",\"edge_t\":\"$(ocpp_now)\"$3"
}

ocpp_meter() {
	ocpp_rec meter meter.1 ",\"voltage_v\":[230,231,229],\"current_a\":[$1,$1,$1],\"power_w\":[0,0,0],\"power_total_w\":0,\"import_wh\":$2,\"export_wh\":0,\"freq_hz\":50.01"
}

# ocpp_call ACTION PAYLOAD: a call of the back office.
ocpp_call() { printf '{"action":"%s","payload":%s}\n' "$1" "$2" >&7; }

# ocpp_csms_has TEXT: some line of the back office has it.
ocpp_csms_has() { grep -qF -e "$1" "$D/csms.out"; }
ocpp_rec_has() { grep -qF -e "$1" "$D/rec.out"; }
