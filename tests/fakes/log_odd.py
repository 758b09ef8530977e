#!/usr/bin/env python3
"""log_odd.py in|want: records that are legal but odd, which must come back byte for byte, among lines that are no records. `in` prints all of them,
`want` those that must come back. For tests of evse-log."""
import random, sys

count = 0


def record(body, kind="meter", src="meter.1"):
    global count
    count += 1
    return b'{"t":"2026-11-22T10:00:%02d.%03dZ","type":"%s","src":"%s","n":"a.%d","m":%d' % (
        count // 1000, count % 1000, kind.encode(), src.encode(), count, count * 10) + (b"," if body else b"") + body + b"}"


ODD = [rb'"x":"\u0000"', rb'"x":"\\"', rb'"x":"\""', rb'"x":"\ud83d\ude00"', rb'"x":"\ud83d"', rb'"x":"a\/b"', b'"x":"\x7f"', '"x":"é́€😀\ufeff"'.encode(),
       b'"x":' + b"9" * 400, b'"x":-0', b'"x":-0.0', b'"x":1e400', b'"x":1E-400', b'"x":0.1000', b'"x":1.0e+05', b'"x":9007199254740993',
       b'"x":18446744073709551615', b'"x":-9223372036854775808', b'"x":9223372036854775808', b'"x":0.00000000000000000001',
       b'"x":123456789012345678.5', b'"x":-0.5', b'"x":1,"x":2', b'"":1', b'"x":{"":[]}', b'"x":' + b"[" * 100 + b"]" * 100, b'"x" : 1 , "y":\t2',
       b'"x":"' + b"a" * 60000 + b'"', b'"x":true,"y":false,"z":null', b'"x":"2026-02-30T10:00:00.123Z"', b'"x":"0000-00-00T00:00:00.000Z"',
       b'"x":"9999-12-31T23:59:59.999Z"', b'"x":"1969-12-31T23:59:59.999Z"', b'"x":"2016-12-31T23:59:60.000Z"', b'"x":"00123"', b'"x":"-0"',
       b'"x":"-1.50"', b'"token":{"id":""}', b'"token":{"id":"\\u0000"}', b'"token":{"kind":"x","id":"04A2"}', b'"id_hash":"#abcdef"', b'"id_hash":17',
       b'"id_hash":"' + b"q" * 5000 + b'"', b'"id_hash":{"id":"x"}', b'"x":"#"', b""]
TIMES = [b"2026-11-22T10:00:00Z", b"2026-11-22T10:00:00.123456789Z", b"2016-12-31T23:59:60.500Z", b"1960-12-31T23:59:59.500Z", b"9999-12-31T23:59:59.999Z",
         b"0000-01-01T00:00:00.000Z"]
NONE = [b'"x":"\xff"', b'"x":"\xed\xa0\x80"', b'"x":"\xc0\x80"', b'"x":"\xf5\x80\x80\x80"', b'"x":"\xe2\x82"', b'"x":"a\x00b"', b'"x":"\\\x00"', b'"x":"\x01"',
        b'"x":"\\u00\x00\x00"', b'"x":' + b"[" * 20000 + b"]" * 20000, b'"x":"' + b"y" * 1000000 + b'"', b'"t":"2026-11-22T10:00:00.000Z"', b'"x":[1,]']



def sized(size):
    head = record(b"")[:-1] + b',"x":"'
    return head + b"z" * (size - len(head) - 2) + b'"}'


r = random.Random(7)
makers = [(lambda b=b, who=who: record(b, *who), True) for b in ODD
          for who in (("meter", "meter.1"), ("session", "session.1"), ("token", "sim.rfid.1"), ("other", "x"))]
makers += [(lambda t=t, i=i: b'{"t":"%s","type":"meter","src":"meter.%d","n":"b.1","m":5}' % (t, 100 + i), True) for i, t in enumerate(TIMES)]
makers += [(lambda size=size: sized(size), True) for size in (65534, 65535)]
for _ in range(1500):  # far more shapes than a block holds
    body = b",".join([b'"%c%d":%d' % (97 + j, r.randrange(40), r.randrange(1000)) for j in range(r.randrange(1, 9))])
    makers.append((lambda body=body: record(body), True))
makers += [(lambda b=b: record(b), False) for b in NONE]
makers += [(lambda b=b: b, False) for b in (b"", b"null", b"[]", b"{}", b"\x00", b'{"a":1}')]
makers += [(lambda: b"\xef\xbb\xbf" + record(b""), False), (lambda: b"\r", False)]
makers += [(lambda end=end: record(b'"v":1') + end, True) for end in (b"\r", b"  ", b"\t\r")]
r.shuffle(makers)
both = [(make(), good) for make, good in makers]
sys.stdout.buffer.write(b"".join(line + b"\n" for line, good in both if good or sys.argv[1] == "in"))
