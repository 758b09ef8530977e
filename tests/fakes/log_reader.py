#!/usr/bin/env python3
"""log_reader.py STORE: prints a store's records: a second reader of evse-log's files, written from the manual page evse-log(1) alone and sharing nothing
with lib/store, so that the page is known to be enough. Checks what it reads (signatures, chain, hashes, Merkle roots). Slow. CMS by openssl."""
import datetime, hashlib, hmac, json, os, re, struct, subprocess, sys, tempfile, zlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap

INT64 = range(-(1 << 63), 1 << 63)


def wrap(x):
    """64-bit integers that wrap."""
    return (x + (1 << 63)) % (1 << 64) - (1 << 63)


def unfold(u):
    return -((u + 1) >> 1) if u & 1 else u >> 1


def nearest(x, bits):
    """x / 2^bits, rounded to the nearest, halves up."""
    return (x + (1 << (bits - 1))) >> bits


class Cursor:
    def __init__(self, data, at=0):
        self.data, self.at = data, at

    def byte(self):
        self.at += 1
        return self.data[self.at - 1]

    def varint(self):
        v = shift = 0
        while True:
            c = self.byte()
            v |= (c & 127) << shift
            shift += 7
            if not c & 128:
                return v

    def signed(self):
        return unfold(self.varint())

    def text(self):
        end = self.data.index(b"\n", self.at)
        t, self.at = self.data[self.at:end], end + 1
        return t


# ---- coded integers ----

class RangeDecoder:
    def __init__(self, data):
        assert data[0] == 0
        self.data, self.at, self.range, self.code = data, 5, 0xffffffff, int.from_bytes(data[1:5], "big")

    def bit(self, mean):
        bound = (self.range >> 12) * min(max(sum(mean) >> 5, 1), 4095)
        bit = self.code >= bound
        if bit:
            self.code -= bound
            self.range -= bound
        else:
            self.range = bound
        for i, part in enumerate((4, 7)):  # by 1/16 and 1/128 of the way
            mean[i] += -(mean[i] >> part) if bit else (65535 - mean[i]) >> part
        while self.range < 1 << 24:
            more = self.data[self.at] if self.at < len(self.data) else 0
            self.range, self.code, self.at = self.range << 8, (self.code << 8 | more) & 0xffffffff, self.at + 1
        return int(bit)


