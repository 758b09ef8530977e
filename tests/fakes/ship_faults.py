#!/usr/bin/env python3
"""ship_faults.py INPUT: delivers a store to Debian's nginx (WebDAV PUT, TLS 1.3, client certificates) through faults: the server killed, refusing,
full, slow, stalled, and cut off in mid-body; the sender killed. Prints a line for each fault. At the far end each segment must be there once, byte for
byte, be opened by `openssl cms` alone with the recipient's key, and the whole must pass `evse-log verify`. Works in a new folder of the current one,
and leaves it there when something is wrong. Environment: EVSE_LOG."""
import atexit, json
import os, random, shutil, signal, socket, subprocess, sys, tempfile, threading, time

tool = os.environ["EVSE_LOG"]
LONG = 60  # seconds: nothing here takes a tenth of it on a quiet machine
top = tempfile.mkdtemp(prefix="ship", dir=os.getcwd())
rnd = random.Random(5)
lines = open(sys.argv[1], "rb").read().splitlines(keepends=True)


def sh(*args, **kw):
    return subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True, timeout=LONG, **kw).stdout


def free_port():
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    port = s.getsockname()[1]
    s.close()
    return port


def cert(name, issuer=None, ext=""):
    p = os.path.join(top, name)
    sh("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", p + ".key")
    os.chmod(p + ".key", 0o600)
    if not issuer:
        sh("openssl", "req", "-x509", "-new", "-key", p + ".key", "-subj", "/CN=" + name, "-days", "5", "-out", p + ".pem")
        return
    sh("openssl", "req", "-new", "-key", p + ".key", "-subj", "/CN=" + name, "-out", p + ".csr")
    open(p + ".ext", "w").write(ext)
    i = os.path.join(top, issuer)
    sh("openssl", "x509", "-req", "-in", p + ".csr", "-CA", i + ".pem", "-CAkey", i + ".key", "-CAcreateserial", "-days", "5",
       "-extfile", p + ".ext", "-out", p + ".pem")


class Proxy(threading.Thread):
    """Passes bytes to the server; `mode` says how badly: ok, refuse, cut (after some bytes), stall, slow."""

    def __init__(self):
        super().__init__(daemon=True)
        self.target, self.mode = 0, "ok"
        self.s = socket.socket()
        self.s.bind(("127.0.0.1", 0))
        self.s.listen(16)
        self.port = self.s.getsockname()[1]
        self.cuts = 0
        self.start()

    def run(self):
        while True:
            c, _ = self.s.accept()
            if self.mode == "refuse":
                c.close()
                continue
            threading.Thread(target=self.pair, args=(c, self.mode), daemon=True).start()

    def pair(self, c, mode):
        try:
            u = socket.create_connection(("127.0.0.1", self.target), timeout=5)
        except OSError:
            c.close()
            return
        threading.Thread(target=self.pump, args=(u, c, "ok"), daemon=True).start()
        self.pump(c, u, mode)

    def pump(self, a, b, mode):
        passed, limit = 0, rnd.randint(2500, 8000)
        try:
            while True:
                d = a.recv(2048)
                if not d:
                    break
                if mode == "cut" and passed + len(d) > limit:
                    b.sendall(d[:max(0, limit - passed)])
                    self.cuts += 1
                    break
                if mode == "stall" and passed > limit:
                    time.sleep(3)
                    break
                if mode == "slow":
                    time.sleep(0.004)
                b.sendall(d)
                passed += len(d)
        except OSError:
            pass
        for s in (a, b):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


cert("ca")
cert("localhost", "ca", "subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth\n")
cert("CS001", "ca", "extendedKeyUsage=clientAuth\n")
cert("backoffice")
store, keys, far = os.path.join(top, "store"), os.path.join(top, "store/keys"), os.path.join(top, "far")
os.makedirs(os.path.join(keys, "recipients"))
os.makedirs(far)
shutil.copy(os.path.join(top, "backoffice.pem"), os.path.join(keys, "recipients"))
FAULTS = [("none", 0), ("cut", 1.0), ("stall", 2.3), ("refuse", 0.4), ("killed", 0.4), ("full", 0.8), ("slow", 0), ("sender", 0)]
EACH = 3
SEGMENTS = EACH * (len(FAULTS) + 1)
step = len(lines) // SEGMENTS
made = 0


def grow():
    """The charger goes on meanwhile: some segments more."""
    global made
    for _ in range(EACH):
        end = len(lines) if made == SEGMENTS - 1 else (made + 1) * step
        sh(tool, "record", "-q", "-d", store, input=b"".join(lines[made * step:end]))
        made += 1


grow()


def write_conf(port):
    conf = f"""daemon off; pid {top}/nginx.pid; error_log {top}/error.log; worker_processes 1;
{"user root;" if os.getuid() == 0 else ""}
events {{ }}
http {{ access_log {top}/access.log; client_body_temp_path {top}/body; proxy_temp_path {top}/t1; fastcgi_temp_path {top}/t2;
  uwsgi_temp_path {top}/t3; scgi_temp_path {top}/t4;
  server {{ listen 127.0.0.1:{port} ssl; server_name localhost; root {far};
    ssl_certificate {top}/localhost.pem; ssl_certificate_key {top}/localhost.key; ssl_protocols TLSv1.3;
    ssl_client_certificate {top}/ca.pem; ssl_verify_client on; client_max_body_size 8m;
    location / {{ dav_methods PUT; create_full_put_path on; dav_access user:rw; }} }} }}
"""
    with open(os.path.join(top, "nginx.conf"), "w") as f:
        f.write(conf)


