#!/usr/bin/python3
"""Compares what evse-exi pcap says with what tshark says of the same capture.

    evse-exi pcap [-k KEYS] CAPTURE | exi-tshark.py CAPTURE [KEYS]

Of each line: time, addresses, ports, stream and SDP or SLAC octets, with those of its frame. Of each
stream: the V2GTP frames in what tshark put together, and decrypted, with the lines in their order.
Prints the number of lines; exit 1 where they differ.
"""
import json
import struct
import subprocess
import sys
from datetime import datetime, timezone

FIELDS = """frame.number frame.time_epoch eth.src eth.dst ip.src ip.dst ipv6.src ipv6.dst tcp.srcport
tcp.dstport udp.srcport udp.dstport tcp.stream udp.payload homeplug_av.mmhdr.mmtype""".split()
SLAC = {"CM_SET_KEY": 0x6008, "CM_SLAC_PARM": 0x6064, "CM_START_ATTEN_CHAR": 0x6068,
        "CM_ATTEN_CHAR": 0x606C, "CM_MNBC_SOUND": 0x6074, "CM_SLAC_MATCH": 0x607C}


def tshark(capture, keys, *args):
    keyed = ["-o", "tls.keylog_file:" + keys] if keys else []
    return subprocess.run(["tshark", "-n", "-r", capture, *keyed, *args], check=True, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout


def frames_of(capture):
    args = [a for f in FIELDS for a in ("-e", f)]
    for line in tshark(capture, None, "-T", "fields", "-E", "occurrence=f", *args).splitlines():
        f = dict(zip(FIELDS, line.split("\t")))
        yield int(f["frame.number"]), f


def end(f, side):
    port = f["tcp." + side + "port"] or f["udp." + side + "port"]
    if f["ipv6." + side]:
        return "[%s]:%s" % (f["ipv6." + side], port)
    return "%s:%s" % (f["ip." + side], port)


def same(what, got, want):
    if got != want:
        sys.exit("%s: %r, but tshark says %r" % (what, got, want))


def check_line(line, f):
    at = "frame %s" % line["frame"]
    seconds, part = f["frame.time_epoch"].split(".")
    stamp = datetime.fromtimestamp(int(seconds), timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
    same(at + " t", line["t"], "%s.%sZ" % (stamp, part[:6]))
    if line.get("message", "").startswith("CM_"):
        same(at + " from", line["from"], f["eth.src"])
        same(at + " to", line["to"], f["eth.dst"])
        name, kind = line["message"].split(".")
        number = SLAC[name] + ["REQ", "CNF", "IND", "RSP"].index(kind)
        same(at + " type", number, int(f["homeplug_av.mmhdr.mmtype"], 16))
        return
    same(at + " from", line["from"], end(f, "src"))
    same(at + " to", line["to"], end(f, "dst"))
    if "stream" in line:
        same(at + " stream", str(line["stream"]), f["tcp.stream"])
    elif "error" not in line:
        security = {"tls": "00", "none": "10"}[line["json"]["security"]] + "00"
        same(at + " SDP", line["payload_type"][2:] + "%08x" % (len(f["udp.payload"]) // 2 - 8),
             f["udp.payload"][4:16])
        same(at + " SDP security", security, f["udp.payload"][-4:])


def bare(name):
    return name.replace("[", "").replace("]", "")


def follow(capture, keys, stream):
    """The name of one end, and the octets that it sent and that it received."""
    text = tshark(capture, keys, "-q", "-z", "follow,%s,raw,%d" % ("tls" if keys else "tcp", stream))
    sides, name = ["", ""], ""
    for line in text.splitlines():
        if line.startswith("Node 0: "):
            name = bare(line[8:])
        elif line and not line.strip("\t0123456789abcdef"):
            sides[line.startswith("\t")] += line.strip()
    return name, map(bytes.fromhex, sides)


def split(data):
    while data:
        head = struct.unpack(">BBHI", data[:8])
        same("V2GTP head", head[:2], (1, 0xFE))
        yield "0x%04x" % head[2], data[8 : 8 + head[3]].hex()
        data = data[8 + head[3] :]


def main():
    capture, keys = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None
    lines = [json.loads(l) for l in sys.stdin]
    frames = dict(frames_of(capture))
    for line in lines:
        check_line(line, frames[line["frame"]])
    for stream in sorted({l["stream"] for l in lines if "stream" in l}):
        name, sides = follow(capture, keys, stream)
        for side, data in zip(("from", "to"), sides):
            got = [(l["payload_type"], l["exi"]) for l in lines
                   if l.get("stream") == stream and bare(l[side]) == name and "exi" in l]
            same("stream %d %s %s" % (stream, side, name), got, list(split(data)))
    print(len(lines))


if __name__ == "__main__":
    main()
