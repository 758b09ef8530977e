#!/usr/bin/env python3
"""log_say.py SECONDS [SEED]: what a charger says in so many seconds, as records: two meters a second, and now and then a session with
its token, pilot changes and setpoints. Same arguments, same bytes. For tests of evse-log."""
import datetime, json, random, sys

seconds, seed = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1
r = random.Random(seed)
start = datetime.datetime(2026, 11, 2, tzinfo=datetime.timezone.utc)
count, epoch = {}, "e%x" % (seed + 100)
amps, energy, house = 0.0, 1843211.0, 9123400.0


def say(s, ms, kind, src, **body):
    count[src] = count.get(src, 0) + 1
    t = (start + datetime.timedelta(seconds=s, milliseconds=ms)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    print(json.dumps({"t": t, "type": kind, "src": src, "n": f"{epoch}.{count[src]}", "m": s * 1000 + ms + 86400123 + r.randrange(3), **body},
                     separators=(",", ":")))


for s in range(seconds):
    if s % 60 == 20:
        card = "04A2%06X" % r.randrange(50)
        say(s, 100, "token", "sim.rfid.1", evse=1, token={"id": card, "kind": "ISO14443"})
        say(s, 150, "session", "session.1", evse=1, id="%08x" % r.getrandbits(32), state="authorized", token={"id_hash": "h" + card, "kind": "ISO14443"})
        say(s, 200, "pilot", "pilot.1", evse=1, state="C2", duty_pct=26.7, cp_pos_v=6.02, faults=[])
        amps = 16.0
    if s % 60 == 50:
        say(s, 100, "pilot", "pilot.1", evse=1, state="A1", duty_pct=100, cp_pos_v=12.01, faults=[])
        say(s, 150, "session", "session.1", evse=1, state="ended", reason="EVDisconnected", reading={"import_wh": round(energy, 1)})
        amps = 0.0
    v = [round(230 + r.gauss(0, 0.3), 1) for _ in range(3)]
    i = [round(max(0.0, amps + r.gauss(0, 0.03)), 2) if amps else 0.0 for _ in range(3)]
    p = [round(a * b) for a, b in zip(v, i)]
    energy += sum(p) / 3600
    house += sum(p) / 3600 + 0.3
    say(s, 20 + r.randrange(4), "meter", "meter.1", evse=1, voltage_v=v, current_a=i, power_w=p, import_wh=round(energy, 1), epoch="m1")
    say(s, 55 + r.randrange(4), "meter", "meter.grid", voltage_v=v, current_a=[round(x + 2 + r.gauss(0, 0.05), 2) for x in i], import_wh=round(house, 1),
        export_wh=None if s % 97 == 5 else 0.0)
