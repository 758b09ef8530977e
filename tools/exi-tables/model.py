"""Collects the grammars of all schema sets into shared, numbered tables.

Types that several sets share (the header of every -20 message) are stored once: a type is the same when its
name, fields and states are. C names come from the namespace's prefix and the type's name without "Type".
"""
import re
from grammar import Grammar, Field, EE, ANY, MIXED, bits_for, is_complex

PREFIXES = (('urn:iso:15118:2:2010:AppProtocol', 'sap'), ('urn:din:70121:', 'din'), ('urn:iso:15118:2:2013:', 'iso2'),
            ('urn:iso:std:iso:15118:-20:', 'iso20'), ('http://www.w3.org/2000/09/xmldsig#', 'dsig'))


def prefix(ns):
    for start, short in PREFIXES:
        if ns.startswith(start):
            return short
    raise SystemExit(f'no C prefix for the namespace {ns}')


def c_word(text):
    return re.sub(r'\W', '_', text)


class Type:
    """A complex type in the tables."""

    def __init__(self, number, cname, grammar, children):
        self.number, self.cname, self.grammar, self.children = number, cname, grammar, children
        self.opaque = grammar.opaque or cname in ('din_Body', 'iso2_Body', 'din_V2G_Message', 'iso2_V2G_Message')


class Tables:
    def __init__(self):
        self.types, self.by_signature, self.by_name = [], {}, {}
        self.simples, self.simple_keys, self.enums = [], {}, {}
        self.schemas = []
        self.cache = {}

    def type_of(self, type_):
        """The number of a simple type, or the Type of a complex one."""
        if not is_complex(type_):
            return self._simple(type_)
        if id(type_) in self.cache:
            return self.cache[id(type_)][0]
        grammar = Grammar(type_)
        assert len(grammar.fields) <= 64, 'lib/exi keeps the fields of a type in 64 bits'
        children = [self.type_of(f.type) for f in grammar.fields]
        cname = prefix(type_.ns) + '_' + re.sub('Type$', '', c_word(type_.name))
        signature = self._signature(cname, grammar, children)
        known = self.by_signature.get(signature)
        if known is None:
            if cname in self.by_name:
                raise SystemExit(f'{cname}: two different types of that name')
            known = Type(len(self.types), cname, grammar, children)
            self.types.append(known)
            self.by_signature[signature] = self.by_name[cname] = known
        self.cache[id(type_)] = (known, type_)
        return known

    @staticmethod
    def _signature(cname, grammar, children):
        numbers = {id(f): i for i, f in enumerate(grammar.fields)}
        fields = tuple((f.kind, f.name, f.max, f.required, f.which, c if isinstance(c, int) else c.cname)
                       for f, c in zip(grammar.fields, children))
        states = tuple(tuple((numbers.get(id(e), e if isinstance(e, str) else None), n, full)
                             for e, n, full in state) for state in grammar.states)
        return cname, fields, states

    def _simple(self, simple):
        row = simple_row(simple)
        cname = None
        if simple.kind == 'enum':
            cname = prefix(simple.ns) + '_' + re.sub('Type$', '', c_word(simple.name))
            known = self.enums.setdefault(cname, simple.values)
            if known != simple.values:
                raise SystemExit(f'{cname}: two different enumerations of that name')
        key = (cname, tuple(sorted(row.items())))
        if key not in self.simple_keys:
            self.simple_keys[key] = len(self.simples)
            row['enum'] = cname
            self.simples.append(row)
        return self.simple_keys[key]

    def add_schema(self, name, set_, payload_type, wrapped):
        """One schema set: its global elements, its fragment elements and its messages."""
        roots = sorted(set_.elements.values(), key=lambda e: (e.name, e.ns))
        fragments = {}
        for element in list(set_.elements.values()) + set_.locals:
            fragments.setdefault((element.name, element.ns), []).append(element)
        rows = []
        for key in sorted(fragments):
            kinds = {self._key(e.type) for e in fragments[key]}
            rows.append(fragments[key][0] if len(kinds) == 1 else None)
        self.schemas.append({
            'name': name, 'ns': set_.main_ns, 'payload': payload_type, 'wrapped': wrapped,
            'roots': [self._root(e) for e in roots],
            'fragments': [self._root(e) if e else (k[0], None, None) for k, e in zip(sorted(fragments), rows)],
            'messages': self._messages(set_, roots, wrapped)})

    def _key(self, type_):
        known = self.type_of(type_)
        return known if isinstance(known, int) else known.cname

    def _root(self, element):
        """(name, type, usable): an abstract element or type can't stand in a document without xsi:type."""
        known = self.type_of(element.type)
        usable = not element.abstract and not (is_complex(element.type) and element.type.abstract)
        return element.name, known, usable

    def _messages(self, set_, roots, wrapped):
        out = []
        if wrapped:
            message = next(e for e in roots if e.name == 'V2G_Message')
            body = next(p for p in message.type.content.parts if p.element.name == 'Body').element.type
            for field in self.type_of(body).grammar.fields:
                if not field.element.type.abstract:
                    out.append((field.name, self.type_of(field.type)))
            return out
        for element in roots:
            is_message = element.ns == set_.main_ns and is_complex(element.type) and \
                ('V2GMessageType' in element.type.bases or prefix(element.ns) == 'sap')
            if is_message:
                out.append((element.name, self.type_of(element.type)))
        return out


def simple_row(simple):
    """The table row of a simple type: kind, bits, bytes of the C member, limits."""
    row = {'kind': simple.kind.upper(), 'bits': 0, 'size': 16, 'low': 0, 'high': 0,
           'min_len': simple.min_len or 0, 'max_len': simple.max_len, 'values': tuple(simple.values)}
    if simple.kind == 'bool':
        row.update(bits=1, size=1, high=1)
    elif simple.kind == 'enum':
        row.update(bits=bits_for(len(simple.values)), size=4, high=len(simple.values) - 1)
    elif simple.kind == 'int':
        row.update(int_row(simple))
    if row['max_len'] is None:
        row['max_len'] = 0xffffffff
    return row


def int_row(simple):
    """EXI 1.0, 7.1.5: up to 4096 values an n-bit offset, else unsigned from 0, else sign and magnitude."""
    low = -2**63 if simple.low is None else simple.low
    high = 2**63 - 1 if simple.high is None else simple.high
    row = {'low': low, 'high': high}
    if high - low < 4096:
        row.update(kind='NBIT', bits=bits_for(high - low + 1))
    else:
        row['kind'] = 'UINT' if low >= 0 else 'INT'
    for size in (1, 2, 4, 8):
        if low >= 0 and high < 1 << 8 * size or low < 0 and -(1 << 8 * size - 1) <= low and high < 1 << 8 * size - 1:
            row['size'] = size
            break
    return row
