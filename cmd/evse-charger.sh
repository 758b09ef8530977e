#!/bin/sh
# evse-charger: the supervisor of one charger. Reads one JSON file with a section per tool, checks it whole, makes a runit
# service of each section in RUN/sv, and lets runit keep them. Uses jq, runit (or busybox's) and the evse tools beside it.
#
# RUN/evse.json     the configuration with its @WORDS@ filled in
# RUN/sv/NAME/      run, finish: a service
# RUN/log/          messages of all tools (svlogd)
# RUN/supervisor    the process that keeps the services
set -u

VERSION=@VERSION@
here=$(dirname "$(readlink -f "$0")")
PATH=$here:$PATH
export PATH

usage() {
	cat <<'END'
Usage: evse-charger COMMAND [OPTION...]
Starts, stops and checks the tools of one charger.

Commands:
  start          check the configuration, then start every tool it names
  stop           finish sessions safely and stop all tools
  status         a line for each tool; exit 0 when all run
  restart TOOL   restart one tool (pilot.1, ocpp, ...)
  get TOOL [NAME...]      print variables of a tool that runs
  set TOOL NAME=VALUE...  change some, all or none; NAME= takes a change back
  check          check the configuration and the boards; exit 0 or 78

Options:
  -c, --config FILE   configuration (default: /etc/evse/evse.json, else the
                      demonstration's)
  -d, --dir RUN       directory of sockets and services (default $EVSE_RUN, else
                      /run/evse)
      --state DIR     directory of what outlives a restart (default $EVSE_STATE,
                      else /var/lib/evse)
  -q, --quiet         only errors
  -h, --help          print this text
  -V, --version       print the version

Exit status: 0 done; 1 not all tools run, or a tool rejected it; 64 usage;
66 no configuration; 69 a program is missing, or a tool does not answer;
75 it runs already; 78 bad configuration.
END
}

# For completions, as the C programs print it: letter, long name, argument, hint, help; "@" a command.
option_table() {
	usage | sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z]*\)\( [A-Z[][^ ]*\)*   *\([a-z].*\)/@	\1	\3/p'
	printf '%s\t%s\t%s\t%s\t%s\n' \
		c config FILE @file 'configuration' \
		d dir RUN @dir 'directory of sockets and services' \
		- state DIR @dir 'directory of what outlives a restart' \
		q quiet - - 'only errors' h help - - 'print this text' V version - - 'print the version'
}

fail() {
	code=$1
	shift
	printf 'evse-charger: error: %s\n' "$*" >&2
	exit "$code"
}
say() {
	[ -n "$quiet" ] || printf '%s\n' "$*"
}

config='' run='' state='' quiet='' command='' tool='' pairs=''
while [ $# -gt 0 ]; do
	case $1 in
	-c | --config | -d | --dir | --state)
		[ $# -ge 2 ] || fail 64 "option $1 needs a value (try --help)"
		case $1 in
		-c | --config) config=$2 ;;
		-d | --dir) run=$2 ;;
		--state) state=$2 ;;
		esac
		shift
		;;
	-q | --quiet) quiet=1 ;;
	-h | --help) usage || exit 74; exit 0 ;;
	--option-table) option_table; exit 0 ;;
	-V | --version) echo "evse-charger $VERSION" || exit 74; exit 0 ;;
	-*) fail 64 "unknown option '$1' (try --help)" ;;
	*)
		if [ -z "$command" ]; then
			command=$1
		elif [ -z "$tool" ]; then
			case $command in
			restart | get | set) tool=$1 ;;
			*) fail 64 "unexpected argument '$1' (try --help)" ;;
			esac
		elif [ "$command" = get ] || [ "$command" = set ]; then
			pairs="$pairs$1
"
		else
			fail 64 "unexpected argument '$1' (try --help)"
		fi
		;;
	esac
	shift
done

# ---- places and programs ----