class Integers:
    def __init__(self, decoder):
        self.decoder, self.means, self.last, self.before = decoder, {}, 0, 0

    def bit(self, *context):
        return self.decoder.bit(self.means.setdefault(context, [32768, 32768]))

    def tree(self, bits, *context):
        v = 1
        for _ in range(bits):
            v = v * 2 + self.bit(*context, v)
        return v - (1 << bits)

    def next(self):
        context = min((2 * min(self.last, 15) + min(self.before, 15) + 1) // 2, 15)
        length = self.tree(4, "length", context)
        if length == 15:
            length += self.tree(6, "long")
        self.before, self.last = self.last, length
        v = 1 if length else 0
        for below in range(length - 1):
            place = length - 2 - below
            v = v * 2 + (self.bit("first", length, v) if below < 3 else self.bit("other", length, place))
        return unfold(v)


# ---- packed blocks ----

def number_text(form, places, least, x):
    quote = '"' if form & 4 else ""
    if form & 3 == 2:
        t = (datetime.datetime(1970, 1, 1) + datetime.timedelta(milliseconds=x)).isoformat(timespec="milliseconds") + "Z"
    else:
        digits = abs(x)
        while form & 3 == 1 and places > least and digits % 10 == 0:
            digits, places = digits // 10, places - 1
        t = str(digits).rjust(places + 1, "0")
        t = ("-" if x < 0 else "") + (t[:-places] + "." + t[-places:] if places else t)
    return (quote + t + quote).encode()


class Block:
    def __init__(self, data):
        head = Cursor(data)
        assert head.varint() == 1
        lines, size, text_size, packed = (head.varint() for _ in range(4))
        text = zlib.decompress(data[head.at:head.at + packed])
        assert len(text) == text_size
        self.text, self.decoder, self.x = Cursor(text), RangeDecoder(data[head.at + packed:]), {}
        shapes = self.text.varint()
        order = self.order(lines)
        self.rows = [[i for i, s in enumerate(order) if s == shape] for shape in range(shapes)]
        made = [self.shape(s) for s in range(shapes)]
        given = [0] * shapes
        self.lines = []
        for s in order:
            pieces, columns = made[s]
            self.lines.append(b"".join([pieces[0]] + [c[given[s]] + p for c, p in zip(columns, pieces[1:])]))
            given[s] += 1
        assert sum(len(line) + 1 for line in self.lines) == size

    def order(self, lines):
        integers, after, a, b, order = Integers(self.decoder), {}, 0, 0, []
        for _ in range(lines):
            v = integers.next()
            now = v - 1 if v else after.get((a, b), 0)
            order.append(now)
            after[a, b] = now
            a, b = b, now
        return order

    def shape(self, shape):
        pieces = self.text.text().split(b"\x01")
        return pieces, [self.column(shape, slot) for slot in range(len(pieces) - 1)] if self.rows[shape] else []

    def column(self, shape, slot):
        kind, n = chr(self.text.byte()), len(self.rows[shape])
        if kind == "S":
            return [self.text.text()] * n
        if kind == "T":
            return [self.text.text() for _ in range(n)]
        if kind == "L":
            texts = [self.text.text() for _ in range(self.text.varint())]
            integers = Integers(self.decoder)
            return [texts[integers.next()] for _ in range(n)]
        assert kind in "NF"
        form, places, least = (self.text.byte() for _ in range(3))
        predictor = self.predictor()
        odd, row = {}, 0
        for _ in range(self.text.varint()):
            row += self.text.varint()
            odd[row] = self.text.text()
        self.x[shape, slot] = x = self.numbers(shape, n, kind, *predictor)
        return [odd[i] if i in odd else number_text(form, places, least, v) for i, v in enumerate(x)]

    def predictor(self):
        t = self.text
        base, track, start = t.byte(), t.byte(), t.signed()
        first = t.signed() if base == 1 else 0
        of = (t.varint(), t.varint()) if base >= 2 else None
        b = t.varint() if base >= 4 else 0
        return base, track, start, first, of, b, t.signed() if base == 1 or base >= 3 else 0

    def seen(self, shape, of, slot):
        """A column as each row of @shape sees it: the newest row before it, where that is another shape's."""
        x = self.x[of, slot]
        if of == shape:
            return x
        out, newest = [], -1
        for line in self.rows[shape]:
            while newest + 1 < len(x) and self.rows[of][newest + 1] < line:
                newest += 1
            out.append(x[newest] if newest >= 0 else 0)
        return out

    def numbers(self, shape, n, kind, base, track, start, first, of, b, k):
        a = self.seen(shape, *of) if base in (2, 3, 4) else None
        times = self.seen(shape, of[0], b) if base == 4 else None
        summed = [self.seen(shape, of[0], of[1] + i) for i in range(b)] if base == 5 else []
        integers, x, misses, mean, rest, before = Integers(self.decoder), [], [start], start << 8, 0, start if base == 5 else first
        for i in range(n):
            if base == 0:
                at = 0
            elif base == 1:
                at = before // k * k + k
            elif base == 2:
                at = a[i]
            elif base == 3:
                at = nearest(a[i] * k, 40)
            elif base == 4:
                at = nearest(a[i] * times[i] * k, 40) if a[i] * times[i] in INT64 else 0
            else:
                add = k * sum(c[i] for c in summed)
                rest += add if add in INT64 else 0
                at = before + nearest(rest, 32)
            at = wrap(at)
            if base == 5:
                guess = at
            elif track == 0:
                guess = at + start
            elif track == 1:
                guess = at + misses[-1]
            elif track == 2:
                guess = at + (2 * misses[-1] - misses[-2] if i else start)
            else:
                guess = at + nearest(mean, 8)
            v = wrap(wrap(guess) + (integers.next() if kind == "N" else 0))
            miss = wrap(v - at)
            misses = [misses[-1], miss]
            mean += ((miss << 8) - mean) >> max(track - 2, 0)
            rose = wrap(v - before)
            rest = max(-(1 << 31), min(rest - (rose << 32), (1 << 31) - 1)) if abs(rose) < 1 << 32 else 0
            before = v
            x.append(v)
        return x


# ---- files ----

def key_id(device_key):
    return hashlib.sha256(b"evse-log device key" + device_key).digest()[:8]


def open_part(part, device_key):
    with tempfile.NamedTemporaryFile() as f:
        f.write(part)
        f.flush()
        return subprocess.run(["openssl", "cms", "-decrypt", "-inform", "DER", "-in", f.name, "-secretkey", device_key.hex(), "-secretkeyid",
                               key_id(device_key).hex()], check=True, stdout=subprocess.PIPE).stdout


def root(leaves):
    if len(leaves) == 1:
        return leaves[0]
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return hashlib.sha256(b"\x01" + root(leaves[:half]) + root(leaves[half:])).digest()


def leaf(salt_key, index, line):
    return hashlib.sha256(b"\0" + hmac.new(salt_key, struct.pack(">Q", index), "sha256").digest()[:16] + line).digest()


def segment(data, device_key, prev):
    first = data.index(b"\n") + 1
    at = data.index(b"\n", first) + 1
    head, signature = json.loads(data[:first]), json.loads(data[first:at])["sig"]
    Ed25519PublicKey.from_public_bytes(bytes.fromhex(head["key"])).verify(bytes.fromhex(signature), data[:first])
    assert head["format"] == "evse-log 1" and head["prev"] == prev.hex()
    link, parts, between = hashlib.sha256(data[:at]).digest(), {"events": [], "data": []}, []
    for p in head["parts"]:
        part = data[at:at + p["bytes"]]
        at += p["bytes"]
        assert hashlib.sha256(part).hexdigest() == p["sha256"]
        plain = Cursor(open_part(part, device_key), 32)
        if p["kind"] == "events":
            between = [plain.varint() for _ in range(p["records"])]
        lines = parts[p["kind"]] = Block(plain.data[plain.at:]).lines
        assert root([leaf(plain.data[:32], i, line) for i, line in enumerate(lines)]).hex() == p["root"] and len(lines) == p["records"]
    out, rest = [], iter(parts["data"])
    for n, event in zip(between, parts["events"]):
        out += [next(rest) for _ in range(n)] + [event]
    return out + list(rest), link


def rows(data, device_key):
    assert data[:8] == b"EVSEROW1" and data[32:40] == key_id(device_key) and zlib.crc32(data[:84]) == struct.unpack("<I", data[84:88])[0]
    box, stream, at, frame, text = AESGCM(aes_key_unwrap(device_key, data[40:80])), zlib.decompressobj(-15), 88, 0, b""
    while at + 8 <= len(data):
        size, crc = struct.unpack("<II", data[at:at + 8])
        body = data[at + 8:at + 8 + size]
        if len(body) < size or zlib.crc32(data[at:at + 4] + body) != crc:
            break
        text += stream.decompress(box.decrypt(struct.pack("<QI", frame, 0), body, data[16:32] + data[8:16]))
        frame, at = frame + 1, at + 8 + size
    return [line[1:] for line in text.split(b"\n")[:-1] if line[:1] in (b"e", b"d")]


def persons(path, device_key):
    if not os.path.exists(path):
        return {}
    head, *entries = open(path).read().splitlines()
    ring = aes_key_unwrap(device_key, bytes.fromhex(json.loads(head)["ring"]))
    return {bytes.fromhex(e.split(" ")[1]): aes_key_unwrap(ring, bytes.fromhex(e.split(" ")[2])) for e in entries}


def reveal(line, keys):
    while b"\xff" in line:
        mark = line.index(b"\xff")
        end = re.compile(b"[0-9a-f]*").match(line, mark + 1).end()
        sealed = bytes.fromhex(line[mark + 1:end].decode())
        tag = sealed[:8]
        value = AESGCM(keys[tag]).decrypt(sealed[8:20], sealed[20:], tag) if tag in keys else b"#" + tag.hex().encode()
        line = line[:mark] + value + line[end:]
    return line


store = sys.argv[1]
device = bytes.fromhex(open(os.path.join(store, "keys/device.key")).read().strip())
names, keys, link, lines = sorted(os.listdir(store)), persons(os.path.join(store, "persons"), device), bytes(32), []
for name in names:
    if name.endswith(".seg"):
        more, link = segment(open(os.path.join(store, name), "rb").read(), device, link)
        lines += more
for name in names:
    if name.endswith(".rows"):
        lines += rows(open(os.path.join(store, name), "rb").read(), device)
sys.stdout.buffer.write(b"".join(reveal(line, keys) + b"\n" for line in lines))
