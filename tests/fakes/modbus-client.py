#!/usr/bin/env python3
"""modbus-client.py tcp:PORT|rtu:DEVICE UNIT ADDR COUNT [--fc 3|4] [--timeout S] [--float]

An independent Modbus client (pymodbus): prints the registers, or "exception N", or "no answer" (exit 1).
With --float each two registers are one number.
"""
import argparse
import logging
import math
import struct
import sys

from pymodbus.client import ModbusSerialClient, ModbusTcpClient
from pymodbus.exceptions import ModbusException

logging.disable(logging.CRITICAL)
p = argparse.ArgumentParser()
p.add_argument("where")
p.add_argument("unit", type=int)
p.add_argument("addr", type=int)
p.add_argument("count", type=int)
p.add_argument("--fc", type=int, default=4)
p.add_argument("--timeout", type=float, default=2)
p.add_argument("--float", action="store_true")
a = p.parse_args()
kind, rest = a.where.split(":", 1)
if kind == "tcp":
    c = ModbusTcpClient("127.0.0.1", port=int(rest), timeout=math.ceil(a.timeout), retries=0)
else:
    c = ModbusSerialClient(port=rest, baudrate=9600, timeout=a.timeout, retries=0)
if not c.connect():
    sys.exit("unable to connect to " + a.where)
read = c.read_input_registers if a.fc == 4 else c.read_holding_registers
try:
    r = read(a.addr, a.count, slave=a.unit)
except ModbusException as e:
    r = e
if isinstance(r, Exception) or r.isError():
    code = getattr(r, "exception_code", None)
    print("no answer" if code is None else "exception %d" % code)
    sys.exit(1)
regs = r.registers
if a.float:
    raw = struct.pack(">%dH" % len(regs), *regs)
    print(*("%.7g" % v for v in struct.unpack(">%df" % (len(regs) // 2), raw)))
else:
    print(*regs)
