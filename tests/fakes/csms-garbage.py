#!/usr/bin/python3
"""A hostile peer for tests: csms-garbage.py PORT COUNT [SEED]

COUNT connections to a websocket server in clear, each with random bytes, a damaged upgrade request, or after a
good upgrade random bytes or frames of odd opcodes and texts. Prints "upgraded N".
"""
import random
import socket
import sys

UPGRADE = (
    b"GET /ocpp/G1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Protocol: ocpp2.0.1\r\n\r\n"
)


def noise(most):
    return bytes(random.randrange(256) for _ in range(random.randrange(1, most)))


def damaged():
    b = bytearray(UPGRADE)
    for _ in range(random.randrange(1, 6)):
        b[random.randrange(len(b))] = random.randrange(256)
    return bytes(b)


def frames():
    out = b""
    for _ in range(random.randrange(1, 8)):
        opcode = random.choice([0, 1, 1, 1, 2, 8, 9, 10, 3, 15])
        fin = random.choice([0x80, 0x80, 0])
        text = bytes(random.choice(b'[]{}",2abc\xff\x80:\\') for _ in range(random.randrange(126)))
        out += bytes([fin | opcode, 0x80 | len(text)]) + b"\0\0\0\0" + text
    return out


def attack(s):
    """Returns whether the upgrade was granted."""
    kind = random.randrange(4)
    if kind < 2:
        s.sendall(damaged() if kind else noise(600))
        s.recv(4096)
        return False
    s.sendall(UPGRADE)
    granted = b" 101 " in s.recv(1024)
    s.sendall(noise(900) if kind == 2 else frames())
    s.recv(4096)
    return granted


def main():
    port, count = int(sys.argv[1]), int(sys.argv[2])
    random.seed(int(sys.argv[3]) if len(sys.argv) > 3 else 7)
    upgraded = 0
    for _ in range(count):
        with socket.create_connection(("127.0.0.1", port)) as s:
            s.settimeout(0.05)
            try:
                upgraded += attack(s)
            except OSError:
                pass
            if random.random() < 0.3:  # a reset instead of an orderly end
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    print("upgraded", upgraded)


main()
