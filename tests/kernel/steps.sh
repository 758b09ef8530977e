# What is shown, in order. Each line printed is `ok TEXT` or `not ok TEXT`; `seen TEXT` is what the kernel did, for the record.
# shellcheck shell=sh
# shellcheck source=tests/kernel/lib.sh
. /test/lib.sh

seen() {
	echo "seen $*"
}

# How often a contactor's line fell.
openings() {
	grep -cE ' K[12] 0$' /run/world.out
}

dog() {
	cat "/sys/class/watchdog/watchdog0/$1"
}

seen "$(uname -srv)"
evse-pilot probe >/run/probe
has() {
	check "probe lists: $1" grep -qE "^$(echo "$1" | sed 's/ /\t/g')\$" /run/probe
}
has 'pwm pwmchip0 0-0040'
has 'iio ad7998 in_voltage2_raw 0-0021'
has 'iio mlx90614 in_temp_object_raw 0-005a'
has 'gpio /dev/gpiochip[0-9]+ 0 K1 input free'

# ---- a session ----
setpoint 32
feed &
pilot_start
shows "starts in A with X1, RCD self-test passed through lines" '"state":"A1".*"rcd":\{"ok":true'
check "PWM: the chip's prescaler makes 1 kHz" [ "$(register 0xfe)" = 0x05 ]
check "PWM: X1 is the chip's full-on bit" duty_is 4096
check "IIO: 12 V on both peaks" says '"cp_pos_v":(12|11.99),"cp_neg_v":(12|11.99)'
check "IIO: 25 degrees by the kernel's scale and offset" until_true 60 grep -qE '"temp_c":(25|24.9)[,}]' /run/out
check "GPIO: the kernel names the lines' user" sh -c "evse-pilot probe | grep -q 'K1	output	evse-pilot'"
check "GPIO: the alive line turns over" turns_over ALIVE
check "watchdog: armed, with the board's seconds" [ "$(dog state) $(dog timeout)" = "active 4" ]
evse-pilot -D linux:/test/board.json </dev/null >/dev/null 2>&1
check "a second evse-pilot is refused" [ $? -eq 75 ]

world pp 1000
world car B
shows "B: 20 A of the board, 32 A cable by IIO, locked by the motor" '"state":"B2".*"limit_a":20,.*"pp_a":32.*"feedback":"locked"'
check "PWM: 33.33 % is 1366 of 4096 in the chip" duty_is 1366
charging "C: contactors closed and seen closed"
check "GPIO: both contactor lines are up" levels 1 K1 K2
setpoint 10
shows "10 A: the duty follows" '"limit_a":10,'
check "PWM: 16.66 % is 683 of 4096 in the chip" duty_is 683
world car A
shows "plug pulled under power: open" '"state":"A1".*"commanded":false,"feedback":false'
check "GPIO: both contactor lines are down" levels 0 K1 K2
check "PWM: X1 again" duty_is 4096
seen "car gone to contactor line low: $(reaction) ms (emulated machine, with this world's 4 ms)"

# ---- faults ----
charging "closed again"
pull RCD up
shows "RCD line: F, open, latched" '"state":"F".*"commanded":false,"feedback":false.*"faults":\["rcd"\]'
check "PWM: F is the chip's full-off bit" duty_is 0
pull RCD down
world car A
once '{"t":"2026-11-22T10:00:00.123Z","type":"command","src":"test","to":"pilot.1","id":"r1","kind":"reset_fault"}'
shows "reset_fault clears it" '"state":"A1".*"faults":\[\]'
charging "closed again"
pull ESTOP down
shows "emergency stop, active low: F, open" '"state":"F".*"commanded":false,"feedback":false.*"faults":\["estop"\]'
pull ESTOP up
world car A
shows "cleared in A" '"state":"A1".*"faults":\[\]'
charging "closed again"
world temp 72
shows "72 degrees: stopped" '"commanded":false.*"faults":\["temperature"\]'
world temp 25
world car A
shows "cool again" '"state":"A1".*"faults":\[\]'
charging "closed again"
world weld 1
world car A
shows "welded: locked, upstream tripped" '"feedback":"locked".*"faults":\["welded"\]'
check "GPIO: the upstream trip line is up" levels 1 UPSTREAM
world weld 0
once '{"t":"2026-11-22T10:00:00.123Z","type":"command","src":"test","to":"pilot.1","id":"r2","kind":"reset_fault"}'
shows "reset_fault clears it" '"state":"A1".*"faults":\[\]'

# ---- the end ----
charging "closed again"
kill "$pilot"
check "SIGTERM: ends with 0" ended 0
check "… both contactor lines are down" levels 0 K1 K2
check "… X1" duty_is 4096
check "… the watchdog is disarmed" [ "$(dog state)" = inactive ]
pilot_start
charging "started again on the exported channel: closes"
# gpio-sim gives a line that its user lets go of back to its pull; most chips hold its level. Here: as those.
pull K1 up
pull K2 up
kill -9 "$pilot"
wait "$pilot"
seen "killed while closed: K1 $(line K1), K2 $(line K2), duty $(duty) of 4096, watchdog $(dog state)"
check "kill -9: held contactor lines stay closed" levels 1 K1 K2
check "… the PWM stays as it was" duty_is 683
check "… the alive line stands still" stands_still ALIVE
check "… the watchdog stays armed" [ "$(dog state)" = active ]
opened=$(openings)
evse-pilot --safe -D linux:/test/board.json >/dev/null 2>/run/err
check "--safe: ends with 0, having seen both open" [ $? -eq 0 ]
check "… by their lines" [ "$(openings)" -eq $((opened + 2)) ]
pull K1 down
pull K2 down
check "… X1" duty_is 4096
pilot_start
charging "back: feeds the watchdog, closes"
check "watchdog: armed by the new one" [ "$(dog state)" = active ]
world car A
shows "open" '"state":"A1"'

# ---- devices that go away ----
charging "closed again"
echo 0x21 >/sys/bus/i2c/devices/i2c-0/delete_device
shows "the ADC goes away: driver fault, open" '"commanded":false.*"faults":\["driver"\]'
check "… both contactor lines are down" levels 0 K1 K2
kill "$pilot"
check "… ends with 69: nobody sees the contactor open" ended 69
echo ad7998 0x21 >/sys/bus/i2c/devices/i2c-0/new_device
pilot_start
charging "the ADC is back: closes"
echo 0x40 >/sys/bus/i2c/devices/i2c-0/delete_device
world car B
shows "the PWM chip goes away: driver fault, open" '"commanded":false.*"faults":\[.*"driver".*\]'
check "… the alive line stands still: the hardware is called" stands_still ALIVE
kill "$pilot"
wait "$pilot"
check "… its end leaves the watchdog armed" [ "$(dog state)" = active ]
echo pca9685 0x40 >/sys/bus/i2c/devices/i2c-0/new_device
pilot_start
charging "the PWM chip is back: closes"
echo 0 >/sys/kernel/config/gpio-sim/board/live
shows "the GPIO chip goes away: driver fault; nothing can be opened any more" '"faults":\[.*"driver".*\]'
check "… evse-pilot lives" kill -0 "$pilot"
echo "# waiting for the watchdog"
sleep 10
echo "# the watchdog did not act"
