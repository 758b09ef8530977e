#!/usr/bin/python3
"""Plays vector sessions between two sockets of a real network stack, for captures.

    exi-talk.py SESSION.json HOST [--tls 1.2|1.3] [--cipher NAME] [--cert PEM] [--keylog FILE] [--no-etm]
                [--chunk N] [--first N] [--interface NAME --peer-netns FILE --peer-interface NAME]
                [--port N] [--sdp] [--slac]

Both ends run in this process, each on its own socket and, with --peer-netns, the charger's in
another network namespace. --sdp and --slac begin with these, as a car does. --chunk N cuts the car's octets into segments of N. Prints one line a
frame sent: "ev->evse HEX".
"""
import argparse
import ctypes
import json
import os
import socket
import ssl
import struct
import sys
import threading


def frames(path):
    """(direction, V2GTP frame) of a session's documents."""
    for v in json.load(open(path, encoding="utf-8"))["vectors"]:
        if v.get("kind") == "fragment":
            continue
        exi = bytes.fromhex(v["exi"])
        yield v["dir"], struct.pack(">BBHI", 1, 0xFE, int(v["payload_type"], 16), len(exi)) + exi


def enter(netns):
    """Moves this thread into another network namespace."""
    with open(netns, encoding="ascii") as f:
        if ctypes.CDLL(None, use_errno=True).setns(f.fileno(), 0x40000000) != 0:
            raise OSError(ctypes.get_errno(), "setns")


def take(sock, size):
    data = b""
    while len(data) < size:
        part = sock.recv(size - len(data))
        if not part:
            raise EOFError("peer closed")
        data += part
    return data


def send(sock, data, chunk):
    for i in range(0, len(data), chunk or len(data)):
        sock.sendall(data[i : i + (chunk or len(data))])


def contexts(args):
    version = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[args.tls]
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    server.load_cert_chain(args.cert)
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE
    for c in (server, client):
        c.options |= 1 << 19 if args.no_etm else 0  # SSL_OP_NO_ENCRYPT_THEN_MAC
        c.minimum_version = c.maximum_version = version
        if args.cipher and args.tls == "1.2":
            c.set_ciphers(args.cipher)
    if args.keylog:
        client.keylog_filename = args.keylog
    return server, client


def sdp_ask(args, scope):
    """The car asks all nodes where the charger is."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as car:
        car.settimeout(5)
        request = struct.pack(">BBHI", 1, 0xFE, 0x9000, 2) + (b"\0" if args.tls else b"\x10") + b"\0"
        car.sendto(request, ("ff02::1" if scope else args.host, 15118, 0, scope))
        car.recvfrom(64)


def sdp_answer(args, charger, port):
    charger.settimeout(5)
    _, peer = charger.recvfrom(64)
    charger.sendto(
        struct.pack(">BBHI", 1, 0xFE, 0x9001, 20)
        + socket.inet_pton(socket.AF_INET6, args.host)
        + struct.pack(">H", port)
        + (b"\0" if args.tls else b"\x10")
        + b"\0",
        peer,
    )


RUN = bytes.fromhex("0123456789abcdef")
EV_ID, EVSE_ID = b"EVID".ljust(17, b"\0"), bytes(17)
NID, NMK = bytes.fromhex("b0f2e695666b03"), bytes(range(16))
# Who sends, MMTYPE, what follows the head: {car} and {evse} stand for the MAC addresses.
SLAC = [
    ("ev", 0x6064, b"\0\0" + RUN),
    ("evse", 0x6065, b"\xff" * 6 + b"\x0a\x06\x01" + b"{car}" + b"\0\0" + RUN),
    ("ev", 0x606A, b"\0\0\x0a\x06\x01" + b"{car}" + RUN),
    ("ev", 0x6076, b"\0\0" + EV_ID + b"\x09" + RUN + bytes(8) + bytes(range(16))),
    ("evse", 0x606E, b"\0\0{car}" + RUN + EVSE_ID + EVSE_ID + b"\x0a\x3a" + bytes(range(58))),
    ("ev", 0x606F, b"\0\0{car}" + RUN + EV_ID + EVSE_ID + b"\0"),
    ("ev", 0x607C, b"\0\0\x3e\0" + EV_ID + b"{car}" + EVSE_ID + b"{evse}" + RUN + bytes(8)),
    (
        "evse",
        0x607D,
        b"\0\0\x56\0" + EV_ID + b"{car}" + EVSE_ID + b"{evse}" + RUN + bytes(8) + NID + b"\0" + NMK,
    ),
    ("ev", 0x6008, b"\x01" + bytes(8) + b"\x04\0\0\0\0" + NID + b"\x01" + NMK),
]
CAR, EVSE = bytes.fromhex("020000000001"), bytes.fromhex("020000000002")


def slac(who, interface):
    """Sends one side's management messages; that they cross is not looked at."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as raw:
        raw.bind((interface, 0))
        for sender, mmtype, entry in SLAC:
            if sender != who:
                continue
            src, dst = (CAR, EVSE) if who == "ev" else (EVSE, CAR)
            frame = dst + src + b"\x88\xe1\x01" + struct.pack("<H", mmtype) + b"\0\0"
            raw.send((frame + entry.replace(b"{car}", CAR).replace(b"{evse}", EVSE)).ljust(60, b"\0"))


