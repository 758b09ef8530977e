#!/usr/bin/env bats
# evse-log: what is kept comes back, acknowledged means durable, changes show. Serves SEC-2, DAT-1, DAT-3, REG-4.

bats_require_minimum_version 1.5.0

load log_lib

@test "wrong usage is refused with 64" {
	run -64 --separate-stderr evse-log
	[[ $stderr == *"expected a command"* ]]
	run -64 --separate-stderr evse-log shw
	[[ $stderr == *"did you mean 'show'"* ]]
	run -64 --separate-stderr evse-log record </dev/null
	[[ $stderr == *"expected -d DIR"* ]]
	run -64 --separate-stderr evse-log show
	run -64 --separate-stderr evse-log show -d x extra
	run -64 --separate-stderr evse-log show -d x --from yesterday
	[[ $stderr == *"2026-11-22T10:00:00Z"* ]]
	run -64 --separate-stderr evse-log record -d x --seal never </dev/null
	run -64 --separate-stderr evse-log rotate -d x
	run -64 --separate-stderr evse-log prove -d x meter.1
	run -64 --separate-stderr evse-log ship -d x
	run -64 --separate-stderr evse-log ship -d x --to https://localhost/
	run -66 --separate-stderr evse-log show -d nowhere
	run -66 --separate-stderr evse-log stat -d nowhere
	run -66 --separate-stderr evse-log verify -d nowhere
}

@test "help of each command; a full device is 74" {
	for c in "" record show verify stat prove verify-proof erase rotate ship; do
		# shellcheck disable=SC2086
		run -0 evse-log $c --help
		[[ $output == *Usage:* ]]
	done
	run -0 evse-log --version
	run -0 evse-log --option-table
	[[ $output == *recipient-key* && $output == *person-file* ]]
	run -0 evse-log-ship --option-table
	[[ $output == *wait-max* ]]
	run -74 sh -c 'evse-log --help >/dev/full'
	say 5 | record >/dev/null
	run -74 sh -c 'evse-log show -d store >/dev/full'
	run -74 sh -c 'evse-log stat -d store >/dev/full'
}

@test "everything comes back byte for byte, in order; nothing stands in clear" {
	say 300 >want
	record <want >out
	evse-log show -d store | cmp - want
	evse-log verify -d store >said
	grep -q '^clean: .* 625 records' said
	grep -q '^anchored: no' said
	evse-log verify -d store --deep >said
	run -1 grep -rqE 'meter|ISO14443|04A2' store --include='*.seg' --include='*.rows' --include=persons
	evse-log stat -d store --json | jq -e '.records == 625 and .events == 25 and .unsealed_records == 0'
	[ "$(stat -c %a store/keys/device.key)" = 600 ]
}

@test "records sent again are kept once; its own are not kept" {
	say 60 >want
	record <want >/dev/null
	{
		cat want
		say 60 2
		echo '{"t":"2026-11-02T00:00:00.000Z","type":"log","src":"log","n":"q.1","m":1}'
	} | record >/dev/null
	say 60 2 >>want
	evse-log show -d store | cmp - want
	evse-log verify -d store
}

@test "malformed lines are reported with their number and not kept" {
	{
		say 2
		echo 'not json'
		echo '{"t":"2026-11-02T00:00:00.000Z","type":"meter","src":"x","n":"q.1","m":1,"v":}'
		echo '{"t":"2026-11-02T00:00:00.000Z","type":"meter","src":"x","n":"q.2","m":1,"type":"pilot"}'
		printf '{"t":"2026-11-02T00:00:00.000Z","type":"meter","src":"x","n":"q.3","m":1,"v":"\377"}\n'
		head -c 70000 /dev/zero | tr '\0' x
		echo
		say 2 2
		printf '{"t":"2026-11-02T00:00:00.000Z","type":"meter","src":"x","n":"q.4","m":1}'
	} >in.txt
	run -0 --separate-stderr evse-log record -d store <in.txt
	[[ $stderr == *"line 5: not a record"* && $stderr == *"line 6: not a record"* && $stderr == *"line 7: not a record"* ]]
	[[ $stderr == *"not UTF-8"* && $stderr == *"line 9:"*"longer"* && $stderr == *"line 14:"*"no newline"* ]]
	evse-log show -d store | cmp - <(say 2; say 2 2)
}

