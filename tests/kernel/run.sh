#!/bin/sh
# run.sh BUILD: evse-pilot's linux driver against a real kernel, Debian 12's, in an emulated machine (qemu without KVM).
#
# As Debian ships it: the kernel, the GPIO character device, PWM and IIO in sysfs, i2c-stub (registers behind addresses of an
# I2C bus), the IIO drivers ad799x and mlx90614, softdog. The kernel's configuration leaves out
#   # CONFIG_GPIO_SIM is not set      # CONFIG_GPIO_MOCKUP is not set      # CONFIG_PWM_PCA9685 is not set
# so gpio-sim and pwm-pca9685 are built from Debian's source package of the same version against the headers of that kernel.
# One line of irq_sim.c differs, as irq_to_desc() is not for modules; nothing here uses interrupts. Not there and not needed:
#   # CONFIG_IIO_CONFIGFS is not set  (the IIO dummy, whose inputs can't be driven; the ADC is an AD7998 on i2c-stub)
#
# Not real here: the analogue side (world.c stands for it) and pin controllers.
#
# The machine counts instructions (-icount), so that its time does not depend on this machine's load. Everything is made below
# BUILD/kernel; the packages are fetched and unpacked there, not installed. EVSE_KERNEL_SECONDS bounds the machine (300).
set -eu
b=$1
here=$(dirname "$0")
w=$b/kernel
limit=${EVSE_KERNEL_SECONDS:-300}

fail() {
	echo "kernel: $*" >&2
	exit 69
}

# The newest 6.1 kernel of the archive, its headers and its source: fetched and unpacked, not installed.
fetch() {
	image=$(apt-cache depends linux-image-amd64 | sed -n 's/^ *Depends: //p' | head -n 1)
	[ -n "$image" ] || fail "apt knows no linux-image-amd64; is this Debian 12, with apt-get update run?"
	release=${image#linux-image-}
	made="$release $(cat "$here/modules" "$here/supply.c" | cksum)"
	[ "$(cat "$w/made" 2>/dev/null)" != "$made" ] || return 0
	echo "kernel: fetching $release"
	rm -rf "$w"
	mkdir -p "$w/deb" "$w/tree"
	series=$(echo "$release" | sed 's/^\([0-9]*\.[0-9]*\).*/\1/')
	(cd "$w/deb" && apt-get download -q "$image" "linux-headers-$release" "linux-headers-${release%-amd64}-common" \
		"linux-kbuild-$series" "linux-source-$series" >/dev/null 2>../apt.log) || fail "$(cat "$w/apt.log")"
	for d in "$w"/deb/*.deb; do
		dpkg -x "$d" "$w/tree"
	done
	rm -r "$w/deb"
	modules
	echo "$made" >"$w/made"
}

modules() {
	echo "kernel: building what Debian left out"
	m=$(cd "$w" && pwd)/modules
	mkdir -p "$m"
	tar -C "$m" --strip-components=1 --wildcards -xf "$w/tree/usr/src/linux-source-$series.tar.xz" \
		'*/drivers/gpio/gpio-sim.c' '*/drivers/gpio/gpiolib.h' '*/kernel/irq/irq_sim.c' '*/drivers/pwm/pwm-pca9685.c'
	mv "$m"/drivers/*/*.[ch] "$m"/kernel/irq/irq_sim.c "$m"
	cp "$here/supply.c" "$m"
	sed -i 's/handle_simple_irq(irq_to_desc(irqnum))/generic_handle_irq_safe(irqnum)/' "$m/irq_sim.c"
	printf '#include <linux/module.h>\nMODULE_LICENSE("GPL");\n' >>"$m/irq_sim.c"
	echo 'obj-m := irq_sim.o gpio-sim.o pwm-pca9685.o supply.o' >"$m/Kbuild"
	headers=$w/tree/usr/src/linux-headers-$release
	# The package's makefile names its sister by the place of installation.
	echo "include $(cd "$w" && pwd)/tree/usr/src/linux-headers-${release%-amd64}-common/Makefile" >"$headers/Makefile"
	env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make -C "$headers" M="$m" modules >"$w/modules.log" 2>&1 ||
		fail "$(tail -n 20 "$w/modules.log")"
	while read -r k _; do
		[ -f "$m/$k.ko" ] || cp "$(find "$w/tree/lib/modules" -name "$k.ko")" "$m/" || fail "no module $k"
	done <"$here/modules"
}

# libraries PROGRAM…: what they need of the machine's, by the paths they need it at
libraries() {
	for p in "$@"; do
		ldd "$p" | sed -n 's/^[^/]*\(\/[^ ]*\) (0x.*/\1/p'
	done | sort -u
}

initramfs() {
	r=$w/root
	rm -rf "$r"
	mkdir -p "$r/bin" "$r/dev" "$r/proc" "$r/sys" "$r/run" "$r/tmp" "$r/etc" "$r/test"
	cc -O2 -Wall -Wextra -o "$r/bin/world" "$here/world.c"
	cp "$(command -v busybox)" "$b/bin/evse-pilot" "$r/bin/"
	ln -s busybox "$r/bin/sh"
	for l in $(libraries "$r/bin/busybox" "$r/bin/world" "$r/bin/evse-pilot"); do
		mkdir -p "$r$(dirname "$l")"
		cp -L "$l" "$r$l"
	done
	cp "$here/modules" "$here/board.json" "$here/lib.sh" "$here/steps.sh" "$r/test/"
	cp "$w"/modules/*.ko "$r/test/"
	cp "$here/guest.sh" "$r/init"
	chmod 755 "$r/init"
	(cd "$r" && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1) >"$w/initrd.gz"
}

boot() {
	code=0
	timeout -k 5 "$limit" qemu-system-x86_64 -M microvm,isa-serial=on,pit=on,pic=on,rtc=on -cpu max -accel tcg -icount shift=2,sleep=off -m 256 \
		-nodefaults -nographic -no-reboot -serial stdio -kernel "$w/tree/boot/vmlinuz-$release" \
		-initrd "$w/initrd.gz" -append "console=ttyS0 reboot=t panic=1 loglevel=3" </dev/null >"$w/console.txt" 2>&1 || code=$?
	tr -d '\r' <"$w/console.txt" >"$w/console.lf"
	grep -E '^(ok|not ok|seen|# [a-z]*:) ' "$w/console.lf" || :
	[ "$code" -ne 124 ] || fail "not done in $limit s; see $w/console.txt"
}

# Whether the watchdog ended the machine in the last step is seen from here.
judge() {
	last="the watchdog, no longer fed, resets the machine"
	if grep -q '^# waiting for the watchdog' "$w/console.lf" && ! grep -q '^# the watchdog did not act' "$w/console.lf"; then
		echo "ok $last"
	else
		echo "not ok $last"
	fi | tee -a "$w/console.lf"
	good=$(grep -c '^ok ' "$w/console.lf" || :)
	bad=$(grep -c '^not ok ' "$w/console.lf" || :)
	echo "kernel $release: $good passed, $bad failed"
	[ "$bad" -eq 0 ]
}

command -v qemu-system-x86_64 >/dev/null || fail "qemu-system-x86_64 is not installed"
fetch
initramfs
boot
judge
