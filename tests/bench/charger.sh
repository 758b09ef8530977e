#!/bin/bash
# charger.sh BUILD: what a whole charger of one EVSE needs and how fast it starts. Prints "name value unit" lines.
# Memory is proportional set size over all its processes: tools, relays, bus, supervisors; the simulation and the test back
# office stand for hardware and the outside and are left out. CPU is over 30 s of a charge at 1 Hz meters.
set -u
EVSE_BUILD=$(cd "$1" && pwd)
PATH=$EVSE_BUILD/bin:$PATH
export EVSE_BUILD PATH
# shellcheck source=tests/lib/charger.bash
. "$(dirname "$0")/../lib/charger.bash"
now_ms() { date +%s%3N; }
record_ms() { date -d "$(jq -r .t)" +%s%3N; }

one='del(."pilot.2", ."meter.2") | .charger.evses=1 | .bus.evses=1 | .sim.evses=1 | .session.evses=1 | .setpoint.evses=1 | .ocpp.evses=1'
begun=$(now_ms)
charger_start "$one"
trap charger_stop EXIT
echo "start_services_up $(($(now_ms) - begun)) ms"
wait_until 20 csms_line '.kind=="result" and .action=="BootNotification"'
pilot=$(evse-bus tap -r -s boot | jq -c 'select(.src=="pilot.1")' | record_ms)
driven=$(log_records | jq -c 'select(.type=="pilot" and .src=="pilot.1")' | head -n 1 | record_ms)
booted=$(csms_line '.kind=="result" and .action=="BootNotification"' | record_ms)
echo "start_cp_driven $((driven - pilot)) ms"
ocpp=$(evse-bus tap -r -s boot | jq -c 'select(.src=="ocpp")' | record_ms)
echo "start_boot_accepted $((booted - ocpp)) ms"
plug_in 1
swipe 1
closed=$(wait_record 25 pilot '.evse==1 and .contactor.feedback==true' | record_ms)
echo "start_able_to_close $((closed - pilot)) ms"
sleep 3

# SetChargingProfile over TLS 1.3 on loopback: from its frame (the back office's line) to the pilot's record of the new duty.
profile() {
	call '{"to":"CS001","action":"SetChargingProfile","payload":{"evseId":1,"chargingProfile":{"id":1,"stackLevel":0,"chargingProfilePurpose":"TxDefaultProfile","chargingProfileKind":"Absolute","chargingSchedule":[{"id":1,"chargingRateUnit":"A","startSchedule":"2026-01-01T00:00:00Z","chargingSchedulePeriod":[{"startPeriod":0,"limit":'"$1"',"numberPhases":3}]}]}}}'
}
evse-bus tap -s pilot >"$dir/pilots" &
tap=$!
for i in $(seq "${BENCH_PROFILES:-40}"); do
	a=$((10 + i % 2 * 6))
	profile "$a"
	wait_record 5 pilot ".evse==1 and .limit_a==$a" >/dev/null
done
kill "$tap"
jq -rs --slurpfile p "$dir/pilots" 'def ms: (.[0:19]+"Z"|fromdate)*1000 + (.[20:23]|tonumber);
	[.[]|select(.dir=="out" and .kind=="call" and .action=="SetChargingProfile")
	|{at:(.t|ms), a:.payload.chargingProfile.chargingSchedule[0].chargingSchedulePeriod[0].limit}
	|. as $c|[$p[]|select(.limit_a==$c.a and (.t|ms) >= $c.at)|(.t|ms)-$c.at]|min]|sort
	|"profile_to_duty_p50 \(.[length/2|floor]) ms\nprofile_to_duty_p99 \(.[length*0.99|floor]) ms"' "$EVSE_RUN/csms.out"

pids=$(cat "$EVSE_RUN/supervisor"; pgrep -P "$(cat "$EVSE_RUN/supervisor")")
tools='' relays=''
for d in "$EVSE_RUN"/sv/*/; do
	s=$(basename "$d")
	case $s in sim | csms) continue ;; esac
	tools="$tools $(pid_of "$s")"
	relays="$relays $(relay_of "$s")"
done
pss() { for p in "$@"; do awk '/^Pss:/ { print $2 }' "/proc/$p/smaps_rollup" 2>/dev/null; done | awk '{ s += $1 } END { print s + 0 }'; }
cpu() { for p in "$@"; do sed 's/.*) //' "/proc/$p/stat" 2>/dev/null; done | awk '{ s += $12 + $13 } END { print s + 0 }'; }
# shellcheck disable=SC2086 # lists of numbers
{
	total=$(pss $pids $tools $relays)
	echo "charger_pss $(awk -v k="$total" 'BEGIN { printf "%.1f", k / 1024 }') MiB"
	for d in "$EVSE_RUN"/sv/*/; do
		s=$(basename "$d")
		case $s in sim | csms) continue ;; esac
		echo "pss_$s $(awk -v k="$(pss "$(pid_of "$s")")" 'BEGIN { printf "%.2f", k / 1024 }') MiB"
	done
	echo "pss_relays $(awk -v k="$(pss $relays)" 'BEGIN { printf "%.2f", k / 1024 }') MiB"
	before=$(cpu $tools $relays)
	sleep 30
	after=$(cpu $tools $relays)
	echo "charger_cpu $(awk -v d="$((after - before))" -v hz="$(getconf CLK_TCK)" 'BEGIN { printf "%.2f", d / hz / 30 * 100 }') %"
}
