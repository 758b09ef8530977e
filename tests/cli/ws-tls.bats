#!/usr/bin/env bats
# TLS as the protocol tools use it: what is refused, by either side, and that the message says why.
# The other side is OpenSSL's own s_server and s_client, or python3-websockets. Serves SEC-1, SEC-6.

bats_require_minimum_version 1.5.0
load csms-lib

setup() {
	csms_setup
	csms_pki
}
teardown() { csms_teardown; }

# s_server CERT OPTION…: OpenSSL listens on a free port, put into PORT.
s_server() {
	local cert=$1
	shift
	mkfifo hold
	openssl s_server -accept 127.0.0.1:0 -cert "$PKI/$cert.crt" -key "$PKI/$cert.key" -CAfile "$PKI/ca.crt" \
		"$@" <hold >s_server.out 2>&1 3>&- &
	PIDS="$PIDS $!"
	exec 8>hold
	until_true grep -q '^ACCEPT ' s_server.out
	PORT=$(sed -n 's/^ACCEPT .*:\([0-9]*\)$/\1/p' s_server.out | head -n 1)
}

# refused REASON TEXT [OPTION…]: our client is refused, or refuses, and says so.
refused() {
	local reason=$1 text=$2
	shift 2
	run -1 timeout 20 "$PROBE" -u "wss://127.0.0.1:$PORT/ocpp/CS001" -a "$PKI/ca.crt" -t 10000 "$@" </dev/null
	echo "$output"
	[[ $output == "refused $reason "*"$text"* ]]
}

# s_client OPTION…: OpenSSL connects to our server; what it says is in `output`.
s_client() {
	run timeout 10 openssl s_client -connect "127.0.0.1:$PORT" -CAfile "$PKI/ca.crt" "$@" </dev/null
}

# server_says REASON TEXT: our server has refused, and says why.
server_says() {
	until_true grep -q "\"kind\":\"refused\",\"reason\":\"$1\",\"status\":0,\"text\":\"$2" csms.out
}

# ---- our client ----

@test "client: the server's certificate is for another name" {
	s_server wrongname
	refused wrong_name 'wrong server name: the certificate of "elsewhere.example" is for another'
	until_true grep -qi 'alert' s_server.out
}

@test "client: a host name is sent as server name, an address is not" {
	s_server server -tlsextdebug
	run timeout 3 "$PROBE" -u "wss://127.0.0.1:$PORT/ocpp/CS001" -a "$PKI/ca.crt" -t 1000 </dev/null
	until_true grep -q 'TLS client extension "supported versions"' s_server.out
	! grep -q 'TLS client extension "server name"' s_server.out
	run timeout 3 "$PROBE" -u "wss://localhost:$PORT/ocpp/CS001" -a "$PKI/ca.crt" -t 1000 </dev/null
	until_true grep -q 'TLS client extension "server name"' s_server.out
}

@test "client: the server's certificate is from an unknown CA" {
	s_server otherca
	refused unknown_ca 'unknown CA: server certificate'
	until_true grep -qi 'alert unknown ca' s_server.out
}

@test "client: the server's certificate has expired, or is not valid yet" {
	s_server expired
	refused expired 'expired: server certificate "localhost" was valid until 20'
	until_true grep -qi 'alert certificate expired' s_server.out
	exec 8>&-
	rm hold
	s_server notyet
	refused not_yet_valid 'not yet valid: server certificate "localhost" is valid from 20'
}

@test "client: the server has only TLS 1.2; the switch allows it" {
	s_server server -tls1_2
	refused tls_version 'TLS version: the server accepts none of those offered'
	timeout 3 "$PROBE" -2 -u "wss://localhost:$PORT/CS001" -a "$PKI/ca.crt" -t 1000 </dev/null >probe.out || true
	grep -q '^refused timeout' probe.out # the handshake was done; s_server just never answers the upgrade
	grep -q '^CIPHER is ' s_server.out
}

@test "client: the server demands a client certificate" {
	s_server server -Verify 1 -verify_return_error
	refused certificate_missing 'client certificate missing: the server demands one'
}

@test "client: the server refuses its certificate: unknown CA, expired" {
	s_server server -Verify 1 -verify_return_error
	refused certificate_refused 'the server refuses our certificate: unknown CA' -c "$PKI/CS001-otherca.crt" -k "$PKI/CS001-otherca.key"
	refused certificate_refused 'the server refuses our certificate: expired' -c "$PKI/CS001-expired.crt" -k "$PKI/CS001-expired.key"
}

