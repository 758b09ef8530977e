# For steps.sh: the pilot, its world, and waiting without blind sleeps. Busybox ash.
# shellcheck shell=sh
pilot=

ok() {
	echo "ok $1"
}

not_ok() {
	echo "not ok $1"
	last | sed 's/^/# last: /'
	tail -n 3 /run/err | sed 's/^/# err: /'
	tail -n 3 /run/world.out | sed 's/^/# world: /'
}

# check TEXT COMMAND…
check() {
	text=$1
	shift
	if "$@" >/dev/null 2>&1; then ok "$text"; else not_ok "$text"; fi
}

# until TENTHS COMMAND…: bounded
until_true() {
	n=$1
	shift
	while [ "$n" -gt 0 ]; do
		if "$@" >/dev/null 2>&1; then return 0; fi
		usleep 100000
		n=$((n - 1))
	done
	return 1
}

# The newest pilot record.
last() {
	grep '"type":"pilot"' /run/out | tail -n 1
}

says() {
	last | grep -qE "$1"
}

# shows TEXT PATTERN: within 20 s the newest pilot record matches
shows() {
	check "$1" until_true 200 says "$2"
}

line() {
	cat "/run/line/$1/value"
}

# levels 0|1 LINE…
levels() {
	want=$1
	shift
	for l in "$@"; do
		[ "$(line "$l")" = "$want" ] || return 1
	done
}

# pull LINE up|down: from outside
pull() {
	echo "pull-$2" >"/run/line/$1/pull"
}

world() {
	echo "$*" >/run/world.in
}

# The chip's own registers, past its driver: on-time of 4096, as the datasheet reads them.
register() {
	i2cget -f -y 0 0x40 "$1"
}

duty() {
	on=$(register 0x07)
	off=$(register 0x09)
	if [ $((off & 16)) -ne 0 ]; then
		echo 0
	elif [ $((on & 16)) -ne 0 ]; then
		echo 4096
	else
		echo $(((off & 15) << 8 | $(register 0x08)))
	fi
}

duty_is() {
	[ "$(duty)" -eq "$1" ]
}

# setpoint AMPERES [MORE]: sent each second until the next
setpoint() {
	echo '{"t":"2026-11-22T10:00:00.123Z","type":"setpoint","src":"setpoint.1","evse":1,"enable":true,"import_max_a":'"$1"'}' >/run/setpoint.new
	mv /run/setpoint.new /run/setpoint
}

feed() {
	while cat /run/setpoint; do
		if [ -f /run/once ]; then
			cat /run/once
			rm /run/once
		fi
		sleep 1
	done 1<>/run/in # also where no pilot reads
}

pilot_start() {
	: >/run/out
	evse-pilot -D linux:/test/board.json --min-close 300 </run/in >/run/out 2>/run/err &
	pilot=$!
}

# ended CODE…: the pilot's exit code is one of these
ended() {
	wait "$pilot"
	code=$?
	for c in "$@"; do
		[ "$code" -ne "$c" ] || return 0
	done
	return 1
}

# turns LINE: how often it was seen to change in a second
turns() {
	was=$(line "$1")
	changes=0
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		is=$(line "$1")
		[ "$is" = "$was" ] || changes=$((changes + 1))
		was=$is
		usleep 50000
	done
	echo "$changes"
}

turns_over() {
	[ "$(turns "$1")" -ge 4 ]
}

stands_still() {
	[ "$(turns "$1")" -eq 0 ]
}

# From the last `car A` of the world to the contactor line's fall, in ms.
reaction() {
	awk '$2 == "car" { from = $1; car = $3 } $2 == "K1" && $3 == 0 && car == "A" { print $1 - from; exit }' /run/world.out
}

# once RECORD: with the next setpoint
once() {
	echo "$1" >/run/once.new
	mv /run/once.new /run/once
}

# A car that charges.
charging() {
	world pp 1000
	world car C
	shows "$1" '"state":"C2".*"commanded":true,"feedback":true'
}
