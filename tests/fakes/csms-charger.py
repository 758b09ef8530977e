#!/usr/bin/python3
"""An independent charger for tests of the back office: python3-websockets and Python's ssl.

csms-charger.py URL [--ca FILE] [--cert FILE --key FILE] [--user U --password P] [--subprotocols a,b]
                    [--tls12] [--answer JSON] [--fragments N] [--binary]

Sends each line of its input as a frame; prints "open SUBPROTOCOL TLSVERSION", each frame that comes as
"frame TEXT", and at the end "closed CODE" or "refused WHY". Calls are answered with --answer
(default {"status":"Accepted"}); "none" answers nothing. Ends at the end of its input.
"""
import argparse
import asyncio
import base64
import json
import os
import ssl
import sys

import websockets


def arguments():
    p = argparse.ArgumentParser()
    p.add_argument("url")
    p.add_argument("--ca")
    p.add_argument("--cert")
    p.add_argument("--key")
    p.add_argument("--user")
    p.add_argument("--password")
    p.add_argument("--subprotocols", default="ocpp2.0.1")
    p.add_argument("--tls12", action="store_true")
    p.add_argument("--fragments", type=int, default=0, help="send each text in pieces of so many characters")
    p.add_argument("--binary", action="store_true", help="send binary frames")
    p.add_argument("--answer", default='{"status":"Accepted"}')
    return p.parse_args()


def context(a):
    if not a.url.startswith("wss:"):
        return None
    ctx = ssl.create_default_context(cafile=a.ca)
    if a.tls12:
        ctx.maximum_version = ssl.TLSVersion.TLSv1_2
    if a.cert:
        ctx.load_cert_chain(a.cert, a.key)
    return ctx


def say(*words):
    print(*words, flush=True)


async def receive(ws, answer):
    async for text in ws:
        say("frame", text)
        frame = json.loads(text)
        if frame[0] == 2 and answer != "none":
            await ws.send(json.dumps([3, frame[1], json.loads(answer)]))


async def send_input(ws, fragments, binary):
    while line := await asyncio.to_thread(sys.stdin.readline):
        text = line.rstrip("\n")
        if fragments:
            await ws.send([text[i : i + fragments] for i in range(0, len(text), fragments)])
        else:
            await ws.send(text.encode() if binary else text)
    await ws.close()


async def main():
    a = arguments()
    headers = {}
    if a.user is not None:
        pair = f"{a.user}:{a.password or ''}".encode()
        headers["Authorization"] = "Basic " + base64.b64encode(pair).decode()
    try:
        ws = await websockets.connect(a.url, ssl=context(a), subprotocols=a.subprotocols.split(","),
                                      extra_headers=headers, max_size=1 << 23, compression=None)
    except Exception as e:  # every way to be refused is a result here
        say("refused", type(e).__name__, e)
        return 1
    tls = ws.transport.get_extra_info("ssl_object")
    say("open", ws.subprotocol, tls.version() if tls else "-")
    tasks = [asyncio.create_task(receive(ws, a.answer)), asyncio.create_task(send_input(ws, a.fragments, a.binary))]
    done, rest = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    await ws.wait_closed()
    for t in rest:
        t.cancel()
    for t in done:
        t.exception()
    say("closed", ws.close_code)
    return 0


asyncio.set_event_loop(asyncio.new_event_loop())
code = asyncio.get_event_loop().run_until_complete(main())
os._exit(code)  # a reader of standard input may still be waiting
