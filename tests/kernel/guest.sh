#!/bin/sh
# guest.sh: the first and only process of the emulated machine. Makes a charger's board of the kernel's devices, runs
# steps.sh, and ends the machine.
PATH=/bin
export PATH LC_ALL=C
/bin/busybox --install -s /bin
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs tmp /tmp
mount -t tmpfs run /run

while read -r module args; do
	# shellcheck disable=SC2086 # a list of words
	insmod "/test/$module.ko" $args || echo "not ok insmod $module"
done </test/modules
mount -t configfs config /sys/kernel/config

# The lines of the board, with their idle levels from outside.
lines="K1=0 K2=0 K1_SENSE=1 K2_SENSE=1 RCD=0 RCD_TEST=0 IN1=0 IN2=0 ESTOP=1 CUT=0 ALIVE=0 PE=1 RST_P=0 RST_N=0 UPSTREAM=0"
chip=/sys/kernel/config/gpio-sim/board
mkdir -p $chip/bank
n=0
for l in $lines; do
	mkdir $chip/bank/line$n
	echo "${l%=*}" >$chip/bank/line$n/name
	n=$((n + 1))
done
echo $n >$chip/bank/num_lines
echo 1 >$chip/live
sim=/sys/devices/platform/$(cat $chip/dev_name)/$(cat $chip/bank/chip_name)
mkdir /run/line
n=0
for l in $lines; do
	ln -s "$sim/sim_gpio$n" "/run/line/${l%=*}"
	[ "${l#*=}" = 0 ] || echo pull-up >"$sim/sim_gpio$n/pull"
	n=$((n + 1))
done

echo ad7998 0x21 >/sys/bus/i2c/devices/i2c-0/new_device
echo mlx90614 0x5a >/sys/bus/i2c/devices/i2c-0/new_device
echo pca9685 0x40 >/sys/bus/i2c/devices/i2c-0/new_device

mkfifo /run/world.in /run/in
world /run/line /run/world.in >/run/world.out 2>&1 &
cd /test || poweroff -f
# shellcheck source=tests/kernel/steps.sh
. /test/steps.sh
reboot -f
