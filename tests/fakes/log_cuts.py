#!/usr/bin/env python3
"""log_cuts.py kill|power COUNT SEED INPUT

Stops `evse-log record` COUNT times, by kill -9 at random moments or by a simulated power cut at a random change of its files (with
log_powercut.so), and checks after each: recovery works, `verify` is clean, everything acknowledged is there, what is kept is the
beginning of what was said. After every third cut the rest is sent again and the store must hold all of INPUT exactly once.
Prints the counts. Environment: EVSE_LOG (the program), POWERCUT (the library)."""
import json, os, random, re, shutil, signal, subprocess, sys, tempfile, time

mode, count, seed, source = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
tool = os.environ["EVSE_LOG"]
rnd = random.Random(seed)
lines = open(source, "rb").read().splitlines(keepends=True)
heads = [json.loads(x) for x in lines]
place = {(h["src"], h["n"]): i for i, h in enumerate(heads)}


def run(args, **kw):
    return subprocess.run([tool] + args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kw)


def acked(out):
    """How many input lines, from the first, must be there: up to the last one acknowledged."""
    most = 0
    for line in out.split(b"\n")[:-1]:
        rec = json.loads(line)
        if rec["type"] == "ack":
            for src, n in rec["upto"].items():
                most = max(most, place[(src, n)] + 1)
    return most


def surviving(trace, before, after):
    """Builds in `after` what a disk may hold of the changes in `trace`, which began with the directory `before`."""
    data = open(trace, "rb").read()
    ops, at = [], 0
    while at + 21 <= len(data):
        kind = chr(data[at])
        al, bl = int.from_bytes(data[at + 1:at + 5], "little"), int.from_bytes(data[at + 5:at + 9], "little")
        off, dl = int.from_bytes(data[at + 9:at + 17], "little"), int.from_bytes(data[at + 17:at + 21], "little")
        p = at + 21
        ops.append((kind, data[p:p + al].decode(), data[p + al:p + al + bl].decode(), off, data[p + al + bl:p + al + bl + dl]))
        at = p + al + bl + dl
    shutil.rmtree(after, ignore_errors=True)
    # Names lead to file contents ("inodes"); both live here until written out. Inode: [synced bytes, unsynced changes]
    names = {}
    for base, _, files in os.walk(before):
        for f in files:
            full = os.path.join(base, f)
            names[full] = [bytearray(open(full, "rb").read()), []]
    durable, pending = dict(names), []  # directory entries: as synced, and changes since
    for kind, a, b, off, d in ops:
        if kind == "c":
            names[a] = [bytearray(), []]
            pending.append(("link", a, names[a]))
        elif kind == "w" and a in names:
            names[a][1].append((off, d))
        elif kind == "t" and a in names:
            names[a][1].append((off, None))
        elif kind == "r" and a in names:
            names[b] = names.pop(a)
            pending.append(("move", a, b, names[b]))
        elif kind == "u":
            names.pop(a, None)
            pending.append(("gone", a))
        elif kind == "s":
            if a in names and os.path.basename(a) not in ("",) and not os.path.isdir(a):
                apply(names[a], names[a][1])
                names[a][1] = []
                # ext4 makes a new file's name durable with its fsync; a careful disk need not: leave it pending.
            else:
                for p in pending:
                    entry(durable, p)
                pending = []
    for p in pending[:rnd.randint(0, len(pending))]:  # metadata is journalled in order: some first part of it
        entry(durable, p)
    for name, inode in durable.items():
        keep = inode[1]
        if keep:  # unsynced data: a first part, the last of it possibly torn, or holes
            n = rnd.randint(0, len(keep))
            chosen = keep[:n]
            if n < len(keep) and keep[n][1] and rnd.random() < 0.7:
                chosen = chosen + [(keep[n][0], keep[n][1][:rnd.randint(0, len(keep[n][1]))])]
            elif rnd.random() < 0.2:
                chosen = [c for c in keep if rnd.random() < 0.5]
            apply(inode, chosen)
        rel = os.path.relpath(name, before)
        full = os.path.join(after, rel)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "wb") as f:
            f.write(inode[0])
        os.chmod(full, 0o600)
    os.makedirs(os.path.join(after), exist_ok=True)


def apply(inode, changes):
    body = inode[0]
    for off, d in changes:
        if d is None:
            del body[off:]
            body.extend(b"\0" * (off - len(body)))
        else:
            if len(body) < off:
                body.extend(b"\0" * (off - len(body)))
            body[off:off + len(d)] = d


def entry(table, p):
    if p[0] == "link":
        table[p[1]] = p[2]
    elif p[0] == "move":
        table.pop(p[1], None)
        table[p[2]] = p[3]
    else:
        table.pop(p[1], None)


def feed(proc, start):
    """Says lines from `start` on, a few at a time, until they end or the reader is gone."""
    at = start
    try:
        while at < len(lines):
            n = rnd.randint(1, 12)
            proc.stdin.write(b"".join(lines[at:at + n]))
            proc.stdin.flush()
            at += n
            time.sleep(0.002)
        proc.stdin.close()
    except (BrokenPipeError, OSError):
        pass


