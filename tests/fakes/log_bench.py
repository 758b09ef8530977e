#!/usr/bin/env python3
"""log_bench.py EVSE_LOG [RECORDS]: prints the size, speed, memory and wear of evse-log."""
import json, os, resource, shutil, sqlite3, subprocess, sys, tempfile, time

tool, source = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""
top = tempfile.mkdtemp(prefix="logbench")
if not source:
    source = os.path.join(top, "day")
    with open(source, "wb") as f:
        subprocess.run([sys.executable, os.path.join(os.path.dirname(__file__), "log_say.py"), "86400"], stdout=f, check=True)
raw = os.path.getsize(source)
week = raw > 300e6


def row(name, value, unit, budget=None, most=True):
    """A line of bench.sh's table: `bench NAME VALUE UNIT [BUDGET [min]]`."""
    print(f"bench {name} {value:.4g} {unit or '-'}" + (f" {budget}" if budget is not None else "") + ("" if most else " min"), flush=True)


def run(*args, **kw):
    return subprocess.run(list(args), stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True, **kw).stdout


def record(d, *more, data=None):
    with open(source, "rb") as f:
        return run(tool, "record", "-q", "-d", d, "--size", "100000", *more, stdin=f if data is None else None, input=data)


def size_of(d):
    return json.loads(run(tool, "stat", "-d", d, "--json"))


def cpu(who=resource.RUSAGE_CHILDREN):
    r = resource.getrusage(who)
    return r.ru_utime + r.ru_stime


# sealed every quarter of an hour, as in life: 1,815 records
d = os.path.join(top, "live")
record(d, "--seal-records", "1815")
s = size_of(d)
n = s["records"]
row("log_bytes_a_record_15min", s["bytes"] / n, "B")
row("log_week_15min", s["bytes"] / n * 1222834 / 1048576, "MiB", 16)
live = d
# as fast as it comes
d = os.path.join(top, "bulk")
began, used = time.monotonic(), cpu()
record(d)
took, used = time.monotonic() - began, cpu() - used
s = size_of(d)
row("log_bytes_a_record_bulk", s["bytes"] / n, "B")
row("log_append_with_packing", n / took, "records/s", 100000, False)
row("log_append_cpu", used / n * 1e6, "us/record")
# what others make of the same records
for name, cmd in (("gzip9", ["gzip", "-9", "-c", source]), ("zstd19", ["zstd", "-19", "-q", "-c", source])):
    if shutil.which(cmd[0]) and raw < 1e8:
        row(f"log_{name}_bytes_a_record", len(run(*cmd)) / n, "B")
db = sqlite3.connect(os.path.join(top, "db"))
db.execute("create table r (t text, type text, src text, n text, line text)")
rows = 0
with open(source, "rb") as f:
    for line in f:
        rows += 1
        if rows > 50000:
            break
        h = json.loads(line)
        db.execute("insert into r values (?,?,?,?,?)", (h["t"], h["type"], h["src"], h["n"], line))
db.commit()
db.close()
row("log_sqlite_bytes_a_record", os.path.getsize(os.path.join(top, "db")) / min(rows, 50000), "B")
# reading
began = time.monotonic()
out = subprocess.Popen([tool, "show", "-d", live], stdout=subprocess.DEVNULL)
_, _, usage = os.wait4(out.pid, 0)
row("log_show_all", n / (time.monotonic() - began), "records/s")
row("log_show_all_memory", usage.ru_maxrss / 1024, "MiB")
times = []
first, last = s["from"], s["to"]
for i in range(20):
    with open(source, "rb") as f:
        f.seek(raw * i // 20)
        f.readline()
        t = json.loads(f.readline())["t"][:16] + ":00Z"
    began = time.monotonic()
    run(tool, "show", "-d", live, "--from", t, "--count", "1")
    times.append(time.monotonic() - began)
row("log_query_minute_p50", sorted(times)[10] * 1000, "ms")
row("log_query_minute_max", max(times) * 1000, "ms", 50)
began = time.monotonic()
run(tool, "verify", "-d", live)
row("log_verify", time.monotonic() - began, "s")
# recovery: a writer killed with rows not yet packed, on the whole store
with open(source, "rb") as f:
    head = b"".join(f.readline() for _ in range(1800)).replace(b'"n":"', b'"n":"z')
p = subprocess.Popen([tool, "record", "-q", "-d", live, "--size", "100000", "--sync", "10"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
p.stdin.write(head)
p.stdin.flush()
time.sleep(0.5)
p.kill()
p.wait()
p = subprocess.Popen([tool, "record", "-q", "-d", live, "--size", "100000"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
began = time.monotonic()
while b'"open"' not in p.stdout.readline():
    pass
row("log_recovery", (time.monotonic() - began) * 1000, "ms", 1000)
# event to acknowledgement; memory, while two meters speak each second (ten times as fast here)
lat = []
for i in range(150):
    e = json.dumps({"t": "2026-11-22T10:00:00.000Z", "type": "session", "src": "session.1", "n": f"zz.{i + 1}", "m": i}).replace(" ", "")
    began = time.monotonic()
    p.stdin.write(e.encode() + b"\n")
    p.stdin.flush()
    while f"zz.{i + 1}".encode() not in p.stdout.readline():
        pass
    lat.append(time.monotonic() - began)
    time.sleep(0.01)
lat.sort()
row("log_event_ack_p50", lat[75] * 1000, "ms")
row("log_event_ack_p99", lat[148] * 1000, "ms", 50)
time.sleep(0.5)
pss = sum(int(x.split()[1]) for x in open(f"/proc/{p.pid}/smaps_rollup") if x.startswith("Pss:"))
row("log_record_pss", pss / 1024, "MiB", 3)
p.stdin.close()
p.stdout.read()
p.wait()
# wear, live: two records a second for a while, synced each 0.8 s
d = os.path.join(top, "wear")
p = subprocess.Popen([tool, "record", "-q", "-d", d, "--seal", "20"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
with open(source, "rb") as f:
    began = time.monotonic()
    for i in range(24):
        p.stdin.write(f.readline() + f.readline())
        p.stdin.flush()
        time.sleep(max(0, began + i + 1 - time.monotonic()))
p.stdin.close()
sealed = [json.loads(x) for x in p.stdout if b'"sealed"' in x]
p.wait()
if sealed:
    row("log_fsyncs_a_minute", sealed[-1]["syncs"] * 60 / 20, "")
    row("log_rows_bytes_a_second", (sealed[-1]["written_bytes"] - sealed[-1]["bytes"]) / 20, "B")
    row("log_written_a_byte_kept", sealed[-1]["written_bytes"] / sealed[-1]["bytes"], "B")
shutil.rmtree(top)