@test "odd records come back byte for byte; what is none is refused, each with its line" {
	/usr/bin/python3 "$FAKES/log_odd.py" in >in.txt
	/usr/bin/python3 "$FAKES/log_odd.py" want >want
	evse-log record -d store <in.txt >/dev/null 2>err
	[ "$(grep -c 'line [0-9]*: ' err)" = $(($(wc -l <in.txt) - $(wc -l <want))) ]
	evse-log show -d store | cmp - want
	evse-log verify -d store --deep
	# the same while it is not sealed yet
	recorder -d rows
	cat in.txt >&8
	until_true has '.type == "ack"'
	until_true cmp <(evse-log show -d rows) want
	kill -KILL $LOG
	evse-log record -q -d rows </dev/null
	evse-log show -d rows | cmp - want
}

@test "an event is acknowledged once it is durable, and again when it is sent again" {
	recorder
	say 25 | grep -E '"(token|session|pilot)"' >events
	cat events >&8
	until_true has '.type == "ack" and .upto["session.1"] == "e65.1" and .upto["sim.rfid.1"] == "e65.1" and .upto["pilot.1"] == "e65.1"'
	kill -KILL "$LOG"
	exec 8>&-
	wait "$LOG" || true
	recorder
	cat events >&8
	until_true has '.type == "ack" and .upto["session.1"] == "e65.1"'
	kill -TERM "$LOG"
	wait "$LOG"
	evse-log show -d store | cmp - events
	evse-log verify -d store
}

@test "data alone are durable after the sync time, without an acknowledgement" {
	recorder --sync 50
	say 3 >&8
	kept() { [ "$(evse-log show -d store | wc -l)" = 6 ]; }
	until_true kept
	run -1 has '.type == "ack"'
	kill -KILL "$LOG"
	wait "$LOG" || true
	evse-log show -d store | cmp - <(say 3)
}

@test "SIGTERM seals; a second writer is refused with 75" {
	recorder
	say 10 >&8
	until_true test -e store/tip
	run -75 --separate-stderr evse-log record -d store </dev/null
	[[ $stderr == *"another evse-log record"* ]]
	kill -TERM "$LOG"
	wait "$LOG"
	evse-log show -d store | cmp - <(say 10)
	evse-log stat -d store --json | jq -e '.unsealed_records == 0 and .records == 20'
}

@test "a session's end seals its segment" {
	recorder --seal 10000
	say 51 >&8
	until_true has '.type == "log" and .event == "sealed"'
	evse-log stat -d store --json | jq -e '.sealed_records == 107'
}

@test "show picks by time, type, source, EVSE and filter; formats" {
	say 120 | record >/dev/null
	say 120 | grep '"type":"session"' | cmp - <(evse-log show -d store --type session)
	say 120 | grep -E '"type":"(session|token)"' | cmp - <(evse-log show -d store --type session,token)
	say 120 | grep '"src":"pilot.1"' | cmp - <(evse-log show -d store --src pilot.1)
	say 120 | jq -c 'select(.t >= "2026-11-02T00:01:00" and .t < "2026-11-02T00:01:10")' >want
	evse-log show -d store --from 2026-11-02T00:01:00Z --to 2026-11-02T00:01:10Z | jq -c . | cmp - want
	[ "$(evse-log show -d store --evse 1 --count 7 | wc -l)" = 7 ]
	run -0 evse-log show -d store --type pilot --filter '.state'
	[ "${lines[0]}" = '"C2"' ] && [ "${lines[1]}" = '"A1"' ]
	evse-log show -d store --type meter --src meter.1 --format csv >csv
	[ "$(wc -l <csv)" = 121 ]
	[ "$(head -1 csv)" = "t,type,src,n,m,evse,voltage_v_1,voltage_v_2,voltage_v_3,current_a_1,current_a_2,current_a_3,power_w_1,power_w_2,power_w_3,import_wh,epoch" ]
	/usr/bin/python3 -c 'import csv; assert len({len(r) for r in csv.reader(open("csv"))}) == 1'
	run -0 evse-log show -d store --type pilot --format table
	[[ ${lines[0]} == t*type*src*state*faults* ]] && [[ ${lines[1]} == *"[]" ]]
	[ "$(evse-log show -d store --filter '1, 2, 3' --count 5 | xargs)" = "1 2 3 1 2" ]
	run -64 --separate-stderr evse-log show -d store --filter '.['
	[[ $stderr == *"syntax error"* ]]
	run -64 --separate-stderr evse-log show -d store --filter 'import "a" as a; 1'
	[[ $stderr == *"module not found"* ]]
	run -0 --separate-stderr evse-log show -d store --type pilot --filter 'if .duty_pct == 100 then error("no") else .state end'
	[[ $output == *C2* && $stderr == *"filter: no; such records are left out"* ]]
	for endless in 'repeat(1)' 'range(3000000)'; do
		run -0 --separate-stderr timeout 60 evse-log show -d store --type session --filter "$endless"
		[[ -z $output && $stderr == *"longer than"*"left out"* ]]
	done
	printf '{"t":"%s","type":"meter","src":"o","n":"%s","m":1}\n' 0001-01-01T00:00:00Z o.1 1969-12-31T23:59:59.9995Z o.2 | record --keys store/keys -d old >/dev/null
	[ "$(evse-log show -d old --to 0001-01-02 --filter .n)" = '"o.1"' ]
	[ "$(evse-log show -d old --from 1969-12-31T23:59:59.9992Z --to 1970-01-01 --filter .n)" = '"o.2"' ]
	evse-log show -d store --from 2026-11-02 --to '2026-11-02 00:00:10' | jq -c . | cmp - <(say 120 | jq -c 'select(.t < "2026-11-02T00:00:10")')
	evse-log show -d store --from 2026-11-02T01:01+01:00 --to 2026-11-03 | jq -c . | cmp - <(say 120 | jq -c 'select(.t >= "2026-11-02T00:01:00")')
	[ "$(evse-log show -d store | head -1 | wc -l)" = 1 ]
}