share=$here/../share/evse
[ -d "$share" ] || share=${EVSE_SHARE:-/usr/local/share/evse}
share=$(readlink -f "$share")
run=${run:-${EVSE_RUN:-/run/evse}}
state=${state:-${EVSE_STATE:-/var/lib/evse}}
if [ -z "$config" ]; then
	config=/etc/evse/evse.json
	[ -r "$config" ] || config=$share/evse.json
fi

# Runs one of runit's programs, from runit or from busybox; with exec it becomes the program.
runit() {
	exec=
	[ "$1" = exec ] && exec="exec" && shift
	if command -v "$1" >/dev/null; then
		$exec "$@"
	elif command -v busybox >/dev/null && busybox --list | grep -qx "$1"; then
		$exec busybox "$@"
	else
		fail 69 "neither $1 (package runit) nor busybox is there"
	fi
}

need() {
	command -v jq >/dev/null || fail 69 "jq is missing (package jq)"
}

# ---- the services ----

# What each tool hears on the bus; '' for nothing but its commands.
topics() {
	case $1 in
	pilot.*) echo 'setpoint~,availability~,session~,meter~' ;;
	session) echo 'pilot,token,reading,availability~,meter~,bus' ;;
	setpoint) echo 'limit~,pilot~,session~,meter~,boot~,bus~' ;;
	ocpp) echo 'session!,auth!,reading!,pilot,meter,setpoint~,alert,security,boot~,var~,clock~,lock~,token' ;;
	clock) echo 'uplink~' ;;
	log) echo '*!' ;;
	*) echo '' ;;
	esac
}

program() {
	case $1 in
	pilot.* | meter.*) echo "evse-${1%%.*}" ;;
	log.ship) echo evse-log-ship ;;
	*) echo "evse-$1" ;;
	esac
}

# The section of a tool that takes no file, as options.
as_options() {
	jq -r --arg s "$1" '.[$s]|to_entries|map("--\(.key) '"'"'\(.value)'"'"'")|join(" ")' "$run/evse.json"
}

# Sections that are services: all but charger, remarks, and what is only defaults of numbered ones.
services() {
	jq -r 'keys_unsorted[] | select(. != "charger" and . != "pilot" and . != "meter" and (startswith("//") | not))' "$1"
}

free_ports() { # free_ports N: that many TCP ports that nobody listens on
	awk -v n="$1" -v seed="$$" 'BEGIN {
		while ((getline line < "/proc/net/tcp") > 0) { split(line, f, " "); split(f[2], a, ":"); used[a[2]] = 1 }
		srand(seed)
		for (p = 20000 + int(rand() * 12000); n > 0; p++)
			if (!(sprintf("%04X", p) in used)) { print p; n-- }
	}'
}

# Fills in the words of the configuration. Ports once given are kept, so that a restart finds the same.
expand() {
	mkdir -p "$run" || fail 71 "unable to make $run"
	[ -s "$run/ports" ] || free_ports 4 >"$run/ports"
	set --
	n=1
	while read -r port; do
		set -- "$@" -e "s|@PORT$n@|$port|g"
		n=$((n + 1))
	done <"$run/ports"
	sed -e "s|@RUN@|$run|g" -e "s|@STATE@|$state|g" -e "s|@SHARE@|$share|g" "$@" "$config" >"$run/evse.json.new" &&
		mv "$run/evse.json.new" "$run/evse.json"
}

# ---- check ----

check_board() { # a hardware board must name what holds the contactor when Linux does not (SAF-7)
	device=$(jq -r --arg s "$1" '(.pilot // {}) + .[$s] | .device // ""' "$run/evse.json")
	case $device in
	linux:*)
		board=${device#linux:}
		case $board in
		/*) ;;
		*/*) echo "$1: board file $board: expected a whole path, or the name of one in $share/boards"; return 1 ;;
		*) board=$share/boards/${board%.json}.json ;;
		esac
		[ -r "$board" ] || { echo "$1: board file $board is not there"; return 1; }
		why=$(evse-pilot probe "linux:$board" 2>&1 >/dev/null) || { echo "$1: $why"; return 1; }
		jq -e '.alive_line or .watchdog' "$board" >/dev/null ||
			{ echo "$1: board $board names no watchdog and no alive_line: refused (see evse-pilot(1))"; return 1; }
		;;
	esac
	return 0
}