def play(sock, own, session, args, out):
    """Sends what is own and takes what isn't, in the session's order."""
    waiting = b""
    for i, (direction, frame) in enumerate(session):
        if direction != own:
            take(sock, len(frame))
            continue
        waiting += frame
        if i + 1 < len(session) and session[i + 1][0] == own:
            continue
        send(sock, waiting, args.chunk if own == "ev->evse" else 0)
        waiting = b""
    out.append(own)


def charger(args, scope, ready, session, server, out):
    if args.peer_netns:
        enter(args.peer_netns)
        scope = socket.if_nametoindex(args.peer_interface)
    asked = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    with asked, socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as listening:
        listening.bind((args.host, args.port, 0, scope))
        listening.listen(1)
        if args.sdp:
            asked.bind(("::", 15118))
        if args.slac:
            slac("evse", args.peer_interface)
        ready.append(listening.getsockname()[1])
        ready[0].set()
        if args.sdp:
            sdp_answer(args, asked, ready[1])
        sock, _ = listening.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if server:
            sock = server.wrap_socket(sock, server_side=True)
        play(sock, "evse->ev", session, args, out)
        if server:
            sock = sock.unwrap()
        sock.close()


def main():
    p = argparse.ArgumentParser()
    p.add_argument("session")
    p.add_argument("host")
    p.add_argument("--tls", choices=["1.2", "1.3"])
    p.add_argument("--cipher")
    p.add_argument("--cert")
    p.add_argument("--no-etm", action="store_true")
    p.add_argument("--keylog")
    p.add_argument("--chunk", type=int, default=0)
    p.add_argument("--first", type=int, default=0, help="only so many frames")
    p.add_argument("--port", type=int, default=0)
    p.add_argument("--interface")
    p.add_argument("--peer-netns")
    p.add_argument("--peer-interface")
    p.add_argument("--sdp", action="store_true")
    p.add_argument("--slac", action="store_true")
    args = p.parse_args()
    session = list(frames(args.session))[: args.first or None]
    scope = socket.if_nametoindex(args.interface) if args.interface else 0
    if args.slac:
        slac("ev", args.interface)
    server, client = contexts(args) if args.tls else (None, None)
    ready, out = [threading.Event()], []
    peer = threading.Thread(target=charger, args=(args, scope, ready, session, server, out), daemon=True)
    peer.start()
    if not ready[0].wait(10):
        sys.exit("the charger did not listen")
    if args.sdp:
        sdp_ask(args, scope)
    sock = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
    sock.settimeout(20)
    sock.connect((args.host, ready[1], 0, scope))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if client:
        sock = client.wrap_socket(sock)
    play(sock, "ev->evse", session, args, out)
    if client:
        try:
            sock = sock.unwrap()
        except (OSError, ssl.SSLError):
            pass
    sock.close()
    peer.join(10)
    if len(out) != 2:
        sys.exit("the session was not played to its end")
    for direction, frame in session:
        print(direction, frame.hex())


if __name__ == "__main__":
    os.environ.pop("SSLKEYLOGFILE", None)
    main()
