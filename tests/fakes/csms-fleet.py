#!/usr/bin/python3
"""Many independent chargers in one process (python3-websockets): csms-fleet.py URL COUNT CALLS [BYTES [CA]]

Each connects as URL/F0001, F0002, … and makes CALLS calls (heartbeats, or BYTES of DataTransfer), one after the other; calls from the back office are
answered meanwhile. Prints "COUNT chargers, N answers, M calls answered, S s".
"""
import asyncio
import json
import ssl
import sys
import time

import websockets

served = 0


async def answer_for(ws, wanted):
    global served
    while True:
        frame = json.loads(await ws.recv())
        if frame[0] == 2:
            served += 1
            await ws.send(json.dumps([3, frame[1], {"status": "Accepted"}]))
        elif frame[1] == wanted:
            assert frame[0] == 3, frame
            return


async def charger(url, number, calls, size, ctx, ready):
    call = ["DataTransfer", {"vendorId": "v", "data": "x" * size}] if size else ["Heartbeat", {}]
    async with websockets.connect(f"{url}/F{number:04d}", subprotocols=["ocpp2.0.1"], ssl=ctx,
                                  compression=None, ping_interval=None) as ws:
        await ready.wait()
        for i in range(calls):
            await ws.send(json.dumps([2, f"{number}.{i}", *call]))
            await answer_for(ws, f"{number}.{i}")
        try:
            await asyncio.wait_for(answer_for(ws, None), 1)
        except asyncio.TimeoutError:
            pass


async def main():
    url, count, calls = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    size = int(sys.argv[4]) if len(sys.argv) > 4 else 0
    ctx = ssl.create_default_context(cafile=sys.argv[5]) if len(sys.argv) > 5 else None
    ready = asyncio.Event()
    tasks = [asyncio.create_task(charger(url, n + 1, calls, size, ctx, ready)) for n in range(count)]
    await asyncio.sleep(0)
    begun = time.monotonic()
    ready.set()
    await asyncio.gather(*tasks)
    print(f"{count} chargers, {count * calls} answers, {served} calls answered, {time.monotonic() - begun:.1f} s")


asyncio.run(main())