@test "client: the server speaks in clear, is not there, is not found, or is silent" {
	csms
	refused no_tls 'no TLS: the server speaks in clear'
	kill "$CSMS"
	wait "$CSMS" || true
	refused unreachable ''
	run -1 "$PROBE" -u wss://nowhere.invalid/CS001 </dev/null
	[[ $output == 'refused dns 0 host name "nowhere.invalid" not found'* ]]
	s_server server
	run -1 "$PROBE" -u "wss://localhost:$PORT/CS001" -a "$PKI/ca.crt" -t 500 </dev/null
	[[ $output == 'refused timeout 0 no answer from wss://localhost:'*' within 500 ms'* ]]
}

@test "client: what can't be used is refused at the start" {
	run -78 "$PROBE" -u "ws://127.0.0.1:1/CS001" -P 2
	[[ $output == *"needs TLS"* ]]
	run -78 "$PROBE" -u "wss://127.0.0.1:1/CS001" -P 1
	[[ $output == *"without TLS"* ]]
	run -78 "$PROBE" -u "wss://127.0.0.1:1/CS001" -P 2
	[[ $output == *"needs a password file"* ]]
	run -78 "$PROBE" -u "wss://127.0.0.1:1/CS001" -P 3
	[[ $output == *"needs a client certificate"* ]]
	run -78 "$PROBE" -u "wss://127.0.0.1:1/CS001" -c "$PKI/CS001.crt" -k "$PKI/CS002.key"
	[[ $output == *"do not go together"* ]]
	run -78 "$PROBE" -u "wss://127.0.0.1:1/CS001" -a "$PKI/none.crt"
	[[ $output == *'unable to open CA file'*'No such file'* ]]
	run -78 "$PROBE" -u "wss://127.0.0.1:1/CS001" -a "$PKI/server.key"
	[[ $output == *'holds no PEM certificate'* ]]
	echo secret >pw
	chmod 640 pw
	run -78 "$PROBE" -u "ws://127.0.0.1:1/CS001" -P 1 -w pw
	[[ $output == *"mode 640 lets others at it"* ]]
	run -78 "$PROBE" -u "https://127.0.0.1/CS001"
	[[ $output == *"not for websockets"* ]]
}

