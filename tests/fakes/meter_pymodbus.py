#!/usr/bin/python3
"""A Modbus meter served by pymodbus, an implementation that shares no code with ours.

usage: meter_pymodbus.py MODEL.json tcp READY   pymodbus' own server on a free port of 127.0.0.1
       meter_pymodbus.py MODEL.json bad READY   the same port of ours, with pymodbus' frames, to misbehave
       meter_pymodbus.py MODEL.json pty LINK    serve on a pty, linked at LINK; may misbehave

MODEL.json is one of share/evse/meters. Each register holds the value given on standard input, one JSON object a line:
{"voltage l1": 230.1, "energy_import": 12345.67, "serial": "AB12"}; a value is in the unit of the quantity. Lines may
come at any time and are answered "ok". Registers that no line named are 0. READY is written with the port, LINK
appears, once the server answers. It ends with its standard input.

{"misbehave": HOW, "times": N, "ms": MS} spoils the next N answers (default all), where HOW is "late" (MS after its time),
"trickle" (byte by byte), "silence", "exception" (slave device failure), "refuse" (illegal address), "unit" (another
unit's), "id" (another transaction's; TCP), "garbage", "short" (cut off), "close" (TCP), or null to behave.
"""
import asyncio
import json
import logging
import os
import pty
import struct
import sys
import threading
import tty

from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext
from pymodbus.server import async_io
from pymodbus.transaction import ModbusRtuFramer, ModbusSocketFramer

SIZES = {"u16": 1, "s16": 1, "u32": 2, "s32": 2, "u64": 4, "s64": 4, "f32": 2, "f64": 4, "acc32": 2,
         "hex32": 2, "t5": 2, "t6": 2}
PACK = {"u16": ">H", "s16": ">h", "u32": ">I", "s32": ">i", "u64": ">Q", "s64": ">q", "f32": ">f",
        "f64": ">d", "acc32": ">I", "hex32": ">I"}


