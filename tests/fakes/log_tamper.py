#!/usr/bin/env python3
"""log_tamper.py STORES TAMPERINGS SEED INPUT

Makes STORES honest stores of random parts of INPUT, checks each with `evse-log verify` and public keys alone (no false alarm),
and changes copies of them TAMPERINGS times: bits flipped, ends cut, files removed, swapped, replaced by older ones or by those of
another store, bytes added, the tip taken back. Each change must be found. Prints the counts by kind. Environment: EVSE_LOG."""
import collections, hashlib, json, os, random, shutil, subprocess, sys, tempfile

stores, tamperings, seed, source = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
tool = os.environ["EVSE_LOG"]
rnd = random.Random(seed)
lines = open(source, "rb").read().splitlines(keepends=True)
top = tempfile.mkdtemp(prefix="tamper")
keys = os.path.join(top, "keys")


def run(args, data=None):
    return subprocess.run([tool] + args, input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def verify(d, *more):
    return run(["verify", "-d", d, "--pub", os.path.join(keys, "sign.pub"), *more])


def make(d, runs):
    """A store of so many runs, each of which seals at least one segment."""
    at = rnd.randrange(len(lines) // 2)
    for _ in range(runs):
        n = rnd.randint(1, 60)
        r = run(["record", "-q", "-d", d, "--keys", keys], b"".join(lines[at:at + n]))
        assert r.returncode == 0, r.stderr
        at += n


def segs(d):
    return sorted(f for f in os.listdir(d) if f.endswith(".seg"))


def flip(d):
    f = os.path.join(d, rnd.choice(segs(d) + ["tip"]))
    b = bytearray(open(f, "rb").read())
    b[rnd.randrange(len(b))] ^= 1 << rnd.randrange(8)
    open(f, "wb").write(b)


def cut(d):
    f = os.path.join(d, rnd.choice(segs(d) + ["tip"]))
    os.truncate(f, rnd.randrange(os.path.getsize(f)))


def add(d):
    with open(os.path.join(d, rnd.choice(segs(d) + ["tip"])), "ab") as f:
        f.write(bytes(rnd.randrange(256) for _ in range(rnd.randint(1, 50))))


def remove(d):
    os.unlink(os.path.join(d, rnd.choice(segs(d) + ["tip"])))


def drop_end(d):
    s = segs(d)
    for f in s[-rnd.randint(1, len(s)):]:
        os.unlink(os.path.join(d, f))


def drop_begin(d):
    s = segs(d)
    for f in s[:rnd.randint(1, len(s))]:
        os.unlink(os.path.join(d, f))


def swap(d):
    a, b = (os.path.join(d, f) for f in rnd.sample(segs(d), 2))
    x, y = open(a, "rb").read(), open(b, "rb").read()
    open(a, "wb").write(y)
    open(b, "wb").write(x)


def replay(d):
    a, b = (os.path.join(d, f) for f in rnd.sample(segs(d), 2))
    shutil.copy(a, b)


def renumber(d):
    """One is taken out and the later ones move up."""
    s = segs(d)
    gone = rnd.randrange(len(s) - 1)
    for i in range(gone, len(s) - 1):
        os.replace(os.path.join(d, s[i + 1]), os.path.join(d, s[i]))


def splice(d):
    """Segments of another store of the same signer, from some place to the end or one alone."""
    other = rnd.choice([x for x in honest if x != d0])
    s, t = segs(d), segs(other)
    at = rnd.randrange(min(len(s), len(t)))
    for f in (t[at:] if rnd.random() < 0.5 else [t[at]]):
        shutil.copy(os.path.join(other, f), os.path.join(d, f))


def exchange_parts(d):
    """The bodies of two segments change places; the heads stay."""
    def halves(p):
        b = open(p, "rb").read()
        at = b.index(b"\n", b.index(b"\n") + 1) + 1
        return b[:at], b[at:]
    a, b = (os.path.join(d, f) for f in rnd.sample(segs(d), 2))
    (ha, ba), (hb, bb) = halves(a), halves(b)
    open(a, "wb").write(ha + bb)
    open(b, "wb").write(hb + ba)


def foreign_key(d):
    """Signed anew by somebody else's key: the same words, another signature."""
    global mallory
    s = rnd.choice(segs(d))
    shutil.copy(os.path.join(mallory, "00000001.seg"), os.path.join(d, s))


def old_tip(d):
    """The tip of two or more segments ago."""
    newest = int(segs(d)[-1][:8])
    open(os.path.join(d, "tip"), "wb").write(rnd.choice([t for t in tips[d0] if json.loads(t.split(b"\n")[0])["seq"] < newest - 1]))


def stray(d):
    open(os.path.join(d, rnd.choice(["00000099.seg.old", "note", "1.seg"])), "wb").write(b"x")


kinds = [flip, flip, flip, cut, add, remove, drop_end, drop_begin, swap, replay, renumber, splice, exchange_parts, foreign_key,
         old_tip, stray]
honest, tips = [], {}
alarms = 0
for i in range(stores):
    d = os.path.join(top, "s%d" % i)
    big = i < 8
    make(d, 1 if not big else 2)
    if big:  # those that will be changed; their tips are kept
        tips[d] = [open(os.path.join(d, "tip"), "rb").read()]
        more = len(segs(d)) + rnd.randint(3, 6)
        while len(segs(d)) < more:
            make(d, 1)
            tips[d].append(open(os.path.join(d, "tip"), "rb").read())
        honest.append(d)
    r = verify(d)
    if r.returncode != 0:
        alarms += 1
        print("false alarm:", r.stdout, r.stderr)
    if not big:
        shutil.rmtree(d)
mallory = os.path.join(top, "mallory")
run(["record", "-q", "-d", mallory], b"".join(lines[:20]))
found, missed = collections.Counter(), []
for i in range(tamperings):
    d0 = rnd.choice(honest)
    kind = kinds[i % len(kinds)]
    d = os.path.join(top, "changed")
    shutil.copytree(d0, d)
    kind(d)
    r = verify(d)
    if r.returncode == 1 and r.stdout.startswith(b"bad: "):
        found[kind.__name__] += 1
    else:
        missed.append((kind.__name__, d0, i, r.returncode, r.stdout, r.stderr))
    shutil.rmtree(d)
# The whole store taken back: only an anchor shows it.
back = os.path.join(top, "back")
shutil.copytree(honest[0], back)
run(["record", "-q", "-d", back, "--keys", keys], b"".join(lines[-30:]))
head = open(os.path.join(back, segs(back)[-1]), "rb").read()
end = head.index(b"\n", head.index(b"\n") + 1) + 1
h = json.loads(head[:head.index(b"\n")])
receipt = os.path.join(top, "receipt")
open(receipt, "w").write(json.dumps({"store": h["store"], "seq": h["seq"], "link": hashlib.sha256(head[:end]).hexdigest()}))
ok = verify(back, "--anchor", receipt)
assert ok.returncode == 0 and b"anchored: yes" in ok.stdout, ok
old = verify(honest[0])
assert old.returncode == 0 and b"anchored: no" in old.stdout, old
rolled = verify(honest[0], "--anchor", receipt)
assert rolled.returncode == 1 and b"rolled back" in rolled.stdout, rolled
print(f"{stores} honest stores: {alarms} false alarms; {sum(found.values())} of {tamperings} tamperings found: "
      + ", ".join(f"{k} {v}" for k, v in sorted(found.items())))
for m in missed[:10]:
    print("missed:", m)
shutil.rmtree(top)
sys.exit(1 if missed or alarms else 0)
