#!/usr/bin/python3
"""A fake OpenEVSE controller on a pty: RAPI with checksums, its own state machine, heartbeat supervision.

  openevse.py LINK [LOG]

LINK becomes a symbolic link to the pty. Standard input: `car A|B|C|D`, `fault HEX|0` (evsestate), `temp T`
(tenths of a degree), `reboot`, `corrupt N` (spoil each Nth line sent), `late MS`, `split` (byte by byte),
`chatter` (a report in the middle of each reply), `deaf` / `hear`. LOG gets each good command. Prints `ready`."""

import os
import pty
import selectors
import sys
import time
import tty

link = sys.argv[1]
log = open(sys.argv[2], "a", buffering=1) if len(sys.argv) > 2 else None
master, slave = pty.openpty()
tty.setraw(slave)
if os.path.islink(link):
    os.unlink(link)
os.symlink(os.ttyname(slave), link)
os.set_blocking(0, False)
os.set_blocking(master, False)

car, fault, temp = 1, 0, 250
mode, amps, relay, sleeping_at = "FS", 32, False, 0.0
beat_s, beat_a, beat_at, missed = 0, 0, 0.0, 0
corrupt, sent, late, split, chatter, deaf = 0, 0, 0.0, False, False, False
queue = []  # (when, bytes)
start = time.monotonic()


def note(text):
    if log:
        log.write(f"{(time.monotonic() - start) * 1000:.0f} {text}\n")


def seal(body):
    x = 0
    for c in body.encode():
        x ^= c
    return f"{body}^{x:02X}\r"


def send(body):
    global sent
    sent += 1
    line = seal(body)
    if corrupt and sent % corrupt == 0:
        line = line[:4] + ("?" if line[4] != "?" else "!") + line[5:]
    data = line.encode()
    if chatter and body.startswith(("$OK", "$NK")):
        data = data[: len(data) // 2] + seal(f"$AT {state():02X} {car:02X} {amps} {flags():04X}").encode() + data
    queue.append((time.monotonic() + late, data))


def state():
    if fault:
        return fault
    return 0xFF if mode == "FD" else 0xFE if mode == "FS" else car


def flags():
    return (0x40 if relay else 0) | (0x100 if car > 1 else 0)


def settle():
    global relay
    was = relay, state()
    if fault or mode == "FD" or car not in (3, 4):
        relay = False
    elif mode == "FE":
        relay = True
    elif mode == "FS" and relay and time.monotonic() - sleeping_at > 3:
        relay = False
    return was != (relay, state())


def report():
    send(f"$AT {state():02X} {car:02X} {amps} {flags():04X}")


def command(body, ident):
    global mode, amps, sleeping_at, beat_s, beat_a, beat_at, missed
    words = body.split()
    tail = f" {ident}" if ident else ""
    ok = True
    extra = ""
    if words[0] == "$GS":
        extra = f" {state():02X} 0 {car:02X} {flags():04X}"
    elif words[0] == "$GG":
        extra = f" {amps * 1000 if relay else 0} -1"
    elif words[0] == "$GP":
        extra = f" {temp} -2560 -2560"
    elif words[0] == "$SC":
        want = int(words[1])
        if words[2:] != ["V"]:
            note("EEPROM")
        amps = min(max(want, 6), 32)
        ok = amps == want
        extra = f" {amps}"
    elif words[0] in ("$FE", "$FS", "$FD"):
        mode = words[0][1:]
        sleeping_at = time.monotonic()
    elif words[0] == "$SY":
        beat_at = time.monotonic()
        if len(words) == 3:
            beat_s, beat_a = int(words[1]), int(words[2])
        elif len(words) == 2:
            missed = 0
        extra = f" {beat_s} {beat_a} {missed}"
    else:
        ok = False
    note(body)
    send(("$OK" if ok else "$NK") + extra + tail)
    if settle():
        report()


def line_in(text):
    if not text.startswith("$") or text[-3:-2] != "^" or seal(text[:-3])[:-1] != text:
        return
    body, ident = text[:-3], ""
    if " :" in body:
        body, ident = body.rsplit(" ", 1)
    if not deaf:
        command(body, ident)


def script(words):
    global car, fault, temp, corrupt, late, split, chatter, deaf, mode, amps
    if words[0] == "car":
        car = "ABCD".index(words[1]) + 1
    elif words[0] == "fault":
        fault = int(words[1], 16)
    elif words[0] == "temp":
        temp = int(words[1])
    elif words[0] == "reboot":
        mode, amps = "FS", 32
        settle()
        send("$AB 00 8.2.1")
    elif words[0] == "corrupt":
        corrupt = int(words[1])
    elif words[0] == "late":
        late = int(words[1]) / 1000
    elif words[0] == "split":
        split = True
    elif words[0] == "chatter":
        chatter = True
    elif words[0] in ("deaf", "hear"):
        deaf = words[0] == "deaf"
    if settle() or words[0] in ("car", "fault"):
        report()


sel = selectors.DefaultSelector()
sel.register(master, selectors.EVENT_READ)
sel.register(0, selectors.EVENT_READ)
print("ready", flush=True)
line, text = b"", b""
running = True
while running:
    for key, _ in sel.select(0.01):
        try:
            data = os.read(key.fd, 4096)
        except OSError:
            data = b""
        if key.fd == 0:
            running = bool(data)
            text += data
        else:
            line += data
    while b"\n" in text:
        one, text = text.split(b"\n", 1)
        script(one.decode().split())
    while b"\r" in line:
        one, line = line.split(b"\r", 1)
        line_in(one.decode("latin-1"))
    if beat_s and time.monotonic() - beat_at > beat_s and not missed:
        missed, amps = 2, beat_a
        note("missed beat")
    if settle():
        report()
    while queue and queue[0][0] <= time.monotonic():
        data = queue.pop(0)[1]
        for part in ([bytes([b]) for b in data] if split else [data]):
            os.write(master, part)
            if split:
                time.sleep(0.0005)