check() {
	need
	[ -r "$config" ] || fail 66 "no configuration: $config"
	expand
	jq -e 'type == "object"' "$run/evse.json" >/dev/null 2>"$run/check.txt" ||
		fail 78 "$config: not a JSON object: $(head -n 1 "$run/check.txt")"
	[ -n "$(services "$run/evse.json")" ] || fail 78 "$config: no section that is a tool: nothing would run"
	wrong=0
	for s in $(services "$run/evse.json"); do
		p=$(program "$s")
		if ! command -v "$p" >/dev/null; then
			printf 'evse-charger: error: section "%s": there is no program %s\n' "$s" "$p" >&2
			wrong=1
			continue
		fi
		case $s in
		bus) set -- "$p" serve -d "$run" ;;
		log) set -- "$p" record ;;
		csms) set -- "$p" ;;
		log.ship)
			jq -e '.["log.ship"]|(.dir|type)=="string" and (.to|type)=="string"' "$run/evse.json" >/dev/null ||
				{ echo "evse-charger: error: section \"log.ship\": expected \"dir\" and \"to\"" >&2; wrong=1; }
			continue
			;;
		*) set -- "$p" -S "$s" ;;
		esac
		"$@" -c "$run/evse.json" --check-config </dev/null >"$run/check.txt" 2>&1 ||
			{ sed 's/^/  /' "$run/check.txt" >&2; printf 'evse-charger: error: section "%s" is wrong\n' "$s" >&2; wrong=1; }
		case $s in
		pilot.*) check_board "$s" >&2 || wrong=1 ;;
		esac
	done
	[ "$wrong" -eq 0 ] || fail 78 "$config: not started; correct it and try again"
}

# ---- start ----

# The node that a tool opens, to be waited for a moment; / where there is none.
device_node() {
	node=$(jq -r --arg s "$1" '.[$s] | objects | .device // ""' "$run/evse.json")
	case $node in
	sim:/* | rtu:/* | rapi:/*) node=${node#*:}; echo "${node%%@*}" ;;
	tcp://127.0.0.1:*) [ -d "$run/sv/sim" ] && echo "$run/sim/modbus.port" || echo / ;;
	*) echo / ;;
	esac
}

write_service() {
	s=$1
	dir=$run/sv/$s
	p=$(program "$s")
	mkdir -p "$dir"
	case $s in
	bus) line="evse-bus serve -d '$run' -c '$run/evse.json'" ;;
	csms)
		[ -p "$run/csms.in" ] || mkfifo -m 600 "$run/csms.in"
		line="evse-csms -c '$run/evse.json' <>'$run/csms.in' >>'$run/csms.out'"
		;;
	log) line="evse-bus attach -d '$run' -S log -s '$(topics log)' -- evse-log record -c '$run/evse.json' --vars '$state/log'" ;;
	log.ship) line="evse-bus attach -d '$run' -S $s -- $p $(as_options "$s")" ;;
	*) line="evse-bus attach -d '$run' -S $s -s '$(topics "$s")' -- $p -S $s -c '$run/evse.json' --vars '$state/$s'" ;;
	esac
	wait=$(device_node "$s")
	durable=$(jq -r '.charger.durable // ""' "$run/evse.json")
	cat >"$dir/run.new" <<END
#!/bin/sh
# made by evse-charger start
PATH='$PATH'
EVSE_RUN='$run'
EVSE_DURABLE='$durable'
export PATH EVSE_RUN EVSE_DURABLE
# devices may appear a little after the start
n=0
until [ -e '$wait' ] || [ \$n -ge 60 ]; do
	sleep 0.05
	n=\$((n + 1))
done
exec $line
END
	{
		echo '#!/bin/sh'
		# shellcheck disable=SC2016 # for the script that is written
		echo '# made by evse-charger start: $1 is the exit code; 64 and 78 will not get better by themselves'
		echo "PATH='$PATH'"
		case $s in
		pilot.*) echo "evse-pilot -S $s -c '$run/evse.json' --safe </dev/null" ;;
		esac
		# shellcheck disable=SC2016 # for the script that is written
		echo 'case $1 in 64 | 78) echo "evse-charger: '"$s"' ended with $1 and stays down until it is corrected and restarted" >&2'
		echo "	printf d >'$dir/supervise/control' ;;"
		echo 'esac'
	} >"$dir/finish.new"
	chmod +x "$dir/run.new" "$dir/finish.new"
	mv "$dir/finish.new" "$dir/finish"
	mv "$dir/run.new" "$dir/run"
}

make_pki() { # a test PKI where the configuration names none of its own
	case $(jq -r '.ocpp.ca // ""' "$run/evse.json") in
	"$state"/pki/*) ;;
	*) return ;;
	esac
	id=$(jq -r '.ocpp.url // "" | split("/") | last' "$run/evse.json")
	mkdir -p "$state/pki"
	[ -s "$state/pki/$id.key" ] && [ -s "$state/pki/server.key" ] && return
	say "making a test PKI in $state/pki (for trials only: give a real charger certificates of its own)"
	evse-pki -d "$state/pki" demo "$id" >/dev/null || fail 71 "evse-pki could not make the test PKI"
}

supervisor_alive() {
	[ -s "$run/supervisor" ] && kill -0 "$(cat "$run/supervisor")" 2>/dev/null
}

# What an earlier supervisor left behind when it was killed: its services go on without it, so they are stopped first.
stop_leftovers() {
	for dir in "$run"/sv/*/; do
		[ -p "$dir/supervise/control" ] || continue
		runit sv -w 10 force-shutdown "$dir" >/dev/null 2>&1
	done
	rm -rf "$run/sv"
}

