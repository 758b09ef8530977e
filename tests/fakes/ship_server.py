#!/usr/bin/env python3
"""ship_server.py DIR MODE: a small HTTPS server that takes PUTs into DIR as an awkward server does, and adds a line `NAME BYTES` to DIR/uploads for
each. Makes its certificates (DIR/ca.pem, me.pem, me.key) itself, prints its port when ready and ends with its standard input. MODE:
  prompt   does all at once, as it should
  late     answers an upload after 300 ms, and closes its connection 200 ms after the answer
  tardy    answers the first upload of each name after 1.5 s, others after 0.7 s
  silent   takes everything, never answers
  deaf     takes the connection, never says a word of TLS
  half     sends the head of its answer, never the rest
  drip     answers a byte at a time
  sip      reads 1 KiB each 20 ms
  early    answers 507 when the head has come, without reading the body"""
import os, socket, ssl, subprocess, sys, threading, time

top, mode = sys.argv[1], sys.argv[2]
os.makedirs(top, exist_ok=True)


def sh(*args):
    subprocess.run(args, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def cert(name, signer=None):
    key, pem, ext = (f"{top}/{name}.{x}" for x in ("key", "pem", "ext"))
    new = ["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-subj", "/CN=" + name]
    if not signer:
        sh(*new, "-x509", "-days", "5", "-out", pem)
        return
    sh(*new, "-out", f"{top}/{name}.csr")
    with open(ext, "w") as f:
        f.write("subjectAltName=DNS:localhost\n")
    sh("openssl", "x509", "-req", "-in", f"{top}/{name}.csr", "-CA", f"{top}/{signer}.pem", "-CAkey", f"{top}/{signer}.key", "-CAcreateserial",
       "-days", "5", "-extfile", ext, "-out", pem)
    os.chmod(key, 0o600)


cert("ca")
cert("localhost", "ca")
cert("me", "ca")
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
tls.minimum_version = ssl.TLSVersion.TLSv1_3
tls.load_cert_chain(f"{top}/localhost.pem", f"{top}/localhost.key")
tls.load_verify_locations(f"{top}/ca.pem")
tls.verify_mode = ssl.CERT_REQUIRED
seen = set()
lock = threading.Lock()
ANSWER = b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n"


def take(c):
    if mode == "deaf":
        time.sleep(60)
        return
    s = tls.wrap_socket(c, server_side=True)
    data = b""
    while b"\r\n\r\n" not in data:
        got = s.recv(1024)
        if not got:
            return
        data += got
    head, body = data.split(b"\r\n\r\n", 1)
    name = head.split()[1].decode().rsplit("/", 1)[1]
    if mode == "early":
        s.sendall(b"HTTP/1.1 507 Insufficient Storage\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        return
    want = int([x for x in head.split(b"\r\n") if x.lower().startswith(b"content-length:")][0].split(b":")[1])
    while len(body) < want:
        got = s.recv(1024)
        if not got:
            return
        body += got
        if mode == "sip":
            time.sleep(0.02)
    if mode == "late":
        time.sleep(0.3)
    if mode == "tardy":
        first = name not in seen
        seen.add(name)
        time.sleep(1.5 if first else 0.7)
    with lock:
        with open(f"{top}/{name}", "wb") as f:
            f.write(body)
        with open(f"{top}/uploads", "a") as f:
            f.write(f"{name} {len(body)}\n")
    if mode == "silent":
        time.sleep(60)
    elif mode == "half":
        s.sendall(ANSWER[:60])
        time.sleep(60)
    elif mode == "drip":
        for at in range(len(ANSWER)):
            s.sendall(ANSWER[at:at + 1])
            time.sleep(0.002)
    else:
        s.sendall(ANSWER)
    if mode == "late":
        time.sleep(0.2)


def serve(c):
    try:
        take(c)
    except OSError:
        pass
    c.close()


listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(64)


def accept():
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()


threading.Thread(target=accept, daemon=True).start()
print(listener.getsockname()[1], flush=True)
sys.stdin.read()
os._exit(0)