def stop_once(store, work, start, i):
    """One run that is stopped. @return (how many first lines it acknowledged, the directory that is left)"""
    env = dict(os.environ)
    out = open(os.path.join(work, "out"), "wb")
    args = [tool, "record", "-q", "-d", store, "--keys", os.path.join(work, "keys"), "--seal", "0.03", "--sync", "15"]
    trace = os.path.join(work, "trace")
    if mode == "power":
        if os.path.exists(trace):
            os.unlink(trace)
        before = os.path.join(work, "before")
        shutil.rmtree(before, ignore_errors=True)
        os.makedirs(store, exist_ok=True)
        shutil.copytree(store, before)
        env.update(LD_PRELOAD=os.environ["POWERCUT"], POWERCUT_DIR=store, POWERCUT_TRACE=trace,
                   POWERCUT_AT=str(rnd.randint(1, 140)))
    proc = subprocess.Popen(args, stdin=subprocess.PIPE, stdout=out, stderr=subprocess.DEVNULL, env=env, start_new_session=True)
    timer = None
    if mode == "kill":
        import threading
        timer = threading.Timer(rnd.random() * 0.25, lambda: os.killpg(proc.pid, signal.SIGKILL))
        timer.start()
    feed(proc, start)
    proc.wait()
    if timer:
        timer.cancel()
    out.close()
    if mode == "power":
        after = os.path.join(work, "after")
        # the trace names the live directory; `before` holds what it began with
        text = open(trace, "rb").read() if os.path.exists(trace) else b""
        real = os.path.realpath(store).encode()
        fixed = os.path.join(work, "trace.before")
        rename_paths(text, real, os.path.realpath(before).encode(), fixed)
        surviving(fixed, os.path.realpath(before), after)
        shutil.rmtree(store)
        shutil.move(after, store)
        os.chmod(store, 0o700)
    return acked(open(os.path.join(work, "out"), "rb").read())


def rename_paths(data, old, new, to):
    at, out = 0, []
    while at + 21 <= len(data):
        al, bl = int.from_bytes(data[at + 1:at + 5], "little"), int.from_bytes(data[at + 5:at + 9], "little")
        dl = int.from_bytes(data[at + 17:at + 21], "little")
        p = at + 21
        if p + al + bl + dl > len(data):
            break
        a, b = data[p:p + al].replace(old, new), data[p + al:p + al + bl].replace(old, new)
        out.append(data[at:at + 1] + len(a).to_bytes(4, "little") + len(b).to_bytes(4, "little") + data[at + 9:at + 21] + a + b +
                   data[p + al + bl:p + al + bl + dl])
        at = p + al + bl + dl
    open(to, "wb").write(b"".join(out))


def shown(store, work):
    r = run(["show", "-d", store, "--keys", os.path.join(work, "keys")])
    return r.returncode, r.stdout, r.stderr


def main():
    cuts = events = stores = 0
    slowest = 0.0
    while cuts < count:
        work = tempfile.mkdtemp(prefix="cuts")
        store = os.path.join(work, "store")
        keys = ["--keys", os.path.join(work, "keys")]
        run(["record", "-q", "-d", os.path.join(work, "first")] + keys, input=b"")  # keys survive: they are made before
        need = kept = 0
        for _ in range(3):
            need = max(need, stop_once(store, work, kept, cuts))
            began = time.monotonic()
            r = run(["record", "-q", "-d", store, "--seal", "1000"] + keys, input=b"")
            slowest = max(slowest, time.monotonic() - began)
            assert r.returncode == 0, (seed, cuts, "recovery", r.returncode, r.stderr, work)
            r = run(["verify", "-d", store, "--pub", os.path.join(work, "keys/sign.pub")])
            assert r.returncode == 0, (seed, cuts, "verify", r.stdout, r.stderr, work)
            rc, out, err = shown(store, work)
            assert rc == 0, (seed, cuts, "show", err, work)
            got = out.splitlines(keepends=True)
            assert got == lines[:len(got)], (seed, cuts, "not the beginning of what was said", work)
            assert len(got) >= need, (seed, cuts, "lost", need - len(got), work)
            events += need
            kept = max(0, len(got) - 40)  # as a relay does: some of it again
            cuts += 1
        r = run(["record", "-q", "-d", store] + keys, input=b"".join(lines[kept:]))
        rc, out, err = shown(store, work)
        assert out.splitlines(keepends=True) == lines, (seed, cuts, "not whole in the end", work)
        r = run(["verify", "-d", store, "--deep", "--pub", os.path.join(work, "keys/sign.pub")] + keys)
        assert r.returncode == 0, (seed, cuts, "verify at the end", r.stdout, work)
        stores += 1
        shutil.rmtree(work)
    print(f"{cuts} {mode} cuts, {stores} stores: verify clean after each, nothing acknowledged lost, each store whole in the end; "
          f"slowest recovery run {slowest * 1000:.0f} ms")


main()