@test "show --clock tells of each record whether its time was within 10 ms (DAT-1)" {
	at() { printf '{"t":"2026-11-02T%s.000Z","type":"%s","src":"%s","n":"a.%d","m":1%s}\n' "$@"; }
	{
		at 10:00:00 meter m 1 ',"v":1'
		at 10:00:01 clock clock 1 ',"bound_ms":1.5,"synced":true'
		at 10:00:02 meter m 2 ',"v":2'
		at 10:00:03 clock clock 2 ',"bound_ms":10.4,"synced":false'
		at 10:00:04 meter m 3 ',"v":3'
		at 10:00:05 clock clock 3 ',"bound_ms":null'
		at 10:00:06 session m 1 ''
		at 10:00:07 clock clock 4 ',"bound_ms":10'
		at 10:00:08 meter m 4 ',"v":4'
		at 11:00:09 meter m 5 ',"v":5'
	} >want
	record <want >/dev/null
	evse-log show -d store | cmp - want
	[ "$(evse-log show -d store --clock --filter .clock_within_10ms | xargs)" = "null true true false false false false true true null" ]
	[ "$(evse-log show -d store --clock --type meter | sed -n 3p)" = "$(at 10:00:04 meter m 3 ',"v":3,"clock_within_10ms":false')" ]
	# what the clock said before counts too
	[ "$(evse-log show -d store --clock --from 2026-11-02T10:00:08Z --filter .clock_within_10ms | xargs)" = "true null" ]
	run -0 evse-log show -d store --clock --type meter --format csv
	[ "${lines[0]}" = t,type,src,n,m,v,clock_within_10ms ] && [[ ${lines[3]} == *,3,false ]]
}

@test "show --follow goes on with what comes" {
	recorder --sync 20
	say 2 >&8
	kept() { [ "$(evse-log show -d store | wc -l)" = 4 ]; }
	until_true kept
	evse-log show -d store --follow >followed 3>&- 8>&- &
	PIDS="$PIDS $!"
	[ "$(evse-log show -d store --count 3 | wc -l)" = 3 ]
	lines_are() { [ "$(wc -l <followed)" = "$1" ]; }
	until_true lines_are 4
	say 30 2 >&8
	until_true lines_are 67
	kill -TERM "$LOG"
	wait "$LOG"
	cmp followed <(say 2; say 30 2)
}

@test "show --follow goes on over changes of the keys" {
	for i in 1 2 3 4; do say 60 $i; done >want
	record </dev/null >/dev/null
	evse-log show -d store --follow >got 3>&- 8>&- &
	PIDS="$PIDS $!"
	lines_are() { [ "$(wc -l <got)" = "$1" ]; }
	for i in 1 2 3 4; do
		say 60 $i | record >/dev/null
		until_true lines_are $((i * 125))
		evse-log rotate -d store --device --sign
	done
	cmp want got
}