wait_for() { # wait_for SECONDS COMMAND…: until it succeeds
	n=$(($1 * 20))
	shift
	while ! "$@" 2>/dev/null; do
		n=$((n - 1))
		[ "$n" -gt 0 ] || return 1
		sleep 0.05
	done
}

start() {
	supervisor_alive && fail 75 "it runs already (supervisor $(cat "$run/supervisor")); 'evse-charger status' tells more"
	check
	stop_leftovers
	mkdir -p "$run/sv" "$run/log" "$state" || fail 71 "unable to make directories below $run and $state"
	chmod 700 "$run" "$state"
	make_pki
	for s in $(services "$run/evse.json"); do
		write_service "$s"
	done
	{
		(runit exec runsvdir -P "$run/sv" 2>&1 >/dev/null) &
		echo $! >"$run/supervisor"
		wait
	} </dev/null 2>/dev/null | runit svlogd "$run/log" >/dev/null 2>&1 &
	wait_for 5 test -s "$run/supervisor" || fail 71 "the supervisor did not start"
	wait_for 10 all_up || fail 71 "not all tools came up: $(status_lines | grep -v '^up')"
	say "started: $(services "$run/evse.json" | tr '\n' ' ')"
	say "records: evse-bus tap -d $run    messages: $run/log/current"
}

# ---- status, restart, stop ----

status_lines() {
	for dir in "$run"/sv/*/; do
		[ -d "$dir" ] || continue
		name=$(basename "$dir")
		line=$(runit sv status "$dir" 2>/dev/null)
		case $line in
		run:*) printf 'up    %-12s %s\n' "$name" "$(printf '%s' "$line" | sed 's/^[^(]*(pid \([0-9]*\)) \([0-9]*s\).*/pid \1, \2/')" ;;
		*) printf 'down  %-12s %s\n' "$name" "${line:-no supervisor}" ;;
		esac
	done
}

all_up() {
	lines=$(status_lines)
	[ -n "$lines" ] && ! printf '%s\n' "$lines" | grep -q '^down'
}

status() {
	[ -d "$run/sv" ] || { echo "not started"; return 1; }
	status_lines
	all_up
}

