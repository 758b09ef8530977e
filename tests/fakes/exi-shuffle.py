#!/usr/bin/python3
"""exi-shuffle.py IN.pcap OUT.pcap SEED: a capture with packets late, by up to five places, and doubled.

The first twenty stay where they are, which are those of SLAC, SDP and the opening of the connection.
"""
import random
import struct
import sys


def main():
    data, rnd = open(sys.argv[1], "rb").read(), random.Random(int(sys.argv[3]))
    packets, at = [], 24
    while at < len(data):
        end = at + 16 + struct.unpack("<I", data[at + 8 : at + 12])[0]
        packets.append(data[at:end])
        at = end
    places = []
    for i, packet in enumerate(packets):
        late = i > 20 and rnd.random() < 0.4
        places.append((i + (rnd.random() * 5 if late else 0), packet))
        if i > 20 and rnd.random() < 0.2:
            places.append((i + rnd.random() * 5, packet))
    with open(sys.argv[2], "wb") as out:
        out.write(data[:24] + b"".join(p for _, p in sorted(places, key=lambda p: p[0])))


if __name__ == "__main__":
    main()