@test "a reader written from the manual page alone reads every file" {
	/usr/bin/python3 -c 'import cryptography' || skip "python3-cryptography is not installed"
	recorder --seal-records 700 --sync 20
	/usr/bin/python3 "$FAKES/log_odd.py" want >want
	say 49 >>want
	cat want >&8
	kept() { [ "$(evse-log show -d store | wc -l)" = "$(wc -l <want)" ]; }
	until_true kept
	packed() { [ "$(evse-log stat -d store --json | jq .segments)" = 2 ]; }
	until_true packed
	kill -KILL "$LOG"
	wait "$LOG" || true
	evse-log stat -d store --json | jq -e '.unsealed_records > 50'
	/usr/bin/python3 "$FAKES/log_reader.py" store | cmp - want
	say 49 | jq -r 'select(.type == "token") | .token.id' | tail -1 | evse-log erase -d store --person-file -
	/usr/bin/python3 "$FAKES/log_reader.py" store | cmp - <(evse-log show -d store)
}

@test "tampering is found and named, honest stores raise no alarm" {
	say 300 >input
	EVSE_LOG=$(command -v evse-log) run -0 /usr/bin/python3 "$FAKES/log_tamper.py" "${LOG_STORES:-12}" "${LOG_TAMPERINGS:-96}" 7 input
	echo "$output" >&3
}

@test "kill -9 and power cuts lose nothing that was promised" {
	say 240 >input
	cc -shared -fPIC -O1 -o powercut.so "$FAKES/log_powercut.c" -ldl
	EVSE_LOG=$(command -v evse-log)
	POWERCUT=$PWD/powercut.so
	export EVSE_LOG POWERCUT
	run -0 /usr/bin/python3 "$FAKES/log_cuts.py" kill "${LOG_CUTS:-9}" 11 input
	echo "$output" >&3
	run -0 /usr/bin/python3 "$FAKES/log_cuts.py" power "${LOG_CUTS:-9}" 12 input
	echo "$output" >&3
}

