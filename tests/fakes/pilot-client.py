#!/usr/bin/env python3
"""pilot-client.py SOCKET [LINE…] [--until MEMBER=VALUE…] [--timeout S]

A controller on a pilot socket of evse-sim: sends each LINE, then prints the first line of the hardware in which
each MEMBER has the JSON value VALUE; exit 1 when none came in time.
"""
import argparse
import json
import socket
import sys
import time

p = argparse.ArgumentParser()
p.add_argument("socket")
p.add_argument("line", nargs="*")
p.add_argument("--until", action="append", default=[])
p.add_argument("--timeout", type=float, default=5)
a = p.parse_args()
want = [(u.split("=", 1)[0], json.loads(u.split("=", 1)[1])) for u in a.until]
s = socket.socket(socket.AF_UNIX)
s.connect(a.socket)
f = s.makefile("r")
for line in a.line:
    s.sendall((line + "\n").encode())
end = time.monotonic() + a.timeout
s.settimeout(a.timeout)
while time.monotonic() < end:
    says = json.loads(f.readline())
    if all(says[k] == v for k, v in want):
        print(json.dumps(says, separators=(",", ":")))
        sys.exit(0)
print("not seen:", *a.until, file=sys.stderr)
sys.exit(1)