started = []


def stop_all():
    """However this ends, what it started ends with it."""
    for p in started:
        try:
            os.killpg(p.pid, signal.SIGKILL)
        except OSError:
            pass


atexit.register(stop_all)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))


def nginx(limit_kib=None):
    """Each on a port of its own: the last one's may belong to somebody else by now. A limit makes its disc full: it answers 500."""
    pre = ["/bin/sh", "-c", f"trap '' XFSZ; ulimit -f {limit_kib * 2}; exec \"$@\"", "sh"] if limit_kib else []
    end = time.monotonic() + LONG
    while time.monotonic() < end:
        port = free_port()
        write_conf(port)
        p = subprocess.Popen(pre + ["/usr/sbin/nginx", "-c", os.path.join(top, "nginx.conf"), "-e", os.path.join(top, "error.log")],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        started.append(p)
        while p.poll() is None and time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                proxy.target = port
                return p
            except OSError:
                time.sleep(0.02)
    raise SystemExit("nginx did not start: " + open(os.path.join(top, "error.log")).read())


def kill(p):
    os.killpg(p.pid, signal.SIGKILL)
    p.wait(LONG)


proxy = Proxy()
ship_args = [tool, "ship", "-q", "-d", store, "--to", f"https://localhost:{proxy.port}/logs", "--ca", f"{top}/ca.pem",
             "--cert", f"{top}/CS001.pem", "--key", f"{top}/CS001.key", "--rate", "0", "--timeout", "2", "--wait-max", "0.05", "--poll", "20",
             "--receipt", f"{top}/receipt"]


def shipper():
    p = subprocess.Popen(ship_args, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    started.append(p)
    return p


def far_count():
    return sum(f.endswith(".seg") for _, _, fs in os.walk(far) for f in fs)


def wait_for(n, seconds=LONG):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if far_count() >= n:
            return True
        time.sleep(0.01)
    return False


def refused(what, args):
    r = subprocess.run(args + ["--once"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=LONG)
    assert r.returncode != 0 and far_count() == 0, (what, r, far_count())
    print(f"refused, nothing sent: {what}")


server = nginx()
plain = [a for a in ship_args if a not in ("-q",)]
other = ["backoffice" if a == "CS001" else a for a in plain]
refused("a client certificate of another authority", [a.replace("CS001", "backoffice") for a in plain])
refused("a server that the authorities do not know", [a.replace("/ca.pem", "/backoffice.pem") for a in plain])
refused("a server by another name", [a.replace("https://localhost", "https://127.0.0.1") for a in plain])
s = shipper()
for fault, seconds in FAULTS:
    if fault in ("cut", "stall", "refuse", "slow"):
        proxy.mode = fault
    if fault in ("killed", "full"):
        kill(server)
    if fault == "full":
        server = nginx(limit_kib=1)
    before = far_count()
    grow()
    if fault == "sender":
        for _ in range(6):
            s.kill()
            s.wait(LONG)
            s = shipper()
            time.sleep(rnd.random() * 0.15)
    time.sleep(seconds)
    during = far_count() - before
    if fault != "slow":
        proxy.mode = "ok"
    if fault == "full":
        kill(server)
    if fault in ("killed", "full"):
        server = nginx()
    ok = wait_for(made)
    proxy.mode = "ok"
    print(f"fault {fault}: {during} of {EACH} delivered during it, all after it: {'yes' if ok else 'NO'}")
    assert ok, fault
assert wait_for(SEGMENTS), far_count()
time.sleep(0.3)
s.terminate()
assert s.wait(LONG) == 0
kill(server)
# the far end
(d,) = [os.path.join(far, "logs", x) for x in os.listdir(os.path.join(far, "logs"))]
names = sorted(f for f in os.listdir(d))
mine = sorted(f for f in os.listdir(store) if f.endswith(".seg"))
assert names == mine, (names, mine)
for f in mine:
    a, b = open(os.path.join(d, f), "rb").read(), open(os.path.join(store, f), "rb").read()
    assert a == b, f
    at = a.index(b"\n", a.index(b"\n") + 1) + 1
    der = os.path.join(top, "part.der")
    parts = json.loads(a[:a.index(b"\n")])["parts"]
    for p in parts:
        open(der, "wb").write(a[at:at + p["bytes"]])
        at += p["bytes"]
        plain = sh("openssl", "cms", "-decrypt", "-inform", "DER", "-in", der, "-inkey", f"{top}/backoffice.key", "-recip", f"{top}/backoffice.pem")
        assert len(plain) > 32
out = sh(tool, "verify", "-d", d, "--delivered", "--pub", os.path.join(keys, "sign.pub"), "--anchor", f"{top}/receipt")
shown = sh(tool, "show", "-d", d, "--recipient-key", f"{top}/backoffice.key", "--recipient-cert", f"{top}/backoffice.pem").splitlines()
heads = [json.loads(x.decode("utf-8", "replace")) for x in shown]
want = [json.loads(x) for x in lines]
assert [(h["src"], h["n"]) for h in heads] == [(h["src"], h["n"]) for h in want]
log = open(os.path.join(top, "access.log")).read()
print(f"{len(mine)} segments, {len(shown)} records: each there once, byte for byte; opened by openssl alone, verified and anchored; "
      f"{log.count('PUT')} uploads seen by the server, {proxy.cuts} cut in mid-body")
shutil.rmtree(top)
