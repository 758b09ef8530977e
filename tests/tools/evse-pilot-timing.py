#!/usr/bin/python3
"""Reaction times of evse-pilot, line by line of the timing table, against a board that this program plays.

  evse-pilot-timing.py [PATH/evse-pilot]

Each row: what happened on the wire, what evse-pilot must do, within, measured. Prints a table; exit 1 when a
row is outside its bounds. The board misbehaves as each row needs: a car that ignores X1, a contactor that
sticks, an RCD that trips, silence."""

import json
import os
import selectors
import socket
import subprocess
import sys
import tempfile
import time

PILOT = sys.argv[1] if len(sys.argv) > 1 else "build/bin/evse-pilot"
MV = {"A": 12000, "B": 9000, "C": 6000, "D": 3000, "E": 0}
rows, bad = [], 0


class Board:
    def __init__(self, *options):
        self.dir = tempfile.TemporaryDirectory()
        path = self.dir.name + "/s"
        server = socket.socket(socket.AF_UNIX)
        server.bind(path)
        server.listen(1)
        self.p = subprocess.Popen([PILOT, "-D", "sim:" + path, "--min-close", "0", *options],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        self.c, _ = server.accept()
        self.out = {"duty_permyriad": 10000, "contactor": [False], "lock": "unlocked", "cp_connected": True}
        self.at = {}
        self.r = {"pp_ohm": 220, "contactor": [False], "lock": "unlocked", "rcd": False, "rcd6": False,
                  "rcd30": False, "pe": True, "estop": False, "temp_c": [25], "current_a": [0, 0, 0]}
        self.car, self.stuck, self.mute, self.diode = "A", False, False, True
        self.want, self.want_at, self.said, self.rcd_at = None, 0, 0, None
        self.moves, self.buf, self.records, self.rbuf = [], b"", [], b""
        self.sel = selectors.DefaultSelector()
        self.sel.register(self.c, selectors.EVENT_READ)
        self.sel.register(self.p.stdout, selectors.EVENT_READ)
        self.mark = time.monotonic()
        self.say()

    def say(self):
        if self.mute:
            return
        duty = self.out["duty_permyriad"]
        pos = -12000 if duty == 0 else MV[self.car] if self.out["cp_connected"] else 12000
        pwm = 0 < duty < 10000
        self.r["cp_pos_mv"] = pos
        self.r["cp_neg_mv"] = pos if not pwm else -12000 if self.diode or self.car == "A" else -pos
        if self.rcd_at:
            d = time.monotonic() - self.rcd_at
            self.r["rcd6"], self.r["rcd30"] = 0.1 < d < 0.3, 0.2 < d < 0.3
        self.c.send((json.dumps(self.r) + "\n").encode())
        self.said = time.monotonic()

    def set(self, **what):
        for k, v in what.items():
            if k in ("car", "stuck", "mute", "diode"):
                setattr(self, k, v)
            else:
                self.r[k] = v
        self.mark = time.monotonic()
        self.say()

    def setpoint(self, enable, amps, once=False, **more):
        line = {"t": "2026-11-22T10:00:00.000Z", "type": "setpoint", "src": "setpoint.1", "enable": enable,
                "import_max_a": amps, **more}
        self.want = None if once else line
        self.mark = self.want_at = time.monotonic()
        self.p.stdin.write((json.dumps(line) + "\n").encode())

    def pump(self, timeout):
        now = time.monotonic()
        if self.want and now - self.want_at > 0.9:
            self.want_at = now
            self.p.stdin.write((json.dumps(self.want) + "\n").encode())
        for key, _ in self.sel.select(min(timeout, 0.002)):
            data = os.read(key.fd, 65536)
            if key.fileobj is self.c:
                self.buf += data
            else:
                self.rbuf += data
        while b"\n" in self.rbuf:
            line, self.rbuf = self.rbuf.split(b"\n", 1)
            self.records.append(json.loads(line))
        changed = False
        while b"\n" in self.buf:
            line, self.buf = self.buf.split(b"\n", 1)
            for k, v in json.loads(line).items():
                if k == "alive":
                    continue
                if self.out.get(k) != v:
                    self.at[k] = time.monotonic()
                self.out[k] = v
                changed = True
                if k == "rcd_test":
                    self.rcd_at = time.monotonic()
                if k in ("contactor", "lock") and not (k == "contactor" and self.stuck):
                    self.moves.append((time.monotonic() + 0.015, k, v))
        for m in [m for m in self.moves if m[0] <= time.monotonic()]:
            self.moves.remove(m)
            self.r[m[1]] = m[2]
            changed = True
        if changed or time.monotonic() - self.said > (0.02 if self.rcd_at else 0.1):
            self.say()

    def until(self, name, value, limit):
        end = time.monotonic() + limit
        while time.monotonic() < end:
            if self.out.get(name) == value:
                return round((self.at.get(name, time.monotonic()) - self.mark) * 1000, 1)
            self.pump(0.002)
        return None

    def run(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.pump(0.002)

    def alert(self, code, limit):
        end = time.monotonic() + limit
        while time.monotonic() < end:
            if any(r["type"] == "alert" and r["code"] == code and r["raised"] for r in self.records):
                return (time.monotonic() - self.mark) * 1000
            self.pump(0.002)
        return None

    def charging(self, amps=16):
        self.run(0.5)
        self.set(car="B")
        self.setpoint(True, amps)
        self.run(0.4)
        self.set(car="C")
        if self.until("contactor", [True], 3) is None:
            print("the car never charged", self.out, self.records[-1])
            sys.exit(1)
        self.run(0.4)

    def end(self):
        self.p.kill()
        self.p.wait()
        self.p.stdin.close()
        self.p.stdout.close()
        self.c.close()
        self.dir.cleanup()


def row(what, ms, least, most):
    global bad
    ok = ms is not None and least <= ms <= most
    bad += not ok
    shown = "never" if ms is None else f"{ms:.1f}"
    rows.append(f"{what:62} {least:>6} {most:>7} {shown:>9}  {'ok' if ok else 'OUTSIDE'}")
    print(rows[-1], flush=True)


def charging(*options, **more):
    b = Board("--no-rcd-test", *options)
    b.charging(**more)
    return b


OPEN = ("contactor", [False])
SLACK = 60  # of a loaded machine

print(f"{'event: reaction (ms)':62} {'least':>6} {'most':>7} {'measured':>9}")
b = charging()
b.set(car="B")
row("8.1 S2 opens (C2 to B2): contactor open", b.until(*OPEN, 1), 0, 100)
b.end()
b = charging()
b.set(car="A")
row("2.2 unplug (C2 to A): contactor open", b.until(*OPEN, 1), 0, 100)
row("2.2 unplug: duty off", b.until("duty_permyriad", 10000, 1), 0, 100)
b.end()

b = Board("--no-rcd-test")
b.run(0.5)
b.set(car="B")
b.run(0.3)
b.setpoint(True, 16)
row("3.1 setpoint in B1: duty on", b.until("duty_permyriad", 2666, 1), 0, 20 + SLACK)
b.run(0.3)
b.set(car="C")
row("4 C2 with power allowed: contactor closed (hold 500)", b.until("contactor", [True], 4), 500, 3000)
b.setpoint(True, 10)
row("6 lower limit: new duty", b.until("duty_permyriad", 1666, 1), 0, 20 + SLACK)
b.setpoint(True, 32)
row("6 higher limit: new duty", b.until("duty_permyriad", 5333, 1), 0, 20 + SLACK)
b.setpoint(False, 0)
row("10 stop: X1", b.until("duty_permyriad", 10000, 1), 0, 20 + SLACK)
row("10.2 the car ignores it: opened under load", b.until(*OPEN, 8), 6000, 6000 + SLACK)
b.end()

b = charging()
b.setpoint(False, 0)
b.run(3)
b.set(car="B")
row("10.1 stop, S2 opens: contactor open", b.until(*OPEN, 1), 0, 100)
b.end()

b = charging()
b.setpoint(False, 0)
b.run(4)
b.setpoint(True, 16)
b.run(4)
row("power back while in C: not opened (contactor closings)", float(b.records[-1].get("closings", 1)), 1, 1)
b.end()

b = Board("--no-rcd-test")
b.set(car="C")
b.run(3)
b.setpoint(True, 16)
row("power allowed late in C1: closed", b.until("contactor", [True], 4), 100, 3000)
b.end()

b = charging()
b.setpoint(True, 16, once=True)
row("no setpoint: 6 A", b.until("duty_permyriad", 1000, 5), 3000, 3000 + SLACK)
row("no setpoint: X1", b.until("duty_permyriad", 10000, 14), 15000, 15000 + SLACK)
b.end()

for name, what, most in (("rcd", True, 30), ("pe", False, 120), ("estop", True, 30)):
    b = charging()
    b.set(**{name: what})
    row(f"{name}: contactor open", b.until(*OPEN, 1), 0, most + SLACK)
    row(f"{name}: state F", b.until("duty_permyriad", 0, 1), 0, most + SLACK)
    if name == "pe":
        row(f"{name}: X1 after F", b.until("duty_permyriad", 10000, 1), 300, 420 + SLACK)
    b.end()

b = charging()
b.set(car="E")
row("pilot short: contactor open", b.until(*OPEN, 1), 0, 30 + SLACK)
row("pilot short: alert", b.alert("cp_short", 1), 100, 130 + SLACK)
b.end()
b = charging()
b.set(diode=False)
row("diode gone under power: contactor open", b.until(*OPEN, 1), 0, 130 + SLACK)
b.end()
b = charging()
b.set(stuck=True)
b.set(car="B")
row("welded: alert", b.alert("welded", 1), 250, 280 + SLACK)
row("welded: upstream breaker tripped", b.until("trip_upstream", True, 1), 250, 280 + SLACK)
b.end()
b = Board("--no-rcd-test")
b.run(0.5)
b.set(car="B", stuck=True)
b.setpoint(True, 16)
b.run(0.4)
b.set(car="C")
b.until("contactor", [True], 3)
b.mark = b.at["contactor"]
row("contactor does not close: opened, alert", b.until(*OPEN, 1), 250, 310 + SLACK)
b.end()
b = charging("--socket")
b.set(lock="unlocked")
row("lock lost under power: contactor open", b.until(*OPEN, 1), 0, 10 + SLACK)
b.end()
b = charging("--socket")
b.set(pp_ohm=None)
row("PP lost under power: contactor open", b.until(*OPEN, 1), 0, 20 + SLACK)
b.end()
b = charging()
b.set(car="D")
row("ventilation not fitted: contactor open", b.until(*OPEN, 1), 0, 40 + SLACK)
b.end()
b = charging()
b.set(temp_c=[72])
row("too hot: contactor open", b.until(*OPEN, 1), 0, 10 + SLACK)
b.end()
b = charging()
b.set(current_a=[18.3, 0, 0])
row("overcurrent: contactor open", b.until(*OPEN, 9), 7000, 7000 + SLACK)
b.end()
b = charging()
b.set(mute=True)
row("board silent: contactor commanded open", b.until(*OPEN, 2), 900, 1100 + SLACK)
b.end()
b = Board()
t0 = b.until("rcd_test", True, 1)
row("RCD self-test at the start: begun", t0, 0, 50 + SLACK)
b.end()
b = Board("--no-rcd-test", "--wake", "1000:f:4000")
b.run(0.5)
b.set(car="B")
b.setpoint(True, 16)
b.until("duty_permyriad", 2666, 1)
b.mark = b.at["duty_permyriad"]
row("wake-up: F after 1000 in B2", b.until("duty_permyriad", 0, 3), 1000, 1000 + SLACK)
b.mark = b.at["duty_permyriad"]
row("wake-up: F for 4000", b.until("duty_permyriad", 10000, 6), 4000, 4000 + SLACK)
b.mark = b.at["duty_permyriad"]
row("wake-up: X1 for 750", b.until("duty_permyriad", 2666, 2), 750, 750 + SLACK)
b.end()
b = charging("--phase-wait", "1000")
b.setpoint(True, 16, phases=1)
b.run(0.5)
b.set(car="B")
b.until(*OPEN, 1)
b.mark = b.at["contactor"]
row("phases: pilot cut after the contactor opened", b.until("cp_connected", False, 2), 100, 200 + SLACK)
b.mark = b.at["cp_connected"]
row("phases: pilot back after 1000", b.until("cp_connected", True, 3), 1000, 1000 + SLACK)
b.mark = b.at["cp_connected"]
row("phases: duty back", b.until("duty_permyriad", 2666, 2), 100, 200 + SLACK)
b.end()
b = charging()
b.mark = time.monotonic()
b.p.terminate()
row("SIGTERM: X1", b.until("duty_permyriad", 10000, 1), 0, 20 + SLACK)
b.end()
print(f"{len(rows)} rows, {bad} outside")
sys.exit(1 if bad else 0)
