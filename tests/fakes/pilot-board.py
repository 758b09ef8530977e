#!/usr/bin/python3
"""A scriptable stand-in for the simulated board: one EVSE on a Unix socket, JSON lines both ways.

  pilot-board.py SOCKET [LOG]

Standard input takes words, one a line: `car A|B|C|D|E`, `set NAME JSON` (any reading member, forced
until `free NAME`), `drop` (close all connections), `mute` / `speak`. LOG gets a line for each output that
the controller sets: time in ms, name, value. Prints `ready` when it listens."""

import json
import os
import selectors
import socket
import sys
import time

MV = {"A": 12000, "B": 9000, "C": 6000, "D": 3000, "E": 0}
start = time.monotonic()
out = {"duty_permyriad": 10000, "contactor": [False], "lock": "unlocked", "cp_connected": True, "phases": 3}
forced = {}
car = "A"
rcd_at = None
mute = False
timers = []  # (when, function)
state = {"contactor": [False], "lock": "unlocked"}
sel = selectors.DefaultSelector()
clients = {}
log = None


def reading():
    duty = out["duty_permyriad"]
    pos = -12000 if duty == 0 else MV[car] if out["cp_connected"] else 12000
    since = time.monotonic() - rcd_at if rcd_at else 99
    r = {
        "cp_pos_mv": pos,
        "cp_neg_mv": -12000 if 0 < duty < 10000 else pos,
        "pp_ohm": None if car == "A" else 220,
        "contactor": state["contactor"],
        "lock": state["lock"],
        "rcd": False,
        "rcd6": 0.07 <= since < 0.21,
        "rcd30": 0.14 <= since < 0.21,
        "pe": True,
        "estop": False,
        "temp_c": [25.0],
        "current_a": [0, 0, 0],
    }
    r.update(forced)
    return r


def say():
    if mute:
        return
    line = (json.dumps(reading()) + "\n").encode()
    for c in list(clients):
        try:
            c.send(line)
        except OSError:
            drop(c)


def drop(c):
    sel.unregister(c)
    clients.pop(c)
    c.close()


def note(name, value):
    if log:
        log.write(f"{(time.monotonic() - start) * 1000:.1f} {name} {json.dumps(value)}\n")
        log.flush()


def obey(line):
    global rcd_at
    for name, value in json.loads(line).items():
        if name == "alive":
            continue
        note(name, value)
        if name == "rcd_test":
            rcd_at = time.monotonic()
            for ms in (80, 150, 220):
                timers.append((rcd_at + ms / 1000, say))
        elif name in ("contactor", "lock"):
            out[name] = value
            timers.append((time.monotonic() + 0.015, lambda n=name, v=value: move(n, v)))
        else:
            out[name] = value
    say()


def move(name, value):
    state[name] = value
    say()


def from_client(c):
    try:
        data = c.recv(65536)
    except OSError:
        data = b""
    if not data:
        drop(c)
        return
    clients[c] += data
    while b"\n" in clients[c]:
        line, clients[c] = clients[c].split(b"\n", 1)
        obey(line)


def from_script(line):
    global car, mute
    words = line.split(None, 2)
    if not words:
        return
    if words[0] == "car":
        car = words[1]
        note("car", car)
    elif words[0] == "set":
        forced[words[1]] = json.loads(words[2])
        note("set " + words[1], forced[words[1]])
    elif words[0] == "free":
        forced.pop(words[1], None)
    elif words[0] == "drop":
        for c in list(clients):
            drop(c)
    elif words[0] == "mute":
        mute = True
    elif words[0] == "speak":
        mute = False
    say()


def main():
    global log
    path = sys.argv[1]
    log = open(sys.argv[2], "a") if len(sys.argv) > 2 else None
    if os.path.exists(path):
        os.unlink(path)
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen(8)
    sel.register(server, selectors.EVENT_READ)
    os.set_blocking(0, False)
    sel.register(0, selectors.EVENT_READ)
    script = b""
    print("ready", flush=True)
    last = 0
    while True:
        now = time.monotonic()
        due = min([t for t, _ in timers] + [last + 0.05])
        for key, _ in sel.select(max(0, due - now)):
            if key.fileobj is server:
                c, _ = server.accept()
                clients[c] = b""
                sel.register(c, selectors.EVENT_READ)
                say()
            elif key.fileobj == 0:
                data = os.read(0, 4096)
                if not data:
                    return
                script += data
                while b"\n" in script:
                    line, script = script.split(b"\n", 1)
                    from_script(line.decode())
            else:
                from_client(key.fileobj)
        now = time.monotonic()
        for t in [t for t in timers if t[0] <= now]:
            timers.remove(t)
            t[1]()
        if now - last >= 0.05:
            last = now
            say()


main()
