#!/usr/bin/python3
"""A back office for tests, on python3-websockets; every frame is checked against the published schemas.

usage: ocpp_csms.py [--cert PEM --key PEM [--ca PEM] [--tls12]] [--user NAME --password TEXT] [--schemas DIR]
                    [--port-file FILE] [--boot Accepted,Pending,…] [--interval S] [--invalid TOKEN,…] [--slow S]

Standard output: one JSON line a frame, {"dir":"in|out","kind":"call|result|error|open|close|ping",
"action","id","payload"}, and {"complaint":…} for what the schemas refuse. Standard input: lines
{"action":…,"payload":{…}} are sent as calls; {"raw":TEXT} as they are; {"close":true} ends the connection;
{"mute":true|false} leaves calls of the station unanswered; {"answer":{ACTION:PAYLOAD}} sets answers.
Exit code at the end of standard input: 0, or 1 when there was a complaint.
"""
import argparse
import asyncio
import base64
import datetime
import http
import json
import pathlib
import ssl
import sys
import uuid

import jsonschema
import websockets


FORMATS = jsonschema.FormatChecker()


@FORMATS.checks("date-time", raises=ValueError)
def is_time(text):
    """jsonschema brings no check of times of its own."""
    return not isinstance(text, str) or datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).tzinfo is not None


def now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Station(websockets.WebSocketServerProtocol):
    """Says each ping that comes."""

    async def pong(self, data=b""):
        print(json.dumps({"dir": "in", "kind": "ping"}), flush=True)
        await super().pong(data)


class Office:
    def __init__(self, args):
        self.args = args
        self.station = None
        self.pending = {}
        self.complaints = 0
        self.mute = False
        self.boots = args.boot.split(",")
        self.answers = {}
        self.validators = {}

    def say(self, **what):
        print(json.dumps(what), flush=True)

    def check(self, action, side, payload):
        if not self.args.schemas:
            return
        name = action + side
        if name not in self.validators:
            path = pathlib.Path(self.args.schemas) / f"{name}.json"
            if not path.exists():
                self.complain(f"{name}: no such message")
                return
            schema = json.loads(path.read_text(encoding="utf-8-sig"))
            self.validators[name] = jsonschema.Draft6Validator(schema, format_checker=FORMATS)
        for error in self.validators[name].iter_errors(payload):
            self.complain(f"{name} at {list(error.absolute_path)}: {error.message}")

    def complain(self, text):
        self.complaints += 1
        self.say(complaint=text)

    def answer(self, action, payload):
        if action in self.answers:
            return self.answers[action]
        if action == "BootNotification":
            status = self.boots.pop(0) if len(self.boots) > 1 else self.boots[0]
            return {"currentTime": now(), "interval": self.args.interval, "status": status}
        if action == "Heartbeat":
            return {"currentTime": now()}
        if action == "Authorize":
            return {"idTokenInfo": {"status": self.verdict(payload["idToken"]["idToken"])}}
        if action == "TransactionEvent" and payload.get("idToken"):
            return {"idTokenInfo": {"status": self.verdict(payload["idToken"]["idToken"])}}
        if action == "DataTransfer":
            return {"status": "UnknownVendorId"}
        return {}

    def verdict(self, token):
        return "Invalid" if token in self.args.invalid.split(",") else "Accepted"

    async def take(self, ws, text):
        frame = json.loads(text)
        if frame[0] == 2:
            _, mid, action, payload = frame
            self.say(dir="in", kind="call", action=action, id=mid, payload=payload)
            self.check(action, "Request", payload)
            if self.mute:
                return
            reply = self.answer(action, payload)
            self.check(action, "Response", reply)
            self.say(dir="out", kind="result", action=action, id=mid, payload=reply)
            await ws.send(json.dumps([3, mid, reply]))
        elif frame[0] == 3:
            action = self.pending.pop(frame[1], None)
            self.say(dir="in", kind="result", action=action, id=frame[1], payload=frame[2])
            if action:
                self.check(action, "Response", frame[2])
            else:
                self.complain(f"an answer to no call: {frame[1]}")
        elif frame[0] == 4:
            self.say(dir="in", kind="error", action=self.pending.pop(frame[1], None), id=frame[1], code=frame[2],
                     text=frame[3])
        else:
            self.complain(f"message type {frame[0]}")

    async def serve(self, ws):
        self.station = ws
        self.say(dir="in", kind="open", path=ws.path, subprotocol=ws.subprotocol)
        try:
            async for text in ws:
                await self.take(ws, text)
        except websockets.ConnectionClosed:
            pass
        self.say(dir="in", kind="close", code=ws.close_code)
        if self.station is ws:
            self.station = None

    async def admit(self, path, headers):
        await asyncio.sleep(self.args.slow)
        if not self.args.user:
            return None
        want = "Basic " + base64.b64encode(f"{self.args.user}:{self.args.password}".encode()).decode()
        if headers.get("Authorization") != want:
            self.say(dir="in", kind="refused", path=path)
            return (http.HTTPStatus.UNAUTHORIZED, [("WWW-Authenticate", "Basic")], b"")
        return None

    async def order(self, line):
        what = json.loads(line)
        if "mute" in what:
            self.mute = what["mute"]
        elif "answer" in what:
            self.answers.update(what["answer"])
        elif not self.station:
            self.say(complaint="no station is connected")
        elif what.get("close"):
            await self.station.close()
        elif "raw" in what:
            await self.station.send(what["raw"])
        else:
            mid = str(uuid.uuid4())
            payload = what.get("payload", {})
            if not what.get("bad"):
                self.check(what["action"], "Request", payload)
            self.pending[mid] = what["action"]
            self.say(dir="out", kind="call", action=what["action"], id=mid, payload=payload)
            await self.station.send(json.dumps([2, mid, what["action"], payload]))

    async def run(self):
        context = None
        if self.args.cert:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            if self.args.tls12:
                context.maximum_version = ssl.TLSVersion.TLSv1_2
            else:
                context.minimum_version = ssl.TLSVersion.TLSv1_3
            context.load_cert_chain(self.args.cert, self.args.key)
            if self.args.ca:
                context.load_verify_locations(self.args.ca)
                context.verify_mode = ssl.CERT_REQUIRED
        server = await websockets.serve(self.serve, "127.0.0.1", self.args.port, ssl=context,
                                        subprotocols=["ocpp2.0.1"], process_request=self.admit, ping_interval=None,
                                        create_protocol=Station)
        port = server.sockets[0].getsockname()[1]
        if self.args.port_file:
            temp = pathlib.Path(self.args.port_file + ".new")
            temp.write_text(f"{port}\n")
            temp.rename(self.args.port_file)
        self.say(listening=port)
        reader = asyncio.StreamReader(limit=1 << 20)
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            await self.order(line)
        server.close()


def main():
    p = argparse.ArgumentParser()
    for name in ("cert", "key", "ca", "user", "password", "schemas", "port-file"):
        p.add_argument("--" + name)
    p.add_argument("--tls12", action="store_true")
    p.add_argument("--port", type=int, default=0)
    p.add_argument("--boot", default="Accepted")
    p.add_argument("--interval", type=int, default=300)
    p.add_argument("--slow", type=float, default=0)
    p.add_argument("--invalid", default="")
    office = Office(p.parse_args())
    asyncio.run(office.run())
    sys.exit(1 if office.complaints else 0)


main()
