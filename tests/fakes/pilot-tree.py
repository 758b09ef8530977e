#!/usr/bin/python3
"""A fake board as a tree of files, for evse-pilot's linux driver: DIR/sys (sysfs with PWM and IIO), DIR/gpio
(one file a line, for pilot-gpio-preload.c). Standard input takes `car A|B|C|D|E`, `pp MV`, `temp C`,
`line NAME 0|1`. The contactor's sense and the lock's position follow their lines. Prints `ready`."""

import os
import sys
import time

top = sys.argv[1]
PWM = top + "/sys/class/pwm/pwmchip3/pwm0"
IIO = top + "/sys/bus/iio/devices/iio:device0"
GPIO = top + "/gpio"
MV = {"A": 12000, "B": 9000, "C": 6000, "D": 3000, "E": 0}
LINES = {"K1": 0, "K1_SENSE": 1, "K2": 0, "K2_SENSE": 1, "RCD": 0, "RCD_TEST": 0, "IN1": 0, "IN2": 0, "ESTOP": 1,
         "CUT": 0, "ALIVE": 0, "RST_P": 0, "RST_N": 0, "PE": 1}
car, lock, lock_at, want_lock, rcd_at = "A", 0, 0.0, 0, 0.0


def put(path, text):
    with open(path, "w") as f:
        f.write(text)


def setraw(channel, value):
    # In place and of one length, so that a reader never sees half a value.
    fd = os.open(f"{IIO}/in_voltage{channel}_raw", os.O_WRONLY)
    os.pwrite(fd, b"%07d\n" % value, 0)
    os.close(fd)


def get(path):
    try:
        with open(path) as f:
            return int(f.readline() or 0)
    except ValueError:
        return get(path)


def setline(name, value):
    fd = os.open(f"{GPIO}/{name}", os.O_WRONLY)
    os.pwrite(fd, b"1\n" if value else b"0\n", 0)
    os.close(fd)


os.makedirs(PWM)
os.makedirs(IIO)
os.makedirs(GPIO)
os.makedirs(top + "/sys/devices/20fc000.pwm")
os.makedirs(top + "/dev")
os.symlink("../../../devices/20fc000.pwm", PWM + "/../device")
put(PWM + "/../export", "")
for name, value in (("period", "500000"), ("duty_cycle", "500000"), ("enable", "0"), ("polarity", "normal")):
    put(f"{PWM}/{name}", value)
put(IIO + "/name", "2198000.adc")
for c in range(6):
    put(f"{IIO}/in_voltage{c}_raw", "0000000\n")
for name, value in LINES.items():
    put(f"{GPIO}/{name}", f"{value}\n")
os.set_blocking(0, False)


def world():
    global lock, want_lock, lock_at, rcd_at
    duty, period = get(PWM + "/duty_cycle"), get(PWM + "/period")
    share = duty / period if period else 0
    cut = get(GPIO + "/CUT")
    pos = -12000 if share <= 0 else 12000 if cut else MV[car]
    neg = -12000 if 0 < share < 1 else pos
    setraw(2, pos + 20000)
    setraw(3, neg + 20000)
    setline("K1_SENSE", not get(GPIO + "/K1"))
    setline("K2_SENSE", not get(GPIO + "/K2"))
    now = time.monotonic()
    if get(GPIO + "/IN1") != get(GPIO + "/IN2"):
        want = get(GPIO + "/IN1")
        if want != want_lock:
            want_lock, lock_at = want, now + 0.1
    if now >= lock_at:
        lock = want_lock
    setraw(0, 3000 if lock else 500)
    if get(GPIO + "/RCD_TEST") and not rcd_at:
        rcd_at = now
    if rcd_at:
        setline("RCD", 0.05 < now - rcd_at < 0.4)
        if now - rcd_at > 0.6 and not get(GPIO + "/RCD_TEST"):
            rcd_at = 0.0


pp, temp = 3000, 25
world()
setraw(5, pp)
setraw(4, temp)
print("ready", flush=True)
script = b""
while True:
    try:
        data = os.read(0, 4096)
        if not data:
            break
        script += data
    except BlockingIOError:
        pass
    while b"\n" in script:
        line, script = script.split(b"\n", 1)
        words = line.decode().split()
        if words[0] == "car":
            car = words[1]
        elif words[0] == "pp":
            setraw(5, int(words[1]))
        elif words[0] == "temp":
            setraw(4, int(words[1]))
        elif words[0] == "line":
            setline(words[1], int(words[2]))
    world()
    time.sleep(0.002)