def encode(reg, model, value, scale):
    """Registers of one value, most significant first."""
    kind = reg["type"]
    if kind == "str":
        raw = str(value).encode().ljust(2 * reg["len"], b"\0")
        return list(struct.unpack(">%dH" % reg["len"], raw))
    if value is None:
        raw = {"f": b"\x7f\xc0" + bytes(6), "s": b"\x80" + bytes(7), "u": b"\xff" * 8,
               "a": b"\xff" * 8}[kind[0]][:2 * SIZES[kind]]
    elif kind in ("t5", "t6"):
        mantissa = round(value * 100) & 0xffffff
        raw = struct.pack(">I", 0xfe << 24 | mantissa)
    else:
        value = value / (reg.get("mul", 1) * 10 ** scale)
        raw = struct.pack(PACK[kind], value if kind[0] == "f" else round(value))
    words = list(struct.unpack(">%dH" % (len(raw) // 2), raw))
    return words[::-1] if model.get("word_order") == "little" else words


class Image:
    """The register space of one unit, laid out by a model file."""

    def __init__(self, model):
        self.model = model
        self.base = 40070 if "sunspec" in model else 0
        self.holding = ModbusSequentialDataBlock(0, [0] * 65536)
        self.input = ModbusSequentialDataBlock(0, [0] * 65536)
        if "sunspec" in model:
            self.sunspec(model["sunspec"][0])
        for reg in model["registers"]:
            if "scale" in reg:
                self.put(reg["fc"], self.base + reg["scale"]["addr"], [self.exponent(reg) & 0xffff])

    @staticmethod
    def exponent(reg):
        return 0 if reg["q"].startswith(("energy", "power")) else -1

    def put(self, fc, addr, words):
        (self.input if fc == 4 else self.holding).setValues(addr, words)

    def sunspec(self, model_id):
        self.put(3, 40000, [0x5375, 0x6e53, 1, 66])
        self.put(3, 40002 + 52, list(struct.unpack(">16H", b"SN-0042".ljust(32, b"\0"))))
        self.put(3, 40070, [model_id, 105])
        self.put(3, 40070 + 107, [0xffff, 0])

    def set(self, values):
        for reg in self.model["registers"]:
            name = reg["q"] + (" " + reg["ph"] if "ph" in reg else "")
            if name not in values:
                continue
            scale = 0
            if "scale" in reg:
                scale = self.exponent(reg) + reg["scale"].get("offset", 0)
            self.put(reg["fc"], self.base + reg["addr"],
                     encode(reg, self.model, values[name], scale))


class Manners:
    """How the next answers are spoilt."""

    def __init__(self):
        self.how, self.times, self.ms = None, -1, 0

    def set(self, order):
        self.how, self.ms = order["misbehave"], order.get("ms", 0)
        self.times = order.get("times", -1)

    def next(self):
        if not self.times:
            return None
        self.times -= self.times > 0
        return self.how


class Device:
    """Answers requests with pymodbus' frames, and spoils them as told."""

    def __init__(self, context, manners, framer, write, close):
        self.context, self.manners, self.write, self.close = context, manners, write, close
        self.framer = framer(async_io.ServerDecoder(), client=None)

    def received(self, data):
        self.framer.processIncomingPacket(data, self.answer, self.context.slaves())

    def answer(self, request):
        how = self.manners.next()
        response = request.execute(self.context[request.unit_id])
        if how in ("exception", "refuse"):
            response = request.doException(4 if how == "exception" else 2)
        response.transaction_id = request.transaction_id + (how == "id")
        response.unit_id = request.unit_id + (how == "unit")
        if how in ("unit", "id"):  # what another meter, or an older request, would have got
            response.registers = [r ^ 1 for r in response.registers]
        frame = self.framer.buildPacket(response)
        loop = asyncio.get_running_loop()
        if how == "late":
            loop.call_later(self.manners.ms / 1000, self.write, frame)
        elif how == "trickle":
            for i in range(len(frame)):
                loop.call_later(i * self.manners.ms / 1000, self.write, frame[i:i + 1])
        elif how == "garbage":
            self.write(bytes(b ^ 0x5a for b in frame))
        elif how == "short":
            self.write(frame[:-3])
        elif how == "close":
            self.close()
        elif how != "silence":
            self.write(frame)


def read_orders(image, manners):
    for line in sys.stdin:
        order = json.loads(line)
        if "misbehave" in order:
            manners.set(order)
        else:
            image.set(order)
        print("ok", flush=True)
    os._exit(0)


def announce(path, port):
    with open(path + ".tmp", "w") as f:
        f.write(str(port))
    os.rename(path + ".tmp", path)


async def serve_tcp(context, path):
    server = async_io.ModbusTcpServer(context, address=("127.0.0.1", 0), allow_reuse_address=True)
    task = asyncio.create_task(server.serve_forever())
    while not server.server or not server.server.sockets:
        await asyncio.sleep(0.01)
    announce(path, server.server.sockets[0].getsockname()[1])
    await task


async def serve_bad(context, manners, path):
    async def client(reader, writer):
        device = Device(context, manners, ModbusSocketFramer, writer.write, writer.close)
        while data := await reader.read(1024):
            device.received(data)
        writer.close()

    server = await asyncio.start_server(client, "127.0.0.1", 0)
    announce(path, server.sockets[0].getsockname()[1])
    await server.serve_forever()


async def serve_pty(context, manners, link):
    master, slave = pty.openpty()
    tty.setraw(slave)
    device = Device(context, manners, ModbusRtuFramer, lambda b: os.write(master, b), None)
    asyncio.get_running_loop().add_reader(master, lambda: device.received(os.read(master, 256)))
    os.symlink(os.ttyname(slave), link)
    await asyncio.Event().wait()


async def serve(model, kind, where):
    image, manners = Image(model), Manners()
    slave = ModbusSlaveContext(hr=image.holding, ir=image.input, zero_mode=True)
    context = ModbusServerContext(slaves={model.get("unit", 1): slave}, single=False)
    threading.Thread(target=read_orders, args=(image, manners), daemon=True).start()
    if kind == "tcp":
        await serve_tcp(context, where)
    elif kind == "bad":
        await serve_bad(context, manners, where)
    else:
        await serve_pty(context, manners, where)


if __name__ == "__main__":
    logging.getLogger().setLevel(logging.CRITICAL)
    with open(sys.argv[1]) as model_file:
        asyncio.run(serve(json.load(model_file), sys.argv[2], sys.argv[3]))
