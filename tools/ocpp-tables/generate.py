#!/usr/bin/env python3
"""Write the C tables of one OCPP version from its JSON schemas.

usage: generate.py VERSION SCHEMA_DIR MESSAGES_CSV >lib/ocpp/tables/VERSION.c

The tables state what the schemas state: fields, types, which are required, lengths, words, bounds and
counts. Texts of the schemas are not copied. The layout is that of lib/ocpp/schema.h; all names stand
once in one pool of bytes, so that the tables need no relocation and stay small.
"""
import csv
import json
import pathlib
import sys

KNOWN = {"$schema", "$id", "comment", "definitions", "type", "additionalProperties", "properties", "required",
         "$ref", "description", "maxLength", "additionalItems", "items", "minItems", "maxItems", "javaType",
         "enum", "format", "default", "minimum", "maximum"}
NO_MAX = 0xFFFF


class Pool:
    """Strings laid end to end; each distinct one once."""

    def __init__(self):
        self.at, self.size = {}, 0

    def add(self, text):
        if text not in self.at:
            self.at[text] = self.size
            self.size += len(text.encode()) + 1
        return self.at[text]


class Tables:
    def __init__(self, version):
        self.version = version
        self.pool = Pool()
        self.types, self.type_of = [], {}      # (name, open, fields); canonical form -> index
        self.enums, self.enum_of = [], {}      # (name, words)
        self.ranges = [(None, None)]
        self.messages = []

    def range(self, low, high):
        if (low, high) not in self.ranges:
            self.ranges.append((low, high))
        return self.ranges.index((low, high))

    def enum(self, name, words):
        key = tuple(words)
        if key not in self.enum_of:
            self.enum_of[key] = len(self.enums)
            self.enums.append((name, words))
        return self.enum_of[key]

    def object(self, name, schema, defs, where):
        """Index of an object type. The same shape under the same name is stored once."""
        fields = [self.field(k, v, schema, defs, f"{where}.{k}") for k, v in schema.get("properties", {}).items()]
        unknown = set(schema.get("required", [])) - set(schema.get("properties", {}))
        if unknown:
            sys.exit(f"{where}: required but not described: {sorted(unknown)}")
        opened = schema.get("additionalProperties", True) is not False
        key = (opened, tuple(fields))
        if key not in self.type_of:
            self.type_of[key] = len(self.types)
            self.types.append((name, opened, fields))
        return self.type_of[key]

    def field(self, name, schema, parent, defs, where):
        flags = ["OCPP_REQUIRED"] if name in parent.get("required", []) else []
        min_items, max_items = 0, 0
        target, of_name = self.resolve(schema, defs, where)
        if target.get("type") == "array":
            flags.append("OCPP_ARRAY")
            min_items, max_items = target.get("minItems", 0), target.get("maxItems", 0)
            target, of_name = self.resolve(target["items"], defs, where)
        kind, ref, max_len, rng = self.scalar(target, of_name, defs, where)
        return (name, kind, "|".join(flags) or "0", ref, max_len, rng, min_items, max_items)

    def resolve(self, schema, defs, where):
        unknown = set(schema) - KNOWN
        if unknown:
            sys.exit(f"{where}: keyword not handled: {sorted(unknown)}")
        if "$ref" not in schema:
            return schema, None
        name = schema["$ref"].rsplit("/", 1)[1]
        return self.resolve(defs[name], defs, where)[0], name

    def scalar(self, schema, name, defs, where):
        """(kind, ref, longest, range) of anything but an array."""
        rng = self.range(schema.get("minimum"), schema.get("maximum"))
        if "enum" in schema:
            return "OCPP_ENUM", self.enum(name or where, schema["enum"]), 0, rng
        kind = schema.get("type")
        if kind == "object":
            return "OCPP_OBJECT", self.object(name or where, schema, defs, where), 0, rng
        if kind == "string":
            longest = schema.get("maxLength", 0)
            if longest > NO_MAX:
                sys.exit(f"{where}: maxLength {longest} does not fit the table")
            date = schema.get("format") == "date-time"
            return "OCPP_DATETIME" if date else "OCPP_STRING", 0, longest, rng
        if kind in ("integer", "number", "boolean"):
            return "OCPP_" + kind.upper(), 0, 0, rng
        if kind is None and not schema.get("properties"):
            return "OCPP_ANY", 0, 0, rng
        sys.exit(f"{where}: type not handled: {kind}")

    def message(self, row, directory):
        roots = []
        name = row["message"]
        suffixes = ("",) if row["kind"] == "SEND" else ("Request", "Response")
        for suffix in suffixes:
            schema = json.loads((directory / f"{name}{suffix}.json").read_text(encoding="utf-8-sig"))
            roots.append(self.object(name + suffix, schema, schema.get("definitions", {}), name + suffix))
        self.messages.append((name, row["initiator"], roots[0], roots[1] if len(roots) > 1 else None))