# Stops those of the names that are services here; the present directory is RUN/sv.
stop_some() {
	dirs=
	for s in "$@"; do
		[ -d "$s" ] && dirs="$dirs $run/sv/$s"
	done
	# shellcheck disable=SC2086 # names without blanks
	[ -z "$dirs" ] || runit sv -w 12 force-stop $dirs >/dev/null 2>&1
}

# Actuators first, while the bus and the log still hear them; the world they act on last.
stop() {
	[ -d "$run/sv" ] || { say "not started"; return 0; }
	cd "$run/sv" || fail 71 "unable to enter $run/sv"
	stop_some pilot.*
	others=
	for s in *; do
		case $s in
		bus | log | sim | csms) ;;
		*) others="$others $s" ;;
		esac
	done
	# shellcheck disable=SC2086 # names without blanks
	stop_some $others
	stop_some log csms sim
	stop_some bus
	cd / || exit 71
	# at HUP runsvdir ends its runsv processes and itself
	supervisor_alive && kill -HUP "$(cat "$run/supervisor")"
	wait_for 10 supervisor_gone || fail 71 "the supervisor $(cat "$run/supervisor") did not end"
	stop_leftovers
	rm -f "$run/supervisor"
	say "stopped"
}

supervisor_gone() {
	! supervisor_alive
}

restart() {
	[ -n "$tool" ] || fail 64 "restart: expected a tool: $(cd "$run/sv" 2>/dev/null && echo *)"
	[ -d "$run/sv/$tool" ] || fail 64 "restart: no tool '$tool' here: $(cd "$run/sv" 2>/dev/null && echo *)"
	write_service "$tool"
	runit sv -w 12 restart "$run/sv/$tool" >/dev/null || fail 71 "$tool did not come back; see $run/log/current"
	say "$tool restarted"
}

# ---- variables ----

# Says a command to the tool and prints its reply; 1 when there was none.
ask() {
	[ -S "$run/operator.sock" ] || fail 69 "no charger runs in $run"
	printf '%s\n' "$1" | evse-bus put -d "$run" 2>/dev/null | tail -n 1 | grep . ||
		fail 69 "$tool did not answer; 'evse-charger status' tells what runs"
}

get() {
	[ -n "$tool" ] || fail 64 "get: expected a tool: $(cd "$run/sv" 2>/dev/null && echo *)"
	reply=$(ask "$(printf '%s' "$pairs" | jq -Rsc --arg to "$tool" '{to: $to, kind: "get"} +
		(split("\n") | map(select(. != "")) | if length > 0 then {names: .} else {} end)')") || exit
	printf '%s\n' "$reply" | jq -r '.values // {} | to_entries[] | "\(.key)=\(.value)"' || fail 74 "standard output does not take it"
	answered "$reply"
}

set_vars() {
	[ -n "$pairs" ] || fail 64 "set: expected a tool and NAME=VALUE (try --help)"
	reply=$(ask "$(printf '%s' "$pairs" | jq -Rsc --arg to "$tool" '{to: $to, kind: "set", values:
		(split("\n") | map(select(. != "") | split("=")
			| {(.[0]): (.[1:] | join("=") | if . == "" then null else . end)}) | add)}')") || exit
	answered "$reply"
}

answered() { # says why not, or what is left to do
	reason=$(printf '%s' "$1" | jq -r '.reason // empty')
	case $(printf '%s' "$1" | jq -r .status) in
	accepted | reboot_required) [ -z "$reason" ] || say "$reason" ;;
	unreachable) fail 69 "$tool is not there; 'evse-charger status' tells what runs" ;;
	*) fail 1 "$tool: ${reason:-$(printf '%s' "$1" | jq -r .status)}" ;;
	esac
}

case $command in
start) start ;;
get) need && get ;;
set) need && set_vars ;;
stop) stop ;;
status) status ;;
restart) need && check && restart ;;
check) check && say "$config: right; services: $(services "$run/evse.json" | tr '\n' ' ')" ;;
'') usage >&2; exit 64 ;;
*) fail 64 "unknown command '$command' (try --help)" ;;
esac