@test "a full disk takes the oldest first, says so, and goes on when there is room" {
	[ "$(id -u)" = 0 ] || skip "needs root for a small file system of its own"
	mkdir small
	mount -t tmpfs -o size=2m none small || skip "no tmpfs may be mounted here"
	/usr/bin/python3 - >input <<-'END'
		import json, random
		r = random.Random(1)
		for i in range(1300):
		    s = i % 10 == 0
		    print(json.dumps({"t": "2026-11-02T00:%02d:%02d.000Z" % (i // 60, i % 60), "type": "session" if s else "meter", "src": "session.1" if s else "meter.1",
		                      "n": "a.%d" % (i // 10 if s else i), "m": i, "noise": "%0200x" % r.getrandbits(800) if s else "%06000x" % r.getrandbits(24000)}, separators=(",", ":")))
	END
	# then it grows
	run -0 --separate-stderr sh -c '{ while read -r l; do echo "$l"; i=$((i + 1)); [ $((i % 20)) -gt 0 ] || sleep 0.02; done <input
		sleep 0.5; mount -o remount,size=64m small
		for i in 1 2 3 4 5 6 7 8; do tail -n 1 input | sed "s/a.1299/b.$i/"; sleep 0.4; done; } | evse-log record -d small/store --seal 0.3 >out'
	[ "$(jq -r 'select(.src == "log.alert.disk_full") | .raised' out | uniq | xargs)" = "true false" ]
	evse-log verify -d small/store
	evse-log show -d small/store >after
	# the events outlive the data, and the newest is there
	[ "$(tail -1 after)" = "$(tail -1 input | sed "s/a.1299/b.8/")" ]
	[ "$(grep -c '"session"' after)" = 130 ]
	[ "$(grep -c '"meter"' after)" -lt 1100 ]
}

@test "a full disk that holds nothing sealed yet: what there is is packed, then the oldest goes" {
	[ "$(id -u)" = 0 ] || skip "needs root for a small file system of its own"
	mkdir small
	mount -t tmpfs -o size=1m none small || skip "no tmpfs may be mounted here"
	/usr/bin/python3 - >input <<-'END'
		import random
		r = random.Random(1)
		for i in range(6000):
		    s = i % 20 == 0
		    print('{"t":"2026-11-02T00:%02d:%02d.000Z","type":"%s","src":"%s.1","n":"a.%d","m":%d,"noise":"%s"}' % (
		        i // 60 % 60, i % 60, *(("session",) * 2 if s else ("meter",) * 2), i + 1, i, "%0100x" % r.getrandbits(400) if s else "%01200x" % r.getrandbits(4800)))
	END
	run -0 --separate-stderr sh -c 'while read -r l; do echo "$l"; i=$((i + 1)); [ $((i % 100)) -gt 0 ] || sleep 0.01; done <input | evse-log record -d small/store >out'
	has '.type == "alert" and .src == "log.alert.disk_full"'
	evse-log verify -d small/store --deep
	evse-log show -d small/store >after
	[ "$(tail -1 after)" = "$(tail -1 input)" ]
	[ "$(grep -c '"session"' after)" = 300 ]
	[ "$(grep -c '"meter"' after)" -gt 0 ]
}

@test "--size holds during a flood, not from minute to minute" {
	/usr/bin/python3 - >input <<-'END'
		import random
		r = random.Random(3)
		for i in range(4000):
		    print('{"t":"2026-11-22T10:%02d:%02d.000Z","type":"%s","src":"a","n":"e.%d","m":1,"x":"%0400x"}' % (i // 60 % 60, i % 60, "session" if i % 50 == 0 else "meter", i + 1, r.getrandbits(1600)))
	END
	record --size 0.25 --seal-records 100 <input >out
	evse-log stat -d store --json | jq -e '.bytes <= 262144 and .removed_records > 2000'
	evse-log verify -d store --deep
	# the oldest data went, no event did, and it is no matter of a full disk
	[ "$(evse-log show -d store --type session | wc -l)" = 80 ]
	[ "$(evse-log show -d store | tail -1)" = "$(tail -1 input)" ]
	run -1 has '.type == "alert"'
}

@test "a store that was tampered with is set aside, with an alert, and recording goes on" {
	say 30 | record >/dev/null
	say 30 2 | record >/dev/null
	rm store/tip
	say 30 3 >want
	run -0 --separate-stderr sh -c 'evse-log record -d store <want >out'
	[[ $stderr == *"tip is missing"*"set aside as damaged-"* ]]
	has '.type == "alert" and .code == "damaged" and .raised'
	evse-log show -d store | cmp - want
	run -1 evse-log verify -d store
	[[ $output == *damaged-* ]]
	mv store/damaged-* old
	evse-log verify -d store
	evse-log show -d old --keys store/keys | grep -v '"id' | cmp - <({ say 30; say 30 2; } | grep -v '"id')
}

@test "a store of a newer format is refused with 78, and left as it is" {
	say 60 | record >/dev/null
	cp -a store tip
	sed -i '1s/evse-log-tip 1/evse-log-tip 2/' tip/tip
	cp -a store rows
	printf 'EVSEROW2' | dd of=rows/00000002.rows conv=notrunc status=none
	for dir in tip rows; do
		cp -a $dir as-it-was
		say 5 2 >more
		run -78 --separate-stderr evse-log record -d $dir <more
		[[ $stderr == *"of format 2"* ]]
		run -78 --separate-stderr evse-log verify -d $dir --pub store/keys/sign.pub
		[[ $stderr == *"of format 2"* ]]
		diff -r $dir as-it-was
		rm -r as-it-was
	done
	run -78 evse-log stat -d tip
	run -78 evse-log ship -d tip --to dir:far --once
}

@test "a hostile store makes no reader wait: FIFOs and endless files in place of its own" {
	limit="ulimit -v 400000" # the address sanitizer itself takes terabytes
	! ldd "$(command -v evse-log)" | grep -q libasan || limit=:
	say 60 | record >/dev/null
	for name in 00000001.seg 00000002.rows tip persons rotations shipped; do
		for how in mkfifo "truncate -s 20G"; do
			cp -a store bad
			rm -f "bad/$name"
			$how "bad/$name"
			for what in show verify "verify --deep" stat "prove meter.1/e65.3" "ship --to dir:far --once" "record"; do
				run timeout 10 sh -c "$limit; evse-log $what -q -d bad </dev/null"
				[ "$status" -lt 124 ]
			done
			rm -r bad
		done
	done
	evse-log verify -d store --pub <(cat store/keys/sign.pub)
}

@test "a damaged segment costs its own records only, and is named" {
	for i in 1 2 3; do say 10 $i | record >/dev/null; done
	printf X | dd of=store/00000002.seg bs=1 seek=1200 conv=notrunc 2>/dev/null
	run -65 --separate-stderr evse-log show -d store
	[[ $stderr == *"00000002.seg: unable to open"* ]]
	[ "$output" = "$(say 10 1; say 10 3)" ]
	run -1 evse-log verify -d store
	[[ $output == "bad: segment 2: its data were changed" ]]
}