def c_number(value, absent):
    return absent if value is None else repr(float(value))


def emit(t, out):
    v = t.version
    names = [(n, t.pool.add(n)) for n, *_ in t.messages]
    place = dict(names)
    for _, _, fields in t.types:
        for f in fields:
            t.pool.add(f[0])
    for _, words in t.enums:
        for word in words:
            t.pool.add(word)
    if t.pool.size > 0xFFFF:
        sys.exit("the pool of names does not fit 16 bits")

    w = out.write
    w(f"/* OCPP {v[1]}.{v[2]}{'.' + v[3:] if v[3:] else ''}: generated by tools/ocpp-tables/generate.py from the JSON schemas. Do not edit. */\n")
    w('#include "ocpp/schema.h"\n\n#include <math.h>\n\n/* One long string is what makes the tables small. */\n#pragma GCC diagnostic ignored "-Woverlength-strings"\n\n/* clang-format off */\n')
    w(f"static const char {v}_pool[] =\n")
    for text in sorted(t.pool.at, key=t.pool.at.get):
        w(f'\t"{text}\\0"\n')
    w(f"\t;\n\nstatic const struct ocpp_field {v}_fields[] = {{\n")
    first = 0
    rows = []
    for name, opened, fields in t.types:
        rows.append((name, opened, first, len(fields)))
        w(f"\t/* {name} */\n")
        for (fname, kind, flags, ref, longest, rng, low, high) in sorted(fields):
            w(f"\t{{{t.pool.at[fname]}, {ref}, {longest}, {low}, {high}, {kind}, {flags}, {rng}}}, /* {fname} */\n")
        first += len(fields)
    w(f"}};\n\nstatic const struct ocpp_type {v}_types[] = {{\n")
    for name, opened, start, count in rows:
        w(f"\t{{{start}, {count}, {'true' if opened else 'false'}}}, /* {name} */\n")
    w(f"}};\n\nstatic const uint16_t {v}_words[] = {{\n")
    first, rows = 0, []
    for name, words in t.enums:
        rows.append((name, first, len(words)))
        w("\t" + ", ".join(str(t.pool.at[x]) for x in words) + f", /* {name} */\n")
        first += len(words)
    w(f"}};\n\nstatic const struct ocpp_enum {v}_enums[] = {{\n")
    for name, start, count in rows:
        w(f"\t{{{start}, {count}}}, /* {name} */\n")
    w(f"}};\n\nstatic const struct ocpp_range {v}_ranges[] = {{\n")
    for low, high in t.ranges:
        w(f"\t{{{c_number(low, '-INFINITY')}, {c_number(high, 'INFINITY')}}},\n")
    w(f"}};\n\n/* Sorted by name. */\nstatic const struct ocpp_message {v}_messages[] = {{\n")
    for name, who, request, response in sorted(t.messages):
        flag = {"CS": "OCPP_BY_CS", "CSMS": "OCPP_BY_CSMS", "both": "OCPP_BY_CS|OCPP_BY_CSMS"}[who]
        answer = "OCPP_NO_TYPE" if response is None else str(response)
        w(f"\t{{{place[name]}, {request}, {answer}, {flag}}}, /* {name} */\n")
    w("};\n\n")
    w(f"const struct ocpp_schema ocpp_{v} = {{\n")
    proto = {"v201": "ocpp2.0.1", "v21": "ocpp2.1"}[v]
    w(f'\t.protocol = "{proto}",\n\t.pool = {v}_pool,\n')
    for part in ("fields", "types", "words", "enums", "ranges", "messages"):
        w(f"\t.{part} = {v}_{part},\n")
    w(f"\t.n_messages = sizeof({v}_messages) / sizeof({v}_messages[0]),\n}};\n")


def main():
    if len(sys.argv) != 4 or sys.argv[1] not in ("v201", "v21"):
        sys.exit(__doc__)
    version, directory, listing = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
    tables = Tables(version)
    with open(listing, newline="", encoding="utf-8") as f:
        for row in csv.DictReader(f):
            if version == "v21" or row["since"] == "2.0.1":
                tables.message(row, directory)
    emit(tables, sys.stdout)


main()
