#!/usr/bin/python3
"""A Modbus meter served by pymodbus, an implementation that shares no code with ours.

usage: meter_pymodbus.py MODEL.json tcp READY      serve on a free port of 127.0.0.1
       meter_pymodbus.py MODEL.json pty LINK       serve on a pty, linked at LINK

MODEL.json is one of share/evse/meters. Each register holds the value given on standard input, one JSON object a line:
{"voltage l1": 230.1, "energy_import": 12345.67, "serial": "AB12"}; a value is in the unit of the quantity. Lines may
come at any time. Registers that no line named are 0. READY is written with the port, LINK appears, once
the server answers. It ends with its standard input.
"""
import asyncio
import json
import math
import os
import pty
import struct
import sys
import threading
import tty

from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext
from pymodbus.server import async_io
from pymodbus.transaction import ModbusRtuFramer

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
        return 0 if reg["q"].startswith("energy") else -1

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


def read_values(image, loop):
    for line in sys.stdin:
        image.set(json.loads(line))
        print("ok", flush=True)
    loop.call_soon_threadsafe(os._exit, 0)


async def serve(model, kind, where):
    image = Image(model)
    slave = ModbusSlaveContext(hr=image.holding, ir=image.input, zero_mode=True)
    context = ModbusServerContext(slaves={model.get("unit", 1): slave}, single=False)
    threading.Thread(target=read_values, args=(image, asyncio.get_running_loop()), daemon=True).start()
    if kind == "tcp":
        server = async_io.ModbusTcpServer(context, address=("127.0.0.1", 0), allow_reuse_address=True)
        task = asyncio.create_task(server.serve_forever())
        while not server.server or not server.server.sockets:
            await asyncio.sleep(0.01)
        with open(where + ".tmp", "w") as f:
            f.write(str(server.server.sockets[0].getsockname()[1]))
        os.rename(where + ".tmp", where)
        await task
    else:
        await serve_pty(context, where)


async def serve_pty(context, link):
    """pymodbus decodes and encodes the frames; the bytes go through a pty of ours."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    framer = ModbusRtuFramer(async_io.ServerDecoder(), client=None)
    units = context.slaves()
    os.symlink(os.ttyname(slave), link)
    loop = asyncio.get_running_loop()

    def answer(request):
        response = request.execute(context[request.unit_id])
        response.transaction_id = request.transaction_id
        response.unit_id = request.unit_id
        os.write(master, framer.buildPacket(response))

    def ready():
        data = os.read(master, 256)
        framer.processIncomingPacket(data, answer, units)

    loop.add_reader(master, ready)
    await asyncio.Event().wait()


if __name__ == "__main__":
    with open(sys.argv[1]) as model_file:
        asyncio.run(serve(json.load(model_file), sys.argv[2], sys.argv[3]))