@test "client: a redirect is not followed, and takes no password along" {
	cat >redirect.py <<-'END'
		import socket
		first, other = socket.create_server(("127.0.0.1", 0)), socket.create_server(("127.0.0.1", 0))
		print(first.getsockname()[1], flush=True)
		c, _ = first.accept()
		c.recv(4096)
		to = "http://127.0.0.1:%d/x/CS001" % other.getsockname()[1]
		c.sendall(("HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % to).encode())
		other.settimeout(1.5)
		try:
		    d, _ = other.accept()
		    print("followed", d.recv(4096), flush=True)
		except OSError:
		    print("stayed", flush=True)
	END
	/usr/bin/python3 redirect.py >redirect.out 3>&- &
	PIDS="$PIDS $!"
	until_true test -s redirect.out
	echo 'a good long password' >pw
	chmod 600 pw
	run -1 "$PROBE" -u "ws://127.0.0.1:$(head -n 1 redirect.out)/x/CS001" -P 1 -w pw </dev/null
	[[ $output == 'refused http 302 '* ]]
	until_true grep -q '^stayed$' redirect.out
}

@test "client: \$http_proxy does not take over" {
	csms
	http_proxy=127.0.0.1:1 run -0 timeout 5 "$PROBE" -u "ws://127.0.0.1:$PORT/CS002" -n 1 < <(echo '[2,"1","Heartbeat",{}]')
	[[ $output == *'message [3,"1"'* ]]
}

@test "client: connects again when the server is back, with the certificate it has then" {
	csms3
	"$PROBE" -r -u "wss://localhost:$PORT/CS001" -a "$PKI/ca.crt" -c "$PKI/CS001.crt" -k "$PKI/CS001.key" \
		</dev/null >probe.out 2>&1 3>&- 7>&- &
	PIDS="$PIDS $!"
	until_true grep -q '^open ocpp2.0.1 TLSv1.3' probe.out
	kill -KILL "$CSMS"
	wait "$CSMS" || true
	until_true grep -q '^closed lost' probe.out
	until_true grep -q '^refused unreachable' probe.out
	evse-csms -l "127.0.0.1:$PORT" --cert "$PKI/expired.crt" --key "$PKI/expired.key" --stay </dev/null >bad.out 2>&1 3>&- &
	PIDS="$PIDS $!"
	until_true grep -q '^refused expired' probe.out
	kill "$!"
	wait "$!" || true
	evse-csms -l "127.0.0.1:$PORT" --cert "$PKI/server.crt" --key "$PKI/server.key" --ca "$PKI/ca.crt" --stay </dev/null >good.out 2>&1 3>&- &
	PIDS="$PIDS $!"
	until_true counted 2 '^open' probe.out
}

@test "client: a server that stands still is given up by the ping" {
	csms3
	"$PROBE" -p 100 -o 400 -u "wss://localhost:$PORT/CS001" -a "$PKI/ca.crt" -c "$PKI/CS001.crt" -k "$PKI/CS001.key" \
		</dev/null >probe.out 2>&1 3>&- 7>&- &
	local probe=$!
	PIDS="$PIDS $probe"
	until_true grep -q '^open' probe.out
	kill -STOP "$CSMS"
	wait "$probe"
	grep -q '^closed pong_timeout 0 no pong from 127.0.0.1:.* within 400 ms' probe.out
	kill -CONT "$CSMS"
}

@test "client: a name server that does not answer holds nothing up" {
	unshare -rnm true 2>/dev/null || skip "no namespaces of our own here"
	echo 'nameserver 127.0.0.1' >resolv.conf
	cat >inside.sh <<-'END'
		ip link set lo up && mount --bind resolv.conf /etc/resolv.conf || exit 99
		mkfifo bound
		/usr/bin/python3 -c 'import socket, time
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.bind(("127.0.0.1", 53))
		open("bound", "w").write("x")
		time.sleep(30)' & silent=$!
		read -r _ <bound || true
		begun=$(date +%s%N)
		"$1" -u wss://csms.example/CS001 -t 300 </dev/null
		echo "ended in $((($(date +%s%N) - begun) / 1000000)) ms"
		kill $silent
	END
	run unshare -rnm sh inside.sh "$PROBE"
	[ "$status" -ne 99 ] || skip "no mounts of our own here"
	[[ ${lines[0]} == 'refused timeout 0 no answer from wss://csms.example/CS001 within 300 ms' ]]
	[[ ${lines[1]} =~ ^ended\ in\ ([0-9]+)\ ms$ ]]
	[ "${BASH_REMATCH[1]}" -lt 4000 ] # the C library would take ten seconds
}

@test "client: each address of a host is tried before it is called unreachable" {
	unshare -rnm true 2>/dev/null || skip "no namespaces of our own here"
	printf '127.0.0.%d two.example\n' 7 1 8 >hosts
	cat >inside.sh <<-'END'
		ip link set lo up && mount --bind hosts /etc/hosts || exit 99
		evse-csms -l 127.0.0.1:0 --port-file port --stay </dev/null >/dev/null & csms=$!
		until [ -s port ]; do sleep 0.02; done
		echo '[2,"1","Heartbeat",{}]' | "$1" -n 1 -u "ws://two.example:$(cat port)/CS001"
		kill $csms
		wait $csms
		"$1" -u "ws://two.example:$(cat port)/CS001" </dev/null
	END
	run unshare -rnm sh inside.sh "$PROBE"
	[ "$status" -ne 99 ] || skip "no mounts of our own here"
	[[ ${lines[0]} == 'open ocpp2.0.1 - -' ]]
	[[ ${lines[3]} == 'refused unreachable 0 ws://two.example:'* ]]
}

@test "client: an IPv6 address is checked against the certificate" {
	[ -e /proc/net/if_inet6 ] && grep -q ' lo$' /proc/net/if_inet6 || skip "no IPv6 on the loopback"
	rm -f csms.port
	evse-csms -l '[::1]:0' --port-file csms.port --stay --cert "$PKI/server.crt" --key "$PKI/server.key" </dev/null >csms.out 2>&1 3>&- &
	PIDS="$PIDS $!"
	until_true test -s csms.port
	run -0 "$PROBE" -n 1 -u "wss://[::1]:$(cat csms.port)/CS001" -a "$PKI/ca.crt" < <(echo '[2,"1","Heartbeat",{}]')
	[[ $output == 'open ocpp2.0.1 TLSv1.3 localhost'* ]]
	rm csms.port
	evse-csms -l '[::1]:0' --port-file csms.port --stay --cert "$PKI/wrongname.crt" --key "$PKI/wrongname.key" </dev/null >csms2.out 2>&1 3>&- &
	PIDS="$PIDS $!"
	until_true test -s csms.port
	run -1 "$PROBE" -u "wss://[::1]:$(cat csms.port)/CS001" -a "$PKI/ca.crt" </dev/null
	[[ $output == 'refused wrong_name'* ]]
}

# ---- our server ----

@test "server: TLS 1.2 is refused; the switch allows it" {
	csms3
	s_client -tls1_2 -cert "$PKI/CS001.crt" -key "$PKI/CS001.key"
	[[ $output == *"alert protocol version"* ]]
	server_says tls_version 'TLS version: the client offers none from TLSv1.3 on'
	run -1 "$FAKES/csms-charger.py" "wss://127.0.0.1:$PORT/CS001" --ca "$PKI/ca.crt" --cert "$PKI/CS001.crt" --key "$PKI/CS001.key" --tls12 </dev/null
	[[ $output == 'refused SSLError '* ]]
	kill "$CSMS"
	csms3 --tls12
	run -0 "$FAKES/csms-charger.py" "wss://127.0.0.1:$PORT/CS001" --ca "$PKI/ca.crt" --cert "$PKI/CS001.crt" --key "$PKI/CS001.key" --tls12 </dev/null
	[[ $output == 'open ocpp2.0.1 TLSv1.2'* ]]
}

@test "server: a client certificate is demanded, of a known CA, and valid" {
	csms3
	s_client
	server_says certificate_missing 'client certificate missing: the client sent none'
	s_client -cert "$PKI/CS001-otherca.crt" -key "$PKI/CS001-otherca.key"
	server_says unknown_ca 'unknown CA: client certificate '
	s_client -cert "$PKI/CS001-expired.crt" -key "$PKI/CS001-expired.key"
	server_says expired 'expired: client certificate \\"CS001\\" was valid until 20'
	s_client -cert "$PKI/server.crt" -key "$PKI/server.key"
	server_says tls 'client certificate \\"localhost\\": unsuit'
}

@test "server: a client that refuses its certificate is reported with its alert" {
	csms --cert "$PKI/otherca.crt" --key "$PKI/otherca.key"
	run -1 "$PROBE" -u "wss://localhost:$PORT/CS001" -a "$PKI/ca.crt" </dev/null
	server_says certificate_refused 'the client refuses our certificate: unknown CA'
}

@test "server: clear text and rubbish on the TLS port" {
	csms3
	printf 'GET / HTTP/1.1\r\n\r\n' | timeout 5 socat - "TCP:127.0.0.1:$PORT" >/dev/null || true
	server_says no_tls 'no TLS: the client speaks in clear'
	head -c 4096 /dev/urandom | timeout 5 socat -u - "TCP:127.0.0.1:$PORT" >/dev/null || true
	until_true at_least 2 '"kind":"refused"' csms.out
	charger CS001
	grep -q '^open' CS001.out
}

# ---- on the wire ----

@test "on the wire: TLS 1.3, and nothing in clear" {
	command -v tshark >/dev/null || skip "tshark is not installed"
	csms3
	timeout 30 tshark -i lo -f "tcp port $PORT" -w wire.pcap -a duration:25 >tshark.out 2>&1 3>&- 7>&- &
	local shark=$!
	PIDS="$PIDS $shark"
	for _ in $(seq 250); do
		grep -q 'Capturing' tshark.out && [ -s wire.pcap ] && break
		kill -0 "$shark" 2>/dev/null || skip "capturing on the loopback is not permitted here"
		sleep 0.02
	done
	charger CS001
	frame '[2,"secret-id","StatusNotification",{"connectorStatus":"Occupied"}]'
	until_true grep -q 'frame \[3,"secret-id"' CS001.out
	exec 8>&-
	until_true grep -q '^closed' CS001.out
	# until the last packets are written
	until_true sh -c "tshark -r wire.pcap -d tcp.port==$PORT,tls -Y 'tcp.flags.fin==1' 2>/dev/null | grep -q ."
	kill -INT "$shark"
	wait "$shark" || true
	versions=$(tshark -r wire.pcap -d "tcp.port==$PORT,tls" -Y tls.handshake.type==2 -T fields -e tls.handshake.extensions.supported_version 2>/dev/null)
	[ "$versions" = 0x0304 ]
	run ! grep -aq -e secret-id -e StatusNotification -e 'ocpp2' -e CS001 wire.pcap
	# besides the handshake's first messages, all is application data
	run -0 tshark -r wire.pcap -d "tcp.port==$PORT,tls" -Y 'http || websocket' 2>/dev/null
	[ -z "$(printf '%s' "$output" | grep -v Running)" ]
}
